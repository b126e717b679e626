//! What a page of settings is made from, and what has just become of one of its forms.

use std::collections::BTreeMap;

use auth_settings::{MailKind, document::Document};
use control_plane_api::{ProjectRef, ProjectState};
use serde_json::{Map, Value};

use super::{
    field::{Field, Section},
    forms::Page,
    typed::{BEFORE, Typed},
};

/// In an address: the sections of which something was saved just now.
pub(super) const SAVED: &str = "saved";

/// Everything that a page shows.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) page: Page,
    pub(super) project_ref: ProjectRef,
    pub(super) api_url: String,
    pub(super) state: ProjectState,
    /// As the Management API answers it: a secret is its hash, or null.
    pub(super) document: Map<String, Value>,
    /// The same of a project that was told nothing.
    pub(super) defaults: Map<String, Value>,
    /// What the address asks for.
    pub(super) query: Typed,
    pub(super) reply: Option<Reply>,
    /// The mail that is edited, as the project's Auth would send it; of the page Messages.
    pub(super) example: Option<Example>,
    /// Functions of the database that can be hooks; of the page Hooks. `None`: they can't be had now.
    pub(super) functions: Option<Vec<Function>>,
}

/// A page's form that was sent and is shown again: refused, or asked for something else than to be saved.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Reply {
    pub(super) typed: Typed,
    /// What belongs into a key's field.
    pub(super) errors: BTreeMap<String, String>,
    /// What is wrong and belongs to no field.
    pub(super) alert: Option<String>,
    /// What went well.
    pub(super) said: Option<String>,
    /// The same change as a command.
    pub(super) command: Option<String>,
    /// The key whose rows have become more or fewer.
    pub(super) row_of: Option<String>,
}

/// A mail filled with an example, as the project's Auth answers it.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
pub(super) struct Example {
    pub(super) subject: Option<String>,
    pub(super) html: Option<String>,
    #[serde(default)]
    pub(super) errors: Vec<TemplateProblem>,
    #[serde(default)]
    pub(super) standard: Standard,
    #[serde(default)]
    pub(super) variables: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub(super) struct TemplateProblem {
    /// `subject` or `content`.
    pub(super) part: String,
    pub(super) line: usize,
    pub(super) problem: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
pub(super) struct Standard {
    pub(super) subject: String,
    pub(super) content: String,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub(super) struct Function {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) callable: bool,
}

/// Of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Subject,
    Content,
}

impl Part {
    /// Which part a key is.
    pub(super) fn of(key: &str) -> Self {
        if key.ends_with("_content") { Self::Content } else { Self::Subject }
    }
}

impl Example {
    pub(super) fn standard_of(&self, part: Part) -> &str {
        match part {
            Part::Subject => &self.standard.subject,
            Part::Content => &self.standard.content,
        }
    }

    /// What is wrong with a part, with its lines.
    pub(super) fn problems(&self, part: Part) -> Option<String> {
        let name = match part {
            Part::Subject => "subject",
            Part::Content => "content",
        };
        let problems = self.errors.iter().filter(|problem| problem.part == name);
        let said: Vec<_> = problems.map(|problem| format!("Line {}: {}.", problem.line, problem.problem)).collect();
        (!said.is_empty()).then(|| said.join(" "))
    }
}

impl Scene {
    /// What the defaults are.
    pub(super) fn defaults() -> Map<String, Value> {
        Document::default().to_response("")
    }

    pub(super) fn address(&self) -> String {
        address(&self.project_ref, self.page)
    }

    /// The mail that the address asks to edit.
    pub(super) fn mail(&self) -> Option<MailKind> {
        self.query.text("mail").and_then(super::forms::mail_named)
    }

    /// What the page's form is made of.
    pub(super) fn sections(&self) -> Vec<Section> {
        self.page.sections(&self.document, self.mail())
    }

    /// What stands in the form: what was typed, or what is in force.
    pub(super) fn typed(&self) -> Typed {
        self.sent().cloned().unwrap_or_else(|| Typed::of(&self.document, &self.sections()))
    }

    /// What was sent, if it was whole.
    pub(super) fn sent(&self) -> Option<&Typed> {
        self.reply.as_ref().map(|reply| &reply.typed).filter(|typed| typed.text(BEFORE).is_some())
    }

    /// What is wrong with a field.
    pub(super) fn error(&self, key: &str) -> Option<String> {
        self.reply.as_ref().and_then(|reply| reply.errors.get(key).cloned())
    }

    /// The form was saved just now.
    pub(super) fn is_saved(&self) -> bool {
        self.reply.is_none() && self.query.text(SAVED).is_some()
    }

    /// Something in the section was just saved, or is typed and not saved.
    pub(super) fn is_at_work(&self, section: &Section) -> bool {
        match self.sent() {
            Some(typed) => !typed.changes(std::slice::from_ref(section)).is_empty(),
            None => self.query.text(SAVED).is_some_and(|saved| saved.split(' ').any(|id| id == section.id)),
        }
    }

    pub(super) fn text(&self, key: &str) -> &str {
        self.document.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        self.document.get(key) == Some(&Value::Bool(true))
    }

    /// The key has a value, which may be a secret.
    pub(super) fn is_set(&self, key: &str) -> bool {
        !self.text(key).is_empty()
    }

    /// The default of a field, for a person; nothing where there is none, or it goes without saying.
    pub(super) fn default_of(&self, field: &Field) -> Option<String> {
        match self.defaults.get(&*field.key)? {
            Value::Number(number) => Some(number.to_string()),
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// Where a page of settings is.
pub(super) fn address(project_ref: &ProjectRef, page: Page) -> String {
    format!("/project/{project_ref}/auth/settings/{}", page.path())
}
