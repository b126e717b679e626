//! What stands in a form, and what it means for the document. Pure.

use serde_json::{Map, Value, json};

use super::{
    super::visit::pairs,
    field::{Field, Kind, Section},
};

/// Beside a secret's field: the box that removes the secret.
pub(super) const REMOVED: &str = "-removed";
/// The field with what the form meant when it was shown.
pub(super) const BEFORE: &str = "was";

/// The names and values of a form, in its order, as a browser sends them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Typed(pub(super) Vec<(String, String)>);

impl Typed {
    /// What the document has, as the form shows it. Nothing of a secret.
    pub(super) fn of(document: &Map<String, Value>, sections: &[Section]) -> Self {
        let mut typed = Self::default();
        for Field { key, kind, .. } in fields(sections) {
            let value = document.get(&**key).unwrap_or(&Value::Null);
            let texts = match (kind, value) {
                (Kind::Secret, _) | (_, Value::Null) => Vec::new(),
                (Kind::Flag, value) => ticked(value == &json!(true)),
                (Kind::Unless, value) => ticked(value == &json!(false)),
                (Kind::Rows, Value::String(list)) => rows(list),
                (_, Value::String(text)) => vec![text.clone()],
                (_, other) => vec![other.to_string()],
            };
            typed.0.extend(texts.into_iter().map(|text| (key.to_string(), text)));
        }
        typed
    }

    /// What an address asks for.
    pub(super) fn of_query(query: &str) -> Self {
        Self(pairs(query))
    }

    /// The first value of this name.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, text)| text.as_str())
    }

    /// Puts a value in the place of all that have this name.
    pub(super) fn set(&mut self, name: &str, text: String) {
        self.0.retain(|(given, _)| given != name);
        self.0.push((name.to_owned(), text));
    }

    /// One more value of this name.
    pub(super) fn add(&mut self, name: &str, text: &str) {
        self.0.push((name.to_owned(), text.to_owned()));
    }

    /// Takes away the `nth` value of this name.
    pub(super) fn remove(&mut self, name: &str, nth: usize) {
        let at = self.0.iter().enumerate().filter(|(_, (given, _))| given == name).nth(nth).map(|(at, _)| at);
        if let Some(at) = at {
            self.0.remove(at);
        }
    }

    /// What the form means: a value for each key, but for a secret that is neither typed nor removed.
    pub(super) fn meaning(&self, sections: &[Section]) -> Map<String, Value> {
        fields(sections).filter_map(|field| Some((field.key.to_string(), self.value(field)?))).collect()
    }

    /// Only what differs from what the form meant when it was shown: what somebody else changed meanwhile stays.
    pub(super) fn changes(&self, sections: &[Section]) -> Map<String, Value> {
        let before: Map<String, Value> =
            self.text(BEFORE).and_then(|before| serde_json::from_str(before).ok()).unwrap_or_default();
        self.meaning(sections).into_iter().filter(|(key, value)| before.get(key) != Some(value)).collect()
    }

    fn value(&self, field: &Field) -> Option<Value> {
        let key = &*field.key;
        let text = self.text(key).unwrap_or_default();
        let filled = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
        Some(match field.kind {
            Kind::Flag => json!(self.text(key).is_some()),
            Kind::Unless => json!(self.text(key).is_none()),
            // What is no number goes on as it is, so that the document says what belongs there.
            Kind::Number(_) => text.trim().parse::<i64>().map_or_else(|_| filled(text.trim()), |number| json!(number)),
            Kind::Hours => hours(text.trim()).unwrap_or_else(|| filled(text.trim())),
            Kind::Text | Kind::Choice(_) => filled(text.trim()),
            // A browser sends the ends of lines as mail has them.
            Kind::Area => filled(&text.replace("\r\n", "\n")),
            Kind::Rows => {
                let rows: Vec<_> = self.all(key).map(str::trim).filter(|row| !row.is_empty()).collect();
                filled(&rows.join(","))
            }
            Kind::Secret if !text.is_empty() => json!(text),
            Kind::Secret if self.text(&format!("{key}{REMOVED}")).is_some() => Value::Null,
            Kind::Secret => return None,
        })
    }
}

fn fields(sections: &[Section]) -> impl Iterator<Item = &Field> {
    sections.iter().flat_map(|section| &section.fields)
}

