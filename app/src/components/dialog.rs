//! A modal dialog. The browser's own element traps the focus, returns it, and closes on Escape.

use leptos::{html, prelude::*};

use super::{Glyph, Icon};

/// Opened by `node_ref.show_modal()`; only scripts can, so without them the same content is a page of its own.
#[component]
pub(crate) fn Dialog(
    id: &'static str,
    #[prop(into)] title: String,
    node_ref: NodeRef<html::Dialog>,
    children: Children,
) -> impl IntoView {
    let title_id = format!("{id}-title");
    let labelled_by = title_id.clone();
    view! {
        <dialog class="dialog" id=id node_ref=node_ref aria-labelledby=labelled_by>
            <div class="dialog-head">
                <h2 id=title_id>{title}</h2>
                <form method="dialog">
                    <button class="button-small" type="submit" aria-label="Close">
                        <Icon glyph=Glyph::Close />
                    </button>
                </form>
            </div>
            <div class="dialog-body">{children()}</div>
        </dialog>
    }
}

/// Opens the dialog in place of following a link, where scripts run.
pub(crate) fn open(dialog: NodeRef<html::Dialog>) -> impl Fn(leptos::ev::MouseEvent) + Clone + 'static {
    move |click| {
        // A new tab or window gets the page.
        if click.ctrl_key() || click.meta_key() || click.shift_key() {
            return;
        }
        if let Some(dialog) = dialog.get_untracked() {
            click.prevent_default();
            _ = dialog.show_modal();
        }
    }
}
