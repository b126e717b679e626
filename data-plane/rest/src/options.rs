//! What differs between the service of a project and one that stands alone. The program may be told other ones while it runs;
//! what the database may change is [`crate::schema::Config`].

use std::sync::Arc;

use project_context::ProjectContext;

use crate::schema::{Config, InDatabase};

#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// For the log.
    pub(crate) project_ref: Option<String>,
    /// The address of the service, for its description, unless a setting says another.
    pub(crate) base_url: String,
    /// What is in force unless the database says otherwise.
    pub(crate) config: Arc<Config>,
    /// What the database may say.
    pub(crate) in_database_config: InDatabase,
    /// Names and values that every request's transaction can read.
    pub(crate) app_settings: Vec<(String, String)>,
}

impl Options {
    /// A project's, with Supabase's defaults.
    pub(crate) fn of_project(context: &ProjectContext) -> Self {
        Self {
            project_ref: Some(context.project_ref().to_string()),
            base_url: format!("{}/rest/v1/", context.api_url()),
            config: Arc::default(),
            in_database_config: InDatabase::AllButTokens,
            app_settings: Vec::new(),
        }
    }
}
