//! What a request may contain. Every message says what was wrong and what would be right.

use control_plane_api::{
    CreateProject, DEFAULT_ORGANIZATION, DEFAULT_REGION, InstanceSize, MAX_NAME_CHARS, MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS,
};
use serde_json::Value;

use crate::{archive::Manifest, error::Error};

/// Longest region, size and the like, in characters.
const MAX_WORD_CHARS: usize = 64;
/// Longest idempotency key, in bytes.
const MAX_KEY_BYTES: usize = 255;

fn invalid(field: &'static str, message: impl Into<String>) -> Error {
    Error::InvalidInput { field, message: message.into() }
}

/// Trims a name and checks its length and characters.
pub(super) fn name(name: &str) -> Result<String, Error> {
    let name = name.trim();
    if name.is_empty() {
        return Err(invalid("name", "The name is empty. Give 1 to 256 characters."));
    }
    let length = name.chars().count();
    if length > MAX_NAME_CHARS {
        return Err(invalid("name", format!("The name has {length} characters. At most {MAX_NAME_CHARS} are allowed.")));
    }
    if name.chars().any(char::is_control) {
        return Err(invalid("name", "The name contains a control character, such as a line break. Use printable characters."));
    }
    Ok(name.to_owned())
}

/// Checks a database password. It is never trimmed: every character counts.
pub(super) fn password(password: &str) -> Result<(), Error> {
    let length = password.chars().count();
    if !(MIN_PASSWORD_CHARS..=MAX_PASSWORD_CHARS).contains(&length) {
        let message =
            format!("The database password has {length} characters. Give {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS}.");
        return Err(invalid("db_pass", message));
    }
    if password.chars().any(char::is_control) {
        return Err(invalid("db_pass", "The database password contains a control character. Use printable characters."));
    }
    Ok(())
}

/// Checks everything of a create request but name and password; answers the region.
pub(super) fn create(request: &CreateProject, postgres_major: u32) -> Result<String, Error> {
    if let Some(slug) = &request.organization_slug
        && slug != DEFAULT_ORGANIZATION
    {
        return Err(Error::OrganizationNotFound(slug.chars().take(MAX_WORD_CHARS).collect()));
    }
    if request.template_url.as_deref().is_some_and(|url| !url.is_empty()) {
        return Err(invalid(
            "template_url",
            "template_url is not supported. Create the project, then apply your migrations to it.",
        ));
    }
    if request.high_availability == Some(true) {
        return Err(invalid("high_availability", "high_availability is not supported. Leave it out or set it to false."));
    }
    if let Some(engine) = &request.postgres_engine
        && *engine != postgres_major.to_string()
    {
        let message = format!(
            "postgres_engine {engine:?} is not installed on this machine. It has {postgres_major}; leave the field out to use it."
        );
        return Err(invalid("postgres_engine", message));
    }
    size(request.desired_instance_size.as_deref())?;
    if let Some(region) = &request.region {
        word("region", region)?;
    }
    region(request)
}

/// Reads a size.
pub(super) fn size(word: Option<&str>) -> Result<Option<InstanceSize>, Error> {
    let Some(word) = word else { return Ok(None) };
    // Variants of the largest sizes that differ upstream by machine type.
    let variants = ["_optimized_cpu", "_optimized_memory", "_high_memory"];
    let word = variants.into_iter().find_map(|suffix| word.strip_suffix(suffix)).unwrap_or(word);
    let known = || InstanceSize::ALL.map(InstanceSize::as_str).join(", ");
    word.parse().map(Some).map_err(|_| {
        let word: String = word.chars().take(MAX_WORD_CHARS).collect();
        invalid("desired_instance_size", format!("desired_instance_size {word:?} is not known. Use one of {}.", known()))
    })
}

/// Finds a driver by its name, with the stack of projects that ask for none.
pub(super) fn driver<'a>(
    name: &str,
    known: &'a [(&'static str, Option<String>)],
) -> Result<(&'static str, Option<&'a str>), Error> {
    known.iter().find(|(known, _)| *known == name).map(|(name, stack)| (*name, stack.as_deref())).ok_or_else(|| {
        let name: String = name.chars().take(MAX_WORD_CHARS).collect();
        let known: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        invalid("driver", format!("There is no driver {name:?}. Use one of {}.", known.join(", ")))
    })
}

