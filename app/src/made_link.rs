//! A link that lets a user in, from the request that made it to the page that shows it: in a cookie for that page alone, which scripts
//! can't read and the page takes away. So it stands in no address, and works without scripts. Server only.

use axum::http::{HeaderValue, header, request::Parts};
use control_plane_api::ProjectRef;
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use percent_encoding::percent_decode_str;

use crate::snippets::percent_encode;

const COOKIE: &str = "made_link";

/// Leaves a link and the code that does the same for the page of the user `id`.
pub(crate) fn leave(project_ref: &ProjectRef, id: &str, link: &str, code: &str) {
    let value = format!("{}|{}", percent_encode(link), percent_encode(code));
    set(project_ref, &percent_encode(id), &value, 60);
}

/// The link that was left for this page, which is gone then. `id` is as it stands in the address.
pub(crate) fn take(project_ref: &ProjectRef, id: &str) -> Option<(String, String)> {
    let parts = use_context::<Parts>()?;
    let cookies = parts.headers.get(header::COOKIE)?.to_str().ok()?;
    let link = from_cookies(cookies)?;
    set(project_ref, id, "", 0);
    Some(link)
}

fn set(project_ref: &ProjectRef, id: &str, value: &str, seconds: u32) {
    let path = format!("/project/{project_ref}/auth/users/{id}");
    let cookie = format!("{COOKIE}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict");
    if let (Some(response), Ok(cookie)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(&cookie)) {
        response.append_header(header::SET_COOKIE, cookie);
    }
}

fn from_cookies(header: &str) -> Option<(String, String)> {
    let mut pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (link, code) = pairs.find(|(name, _)| *name == COOKIE)?.1.split_once('|')?;
    let decoded = |text| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
    Some((decoded(link)?, decoded(code)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_comes_out_of_the_cookie_as_it_went_in() {
        let link = "http://x/auth/v1/verify?token=ä;b&redirect_to=http://y|z";
        let header = format!("theme=dark; {COOKIE}={}|123456", percent_encode(link));
        assert_eq!(from_cookies(&header), Some((link.to_owned(), "123456".to_owned())));
        assert_eq!(from_cookies("theme=dark"), None);
        assert_eq!(from_cookies("made_link=%ff|1"), None);
    }
}
