//! The keys that a project's tokens are signed with, and what can be done with each.

use control_plane::Error;
use control_plane_api::{SigningAlgorithm, SigningKey, SigningKeyStatus};
use leptos::prelude::*;

use super::{
    load::Content,
    markup::{self, FormSheet, ask_first, done_note, hidden, mark, whose},
    visit::Visit,
};
use crate::{
    components::{Copied, CopyButton, Glyph, RelativeTime, Sheet, Value},
    server_fns::{AddSigningKey, ChangeSigningKey, RemoveSigningKey, SetLegacyApiKeys},
    submission::Submission,
};

/// What a key can be made for, the best choice first.
const ALGORITHMS: [(SigningAlgorithm, &str); 4] = [
    (SigningAlgorithm::Es256, "ES256: small and widely known"),
    (SigningAlgorithm::EdDsa, "EdDSA: small and fast, less widely known"),
    (SigningAlgorithm::Rs256, "RS256: for verifiers that know nothing else"),
    (SigningAlgorithm::Hs256, "HS256: a shared secret"),
];

/// What was just done, by its word in the page's address.
const DONE: [(&str, &str); 9] = [
    ("added", "The key stands by. Whoever verifies tokens by the address below knows it from now on."),
    ("in_use", "New tokens are signed with this key from now on. Nobody is signed out."),
    ("standby", "The key stands by."),
    ("previously_used", "Tokens that the key has signed are taken again."),
    ("revoked", "The key is revoked: its tokens are refused from now on."),
    ("removed", "The key is removed."),
    ("disabled", "The keys anon and service_role are refused from now on."),
    ("enabled", "The keys anon and service_role are API keys again."),
    ("imported", "The key is taken in and stands by."),
];

/// The project's keys.
pub(super) async fn page(visit: &Visit) -> Result<Content, Error> {
    let (caller, project_ref) = (&visit.caller, visit.project_ref());
    // Oldest first.
    let keys = visit.projects.signing_keys(caller, project_ref).await?.keys;
    let legacy_id = visit.projects.legacy_signing_key(caller, project_ref).await?.id;
    let legacy_api_keys = visit.projects.legacy_api_keys(caller, project_ref).await?.enabled;
    let lines = keys.into_iter().map(|key| {
        let is_legacy = key.id == legacy_id;
        line(visit, key, is_legacy, legacy_api_keys)
    });
    let shown = view! {
        <div class="project-column">
            {done_note(visit.just_done(&DONE))}
            {ring(visit, lines.collect_view().into_any())}
            {new_key(visit)}
            {legacy(visit, legacy_api_keys)}
        </div>
    };
    Ok(Content::new("Signing keys", shown.into_any()))
}

fn ring(visit: &Visit, lines: AnyView) -> AnyView {
    let jwks_url = format!("{}/auth/v1/.well-known/jwks.json", visit.project.api_url);
    let copied = Copied::Text(jwks_url.clone());
    let refused = markup::refused([Submission::to::<ChangeSigningKey>(), Submission::to::<RemoveSigningKey>()]);
    view! {
        <Sheet id="keys" title="Signing keys">
            {refused}
            <p class="sheet-body text-sm soft">
                "New tokens are signed with the key in use. Tokens of every key that is not revoked are taken, so that taking \
                 another key into use signs nobody out."
            </p>
            <ul class="user-list" aria-label="Signing keys">
                {lines}
            </ul>
            <Value name="Public keys" text=jwks_url hint="for whoever verifies tokens elsewhere">
                <CopyButton what=copied label="Copy the address of the public keys" />
            </Value>
        </Sheet>
    }
    .into_any()
}

fn badge(status: SigningKeyStatus) -> AnyView {
    let (class, glyph, word) = match status {
        SigningKeyStatus::InUse => ("state state-good", Glyph::Check, "In use"),
        SigningKeyStatus::Standby => ("state state-idle", Glyph::Waiting, "Standby"),
        SigningKeyStatus::PreviouslyUsed => ("state state-idle", Glyph::Eye, "Previously used"),
        SigningKeyStatus::Revoked => ("state state-bad", Glyph::Minus, "Revoked"),
    };
    mark(class, glyph, word)
}

