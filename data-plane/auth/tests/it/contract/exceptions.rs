//! What of the document is not reached, and why; and what upstream's service says besides.

const SAML: &str = "single sign-on by SAML is not there, see the README";
const WRONG: &str = "nothing there answers so, upstream's service neither";
const FAILURE: &str = "the service would have to fail";

/// Each with its reason.
const UNREACHED: &[(&str, &[&str])] = &[
    (
        SAML,
        &[
            "GET /saml/metadata",
            "GET /saml/metadata 200",
            "GET /saml/metadata ?download",
            "POST /saml/acs",
            "POST /saml/acs 302",
            "POST /saml/acs 400",
            "POST /saml/acs 429",
            "POST /saml/acs ?RelayState",
            "POST /saml/acs ?SAMLArt",
            "POST /saml/acs ?SAMLResponse",
            "POST /sso 200",
            "POST /sso 303",
            "POST /sso 400",
            "GET /admin/sso/providers",
            "GET /admin/sso/providers 200",
            "POST /admin/sso/providers 200",
            "POST /admin/sso/providers 400",
            "POST /admin/sso/providers .attribute_mapping",
            "POST /admin/sso/providers .domains",
            "POST /admin/sso/providers .metadata_url",
            "POST /admin/sso/providers .metadata_xml",
            "POST /admin/sso/providers .type",
            "GET /admin/sso/providers/{ssoProviderId} 200",
            "PUT /admin/sso/providers/{ssoProviderId} 200",
            "PUT /admin/sso/providers/{ssoProviderId} 400",
            "PUT /admin/sso/providers/{ssoProviderId} .attribute_mapping",
            "PUT /admin/sso/providers/{ssoProviderId} .domains",
            "PUT /admin/sso/providers/{ssoProviderId} .metadata_url",
            "PUT /admin/sso/providers/{ssoProviderId} .metadata_xml",
            "DELETE /admin/sso/providers/{ssoProviderId} 200",
        ],
    ),
    ("only an administrator's own token may, `admin::app_metadata_is_for_administrators`", &["PUT /user .app_metadata"]),
    (FAILURE, &["POST /token 500", "GET /health 500", "GET /health 502", "GET /health 503", "GET /health 504"]),
    (
        WRONG,
        &[
            "POST /token 401",
            "POST /token 403",
            "POST /recover 422",
            "POST /resend 422",
            "POST /magiclink 422",
            "POST /reauthenticate 400",
            "DELETE /factors/{factorId} 400",
        ],
    ),
];

/// Members of what administrators read, which the document has in its request as well.
const READ_ONLY: &[&str] = &[
    "aud",
    "banned_until",
    "confirmation_sent_at",
    "confirmed_at",
    "created_at",
    "deleted_at",
    "email_change_sent_at",
    "email_confirmed_at",
    "factors",
    "id",
    "identities",
    "is_anonymous",
    "last_sign_in_at",
    "new_email",
    "new_phone",
    "phone_change_sent_at",
    "phone_confirmed_at",
    "reauthentication_sent_at",
    "recovery_sent_at",
    "updated_at",
];

pub(super) fn all() -> impl Iterator<Item = String> {
    let unreached = UNREACHED.iter().flat_map(|(_, names)| names.iter().map(|name| (*name).to_owned()));
    unreached.chain(READ_ONLY.iter().map(|member| format!("PUT /admin/users/{{userId}} .{member}")))
}

/// Members of answers that the document lacks and upstream's service sends, as its clients' types have them; and the one that RFC
/// 7591 demands of a client's secret.
pub(super) fn is_upstreams(member: &str) -> bool {
    let last = member.rsplit('/').next().unwrap_or_default();
    ["client_secret_expires_at", "error_code", "error_id", "friendly_name", "invited_at", "passkeys_enabled"].contains(&last)
}
