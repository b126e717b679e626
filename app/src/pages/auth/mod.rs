//! `/project/<ref>/auth/…`: users, audit log, mailbox, settings and signing keys of a project's Auth. The server makes these pages as
//! HTML, of links and forms that need no scripts; the wasm takes over what is there and has none of it. What is shown is as of the
//! page's load.

#[cfg(feature = "ssr")]
mod answers;
#[cfg(feature = "ssr")]
mod audit;
#[cfg(feature = "ssr")]
mod keys;
#[cfg(feature = "ssr")]
mod load;
#[cfg(feature = "ssr")]
mod mailbox;
#[cfg(feature = "ssr")]
mod markup;
mod scripts;
#[cfg(feature = "ssr")]
mod settings;
#[cfg(feature = "ssr")]
mod users;
#[cfg(feature = "ssr")]
mod visit;

use leptos::{
    prelude::*,
    server::codee::{Decoder, Encoder},
};
use leptos_meta::Title;
use leptos_router::hooks::use_location;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
pub(crate) use load::load;
#[cfg(feature = "ssr")]
pub use settings::{SETTINGS_PATH, settings_posted};
#[cfg(feature = "ssr")]
pub(crate) use users::to_type;

use super::RefusedPage;
use crate::{DashboardError, components::ProjectSkeleton, project_detail::PageJson, server_fns::load_auth_page};

/// A page as the server makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MadePage {
    pub(crate) title: String,
    pub(crate) html: String,
}

type Made = Result<MadePage, DashboardError>;

/// The page at this address, whichever it is.
#[component]
pub(crate) fn AuthPage() -> impl IntoView {
    let location = use_location();
    // On the way out, the address is another page's already.
    let address = Memo::new(move |before: Option<&(String, String)>| {
        let now = (location.pathname.get(), location.search.get());
        before.filter(|_| !now.0.contains("/auth/")).cloned().unwrap_or(now)
    });
    let load = |(path, query)| load_auth_page(path, query);
    let page = Resource::<Made, WithoutHtml>::new_with_options(move || address.get(), load, false);
    scripts::keep_times();
    view! {
        // What is there stays until there is something else.
        <Transition fallback=ProjectSkeleton>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(MadePage { title, html }) => {
                        view! {
                            <Title text=title />
                            <div on:submit=scripts::save inner_html=html></div>
                        }
                            .into_any()
                    }
                    Err(error) => view! { <RefusedPage error /> }.into_any(),
                }
            })}
        </Transition>
    }
}

/// A page on its way into the document, which has its HTML already: hydration leaves that as it is.
#[derive(Debug)]
struct WithoutHtml;

impl Encoder<Made> for WithoutHtml {
    type Error = serde_json::Error;
    type Encoded = String;

    fn encode(made: &Made) -> Result<String, serde_json::Error> {
        let shown = made.as_ref().map(|page| MadePage { title: page.title.clone(), html: String::new() });
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
