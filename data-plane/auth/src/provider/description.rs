//! What the engine knows of a provider, as data.

use serde_json::Value;

/// A provider of the catalogue. Addresses are templates: `{base}` and `{api}` are of [`Hosts`].
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// As in `provider=` and in `auth.identities`.
    pub name: &'static str,
    /// Where it is.
    pub hosts: Hosts,
    /// Where the browser is sent.
    pub authorization: &'static str,
    /// Where the code becomes tokens.
    pub token: &'static str,
    /// Asked for always; the request's are added.
    pub scopes: &'static [&'static str],
    /// How the tokens' address knows who asks.
    pub client_authentication: ClientAuthentication,
    /// The code is bound to a verifier.
    pub pkce: bool,
    /// Parameters that the authorization has always.
    pub parameters: &'static [(&'static str, &'static str)],
    /// Which protocol, and where the user's profile comes from.
    pub source: Source,
    /// How the profile is read.
    pub mapping: Mapping,
    /// For sign-in by an id token, and for a profile from one.
    pub id_token: Option<IdToken>,
}

/// A provider's hosts, without a slash at the end.
#[derive(Debug, Clone, Copy)]
pub struct Hosts {
    /// `{base}`, unless another is configured. Empty where one must be.
    pub base: &'static str,
    /// `{api}`, unless another base is configured.
    pub api: &'static str,
    /// `{api}` behind a configured base.
    pub api_of_configured: &'static str,
    /// Whether a base can be configured.
    pub configurable: bool,
}

/// How a client shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// `client_secret_basic` of RFC 6749.
    Basic,
    /// `client_secret_post`.
    Body,
    /// The first, and the second if that is refused: for providers of which nothing is known.
    Either,
}

/// Where a profile comes from.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// JSON that the access token opens: the profile, and more that is put into it under a name.
    Requests {
        /// The profile.
        profile: Fetch,
        /// What else.
        more: &'static [(&'static str, Fetch)],
    },
    /// The id token, or where there is none the request.
    IdToken {
        /// In place of a missing id token.
        otherwise: Option<Fetch>,
    },
    /// The answer with the tokens, at this pointer.
    TokenAnswer(&'static str),
    /// OAuth 1.0a.
    Oauth1 {
        /// Where a flow begins.
        request_token: &'static str,
        /// The profile.
        profile: &'static str,
    },
    /// No authorization code flow: id tokens only.
    IdTokenOnly,
}

/// A request for JSON.
#[derive(Debug, Clone, Copy)]
pub struct Fetch {
    /// A template.
    pub url: &'static str,
    /// Added to the bearer token; a value `{client_id}` is the client's.
    pub headers: &'static [(&'static str, &'static str)],
    /// Facebook's `appsecret_proof` is added.
    pub proof: bool,
    /// A JSON pointer to what is wanted of the answer.
    pub at: &'static str,
}

/// How a profile becomes claims.
#[derive(Debug, Clone, Copy)]
pub struct Mapping {
    /// A template; empty: the document's own `iss`.
    pub issuer: &'static str,
    /// The user's name at the provider.
    pub subject: Field,
    /// The user's addresses.
    pub emails: Emails,
    /// Claim by claim, but for `iss`, `sub`, `provider_id`, `email`, `email_verified` and `phone_verified`, which all have.
    pub claims: &'static [(&'static str, Field)],
    /// `custom_claims`.
    pub custom: Custom,
}

/// A value of the profile. What is missing, null or an empty text gives no claim.
#[derive(Debug, Clone, Copy)]
pub enum Field {
    /// The first of these JSON pointers that has a value.
    At(&'static [&'static str]),
    /// Texts with a space between.
    Joined(&'static [&'static str]),
    /// What no pointer says.
    Computed(fn(&Value) -> Option<Value>),
}

/// The addresses in a profile.
#[derive(Debug, Clone, Copy)]
pub enum Emails {
    /// The provider has none.
    None,
    /// One, which is primary.
    One {
        /// A JSON pointer.
        email: &'static str,
        /// Whether the provider vouches for it.
        verified: Verified,
    },
    /// A list, and before it one, which is primary.
    OneAndList {
        /// The list.
        list: List,
        /// The one: pointers of the address and of what is there if it is confirmed.
        one: (&'static str, &'static str),
    },
    /// A list.
    List(List),
}

/// A list of addresses. Pointers are into each item.
#[derive(Debug, Clone, Copy)]
pub struct List {
    /// Where it is.
    pub at: &'static str,
    /// The address.
    pub email: &'static str,
    /// Verified.
    pub verified: Verified,
    /// True if the user has chosen it.
    pub primary: &'static str,
}

/// Whether an address is vouched for.
#[derive(Debug, Clone, Copy)]
pub enum Verified {
    /// The provider has none that is not confirmed.
    Always,
    /// The provider says that it does not vouch.
    Never,
    /// All of these are true.
    True(&'static [&'static str]),
    /// There is something.
    Present(&'static str),
    /// It is true or is not there.
    UnlessFalse(&'static str),
}

/// What goes into `custom_claims`.
#[derive(Debug, Clone, Copy)]
pub enum Custom {
    /// Nothing.
    None,
    /// Names and JSON pointers.
    Fields(&'static [(&'static str, &'static str)]),
    /// All that is not of the protocol or named elsewhere.
    Rest,
}

/// Which id tokens are a provider's.
#[derive(Debug, Clone, Copy)]
pub struct IdToken {
    /// Who issues them.
    pub issuers: Issuers,
    /// How they are read.
    pub mapping: Mapping,
}

/// Who issues a provider's id tokens.
#[derive(Debug, Clone, Copy)]
pub enum Issuers {
    /// One of these.
    Fixed(&'static [&'static str]),
    /// The base itself.
    Base,
    /// Any tenant of Microsoft's, or the configured one.
    Microsoft,
}

/// The OAuth scopes' separator of RFC 6749, which all providers take.
pub(super) const SCOPE_SEPARATOR: &str = " ";

impl Fetch {
    /// A request without anything special.
    #[must_use]
    pub const fn of(url: &'static str) -> Self {
        Self { url, headers: &[], proof: false, at: "" }
    }
}
