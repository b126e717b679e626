//! Those that speak OpenID Connect, and LinkedIn's older way.

use super::*;

/// The token is signed by Apple; the user's name comes beside it, once, in a form that the browser posts.
pub(super) const APPLE: Description = Description {
    name: "apple",
    hosts: fixed("https://appleid.apple.com", "https://appleid.apple.com"),
    authorization: "{base}/auth/authorize",
    token: "{base}/auth/token",
    scopes: &["email", "name"],
    client_authentication: ClientAuthentication::Body,
    pkce: false,
    parameters: &[("response_mode", "form_post")],
    source: Source::IdToken { otherwise: None },
    mapping: APPLE_TOKEN,
    id_token: Some(IdToken {
        issuers: Issuers::Fixed(&["https://appleid.apple.com", "https://account.apple.com"]),
        mapping: APPLE_TOKEN,
    }),
};

const APPLE_TOKEN: Mapping = Mapping {
    issuer: "",
    subject: at(&["/sub"]),
    emails: Emails::One { email: "/email", verified: Verified::True(&["/email_verified"]) },
    claims: &[],
    custom: Custom::Fields(&[("auth_time", "/auth_time"), ("is_private_email", "/is_private_email")]),
};

/// Microsoft's directories. An address is one that the directory's administrator may have made up, unless `xms_edov` says more.
pub(super) const AZURE: Description = Description {
    name: "azure",
    hosts: hosts("https://login.microsoftonline.com/common", "https://graph.microsoft.com"),
    authorization: "{base}/oauth2/v2.0/authorize",
    token: "{base}/oauth2/v2.0/token",
    scopes: &["openid"],
    client_authentication: ClientAuthentication::Body,
    pkce: false,
    parameters: NO_PARAMETERS,
    source: Source::IdToken { otherwise: None },
    mapping: AZURE_TOKEN,
    id_token: Some(IdToken { issuers: Issuers::Microsoft, mapping: AZURE_TOKEN }),
};

const AZURE_TOKEN: Mapping = Mapping {
    issuer: "",
    subject: at(&["/sub"]),
    emails: Emails::One { email: "/email", verified: Verified::UnlessFalse("/xms_edov") },
    claims: &[("name", at(&["/name"])), ("full_name", at(&["/name"])), ("preferred_username", at(&["/preferred_username"]))],
    custom: Custom::Rest,
};

pub(super) const GOOGLE: Description = Description {
    name: "google",
    hosts: fixed("https://accounts.google.com", "https://www.googleapis.com"),
    authorization: "{base}/o/oauth2/v2/auth",
    token: "https://oauth2.googleapis.com/token",
    scopes: &["email", "profile"],
    client_authentication: ClientAuthentication::Body,
    pkce: false,
    parameters: NO_PARAMETERS,
    source: Source::IdToken { otherwise: Some(Fetch::of("{api}/userinfo/v2/me")) },
    mapping: Mapping {
        issuer: "{api}/userinfo/v2/me",
        subject: at(&["/id"]),
        emails: Emails::One { email: "/email", verified: Verified::True(&["/verified_email"]) },
        ..GOOGLE_TOKEN
    },
    id_token: Some(IdToken {
        issuers: Issuers::Fixed(&["https://accounts.google.com", "accounts.google.com"]),
        mapping: GOOGLE_TOKEN,
    }),
};

const GOOGLE_TOKEN: Mapping = Mapping {
    issuer: "",
    subject: at(&["/sub"]),
    emails: Emails::One { email: "/email", verified: Verified::True(&["/email_verified"]) },
    claims: &[
        ("name", at(&["/name"])),
        ("full_name", at(&["/name"])),
        ("picture", at(&["/picture"])),
        ("avatar_url", at(&["/picture"])),
    ],
    custom: Custom::Fields(&[("hd", "/hd")]),
};

