//! The sections of each page: which settings there are, and what they are called. A setting is on one page.

mod advanced;
mod hooks;
mod limits;
mod messages;
mod providers;
mod sessions;
mod sign_in;
mod urls;

use serde_json::{Map, Value};

use super::field::Section;

pub(super) use hooks::{HOOKS, Hook};
pub(super) use messages::{SMTP, mail_named, mail_title, template};
pub(super) use providers::{PROVIDERS, Provider};
pub(super) use urls::REDIRECTS;

/// A page of settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    SignIn,
    Providers,
    Urls,
    Sessions,
    Messages,
    Hooks,
    Limits,
    Advanced,
}

impl Page {
    /// As the navigation has them.
    pub(super) const ALL: [Self; 8] =
        [Self::SignIn, Self::Providers, Self::Urls, Self::Sessions, Self::Messages, Self::Hooks, Self::Limits, Self::Advanced];

    /// The last part of its address.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::Providers => "providers",
            Self::Urls => "urls",
            Self::Sessions => "sessions",
            Self::Messages => "messages",
            Self::Hooks => "hooks",
            Self::Limits => "limits",
            Self::Advanced => "advanced",
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "Sign-up and sign-in",
            Self::Providers => "Providers",
            Self::Urls => "URLs",
            Self::Sessions => "Sessions and passwords",
            Self::Messages => "Messages",
            Self::Hooks => "Hooks",
            Self::Limits => "Rate limits",
            Self::Advanced => "Advanced",
        }
    }

    pub(super) fn at(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|page| page.path() == path)
    }

    /// What its form is made of; `mail` is the one whose texts are edited.
    pub(super) fn sections(self, document: &Map<String, Value>, mail: Option<auth_settings::MailKind>) -> Vec<Section> {
        match (self, mail) {
            (Self::SignIn, _) => sign_in::sections(),
            (Self::Providers, _) => PROVIDERS.iter().map(|provider| provider.section(document)).collect(),
            (Self::Urls, _) => urls::sections(),
            (Self::Sessions, _) => sessions::sections(),
            (Self::Messages, Some(mail)) => vec![template(mail)],
            (Self::Messages, None) => messages::sections(),
            (Self::Hooks, _) => HOOKS.iter().map(Hook::section).collect(),
            (Self::Limits, _) => limits::sections(),
            (Self::Advanced, _) => advanced::sections(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use auth_settings::{MailKind, document::Document};

    use super::*;

    /// SAML is not there, and three keys change nothing.
    const WITHOUT_A_PAGE: [&str; 6] = [
        "nimbus_oauth_client_id",
        "nimbus_oauth_client_secret",
        "nimbus_oauth_email_optional",
        "saml_allow_encrypted_assertions",
        "saml_enabled",
        "saml_external_url",
    ];

    #[test]
    fn every_setting_is_on_one_page() {
        let document = Document::default().to_response("");
        let pages = Page::ALL.into_iter().flat_map(|page| page.sections(&document, None));
        let mails = MailKind::ALL.into_iter().map(template);
        let mut seen = BTreeMap::new();
        for field in pages.chain(mails).flat_map(|section| section.fields) {
            *seen.entry(field.key.into_owned()).or_insert(0) += 1;
        }
        seen.extend(WITHOUT_A_PAGE.map(|key| (key.to_owned(), 1)));
        for key in document.keys() {
            assert_eq!(seen.get(key), Some(&1), "{key}");
        }
        let unknown: Vec<_> = seen.keys().filter(|key| !document.contains_key(*key)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn sections_are_told_apart_by_their_names() {
        let document = Document::default().to_response("");
        for page in Page::ALL {
            let sections = page.sections(&document, None);
            let ids: std::collections::BTreeSet<_> = sections.iter().map(|section| section.id.clone()).collect();
            assert_eq!(ids.len(), sections.len(), "{page:?}");
            assert_eq!(Page::at(page.path()), Some(page));
        }
    }

    #[test]
    fn what_is_secret_there_is_secret_here() {
        let document = Document::default().to_response("");
        for field in Page::ALL.into_iter().flat_map(|page| page.sections(&document, None)).flat_map(|section| section.fields) {
            let secret = auth_settings::document::is_secret(&field.key);
            assert_eq!(field.kind == super::super::field::Kind::Secret, secret, "{}", field.key);
        }
    }
}
