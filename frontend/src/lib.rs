//! The wasm entry point: takes over the page that the server rendered. Everything shown lives in `app`.

/// Called once by the script that leptos puts into each page.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_body(app::App);
}
