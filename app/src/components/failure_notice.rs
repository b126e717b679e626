//! Why a project failed, and at which step.

use leptos::prelude::*;

use super::{Glyph, Icon};
use crate::live::use_live;

/// Shown in state `failed`. The button to try again stands with the other actions.
#[component]
pub(crate) fn FailureNotice() -> impl IntoView {
    let live = use_live();
    move || {
        live.detail.read().failure.clone().map(|failure| {
            view! {
                <div class="alert" role="alert" data-testid="failure">
                    <Icon glyph=Glyph::Failed />
                    <div>
                        <strong>{format!("Failed at: {}", failure.step.title())}</strong>
                        <p>{failure.cause}</p>
                    </div>
                </div>
            }
        })
    }
}
