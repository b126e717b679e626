//! What a user has several of: sessions, identities, factors; each with what takes it away.

use leptos::prelude::*;

use super::{
    super::markup::{ask_first, hidden, mark, refused, when},
    answers::{FactorLine, IdentityLine, SessionLine},
    user::Shown,
};
use crate::{
    components::{Glyph, Sheet},
    server_fns::{EndSessions, RemoveFactor, UnlinkIdentity},
    submission::Submission,
};

/// A button that takes something away, as a form of its own.
struct Removal {
    /// Where it posts to.
    action: String,
    /// The fields that say what.
    what: AnyView,
    word: &'static str,
    /// What screen readers call it.
    name: String,
}

impl Removal {
    fn form(self, shown: &Shown<'_>) -> AnyView {
        view! {
            <form method="post" action=self.action>
                {shown.whose()}
                {self.what}
                <button class="button-small" type="submit" aria-label=self.name>
                    {self.word}
                </button>
            </form>
        }
        .into_any()
    }
}

/// The lines, or what is said where there are none.
fn listed(label: &'static str, is_empty: bool, none: &'static str, lines: AnyView) -> AnyView {
    if is_empty {
        return view! { <p class="sheet-body text-sm soft">{none}</p> }.into_any();
    }
    view! {
        <ul class="user-list" aria-label=label>
            {lines}
        </ul>
    }
    .into_any()
}

pub(super) fn sessions(shown: &Shown<'_>) -> AnyView {
    let user = &shown.user;
    let submission = Submission::to::<EndSessions>();
    let action = format!("{}#sessions", submission.url);
    let lines = user.sessions.iter().map(|session| session_line(shown, &action, session.clone())).collect_view();
    let end_all = (user.sessions.len() > 1)
        .then(|| Removal { action, what: ().into_any(), word: "End all", name: "End all sessions".to_owned() }.form(shown));
    let list = listed("Sessions", user.sessions.is_empty(), "Signed in nowhere.", lines.into_any());
    let more = user.more_sessions.then(|| view! { <p class="sheet-body text-sm soft">"There are older ones, too."</p> });
    let refused = refused([submission]);
    view! {
        <Sheet id="sessions" title="Sessions">
            {refused}
            {list}
            {more}
            {end_all.map(|end_all| view! { <div class="user-foot">{end_all}</div> })}
        </Sheet>
    }
    .into_any()
}

fn session_line(shown: &Shown<'_>, action: &str, session: SessionLine) -> AnyView {
    let SessionLine { id, device, user_agent, address, assurance, created_at, refreshed_at } = session;
    let name = format!("End the session of {device}");
    let end = Removal { action: action.to_owned(), what: hidden("session", id), word: "End", name }.form(shown);
    view! {
        <li class="user-item">
            <div class="min-w-0">
                <p class="user-item-name" title=user_agent>
                    {device}
                </p>
                <p class="text-sm soft wrap-anywhere">
                    {(!address.is_empty()).then(|| format!("{address} · "))} {assurance}
                </p>
                <p class="text-sm soft">"Since " {when(created_at, "unknown")} ", refreshed " {when(refreshed_at, "never")}</p>
            </div>
            {end}
        </li>
    }
    .into_any()
}

pub(super) fn identities(shown: &Shown<'_>) -> AnyView {
    let user = &shown.user;
    let submission = Submission::to::<UnlinkIdentity>();
    let action = format!("{}#identities", submission.url);
    // The last one can't be taken off.
    let several = user.identities.len() > 1;
    let line = |identity: &IdentityLine| {
        let IdentityLine { id, provider, account, last_sign_in_at } = identity.clone();
        let name = format!("Unlink {provider}");
        let unlink = several.then(|| {
            let asked = format!("{name}…");
            let form = Removal { action: action.clone(), what: hidden("identity", id), word: "Unlink", name }.form(shown);
            ask_first("The user can no longer sign in by it.", "Unlink…", asked, form)
        });
        view! {
            <li class="user-item">
                <div class="min-w-0">
                    <p class="user-item-name">{provider}</p>
                    <p class="text-sm soft wrap-anywhere">{account}</p>
                    <p class="text-sm soft">"Used " {when(last_sign_in_at, "never")}</p>
                </div>
                {unlink}
            </li>
        }
        .into_any()
    };
    let lines = user.identities.iter().map(line).collect_view().into_any();
    let list = listed("Identities", user.identities.is_empty(), "None: the user has no way to sign in again.", lines);
    let refused = refused([submission]);
    view! {
        <Sheet id="identities" title="Identities">
            {refused}
            {list}
        </Sheet>
    }
    .into_any()
}

pub(super) fn factors(shown: &Shown<'_>) -> AnyView {
    let user = &shown.user;
    let submission = Submission::to::<RemoveFactor>();
    let action = format!("{}#factors", submission.url);
    let line = |factor: &FactorLine| {
        let FactorLine { id, is_passkey, kind, name, is_verified, created_at } = factor.clone();
        let what = (hidden("factor", id), is_passkey.then(|| hidden("is_passkey", "true".to_owned()))).into_any();
        let called = format!("Remove {kind} {name}");
        let form = Removal { action: action.clone(), what, word: "Remove", name: called.clone() }.form(shown);
        let state = if is_verified {
            mark("state state-good", Glyph::Check, "Verified")
        } else {
            mark("state state-idle", Glyph::Waiting, "Never used")
        };
        view! {
            <li class="user-item">
                <div class="min-w-0">
                    <p class="user-item-name">{kind}</p>
                    <p class="text-sm soft wrap-anywhere">{name}</p>
                    <p class="text-sm soft">"Added " {when(created_at, "at an unknown time")}</p>
                </div>
                {state}
                {ask_first("The user has to set it up anew.", "Remove…", format!("{called}…"), form)}
            </li>
        }
        .into_any()
    };
    let lines = user.factors.iter().map(line).collect_view().into_any();
    let list = listed("Second factors and passkeys", user.factors.is_empty(), "None.", lines);
    let refused = refused([submission]);
    view! {
        <Sheet id="factors" title="Second factors and passkeys">
            {refused}
            {list}
        </Sheet>
    }
    .into_any()
}
