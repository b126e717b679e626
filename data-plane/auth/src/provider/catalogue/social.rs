//! Where people meet, play and listen.

use super::*;

pub(super) const DISCORD: Description = Description {
    name: "discord",
    hosts: hosts("https://discord.com", "https://discord.com"),
    authorization: "{base}/api/oauth2/authorize",
    token: "{base}/api/oauth2/token",
    scopes: &["email", "identify"],
    client_authentication: ClientAuthentication::Basic,
    pkce: false,
    parameters: NO_PARAMETERS,
    source: Source::Requests { profile: Fetch::of("{base}/api/users/@me"), more: &[] },
    mapping: Mapping {
        issuer: "{base}/api",
        subject: at(&["/id"]),
        emails: Emails::One { email: "/email", verified: Verified::True(&["/verified"]) },
        claims: &[
            ("name", Field::Computed(discord_name)),
            ("full_name", at(&["/username"])),
            ("picture", Field::Computed(discord_avatar)),
            ("avatar_url", Field::Computed(discord_avatar)),
        ],
        custom: Custom::Fields(&[("global_name", "/global_name")]),
    },
    id_token: None,
};

/// With the number that names had before they were unique, which is 0 since.
fn discord_name(user: &serde_json::Value) -> Option<serde_json::Value> {
    let text = |name| user.get(name)?.as_str();
    Some(format!("{}#{}", text("username")?, text("discriminator").unwrap_or("0")).into())
}

/// Of Discord's CDN: an animated one begins with `a_`; without one there are five to choose from.
fn discord_avatar(user: &serde_json::Value) -> Option<serde_json::Value> {
    let text = |name| user.get(name)?.as_str();
    let Some(hash) = text("avatar").filter(|hash| !hash.is_empty()) else {
        let number: u64 = text("discriminator")?.parse().ok()?;
        return Some(format!("https://cdn.discordapp.com/embed/avatars/{}.png", number % 5).into());
    };
    let kind = if hash.starts_with("a_") { "gif" } else { "png" };
    Some(format!("https://cdn.discordapp.com/avatars/{}/{hash}.{kind}", text("id")?).into())
}

/// Its id tokens are of Limited Login, on iOS.
pub(super) const FACEBOOK: Description = Description {
    name: "facebook",
    hosts: hosts("https://www.facebook.com", "https://graph.facebook.com"),
    authorization: "{base}/dialog/oauth",
    token: "{api}/oauth/access_token",
    scopes: &["email"],
    client_authentication: ClientAuthentication::Body,
    pkce: false,
    parameters: NO_PARAMETERS,
    source: Source::Requests { profile: Fetch { proof: true, ..Fetch::of(FACEBOOK_PROFILE) }, more: &[] },
    mapping: Mapping {
        issuer: FACEBOOK_PROFILE,
        subject: at(&["/id"]),
        emails: Emails::One { email: "/email", verified: Verified::Always },
        claims: &[
            ("name", Field::Joined(FACEBOOK_NAME)),
            ("full_name", Field::Joined(FACEBOOK_NAME)),
            ("nickname", at(&["/name"])),
            ("slug", at(&["/name"])),
            ("picture", at(&["/picture/data/url"])),
            ("avatar_url", at(&["/picture/data/url"])),
        ],
        custom: Custom::None,
    },
    id_token: Some(IdToken {
        issuers: Issuers::Fixed(&["https://www.facebook.com", "https://facebook.com", "https://limited.facebook.com"]),
        mapping: Mapping {
            issuer: "",
            subject: at(&["/sub"]),
            emails: Emails::One { email: "/email", verified: Verified::Always },
            claims: &[
                ("name", at(&["/name"])),
                ("full_name", at(&["/name"])),
                ("picture", at(&["/picture"])),
                ("avatar_url", at(&["/picture"])),
            ],
            custom: Custom::None,
        },
    }),
};

const FACEBOOK_PROFILE: &str = "{api}/me?fields=email,first_name,last_name,name,picture";

const FACEBOOK_NAME: &[&str] = &["/first_name", "/last_name"];

/// Gives no address: sign-in needs that addresses are optional.
pub(super) const SNAPCHAT: Description = Description {
    name: "snapchat",
    hosts: hosts("https://accounts.snapchat.com", "https://kit.snapchat.com"),
    authorization: "{base}/accounts/oauth2/auth",
    token: "{base}/accounts/oauth2/token",
    scopes: &[
        "https://auth.snapchat.com/oauth2/api/user.external_id",
        "https://auth.snapchat.com/oauth2/api/user.display_name",
        "https://auth.snapchat.com/oauth2/api/user.bitmoji.avatar",
    ],
    client_authentication: ClientAuthentication::Basic,
    pkce: false,
    parameters: NO_PARAMETERS,
    source: Source::Requests {
        profile: Fetch { at: "/data/me", ..Fetch::of("{api}/v1/me?query={me{externalId%20displayName%20bitmoji{avatar%20id}}}") },
        more: &[],
    },
    mapping: Mapping {
        issuer: "{api}/v1/me",
        subject: at(&["/externalId"]),
        emails: Emails::None,
        claims: &[
            ("name", at(&["/displayName"])),
            ("full_name", at(&["/displayName"])),
            ("picture", at(&["/bitmoji/avatar"])),
            ("avatar_url", at(&["/bitmoji/avatar"])),
        ],
        custom: Custom::None,
    },
    id_token: None,
};