pub(super) const KAKAO: Description = Description {
    name: "kakao",
    hosts: hosts("https://kauth.kakao.com", "https://kapi.kakao.com"),
    authorization: "{base}/oauth/authorize",
    token: "{base}/oauth/token",
    scopes: &["account_email", "profile_image", "profile_nickname"],
    client_authentication: ClientAuthentication::Body,
    pkce: false,
    parameters: NO_PARAMETERS,
    source: Source::Requests { profile: Fetch::of("{api}/v2/user/me"), more: &[] },
    mapping: Mapping {
        issuer: "{api}",
        subject: at(&["/id"]),
        emails: Emails::One {
            email: "/kakao_account/email",
            verified: Verified::True(&["/kakao_account/is_email_verified", "/kakao_account/is_email_valid"]),
        },
        claims: &[
            ("name", at(KAKAO_NICKNAME)),
            ("full_name", at(KAKAO_NICKNAME)),
            ("preferred_username", at(KAKAO_NICKNAME)),
            ("user_name", at(KAKAO_NICKNAME)),
            ("avatar_url", at(&["/kakao_account/profile/profile_image_url", "/properties/profile_image"])),
        ],
        custom: Custom::None,
    },
    id_token: Some(IdToken {
        issuers: Issuers::Fixed(&["https://kauth.kakao.com"]),
        mapping: Mapping {
            issuer: "",
            subject: at(&["/sub"]),
            emails: Emails::One { email: "/email", verified: Verified::Always },
            claims: &[
                ("name", at(&["/nickname"])),
                ("full_name", at(&["/nickname"])),
                ("preferred_username", at(&["/nickname"])),
                ("user_name", at(&["/nickname"])),
                ("picture", at(&["/picture"])),
                ("avatar_url", at(&["/picture"])),
            ],
            custom: Custom::None,
        },
    }),
};

const KAKAO_NICKNAME: &[&str] = &["/kakao_account/profile/nickname", "/properties/nickname"];

/// The base is the realm's: `https://example.com/realms/name`.
pub(super) const KEYCLOAK: Description = Description {
    name: "keycloak",
    hosts: hosts("", ""),
    authorization: "{base}/protocol/openid-connect/auth",
    token: "{base}/protocol/openid-connect/token",
    scopes: &["profile", "email"],
    client_authentication: ClientAuthentication::Body,
    pkce: false,
    parameters: NO_PARAMETERS,
    source: Source::Requests { profile: Fetch::of("{base}/protocol/openid-connect/userinfo"), more: &[] },
    mapping: Mapping { issuer: "{base}", ..KEYCLOAK_TOKEN },
    id_token: Some(IdToken { issuers: Issuers::Base, mapping: KEYCLOAK_TOKEN }),
};

const KEYCLOAK_TOKEN: Mapping = Mapping {
    issuer: "",
    subject: at(&["/sub"]),
    emails: Emails::One { email: "/email", verified: Verified::True(&["/email_verified"]) },
    claims: &[("name", at(&["/name"])), ("full_name", at(&["/name"]))],
    custom: Custom::None,
};

pub(super) const LINKEDIN_OIDC: Description = Description {
    name: "linkedin_oidc",
    hosts: fixed("https://www.linkedin.com", "https://api.linkedin.com"),
    authorization: "{base}/oauth/v2/authorization",
    token: "{base}/oauth/v2/accessToken",
    scopes: &["openid", "email", "profile"],
    client_authentication: ClientAuthentication::Body,
    pkce: false,
    parameters: NO_PARAMETERS,
    source: Source::IdToken { otherwise: Some(Fetch::of("{api}/v2/userinfo")) },
    mapping: Mapping { issuer: "{api}", ..LINKEDIN_TOKEN },
    id_token: Some(IdToken {
        issuers: Issuers::Fixed(&["https://www.linkedin.com/oauth", "https://www.linkedin.com"]),
        mapping: LINKEDIN_TOKEN,
    }),
};

const LINKEDIN_TOKEN: Mapping = Mapping {
    issuer: "",
    subject: at(&["/sub"]),
    emails: Emails::One { email: "/email", verified: Verified::True(&["/email_verified"]) },
    claims: &[
        ("name", Field::Joined(&["/given_name", "/family_name"])),
        ("full_name", Field::Joined(&["/given_name", "/family_name"])),
        ("given_name", at(&["/given_name"])),
        ("family_name", at(&["/family_name"])),
        ("picture", at(&["/picture"])),
        ("avatar_url", at(&["/picture"])),
        ("locale", Field::Computed(linkedin_locale)),
    ],
    custom: Custom::None,
};

