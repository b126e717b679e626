//! What a project's Auth is told: typed, from `GOTRUE_*` variables ([`environment`]) or from the Management API's
//! document ([`document`]).
//!
//! Everything here is plain data with upstream's defaults (GoTrue 2.196). Nothing is sent or stored here, and no rule of a
//! flow is decided here, except which redirects are allowed ([`redirect`]).

pub mod document;
pub mod environment;
pub mod external;
pub mod hooks;
pub mod mail;
pub mod redirect;
pub mod security;
pub mod signing;
pub mod sms;

use std::time::Duration;

use secrecy::SecretString;

pub use external::{CustomOauth, External, OauthServer, Provider, Saml, Web3};
pub use hooks::{Hook, Hooks};
pub use mail::{MailKind, Mailer, Smtp, Template};
pub use redirect::{AllowList, RedirectRule};
pub use security::{
    Captcha, CaptchaProvider, DbEncryption, Mfa, MfaFactor, MfaPhone, Passkeys, Password, Rate, RateLimits, RefreshTokens,
    Security, Sessions, WebAuthn,
};
pub use signing::{Jwt, JwtAlgorithm, JwtKey, ProjectKeys, ThirdPartyKeys};
pub use sms::{Sms, SmsProvider, TestOtps};

/// All that one Auth service is told. Cheap to share, replaced as a whole when something changes.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub api: Api,
    pub db: Db,
    pub jwt: Jwt,
    pub signup: Signup,
    /// Where a user returns to after a mail's link or a provider, besides the site's URL.
    pub uri_allow_list: AllowList,
    pub mailer: Mailer,
    pub smtp: Smtp,
    pub sms: Sms,
    pub password: Password,
    pub security: Security,
    pub sessions: Sessions,
    pub mfa: Mfa,
    pub passkeys: Passkeys,
    pub web_authn: WebAuthn,
    pub rate_limits: RateLimits,
    pub external: External,
    pub hooks: Hooks,
    pub saml: Saml,
    pub oauth_server: OauthServer,
    pub custom_oauth: CustomOauth,
    pub cors: Cors,
    pub audit_log: AuditLog,
}

/// Where the service is reached, and where the application is.
#[derive(Clone, Debug)]
pub struct Api {
    /// `API_EXTERNAL_URL`: this service as browsers and providers see it, without a final slash.
    pub external_url: String,
    /// `SITE_URL`: the application.
    pub site_url: String,
    /// Address to listen on; empty is every address. The program's alone.
    pub host: String,
    /// The program's alone.
    pub port: u16,
    /// Header that carries the request's id.
    pub request_id_header: Option<String>,
    /// A request that lasts longer is answered `request_timeout`.
    pub max_request_duration: Duration,
}

impl Default for Api {
    fn default() -> Self {
        Self {
            external_url: String::new(),
            site_url: String::new(),
            host: String::new(),
            port: 8081,
            request_id_header: None,
            max_request_duration: Duration::from_secs(10),
        }
    }
}

/// The database's connection. A project's Auth is given its pool and reads only `max_pool_size` of this.
#[derive(Clone, Debug)]
pub struct Db {
    pub url: Option<SecretString>,
    pub schema: String,
    pub max_pool_size: Option<PoolSize>,
    pub conn_max_lifetime: Option<Duration>,
    pub conn_max_idle_time: Option<Duration>,
    /// Expired rows are removed while requests are served.
    pub cleanup_enabled: bool,
}

impl Default for Db {
    fn default() -> Self {
        Self {
            url: None,
            schema: "auth".to_owned(),
            max_pool_size: None,
            conn_max_lifetime: None,
            conn_max_idle_time: None,
            cleanup_enabled: false,
        }
    }
}

/// How many connections Auth may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolSize {
    Connections(u32),
    /// Of the server's `max_connections`, 1 to 100.
    Percent(u8),
}

/// Who may make an account by oneself.
#[derive(Clone, Debug)]
pub struct Signup {
    pub disabled: bool,
    pub anonymous_users: bool,
    /// By e-mail: sign-up, and sign-in by password.
    pub email: bool,
    /// Links and codes by e-mail sign in.
    pub magic_link: bool,
    /// Messages go only to these addresses; empty: to all.
    pub authorized_addresses: Vec<String>,
    /// By phone, likewise.
    pub phone: bool,
}

impl Default for Signup {
    fn default() -> Self {
        Self {
            disabled: false,
            anonymous_users: false,
            email: true,
            magic_link: true,
            authorized_addresses: Vec::new(),
            phone: false,
        }
    }
}

/// Headers that a browser may send besides those that Auth allows anyway.
#[derive(Clone, Debug, Default)]
pub struct Cors {
    pub allowed_headers: Vec<String>,
}

/// Where the audit log is kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuditLog {
    /// Entries are only logged, not written into `auth.audit_log_entries`.
    pub disable_postgres: bool,
}
