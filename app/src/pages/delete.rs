//! `/project/<ref>/delete`: the delete form as a page of its own, for when there are no scripts.

use control_plane_api::ProjectRef;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::{NotFoundPage, RefusedPage};
use crate::{components::DeleteForm, project_detail::PageJson, server_fns::project_name};

/// The form, with the name to type.
#[component]
pub(crate) fn DeletePage() -> impl IntoView {
    let params = use_params_map();
    let project_ref = params.read_untracked().get_str("ref").and_then(|text| text.parse::<ProjectRef>().ok());
    match project_ref {
        Some(project_ref) => view! { <Confirm project_ref /> }.into_any(),
        None => view! { <NotFoundPage /> }.into_any(),
    }
}

#[component]
fn Confirm(project_ref: ProjectRef) -> impl IntoView {
    let held = StoredValue::new(project_ref);
    let name = Resource::<_, PageJson>::new_with_options(|| (), move |()| project_name(held.get_value()), false);
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match name.await {
                    Ok(name) => {
                        view! {
                            <Title text=format!("Delete {name}") />
                            <section class="notice">
                                <nav class="crumbs" aria-label="Breadcrumb">
                                    <a href="/">"Projects"</a>
                                    <span aria-hidden="true">"/"</span>
                                    <a class="wrap-anywhere" href=format!("/project/{}", held.get_value())>
                                        {name.clone()}
                                    </a>
                                    <span aria-hidden="true">"/"</span>
                                </nav>
                                <h1>"Delete project"</h1>
                                <DeleteForm project_ref=held.get_value() name=Signal::stored(name) />
                            </section>
                        }
                            .into_any()
                    }
                    Err(error) => view! { <RefusedPage error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}
