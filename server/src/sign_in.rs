//! Signing in and out, and the way back to the page that somebody wanted.

use axum::{
    Extension, Form, Router,
    extract::State,
    http::{HeaderMap, Uri, header},
    response::{IntoResponse as _, Redirect, Response},
    routing::post,
};
use gateway::ClientFacts;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::session::{Denied, Sessions};

/// The page with the form.
pub(crate) const PAGE: &str = "/sign-in";
const HOME: &str = "/";

/// What the form posts to.
pub(crate) fn router(sessions: Sessions) -> Router {
    Router::new().route(PAGE, post(sign_in)).route("/sign-out", post(sign_out)).with_state(sessions)
}

/// To the form, and from there back to `wanted`.
pub(crate) fn ask(wanted: &str) -> Redirect {
    Redirect::to(&with_next(PAGE, wanted))
}

/// To where somebody who has signed in already wanted to go.
pub(crate) fn skip(page: &Uri) -> Redirect {
    let next = axum::extract::Query::<Next>::try_from_uri(page).map(|query| query.0.next).unwrap_or_default();
    Redirect::to(own_path(&next))
}

/// The page that a form was posted from, as the browser tells.
pub(crate) fn posted_from(headers: &HeaderMap) -> String {
    let referer = headers.get(header::REFERER).and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<Uri>().ok());
    let path = referer.and_then(|page| page.into_parts().path_and_query);
    path.map_or_else(|| HOME.to_owned(), |path| path.as_str().to_owned())
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct SignIn {
    token: String,
    #[serde(default)]
    next: String,
}

async fn sign_in(
    State(sessions): State<Sessions>,
    Extension(client): Extension<ClientFacts>,
    headers: HeaderMap,
    Form(SignIn { token, next }): Form<SignIn>,
) -> Response {
    match sessions.check_token(token.trim(), client.address) {
        Ok(()) => (sessions.begin(&headers, client.scheme), Redirect::to(own_path(&next))).into_response(),
        Err(Denied::Wrong | Denied::Nothing) => Redirect::to(&with_next("/sign-in?error=wrong", &next)).into_response(),
        Err(Denied::TooOften) => Redirect::to(&with_next("/sign-in?error=limited", &next)).into_response(),
    }
}

async fn sign_out(State(sessions): State<Sessions>, Extension(client): Extension<ClientFacts>, headers: HeaderMap) -> Response {
    (sessions.end(&headers, client.scheme), Redirect::to(PAGE)).into_response()
}

fn with_next(page: &str, next: &str) -> String {
    match own_path(next) {
        HOME => page.to_owned(),
        path => {
            format!("{page}{}next={}", if page.contains('?') { '&' } else { '?' }, utf8_percent_encode(path, NON_ALPHANUMERIC))
        }
    }
}

/// `text` if it is a path on this server, so that a link can't send whoever signs in elsewhere; else the first page.
fn own_path(text: &str) -> &str {
    let is_path = text.starts_with('/') && !text.starts_with("//") && !text.starts_with(PAGE);
    let is_plain = text.len() <= 2_000 && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_path && is_plain { text } else { HOME }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_our_own_are_led_to() {
        for ours in ["/", "/new", "/project/abc?reveal=x#api"] {
            assert_eq!(own_path(ours), ours);
        }
        let foreign =
            ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nb", "/ä", "evil", "/sign-in?next=/"];
        for foreign in foreign {
            assert_eq!(own_path(foreign), "/", "{foreign}");
        }
    }

    #[test]
    fn the_wanted_page_survives_a_wrong_token() {
        assert_eq!(with_next("/sign-in?error=wrong", "/project/x?a=b"), "/sign-in?error=wrong&next=%2Fproject%2Fx%3Fa%3Db");
        assert_eq!(with_next("/sign-in", "/"), "/sign-in");
        let page: Uri = "/sign-in?next=%2Fproject%2Fx%3Fa%3Db".parse().unwrap();
        assert_eq!(skip(&page).into_response().headers()[header::LOCATION], "/project/x?a=b");
    }

    #[test]
    fn a_form_leads_back_to_its_page() {
        let from = |text: &str| posted_from(&[(header::REFERER, text.parse().unwrap())].into_iter().collect());
        assert_eq!(from("http://localhost:8000/project/x?a=b"), "/project/x?a=b");
        assert_eq!(from("nonsense"), "/");
        assert_eq!(posted_from(&HeaderMap::new()), "/");
    }
}
