//! `/project/<ref>/auth/settings/…`: what a project's Auth is told. The server makes these pages as HTML, and a form posts to
//! the page that it is on. So they need no scripts, and none of their many fields is code in the wasm.

#[cfg(feature = "ssr")]
mod answer;
#[cfg(feature = "ssr")]
mod command;
#[cfg(feature = "ssr")]
mod field;
#[cfg(feature = "ssr")]
mod forms;
#[cfg(feature = "ssr")]
mod hook;
#[cfg(feature = "ssr")]
mod load;
#[cfg(feature = "ssr")]
mod markup;
#[cfg(feature = "ssr")]
mod page;
#[cfg(feature = "ssr")]
mod provider;
#[cfg(feature = "ssr")]
mod scene;
#[cfg(feature = "ssr")]
mod template;
#[cfg(feature = "ssr")]
mod typed;

use control_plane_api::ProjectRef;
use leptos::{
    prelude::*,
    server::codee::{Decoder, Encoder},
    task::spawn_local,
};
use leptos_router::hooks::{use_location, use_params_map};
use wasm_bindgen::JsCast as _;

#[cfg(feature = "ssr")]
pub use answer::settings_posted;
#[cfg(feature = "ssr")]
pub(crate) use load::{Loaded, load};
#[cfg(feature = "ssr")]
pub(crate) use scene::Reply;

use super::head;
use crate::{
    DashboardError,
    auth_pages::AuthPage,
    browser,
    components::ProjectSkeleton,
    pages::{NotFoundPage, RefusedPage},
    project_detail::PageJson,
    server_fns::load_auth_settings,
};

/// The pages' address, as the server's router writes it: they are shown by GET, and take in their forms by POST.
#[cfg(feature = "ssr")]
pub const SETTINGS_PATH: &str = "/project/{ref}/auth/settings/{page}";

/// The page that is shown where the address names none.
const FIRST: &str = "sign-in";

type Made = Result<AuthPage<String>, DashboardError>;

/// A page by its address.
#[component]
pub(crate) fn AuthSettingsPage() -> impl IntoView {
    let params = use_params_map();
    let Some(project_ref) = params.read_untracked().get_str("ref").and_then(|text| text.parse::<ProjectRef>().ok()) else {
        return view! { <NotFoundPage /> }.into_any();
    };
    let path = params.read_untracked().get("page").unwrap_or_else(|| FIRST.to_owned());
    let query = use_location().search.get_untracked();
    let page = {
        let project_ref = project_ref.clone();
        Resource::<_, WithoutHtml>::new_with_options(
            || (),
            move |()| load_auth_settings(project_ref.clone(), path.clone(), query.clone()),
            false,
        )
    };
    view! {
        <Suspense fallback=ProjectSkeleton>
            {move || {
                let project_ref = project_ref.clone();
                Suspend::new(async move {
                    match page.await {
                        Ok(AuthPage { project_name, content }) => {
                            let head = head(&project_ref, project_name, "settings");
                            (head, view! { <div on:click=copy inner_html=content></div> }).into_any()
                        }
                        Err(error) => view! { <RefusedPage error /> }.into_any(),
                    }
                })
            }}
        </Suspense>
    }
    .into_any()
}

/// A page on its way into the document, which has its HTML already: hydration leaves that as it is.
#[derive(Debug)]
struct WithoutHtml;

impl Encoder<Made> for WithoutHtml {
    type Error = serde_json::Error;
    type Encoded = String;

    fn encode(made: &Made) -> Result<String, serde_json::Error> {
        let shown = made.as_ref().map(|page| AuthPage { project_name: page.project_name.clone(), content: String::new() });
        PageJson::encode(&shown)
    }
}

impl Decoder<Made> for WithoutHtml {
    type Error = serde_json::Error;
    type Encoded = str;

    fn decode(text: &str) -> Result<Made, serde_json::Error> {
        PageJson::decode(text)
    }
}

/// Copies what the pressed button says in `data-copy`.
fn copy(click: leptos::ev::MouseEvent) {
    let pressed = click.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let Some(button) = pressed.and_then(|pressed| pressed.closest("[data-copy]").ok().flatten()) else { return };
    let text = button.get_attribute("data-copy").unwrap_or_default();
    spawn_local(async move {
        let word = if browser::copy(&text).await { "Copied" } else { "Failed" };
        _ = button.set_attribute("aria-label", word);
        if let Ok(Some(shown)) = button.query_selector("span") {
            shown.set_text_content(Some(word));
        }
    });
}
