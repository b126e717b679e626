//! What a form of the settings is made of: fields, each for a key of the Management API's document.

use std::borrow::Cow;

/// A titled group of fields; all those of a page are one form.
#[derive(Debug, Clone)]
pub(super) struct Section {
    /// In the page, and as what it was that was saved.
    pub(super) id: Cow<'static, str>,
    pub(super) title: Cow<'static, str>,
    /// May be empty.
    pub(super) intro: Cow<'static, str>,
    pub(super) fields: Vec<Field>,
}

/// One field.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// The document's key, which is the input's name and id, too.
    pub(super) key: Cow<'static, str>,
    pub(super) label: Cow<'static, str>,
    /// What it does, in a sentence; may be empty.
    pub(super) hint: Cow<'static, str>,
    pub(super) kind: Kind,
    /// Shown only while this choice is made: its key and value.
    pub(super) only: Option<(&'static str, &'static str)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A box that is ticked where the key is true.
    Flag,
    /// A box that is ticked where the key is false.
    Unless,
    /// A whole number, and what it counts.
    Number(&'static str),
    /// A number of hours, not only whole ones; 0 is no limit.
    Hours,
    Text,
    /// Text of several lines.
    Area,
    /// Entries that the document keeps with commas between them; a row each.
    Rows,
    /// One of these values, each with its name. Empty is the default.
    Choice(&'static [(&'static str, &'static str)]),
    /// Goes in and never comes out.
    Secret,
}

impl Field {
    pub(super) fn new(
        key: impl Into<Cow<'static, str>>,
        kind: Kind,
        label: impl Into<Cow<'static, str>>,
        hint: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { key: key.into(), label: label.into(), hint: hint.into(), kind, only: None }
    }

    /// Shown only while the choice `key` has this value.
    pub(super) fn only(self, key: &'static str, value: &'static str) -> Self {
        Self { only: Some((key, value)), ..self }
    }
}

impl Section {
    pub(super) fn new(
        id: impl Into<Cow<'static, str>>,
        title: impl Into<Cow<'static, str>>,
        intro: impl Into<Cow<'static, str>>,
        fields: Vec<Field>,
    ) -> Self {
        Self { id: id.into(), title: title.into(), intro: intro.into(), fields }
    }
}
