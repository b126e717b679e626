//! The keys that a project's tokens are signed with.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::{DashboardError, auth_pages::AuthPage, key_page::KeyRing};

/// What was just done, by its word in the page's address.
#[cfg(feature = "ssr")]
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

/// All keys, oldest first; `done` is the word for what was just done.
#[server(endpoint = "load_signing_keys")]
pub(crate) async fn load_signing_keys(
    project_ref: ProjectRef,
    done: Option<String>,
) -> Result<AuthPage<KeyRing>, DashboardError> {
    use crate::session::{no_store, refuse, signed_in};
    let (caller, projects) = signed_in().await?;
    no_store();
    let project = projects.get(&caller, &project_ref).await.map_err(refuse)?;
    let keys = projects.signing_keys(&caller, &project_ref).await.map_err(refuse)?.keys;
    let legacy = projects.legacy_signing_key(&caller, &project_ref).await.map_err(refuse)?;
    let legacy_api_keys = projects.legacy_api_keys(&caller, &project_ref).await.map_err(refuse)?.enabled;
    let content = KeyRing {
        keys,
        legacy_id: legacy.id,
        legacy_api_keys,
        jwks_url: format!("{}/auth/v1/.well-known/jwks.json", project.api_url),
        done: DONE.iter().find(|(word, _)| done.as_deref() == Some(*word)).map(|(_, text)| (*text).to_owned()),
    };
    Ok(AuthPage { project_name: project.name, content })
}