/// Spotify says that there is no proof that the address is the user's.
pub(super) const SPOTIFY: Description = Description {
    name: "spotify",
    hosts: hosts("https://accounts.spotify.com", "https://api.spotify.com"),
    authorization: "{base}/authorize",
    token: "{base}/api/token",
    scopes: &["user-read-email"],
    client_authentication: ClientAuthentication::Basic,
    pkce: false,
    parameters: NO_PARAMETERS,
    source: Source::Requests { profile: Fetch::of("{api}/v1/me"), more: &[] },
    mapping: Mapping {
        issuer: "{api}/v1",
        subject: at(&["/id"]),
        emails: Emails::One { email: "/email", verified: Verified::Never },
        claims: &[
            ("name", at(&["/display_name"])),
            ("full_name", at(&["/display_name"])),
            ("picture", at(&["/images/0/url"])),
            ("avatar_url", at(&["/images/0/url"])),
        ],
        custom: Custom::None,
    },
    id_token: None,
};

pub(super) const TWITCH: Description = Description {
    name: "twitch",
    hosts: hosts("https://id.twitch.tv", "https://api.twitch.tv"),
    authorization: "{base}/oauth2/authorize",
    token: "{base}/oauth2/token",
    scopes: &["user:read:email"],
    client_authentication: ClientAuthentication::Body,
    pkce: false,
    parameters: NO_PARAMETERS,
    source: Source::Requests {
        profile: Fetch { headers: &[("client-id", "{client_id}")], at: "/data/0", ..Fetch::of("{api}/helix/users") },
        more: &[],
    },
    mapping: Mapping {
        issuer: "{api}",
        subject: at(&["/id"]),
        emails: Emails::One { email: "/email", verified: Verified::Always },
        claims: &[
            ("name", at(&["/login"])),
            ("full_name", at(&["/display_name"])),
            ("nickname", at(&["/display_name"])),
            ("slug", at(&["/display_name"])),
            ("picture", at(&["/profile_image_url"])),
            ("avatar_url", at(&["/profile_image_url"])),
        ],
        custom: Custom::Fields(&[
            ("broadcaster_type", "/broadcaster_type"),
            ("description", "/description"),
            ("type", "/type"),
            ("offline_image_url", "/offline_image_url"),
            ("view_count", "/view_count"),
        ]),
    },
    id_token: None,
};

/// By OAuth 1.0a.
pub(super) const TWITTER: Description = Description {
    name: "twitter",
    hosts: hosts("https://api.twitter.com", "https://api.twitter.com"),
    authorization: "{base}/oauth/authenticate",
    token: "{base}/oauth/access_token",
    scopes: &[],
    client_authentication: ClientAuthentication::Body,
    pkce: false,
    parameters: NO_PARAMETERS,
    source: Source::Oauth1 {
        request_token: "{base}/oauth/request_token",
        profile: "{api}/1.1/account/verify_credentials.json?include_email=true",
    },
    mapping: Mapping {
        issuer: "{api}/1.1/account/verify_credentials.json",
        subject: at(&["/id_str", "/id"]),
        emails: Emails::One { email: "/email", verified: Verified::Always },
        claims: &[
            ("name", at(&["/name"])),
            ("full_name", at(&["/name"])),
            ("preferred_username", at(&["/screen_name"])),
            ("user_name", at(&["/screen_name"])),
            ("picture", at(&["/profile_image_url_https"])),
            ("avatar_url", at(&["/profile_image_url_https"])),
        ],
        custom: Custom::None,
    },
    id_token: None,
};

/// The same by OAuth 2.0: the address is there if X has confirmed it.
pub(super) const X: Description = Description {
    name: "x",
    hosts: hosts("https://x.com", "https://api.x.com"),
    authorization: "{base}/i/oauth2/authorize",
    token: "{api}/2/oauth2/token",
    scopes: &["users.email", "tweet.read", "users.read", "offline.access"],
    client_authentication: ClientAuthentication::Basic,
    pkce: true,
    parameters: NO_PARAMETERS,
    source: Source::Requests {
        profile: Fetch {
            at: "/data",
            ..Fetch::of("{api}/2/users/me?user.fields=confirmed_email,id,name,profile_image_url,username")
        },
        more: &[],
    },
    mapping: Mapping {
        issuer: "{api}",
        subject: at(&["/id"]),
        emails: Emails::One { email: "/confirmed_email", verified: Verified::Always },
        claims: &[
            ("name", at(&["/name"])),
            ("full_name", at(&["/name"])),
            ("preferred_username", at(&["/username"])),
            ("user_name", at(&["/username"])),
            ("picture", at(&["/profile_image_url"])),
            ("avatar_url", at(&["/profile_image_url"])),
        ],
        custom: Custom::None,
    },
    id_token: None,
};
