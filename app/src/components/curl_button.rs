//! "Copy as curl" beside an action.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use super::{Copied, CopyButton, Glyph};
use crate::{site, snippets::Command};

/// Copies the command that does the same as the action beside it.
#[component]
pub(crate) fn CurlButton(command: Command, #[prop(optional_no_strip)] project_ref: Option<ProjectRef>) -> impl IntoView {
    let what = Copied::Text(command.curl(&site::origin(), project_ref.as_ref(), site::signed_in()));
    view! { <CopyButton what label=format!("Copy {} as curl", command.word()) word="" glyph=Glyph::Terminal /> }
}