fn ticked(is: bool) -> Vec<String> {
    if is { vec!["true".to_owned()] } else { Vec::new() }
}

/// As the document writes them: whole ones without a point.
fn hours(text: &str) -> Option<Value> {
    let hours: f64 = text.parse().ok().filter(|hours: &f64| hours.is_finite())?;
    let whole = (hours.fract() == 0.0 && hours.abs() < 1e9).then_some(hours as i64);
    Some(whole.map_or_else(|| json!(hours), |whole| json!(whole)))
}

/// Entries with commas between them; those within `{…}` separate the alternatives of one.
fn rows(list: &str) -> Vec<String> {
    match auth_settings::AllowList::parse(list) {
        Ok(patterns) => patterns.patterns().map(str::to_owned).collect(),
        Err(_) => list.split(',').map(|row| row.trim().to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> [Section; 1] {
        let field = |key: &'static str, kind| Field::new(key, kind, "", "");
        let fields = vec![
            field("mailer_autoconfirm", Kind::Unless),
            field("passkey_enabled", Kind::Flag),
            field("jwt_exp", Kind::Number("seconds")),
            field("sessions_timebox", Kind::Hours),
            field("site_url", Kind::Text),
            field("mailer_templates_invite_content", Kind::Area),
            field("uri_allow_list", Kind::Rows),
            field("smtp_pass", Kind::Secret),
        ];
        [Section::new("x", "", "", fields)]
    }

    fn document() -> Map<String, Value> {
        let document = json!({
            "mailer_autoconfirm": false,
            "passkey_enabled": false,
            "jwt_exp": 3600,
            "sessions_timebox": 0.5,
            "site_url": "https://a.test",
            "mailer_templates_invite_content": null,
            "uri_allow_list": "https://{a,b}.test, app://x",
            "smtp_pass": "690d21",
        });
        document.as_object().cloned().unwrap()
    }

    /// As a browser sends back the form that was shown.
    fn shown() -> Typed {
        let mut typed = Typed::of(&document(), &form());
        let before = Value::Object(typed.meaning(&form())).to_string();
        typed.set(BEFORE, before);
        typed
    }

    #[test]
    fn a_form_that_is_sent_as_it_was_shown_changes_nothing() {
        let typed = shown();
        assert_eq!(typed.text("mailer_autoconfirm"), Some("true"));
        assert_eq!(typed.all("uri_allow_list").collect::<Vec<_>>(), ["https://{a,b}.test", "app://x"]);
        assert!(!typed.0.iter().any(|(name, text)| name == "smtp_pass" || text.contains("690d21")), "{typed:?}");
        assert_eq!(typed.changes(&form()), Map::new());
    }

    #[test]
    fn only_what_was_changed_is_sent() {
        let mut typed = shown();
        typed.remove("mailer_autoconfirm", 0);
        typed.set("jwt_exp", " ".to_owned());
        typed.set("sessions_timebox", "2.0".to_owned());
        typed.set("mailer_templates_invite_content", "<p>\r\n".to_owned());
        typed.remove("uri_allow_list", 0);
        typed.add("uri_allow_list", "");
        typed.add("uri_allow_list", " https://c.test ");
        typed.set("smtp_pass", "hush".to_owned());
        let expected = json!({
            "mailer_autoconfirm": true,
            "jwt_exp": null,
            "sessions_timebox": 2,
            "mailer_templates_invite_content": "<p>\n",
            "uri_allow_list": "app://x,https://c.test",
            "smtp_pass": "hush",
        });
        assert_eq!(Value::Object(typed.changes(&form())), expected);
    }

    #[test]
    fn a_secret_is_removed_by_its_box_alone() {
        let mut typed = shown();
        typed.set("smtp_pass", String::new());
        assert_eq!(typed.changes(&form()), Map::new());
        typed.set("smtp_pass-removed", "true".to_owned());
        assert_eq!(Value::Object(typed.changes(&form())), json!({ "smtp_pass": null }));
    }

    #[test]
    fn what_is_no_number_is_left_to_the_document_to_refuse() {
        let mut typed = shown();
        typed.set("jwt_exp", "an hour".to_owned());
        typed.set("sessions_timebox", "inf".to_owned());
        assert_eq!(Value::Object(typed.changes(&form())), json!({ "jwt_exp": "an hour", "sessions_timebox": "inf" }));
    }
}