/// Checks what an archive says of its project; answers the name.
pub(super) fn manifest(manifest: &Manifest) -> Result<String, Error> {
    word("region", &manifest.region)?;
    let version = &manifest.postgres_version;
    let is_number = |part: &str| (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if !version.split('.').all(is_number) || version.len() > MAX_WORD_CHARS {
        let version: String = version.chars().take(MAX_WORD_CHARS).collect();
        return Err(invalid(
            "postgres_version",
            format!("The archive's version of PostgreSQL, {version:?}, is not one such as 17.6."),
        ));
    }
    name(&manifest.name)
}

fn region(request: &CreateProject) -> Result<String, Error> {
    match (&request.region, &request.region_selection) {
        (Some(_), Some(_)) => Err(invalid("region_selection", "Give region or region_selection, not both.")),
        (Some(region), None) => Ok(region.clone()),
        (None, Some(Value::Object(selection))) => match selection.get("code") {
            Some(Value::String(code)) => word("region_selection", code).map(|()| code.clone()),
            _ => Err(invalid(
                "region_selection",
                "region_selection needs a \"code\", such as {\"type\":\"specific\",\"code\":\"us-east-1\"}.",
            )),
        },
        (None, Some(_)) => Err(invalid(
            "region_selection",
            "region_selection is not an object. Give {\"type\":\"specific\",\"code\":\"us-east-1\"}.",
        )),
        (None, None) => Ok(DEFAULT_REGION.to_owned()),
    }
}

fn word(field: &'static str, value: &str) -> Result<(), Error> {
    let fits =
        (1..=MAX_WORD_CHARS).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if fits { Ok(()) } else { Err(invalid(field, format!("{field} must be 1 to {MAX_WORD_CHARS} letters, digits, - or _."))) }
}

/// Checks an idempotency key.
pub(super) fn idempotency_key(key: &str) -> Result<(), Error> {
    let fits = (1..=MAX_KEY_BYTES).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    if fits {
        Ok(())
    } else {
        Err(invalid("Idempotency-Key", format!("Idempotency-Key must be 1 to {MAX_KEY_BYTES} visible ASCII characters.")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(name("  Ada's shop ").unwrap(), "Ada's shop");
        assert!(name(&"ä".repeat(256)).is_ok());
        for bad in ["", "   ", "a\nb", "a\0b", &"x".repeat(257)] {
            assert_eq!(name(bad).unwrap_err().field(), Some("name"), "{bad:?}");
        }
    }

    #[test]
    fn create_requests_are_checked_field_by_field() {
        let from = |json: serde_json::Value| create(&serde_json::from_value(json).unwrap(), 15);
        assert_eq!(from(serde_json::json!({})).unwrap(), "local");
        assert_eq!(from(serde_json::json!({"region": "us-east-1", "organization_slug": "default"})).unwrap(), "us-east-1");
        assert_eq!(
            from(serde_json::json!({"region_selection": {"type": "specific", "code": "eu-west-1"}})).unwrap(),
            "eu-west-1"
        );
        for (json, field) in [
            (serde_json::json!({"region": "a", "region_selection": {"code": "b"}}), "region_selection"),
            (serde_json::json!({"region_selection": 1}), "region_selection"),
            (serde_json::json!({"region_selection": {}}), "region_selection"),
            (serde_json::json!({"region": "../../etc"}), "region"),
            (serde_json::json!({"desired_instance_size": ""}), "desired_instance_size"),
            (serde_json::json!({"template_url": "http://x"}), "template_url"),
            (serde_json::json!({"high_availability": true}), "high_availability"),
            (serde_json::json!({"postgres_engine": "17"}), "postgres_engine"),
        ] {
            assert_eq!(from(json.clone()).unwrap_err().field(), Some(field), "{json}");
        }
        assert!(matches!(from(serde_json::json!({"organization_slug": "acme"})), Err(Error::OrganizationNotFound(_))));
    }

    #[test]
    fn idempotency_keys_are_bounded() {
        assert!(idempotency_key("a-b_c").is_ok());
        for bad in ["", "a b", "ä", &"x".repeat(256)] {
            assert!(idempotency_key(bad).is_err());
        }
    }
}
