//! What only a browser can do. Called from event handlers and effects alone, which never run on the server.

use leptos::prelude::{document, window};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Letters and digits that are not mistaken for each other.
const PASSWORD_ALPHABET: &[u8; 56] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz2345678";
const PASSWORD_LENGTH: usize = 24;

/// Puts text on the clipboard; false if the browser doesn't let us.
pub(crate) async fn copy(text: &str) -> bool {
    let has_clipboard = window().is_secure_context();
    has_clipboard && JsFuture::from(window().navigator().clipboard().write_text(text)).await.is_ok()
        || copy_by_selection(text).unwrap_or(false)
}

/// Over plain http from another machine there is no clipboard API; the old way still works there.
fn copy_by_selection(text: &str) -> Result<bool, JsValue> {
    // Everything outside an open dialog is inert.
    let Some(place) = document().query_selector("dialog[open], body:not(:has(dialog[open]))")? else { return Ok(false) };
    let area: web_sys::HtmlTextAreaElement = document().create_element("textarea")?.unchecked_into();
    area.set_value(text);
    place.append_child(&area)?;
    area.select();
    let copied = document().unchecked_into::<web_sys::HtmlDocument>().exec_command("copy");
    area.remove();
    copied
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