/// `en-US`, or as an object in the answer to userinfo.
fn linkedin_locale(document: &serde_json::Value) -> Option<serde_json::Value> {
    let locale = document.get("locale")?;
    if locale.is_string() {
        return Some(locale.clone());
    }
    let part = |name| locale.get(name)?.as_str();
    Some(format!("{}-{}", part("language")?, part("country")?).into())
}

/// LinkedIn before it spoke OpenID Connect; no new application gets these scopes.
pub(super) const LINKEDIN: Description = Description {
    name: "linkedin",
    hosts: fixed("https://www.linkedin.com", "https://api.linkedin.com"),
    authorization: "{base}/oauth/v2/authorization",
    token: "{base}/oauth/v2/accessToken",
    scopes: &["r_emailaddress", "r_liteprofile"],
    client_authentication: ClientAuthentication::Body,
    pkce: false,
    parameters: NO_PARAMETERS,
    source: Source::Requests {
        profile: Fetch::of(
            "{api}/v2/me?projection=(id,firstName,lastName,profilePicture(displayImage~digitalmediaAsset:playableStreams))",
        ),
        more: &[("emails", Fetch::of("{api}/v2/emailAddress?q=members&projection=(elements*(handle~))"))],
    },
    mapping: Mapping {
        issuer: "{api}",
        subject: at(&["/id"]),
        emails: Emails::One { email: "/emails/elements/0/handle~0/emailAddress", verified: Verified::Always },
        claims: &[
            ("name", Field::Computed(linkedin_name)),
            ("full_name", Field::Computed(linkedin_name)),
            ("picture", at(LINKEDIN_PICTURE)),
            ("avatar_url", at(LINKEDIN_PICTURE)),
        ],
        custom: Custom::None,
    },
    id_token: None,
};

const LINKEDIN_PICTURE: &[&str] = &["/profilePicture/displayImage~0/elements/0/identifiers/0/identifier"];

/// In the language that the user prefers.
fn linkedin_name(document: &serde_json::Value) -> Option<serde_json::Value> {
    let part = |name: &str| {
        let name = document.get(name)?;
        let preferred = |key| name.get("preferredLocale")?.get(key)?.as_str();
        let locale = format!("{}_{}", preferred("language")?, preferred("country")?);
        name.get("localized")?.get(locale)?.as_str()
    };
    let parts: Vec<&str> = ["firstName", "lastName"].into_iter().filter_map(part).collect();
    Some(parts.join(" ").trim().into())
}

/// A marketplace's integration gets an id token only.
pub(super) const VERCEL_MARKETPLACE: Description = Description {
    name: "vercel_marketplace",
    hosts: fixed("https://marketplace.vercel.com", "https://marketplace.vercel.com"),
    authorization: "",
    token: "",
    scopes: &[],
    client_authentication: ClientAuthentication::Body,
    pkce: false,
    parameters: NO_PARAMETERS,
    source: Source::IdTokenOnly,
    mapping: VERCEL_TOKEN,
    id_token: Some(IdToken { issuers: Issuers::Fixed(&["https://marketplace.vercel.com"]), mapping: VERCEL_TOKEN }),
};

const VERCEL_TOKEN: Mapping = Mapping {
    issuer: "",
    subject: at(&["/sub"]),
    emails: Emails::One { email: "/user_email", verified: Verified::Always },
    claims: &[
        ("name", at(&["/user_name"])),
        ("full_name", at(&["/user_name"])),
        ("picture", at(&["/user_avatar_url"])),
        ("avatar_url", at(&["/user_avatar_url"])),
    ],
    custom: Custom::Fields(&[
        ("account_id", "/account_id"),
        ("installation_id", "/installation_id"),
        ("user_id", "/user_id"),
        ("user_role", "/user_role"),
    ]),
};
