//! Changes what a project's Auth is told.

#![allow(clippy::too_many_arguments, reason = "the fields of a form, which works without scripts only if it is flat")]

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// What the form holds. A box that is not ticked is not sent; an empty password leaves the one that there is.
#[server(endpoint = "save_auth_settings")]
pub(crate) async fn save_auth_settings(
    project_ref: ProjectRef,
    site_url: String,
    uri_allow_list: String,
    #[server(default)] allow_signup: bool,
    #[server(default)] mailer_autoconfirm: bool,
    #[server(default)] anonymous: bool,
    password_min_length: i64,
    password_characters: u8,
    smtp_host: String,
    smtp_port: String,
    smtp_user: String,
    smtp_pass: String,
    smtp_admin_email: String,
    smtp_sender_name: String,
) -> Result<(), DashboardError> {
    use crate::{
        auth_pages::CHARACTERS,
        session::{refuse, signed_in},
    };
    use serde_json::{Map, Value, json};
    // An empty field takes its setting back to the default.
    let filled = |text: &str| Some(text.trim()).filter(|text| !text.is_empty()).map_or(Value::Null, |text| json!(text));
    let (caller, projects) = signed_in().await?;
    let redirects: Vec<_> = uri_allow_list.split([',', '\n']).map(str::trim).filter(|url| !url.is_empty()).collect();
    let characters = CHARACTERS.get(usize::from(password_characters)).map_or("", |(characters, _)| characters);
    let mut patch: Map<_, _> = [
        ("site_url", filled(&site_url)),
        ("uri_allow_list", filled(&redirects.join(","))),
        ("disable_signup", json!(!allow_signup)),
        ("mailer_autoconfirm", json!(mailer_autoconfirm)),
        ("external_anonymous_users_enabled", json!(anonymous)),
        ("password_min_length", json!(password_min_length)),
        ("password_required_characters", filled(characters)),
        ("smtp_host", filled(&smtp_host)),
        ("smtp_port", filled(&smtp_port)),
        ("smtp_user", filled(&smtp_user)),
        ("smtp_admin_email", filled(&smtp_admin_email)),
        ("smtp_sender_name", filled(&smtp_sender_name)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into_iter()
    .collect();
    if smtp_host.trim().is_empty() {
        patch.insert("smtp_pass".to_owned(), json!(null));
    } else if !smtp_pass.is_empty() {
        patch.insert("smtp_pass".to_owned(), json!(smtp_pass));
    }
    projects.update_auth_config(&caller, &project_ref, &patch).await.map_err(refuse)?;
    Ok(())
}