fn line(visit: &Visit, key: SigningKey, is_legacy: bool, legacy_api_keys: bool) -> AnyView {
    let SigningKey { id, algorithm, status, created_at, updated_at, .. } = key;
    let name = if is_legacy { format!("{algorithm} · JWT secret") } else { algorithm.to_string() };
    let act = |status, word, class| Act { visit, id: &id, name: &name, status, word, class }.form();
    let remove = (!is_legacy).then(|| removal(visit, &id, &name));
    let acts = match status {
        SigningKeyStatus::InUse => ().into_any(),
        SigningKeyStatus::Standby | SigningKeyStatus::PreviouslyUsed => {
            let revoke = (!is_legacy || !legacy_api_keys).then(|| {
                let form = act(SigningKeyStatus::Revoked, "Revoke", "button button-danger");
                ask_first(
                    "Its tokens are refused at once: whoever has one signs in again.",
                    "Revoke",
                    format!("Revoke {name}"),
                    form,
                )
            });
            (act(SigningKeyStatus::InUse, "Take into use", "button-small"), revoke).into_any()
        }
        SigningKeyStatus::Revoked => (act(SigningKeyStatus::Standby, "Trust again", "button-small"), remove).into_any(),
    };
    view! {
        <li class="user-item">
            <div class="min-w-0">
                <p class="user-item-name">{name} " " {badge(status)}</p>
                <p class="text-sm soft ref wrap-anywhere">{id}</p>
                <p class="text-sm soft">"Made " <RelativeTime at=created_at /> ", changed " <RelativeTime at=updated_at /></p>
            </div>
            <div class="pages">{acts}</div>
        </li>
    }
    .into_any()
}

/// A button that makes something else of a key.
struct Act<'a> {
    visit: &'a Visit,
    id: &'a str,
    name: &'a str,
    status: SigningKeyStatus,
    word: &'static str,
    class: &'static str,
}

impl Act<'_> {
    fn form(self) -> AnyView {
        let Self { visit, id, name, status, word, class } = self;
        let action = format!("{}#keys", Submission::to::<ChangeSigningKey>().url);
        view! {
            <form method="post" action=action>
                {whose(visit, id)}
                {hidden("status", status.as_str())}
                <button class=class type="submit" aria-label=format!("{word}: {name}")>
                    {word}
                </button>
            </form>
        }
        .into_any()
    }
}

fn removal(visit: &Visit, id: &str, name: &str) -> AnyView {
    let action = format!("{}#keys", Submission::to::<RemoveSigningKey>().url);
    let form = view! {
        <form method="post" action=action>
            {whose(visit, id)}
            <button class="button button-danger" type="submit">
                "Remove for good"
            </button>
        </form>
    };
    ask_first("A removed key can't be trusted again.", "Remove", format!("Remove {name}"), form.into_any())
}

fn new_key(visit: &Visit) -> AnyView {
    let submission = Submission::to::<AddSigningKey>();
    let error = submission.for_field("private_jwk");
    let options = ALGORITHMS.map(|(algorithm, name)| view! { <option value=algorithm.as_str()>{name}</option> }.into_any());
    let fields = view! {
        <div class="field">
            <label for="key-algorithm">"Algorithm"</label>
            <select class="input" id="key-algorithm" name="algorithm">
                {options}
            </select>
        </div>
        <div class="field">
            <label for="key-jwk">"Key of your own (optional)"</label>
            <textarea
                class="input user-json"
                id="key-jwk"
                name="private_jwk"
                rows="4"
                spellcheck="false"
                autocomplete="off"
                placeholder="{\"kty\": \"EC\", \"crv\": \"P-256\", …}"
                aria-describedby="key-jwk-hint key-jwk-error"
                aria-invalid=move || error.get().map(|_| "true")
            ></textarea>
            <p class="field-hint" id="key-jwk-hint">
                "A private JSON Web Key of the chosen algorithm. Left empty, a key is made here."
            </p>
            <p class="field-error" id="key-jwk-error" role="alert">
                {error}
            </p>
        </div>
    };
    let (id, title, class, word) = ("new-key", "Add a key", "button button-primary", "Add a standby key");
    FormSheet { id, title, submission, named: &["private_jwk"], class, word }.around(visit, fields.into_any())
}

/// The API keys that the JWT secret has signed.
fn legacy(visit: &Visit, enabled: bool) -> AnyView {
    let submission = Submission::to::<SetLegacyApiKeys>();
    let (said, word, class) = if enabled {
        (
            "They are signed with the JWT secret, which can be revoked once they are disabled. Give clients publishable and \
             secret keys first: whoever uses anon or service_role is refused at once.",
            "Disable anon and service_role",
            "button button-quiet-danger",
        )
    } else {
        ("They are refused. Clients use publishable and secret keys.", "Enable anon and service_role", "button")
    };
    let fields = view! {
        <p class="text-sm">{said}</p>
        {hidden("enabled", !enabled)}
    };
    let (id, title) = ("legacy", "The API keys anon and service_role");
    FormSheet { id, title, submission, named: &[], class, word }.around(visit, fields.into_any())
}
