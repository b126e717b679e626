//! "Copy as curl" beside an action.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use super::{CopyButton, Glyph};
use crate::{site, snippets::Command};

/// Copies the command that does the same as the action beside it.
#[component]
pub(crate) fn CurlButton(command: Command, #[prop(optional_no_strip)] project_ref: Option<ProjectRef>) -> impl IntoView {
    let text = command.curl(&site::origin(), project_ref.as_ref());
    let label = format!("Copy {} as curl", command.word());
    view! { <CopyButton text=Signal::stored(text) label word="" glyph=Glyph::Terminal /> }
}
