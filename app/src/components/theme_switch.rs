//! System, light or dark. A form, so that it works without scripts; with them it takes effect at once.

use leptos::prelude::*;

use super::{Glyph, Icon};
use crate::{browser, server_fns::SetTheme, theme::Theme};

/// The three choices.
#[component]
pub(crate) fn ThemeSwitch() -> impl IntoView {
    let chosen = RwSignal::new(Theme::chosen().word().to_owned());
    let choose = move |theme: Theme| {
        move |click: leptos::ev::MouseEvent| {
            click.prevent_default();
            chosen.set(theme.word().to_owned());
            browser::set_root_attribute("data-theme", theme.word());
            browser::set_cookie(&theme.cookie());
        }
    };
    let choices = Theme::ALL.map(|theme| {
        let glyph = match theme {
            Theme::System => Glyph::Screen,
            Theme::Light => Glyph::Sun,
            Theme::Dark => Glyph::Moon,
        };
        let label = format!("{} theme", theme.label());
        view! {
            <button
                type="submit"
                name="theme"
                value=theme.word()
                aria-label=label.clone()
                aria-pressed=move || if *chosen.read() == theme.word() { "true" } else { "false" }
                title=label
                on:click=choose(theme)
            >
                <Icon glyph />
            </button>
        }
    });
    let url = <SetTheme as leptos::server_fn::ServerFn>::url();
    view! {
        <form class="theme-switch" method="post" action=url aria-label="Theme">
            {choices}
        </form>
    }
}
