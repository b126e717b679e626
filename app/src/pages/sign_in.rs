//! Sign in with the admin token. The form is the server's own: it sets the session cookie.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

/// The sign-in page.
#[component]
pub(crate) fn SignInPage() -> impl IntoView {
    let query = use_query_map();
    let next = query.read_untracked().get_str("next").unwrap_or("/").to_owned();
    let problem = move || query.read().get_str("error").map(problem);
    view! {
        <Title text="Sign in" />
        <section class="notice">
            <h1>"Sign in"</h1>
            <p>"This dashboard is reachable from other machines, so it asks for the admin token from the server's configuration."</p>
            <form class="form" method="post" action="/sign-in">
                <input type="hidden" name="next" value=next />
                <div class="field">
                    <label for="token">"Admin token"</label>
                    <input
                        class="input"
                        id="token"
                        name="token"
                        type="password"
                        required
                        autofocus
                        autocomplete="current-password"
                        aria-describedby="token-error"
                        aria-invalid=move || problem().is_some().then_some("true")
                    />
                    <p class="field-error" id="token-error" role="alert">
                        {problem}
                    </p>
                </div>
                <button class="button button-primary" type="submit">
                    "Sign in"
                </button>
            </form>
        </section>
    }
}

/// Texts are chosen here, never taken from the address, so that a link can't put words into our mouth.
fn problem(word: &str) -> &'static str {
    match word {
        "limited" => "Too many tries. Wait a minute, then try again.",
        _ => "This is not the admin token. Look it up in the server's configuration, then try again.",
    }
}
