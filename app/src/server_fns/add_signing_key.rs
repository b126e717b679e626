//! A project gets another signing key.

use control_plane_api::{ProjectRef, SigningAlgorithm};
use leptos::prelude::*;

use crate::DashboardError;

/// Makes a key that stands by, or takes in the JSON Web Key `private_jwk` where there is one.
#[server(endpoint = "add_signing_key")]
pub(crate) async fn add_signing_key(
    project_ref: ProjectRef,
    algorithm: SigningAlgorithm,
    #[server(default)] private_jwk: String,
) -> Result<(), DashboardError> {
    use super::to_signing_keys;
    use crate::session::{refuse, signed_in};
    use control_plane_api::CreateSigningKey;
    let (caller, projects) = signed_in().await?;
    let private_jwk = match private_jwk.trim() {
        "" => None,
        text => Some(serde_json::from_str(text).map_err(|error| {
            let message = format!("This is no JSON Web Key: {error}.");
            refuse(control_plane::Error::InvalidInput { field: "private_jwk", message })
        })?),
    };
    let done = if private_jwk.is_some() { "imported" } else { "added" };
    let request = CreateSigningKey { algorithm, status: None, private_jwk };
    projects.create_signing_key(&caller, &project_ref, request).await.map_err(refuse)?;
    to_signing_keys(&project_ref, done);
    Ok(())
}
