//! Sign-in by others: social providers, SAML, wallets; and the OAuth server that makes Auth such a provider itself.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;

/// The providers that can be configured, as `/authorize?provider=` names them.
pub const PROVIDERS: [&str; 25] = [
    "apple",
    "azure",
    "bitbucket",
    "discord",
    "facebook",
    "figma",
    "fly",
    "github",
    "gitlab",
    "google",
    "kakao",
    "keycloak",
    "linkedin",
    "linkedin_oidc",
    "notion",
    "slack",
    "slack_oidc",
    "snapchat",
    "spotify",
    "twitch",
    "twitter",
    "vercel_marketplace",
    "workos",
    "x",
    "zoom",
];

/// Providers and what holds for all of them.
#[derive(Clone, Debug)]
pub struct External {
    /// By name as in `/authorize?provider=`; only those that were configured. Use [`External::enabled`].
    pub providers: BTreeMap<String, Provider>,
    /// Where providers send the browser back; empty: `<external_url>/callback`.
    pub redirect_url: String,
    /// A further audience of Apple's id tokens.
    pub ios_bundle_id: String,
    /// Issuers of id tokens taken besides those of the configured providers.
    pub allowed_id_token_issuers: Vec<String>,
    /// How long a sign-in may take between `/authorize` and the code's exchange.
    pub flow_state_expiry: Duration,
    pub web3_solana: Web3,
    pub web3_ethereum: Web3,
}

impl External {
    /// The provider of this name, if it is switched on.
    #[must_use]
    pub fn enabled(&self, name: &str) -> Option<&Provider> {
        self.providers.get(name).filter(|provider| provider.enabled)
    }
}

impl Default for External {
    fn default() -> Self {
        Self {
            providers: BTreeMap::new(),
            redirect_url: String::new(),
            ios_bundle_id: String::new(),
            allowed_id_token_issuers: vec!["https://appleid.apple.com".to_owned(), "https://accounts.google.com".to_owned()],
            flow_state_expiry: Duration::from_secs(300),
            web3_solana: Web3::default(),
            web3_ethereum: Web3::default(),
        }
    }
}

/// One social provider.
#[derive(Clone, Debug, Default)]
pub struct Provider {
    pub enabled: bool,
    /// The first signs in; all are audiences of an id token.
    pub client_ids: Vec<String>,
    pub secret: Option<SecretString>,
    /// Empty: `<external_url>/callback`.
    pub redirect_uri: String,
    /// The provider's own address, where it has many (Azure's tenant, GitLab, Keycloak, WorkOS).
    pub url: String,
    pub api_url: String,
    /// An id token needs no nonce.
    pub skip_nonce_check: bool,
    /// A user without an address is let in.
    pub email_optional: bool,
}

/// Sign-in by a wallet's signature.
#[derive(Clone, Copy, Debug)]
pub struct Web3 {
    pub enabled: bool,
    /// A message is taken so long after it was issued.
    pub maximum_validity: Duration,
}

impl Default for Web3 {
    fn default() -> Self {
        Self { enabled: false, maximum_validity: Duration::from_secs(600) }
    }
}

/// Single sign-on by SAML 2.0.
#[derive(Clone, Debug)]
pub struct Saml {
    pub enabled: bool,
    /// PKCS#1 RSA key, base64 of DER.
    pub private_key: Option<SecretString>,
    pub allow_encrypted_assertions: bool,
    pub relay_state_validity: Duration,
    /// Empty: the API's external URL.
    pub external_url: String,
    /// Assertions per address, in five minutes.
    pub rate_limit_assertion: u32,
}

impl Default for Saml {
    fn default() -> Self {
        Self {
            enabled: false,
            private_key: None,
            allow_encrypted_assertions: false,
            relay_state_validity: Duration::from_secs(120),
            external_url: String::new(),
            rate_limit_assertion: 15,
        }
    }
}

/// Auth as an OAuth 2.1 server.
#[derive(Clone, Debug)]
pub struct OauthServer {
    pub enabled: bool,
    pub allow_dynamic_registration: bool,
    /// Path of the consent page under the site's URL.
    pub authorization_path: String,
    /// How long a user may think about consent.
    pub authorization_ttl: Duration,
    pub default_scope: String,
}

impl Default for OauthServer {
    fn default() -> Self {
        Self {
            enabled: false,
            allow_dynamic_registration: false,
            authorization_path: String::new(),
            authorization_ttl: Duration::from_secs(600),
            default_scope: "email".to_owned(),
        }
    }
}

/// Providers that an administrator adds by API (`/admin/custom-providers`).
#[derive(Clone, Debug)]
pub struct CustomOauth {
    pub enabled: bool,
    /// 0: as many as wanted.
    pub max_providers: usize,
    /// Where such a provider sends the browser back, under this; empty: the API's external URL.
    pub external_url: String,
}

impl Default for CustomOauth {
    fn default() -> Self {
        Self { enabled: true, max_providers: 0, external_url: String::new() }
    }
}
