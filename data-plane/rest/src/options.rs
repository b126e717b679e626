//! What differs between the service of a project and one that stands alone. Fixed when the service is made; what may change
//! while it runs is [`crate::schema::Config`].

use project_context::ProjectContext;

use crate::{role_claim::RoleClaim, schema::Config};

#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// For the log.
    pub(crate) project_ref: Option<String>,
    /// The role of requests without a token; none are let in without.
    pub(crate) anon_role: Option<String>,
    /// Where in a token the role is.
    pub(crate) role_claim: RoleClaim,
    /// The public address of the service, for its description.
    pub(crate) base_url: String,
    /// What is in force unless the database says otherwise.
    pub(crate) config: Config,
    /// Whether the database's word counts: `ALTER ROLE authenticator SET pgrst.*`.
    pub(crate) in_database_config: bool,
    /// Names and values that every request's transaction can read.
    pub(crate) app_settings: Vec<(String, String)>,
}

impl Options {
    /// A project's, with Supabase's defaults.
    pub(crate) fn of_project(context: &ProjectContext) -> Self {
        Self {
            project_ref: Some(context.project_ref().to_string()),
            anon_role: Some("anon".to_owned()),
            role_claim: RoleClaim::default(),
            base_url: format!("{}/rest/v1/", context.api_url()),
            config: Config::default(),
            in_database_config: true,
            app_settings: Vec::new(),
        }
    }
}
