//! An identity of a user of a project goes.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Takes the identity off the user, who has to have another one.
#[server(endpoint = "unlink_identity")]
pub(crate) async fn unlink_identity(project_ref: ProjectRef, id: String, identity: String) -> Result<(), DashboardError> {
    use super::to_user;
    use crate::{
        session::{refuse, signed_in},
        snippets::percent_encode,
    };
    let (caller, projects) = signed_in().await?;
    let path = format!("/_admin/users/{}/identities/{}", percent_encode(&id), percent_encode(&identity));
    projects.ask_auth(&caller, &project_ref, "DELETE", &path, None).await.map_err(refuse)?;
    to_user(&project_ref, &id, "identity");
    Ok(())
}
