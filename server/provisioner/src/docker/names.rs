//! What things are called on the engine, and the labels by which they are known to be ours.

use std::collections::HashMap;

use control_plane_api::ProjectRef;

/// Which installation made it. What has another one, or none, is never touched.
pub(super) const INSTALLATION: &str = "supacloud.installation";
/// Which project it belongs to.
pub(super) const PROJECT: &str = "supacloud.project";
/// The service or volume of the stack; or what it is for, where it belongs to no project.
pub(super) const COMPONENT: &str = "supacloud.component";
/// The stack that the project is made from.
pub(super) const STACK: &str = "supacloud.stack";
/// Changes with what a container was made from; one of an older generation is made anew.
pub(super) const GENERATION: &str = "supacloud.generation";

/// Different for every volume, so that one that was removed and made again is told from the one before.
pub(super) const IDENTITY: &str = "supacloud.identity";

/// Names of one installation's things.
#[derive(Debug, Clone)]
pub(super) struct Names {
    installation: String,
}

impl Names {
    pub(super) fn new(installation: &str) -> Self {
        Self { installation: installation.to_owned() }
    }

    pub(super) fn installation(&self) -> &str {
        &self.installation
    }

    fn short(&self) -> &str {
        self.installation.get(..8).unwrap_or(&self.installation)
    }

    /// The project's network, and what the names of its other parts begin with.
    pub(super) fn project(project_ref: &ProjectRef) -> String {
        format!("supacloud-{project_ref}")
    }

    /// A container or volume of a project.
    pub(super) fn part(project_ref: &ProjectRef, component: &str) -> String {
        format!("supacloud-{project_ref}-{component}")
    }

    /// Something that the installation's projects share. Its secrets are the installation's, so its name is, too.
    pub(super) fn shared(&self, what: &str) -> String {
        format!("supacloud-{}-{what}", self.short())
    }

    /// Labels of something that the installation's projects share.
    pub(super) fn shared_labels(&self, component: &str) -> HashMap<String, String> {
        [(INSTALLATION, self.installation.as_str()), (COMPONENT, component)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    }

    /// Labels of a project's part.
    pub(super) fn labels(&self, project_ref: &ProjectRef, component: &str, stack: &str) -> HashMap<String, String> {
        [(INSTALLATION, self.installation.as_str()), (PROJECT, project_ref.as_str()), (COMPONENT, component), (STACK, stack)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    }

    /// A filter for what is this installation's.
    pub(super) fn ours(&self) -> HashMap<String, Vec<String>> {
        [("label".to_owned(), vec![format!("{INSTALLATION}={}", self.installation)])].into()
    }

    /// A filter for what is the project's.
    pub(super) fn of_project(&self, project_ref: &ProjectRef) -> HashMap<String, Vec<String>> {
        let labels = vec![format!("{INSTALLATION}={}", self.installation), format!("{PROJECT}={project_ref}")];
        [("label".to_owned(), labels)].into()
    }

    /// Whether these labels are of this installation.
    pub(super) fn is_ours(&self, labels: &HashMap<String, String>) -> bool {
        labels.get(INSTALLATION).is_some_and(|installation| *installation == self.installation)
    }
}
