//! The text of EIP-4361, which Solana took over with its own first line.

use fluent_uri::Uri;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Chain, Error};

/// Each at most once. Their order is free: for Solana, supabase-js has another one than the standard.
const FIELDS: [&str; 8] =
    ["URI: ", "Version: ", "Chain ID: ", "Nonce: ", "Issued At: ", "Expiration Time: ", "Not Before: ", "Request ID: "];
/// As the standard has it, and as supabase-js writes it for Solana.
const RESOURCES: [&str; 2] = ["Resources:", "Resources"];

/// What a message says. The address is as written: each chain has its own.
pub(super) struct Message {
    pub(super) domain: String,
    pub(super) address: String,
    pub(super) statement: Option<String>,
    pub(super) uri: Uri<String>,
    pub(super) chain_id: Option<String>,
    pub(super) issued_at: OffsetDateTime,
    pub(super) expiration: Option<OffsetDateTime>,
    pub(super) not_before: Option<OffsetDateTime>,
}

impl Message {
    pub(super) fn parse(chain: Chain, text: &str) -> Result<Self, Error> {
        if text.contains(|character: char| character.is_control() && character != '\n') {
            return Err(invalid(chain, "message contains control characters"));
        }
        let mut lines = text.split('\n').peekable();
        let first = lines.next().unwrap_or_default();
        let ending = format!(" wants you to sign in with your {chain} account:");
        let domain =
            first.strip_suffix(&ending).ok_or_else(|| invalid(chain, &format!("first line does not end in {ending:?}")))?;
        let (scheme, domain) = domain.split_once("://").map_or((None, domain), |(scheme, domain)| (Some(scheme), domain));
        if !is_domain(domain) {
            return Err(invalid(chain, "domain in first line of message is not valid"));
        }
        let address = lines.next().unwrap_or_default();
        if lines.next() != Some("") {
            return Err(invalid(chain, "third line must be empty"));
        }
        let statement = statement(chain, &mut lines)?;
        let fields = fields(chain, lines)?;

        let field = |name: &str| FIELDS.iter().position(|it| it.strip_suffix(": ") == Some(name)).and_then(|at| fields[at]);
        let required = |name: &str| field(name).ok_or_else(|| invalid(chain, &format!("{name} is not specified")));
        let timestamp = |name: &str| match field(name) {
            None => Ok(None),
            Some(text) => OffsetDateTime::parse(text, &Rfc3339)
                .map(Some)
                .map_err(|_| invalid(chain, &format!("{name} is not a valid ISO8601 timestamp"))),
        };
        if required("Version")? != "1" {
            return Err(invalid(chain, "Version is not supported, expected 1"));
        }
        let uri = Uri::parse(required("URI")?.to_owned()).map_err(|_| invalid(chain, "URI is not valid"))?;
        if scheme.is_some_and(|scheme| !scheme.eq_ignore_ascii_case(uri.scheme().as_str())) {
            return Err(invalid(chain, "scheme in first line of message is not the one of the URI"));
        }
        Ok(Self {
            domain: domain.to_owned(),
            address: address.to_owned(),
            statement,
            uri,
            chain_id: field("Chain ID").map(str::to_owned),
            issued_at: timestamp("Issued At")?.ok_or_else(|| invalid(chain, "Issued At is not specified"))?,
            expiration: timestamp("Expiration Time")?,
            not_before: timestamp("Not Before")?,
        })
    }

    /// Host and port of the URI; empty if it has none. With a user in it, it is no domain's.
    pub(super) fn authority(&self) -> &str {
        self.uri.authority().map_or("", |authority| authority.as_str())
    }

    /// Whether the application runs on the user's machine, where there is no certificate.
    pub(super) fn is_local(&self) -> bool {
        let authority = self.authority();
        authority == "localhost"
            || authority.strip_prefix("localhost:").is_some_and(|port| port.bytes().all(|it| it.is_ascii_digit()))
    }
}

/// GoTrue's texts begin with the standard's name.
pub(super) fn invalid(chain: Chain, what: &str) -> Error {
    let standard = match chain {
        Chain::Ethereum => "siwe",
        Chain::Solana => "siws",
    };
    Error::Invalid(format!("{standard}: {what}"))
}

/// A host and perhaps a port.
fn is_domain(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    !text.is_empty() && text.len() <= 260 && text.bytes().all(allowed) && Uri::parse(format!("https://{text}/")).is_ok()
}

/// One line and an empty one, an empty one, or nothing.
fn statement<'a>(chain: Chain, lines: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> Result<Option<String>, Error> {
    let is_field = |line: &str| FIELDS.iter().any(|name| line.starts_with(name)) || RESOURCES.contains(&line);
    match lines.peek() {
        None => Ok(None),
        Some(line) if is_field(line) => Ok(None),
        Some(&"") => {
            lines.next();
            Ok(None)
        }
        Some(_) => {
            let statement = lines.next().map(str::to_owned);
            match lines.next() {
                Some("") => Ok(statement),
                Some(_) | None => Err(invalid(chain, "the line after the statement must be empty")),
            }
        }
    }
}

fn fields<'a>(chain: Chain, lines: impl Iterator<Item = &'a str>) -> Result<[Option<&'a str>; FIELDS.len()], Error> {
    let mut values = [None; FIELDS.len()];
    let mut resources = false;
    for (index, line) in lines.enumerate() {
        let unparsable = || invalid(chain, &format!("encountered unparsable line at index {index} after the statement"));
        if resources {
            line.strip_prefix("- ").and_then(|uri| Uri::parse(uri).ok()).ok_or_else(unparsable)?;
        } else if RESOURCES.contains(&line) {
            resources = true;
        } else {
            let found = FIELDS.iter().zip(&mut values).find_map(|(name, slot)| Some((slot, line.strip_prefix(name)?)));
            let (slot, value) = found.filter(|(slot, value)| slot.is_none() && !value.is_empty()).ok_or_else(unparsable)?;
            *slot = Some(value);
        }
    }
    Ok(values)
}
