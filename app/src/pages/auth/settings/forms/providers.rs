//! Social providers: those that the document has keys for.

use serde_json::{Map, Value};

use super::super::field::{Field, Kind, Section};

/// A provider as the document and as people name it.
#[derive(Debug)]
pub(in super::super) struct Provider {
    pub(in super::super) name: &'static str,
    pub(in super::super) title: &'static str,
    /// What its address is, where it has one.
    url: &'static str,
}

const fn provider(name: &'static str, title: &'static str) -> Provider {
    Provider { name, title, url: "" }
}

pub(in super::super) const PROVIDERS: [Provider; 21] = [
    provider("apple", "Apple"),
    Provider {
        url: "The tenant, such as https://login.microsoftonline.com/<tenant>. Empty: any account.",
        ..provider("azure", "Azure (Microsoft)")
    },
    provider("bitbucket", "Bitbucket"),
    provider("discord", "Discord"),
    provider("facebook", "Facebook"),
    provider("figma", "Figma"),
    provider("github", "GitHub"),
    Provider { url: "Of your own GitLab. Empty: https://gitlab.com.", ..provider("gitlab", "GitLab") },
    provider("google", "Google"),
    provider("kakao", "Kakao"),
    Provider { url: "Of the realm, such as https://keycloak.example.com/realms/<realm>.", ..provider("keycloak", "Keycloak") },
    provider("linkedin_oidc", "LinkedIn (OpenID Connect)"),
    provider("notion", "Notion"),
    provider("slack", "Slack (before OpenID Connect)"),
    provider("slack_oidc", "Slack (OpenID Connect)"),
    provider("spotify", "Spotify"),
    provider("twitch", "Twitch"),
    provider("twitter", "Twitter (OAuth 1.0a)"),
    Provider { url: "Empty: https://api.workos.com.", ..provider("workos", "WorkOS") },
    provider("x", "X (OAuth 2.0)"),
    provider("zoom", "Zoom"),
];

impl Provider {
    pub(in super::super) fn key(&self, part: &str) -> String {
        format!("external_{}_{part}", self.name)
    }

    /// With a field for each key of its own that the document has.
    pub(in super::super) fn section(&self, document: &Map<String, Value>) -> Section {
        let secret_hint = if self.name == "apple" { "A token that you sign with Apple's key; it lasts six months." } else { "" };
        let parts = [
            ("enabled", Kind::Flag, "Users may sign in by it", ""),
            (
                "client_id",
                Kind::Text,
                "Client ID",
                "Several with commas between them: the first signs in, all are taken in ID tokens.",
            ),
            ("secret", Kind::Secret, "Client secret", secret_hint),
            ("additional_client_ids", Kind::Rows, "Further client IDs", "Of your apps, whose ID tokens are taken, too."),
            ("url", Kind::Text, "Its address", self.url),
            ("skip_nonce_check", Kind::Flag, "Take ID tokens without a nonce", "Less safe; for apps that can't set one."),
            ("email_optional", Kind::Flag, "Let in who has no address", "Otherwise a user without one is refused."),
        ];
        let fields = parts.into_iter().map(|(part, kind, label, hint)| Field::new(self.key(part), kind, label, hint));
        let fields = fields.filter(|field| document.contains_key(&*field.key)).collect();
        Section::new(self.name, self.title, "", fields)
    }
}
