//! `/project/<ref>/auth/…`: users, audit log, mailbox, settings and signing keys of a project's Auth. Links and forms only, so that all of it works
//! without scripts; what is shown is as of the page's load.

mod audit;
mod keys;
mod mailbox;
mod settings;
mod users;

use std::future::Future;

use control_plane_api::ProjectRef;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use serde::{Serialize, de::DeserializeOwned};

use super::{NotFoundPage, RefusedPage};
use crate::{
    DashboardError,
    auth_pages::AuthPage,
    components::{Glyph, Icon, ProjectSkeleton},
    project_detail::PageJson,
};

pub(crate) use audit::AuditPage;
pub(crate) use keys::SigningKeysPage;
pub(crate) use mailbox::MailboxPage;
pub(crate) use settings::AuthSettingsPage;
#[cfg(feature = "ssr")]
pub(crate) use settings::{Loaded, Reply, load};
#[cfg(feature = "ssr")]
pub use settings::{SETTINGS_PATH, settings_posted};
pub(crate) use users::{NewUserPage, UserPage, UsersPage};

/// The pages, with the last part of their address.
const TABS: [(&str, &str); 5] =
    [("Users", "users"), ("Audit log", "audit"), ("Mailbox", "mailbox"), ("Settings", "settings"), ("Signing keys", "keys")];

/// A parameter of the page's query, if it is not empty.
fn asked_for(name: &str) -> Option<String> {
    use_query_map().read_untracked().get_str(name).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Loads a page's content for the project in its address and shows it below the tabs.
fn loaded<T, F>(
    tab: &'static str,
    load: impl Fn(ProjectRef) -> F + Send + Sync + 'static,
    show: fn(ProjectRef, T) -> AnyView,
) -> AnyView
where
    T: Clone + Send + Sync + Serialize + DeserializeOwned + 'static,
    F: Future<Output = Result<AuthPage<T>, DashboardError>> + Send + 'static,
{
    let params = use_params_map();
    let Some(project_ref) = params.read_untracked().get_str("ref").and_then(|text| text.parse::<ProjectRef>().ok()) else {
        return view! { <NotFoundPage /> }.into_any();
    };
    let page = {
        let project_ref = project_ref.clone();
        Resource::<_, PageJson>::new_with_options(|| (), move |()| load(project_ref.clone()), false)
    };
    view! {
        <Suspense fallback=ProjectSkeleton>
            {move || {
                let project_ref = project_ref.clone();
                Suspend::new(async move {
                    match page.await {
                        Ok(AuthPage { project_name, content }) => {
                            let head = head(&project_ref, project_name, tab);
                            (head, show(project_ref, content)).into_any()
                        }
                        Err(error) => view! { <RefusedPage error /> }.into_any(),
                    }
                })
            }}
        </Suspense>
    }
    .into_any()
}

/// The word for what was just done; not once more on the way back of what was refused afterwards.
fn just_done() -> Option<String> {
    asked_for("done").filter(|_| asked_for("__err").is_none())
}

/// What was just done, at the top of the page.
fn done_note(done: Option<String>) -> AnyView {
    view! {
        <div id="done" role="status">
            {done.map(|done| {
                view! {
                    <p class="done-note">
                        <Icon glyph=Glyph::Check />
                        {done}
                    </p>
                }
            })}
        </div>
    }
    .into_any()
}

/// A state as icon, word and colour.
fn mark(class: &'static str, glyph: Glyph, word: &'static str) -> AnyView {
    view! {
        <span class=class>
            <Icon glyph />
            {word}
        </span>
    }
    .into_any()
}

/// A button that is behind a question, where what it does can't be taken back. `name` is what screen readers call it.
fn ask_first(question: &'static str, word: &'static str, name: String, form: AnyView) -> AnyView {
    view! {
        <details class="user-ask">
            <summary class="button-small" aria-label=name>
                {word}
            </summary>
            <div class="user-asked">
                <p class="text-sm">{question}</p>
                {form}
            </div>
        </details>
    }
    .into_any()
}

fn head(project_ref: &ProjectRef, project_name: String, current: &'static str) -> AnyView {
    let address = format!("/project/{project_ref}");
    let tabs = TABS.map(|(name, path)| {
        let address = format!("{address}/auth/{path}");
        view! {
            <a href=address rel="external" aria-current=(path == current).then_some("page")>
                {name}
            </a>
        }
    });
    view! {
        <Title text=format!("Authentication of {project_name}") />
        <nav class="crumbs" aria-label="Breadcrumb">
            <a href="/">"Projects"</a>
            <span aria-hidden="true">"/"</span>
            <a class="wrap-anywhere" href=address>
                {project_name}
            </a>
            <span aria-hidden="true">"/"</span>
        </nav>
        <div class="page-head">
            <h1>"Authentication"</h1>
        </div>
        <nav class="page-tabs" aria-label="Authentication">
            {tabs}
        </nav>
    }
    .into_any()
}
