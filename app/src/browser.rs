//! What only a browser can do. Called from event handlers and effects alone, which never run on the server.

use leptos::prelude::{document, window};
use wasm_bindgen::JsCast;

/// Letters and digits that are not mistaken for each other.
const PASSWORD_ALPHABET: &[u8; 56] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz2345678";
const PASSWORD_LENGTH: usize = 24;

/// Puts text on the clipboard.
pub(crate) fn copy(text: &str) {
    if window().is_secure_context() {
        drop(window().navigator().clipboard().write_text(text));
    } else {
        copy_by_selection(text);
    }
}

/// Over plain http from another machine there is no clipboard API; the old way still works there.
fn copy_by_selection(text: &str) {
    let Some(body) = document().body() else { return };
    let Ok(area) = document().create_element("textarea").map(|area| area.unchecked_into::<web_sys::HtmlTextAreaElement>()) else {
        return;
    };
    area.set_value(text);
    if body.append_child(&area).is_ok() {
        area.select();
        _ = document().unchecked_into::<web_sys::HtmlDocument>().exec_command("copy");
        area.remove();
    }
}

/// Scheme, host and port of this page.
#[cfg(not(feature = "ssr"))]
pub(crate) fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// A password of 24 characters from the browser's random source: 139 bits.
pub(crate) fn random_password() -> String {
    let mut password = String::with_capacity(PASSWORD_LENGTH);
    let Ok(crypto) = window().crypto() else { return password };
    while password.len() < PASSWORD_LENGTH {
        let mut random = [0_u8; 64];
        if crypto.get_random_values_with_u8_array(&mut random).is_err() {
            return password;
        }
        // 224 = 4 × 56: values above it would make some letters likelier than others.
        let letters =
            random.iter().filter(|byte| **byte < 224).map(|byte| char::from(PASSWORD_ALPHABET[usize::from(*byte) % 56]));
        password.extend(letters.take(PASSWORD_LENGTH - password.len()));
    }
    password
}

/// An attribute of `<html>`.
#[cfg(not(feature = "ssr"))]
pub(crate) fn root_attribute(name: &str) -> Option<String> {
    document().document_element().and_then(|root| root.get_attribute(name))
}

/// Sets an attribute of `<html>`.
pub(crate) fn set_root_attribute(name: &str, value: &str) {
    if let Some(root) = document().document_element() {
        _ = root.set_attribute(name, value);
    }
}

/// Sets a cookie that scripts may read.
pub(crate) fn set_cookie(cookie: &str) {
    _ = document().unchecked_into::<web_sys::HtmlDocument>().set_cookie(cookie);
}

/// What is typed into the input with this id.
pub(crate) fn value_of(id: &str) -> String {
    let input = document().get_element_by_id(id).and_then(|element| element.dyn_into::<web_sys::HtmlInputElement>().ok());
    input.map(|input| input.value()).unwrap_or_default()
}

/// Moves the focus to the element with this id, without scrolling.
pub(crate) fn focus(id: &str) {
    if let Some(element) = document().get_element_by_id(id).and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok()) {
        let options = web_sys::FocusOptions::new();
        options.set_prevent_scroll(true);
        _ = element.focus_with_options(&options);
    }
}
