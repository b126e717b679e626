//! How long one stays, and how well one has to prove who one is.

use super::super::field::{Field, Kind, Section};

/// As the Management API names them.
const PASSWORD_CHARACTERS: [(&str, &str); 4] = [
    ("", "Nothing in particular"),
    ("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:0123456789", "Letters and digits"),
    ("abcdefghijklmnopqrstuvwxyz:ABCDEFGHIJKLMNOPQRSTUVWXYZ:0123456789", "Lowercase and uppercase letters, digits"),
    (
        r#"abcdefghijklmnopqrstuvwxyz:ABCDEFGHIJKLMNOPQRSTUVWXYZ:0123456789:!@#$%^&*()_+-=[]{};'\\:"|<>?,./`~"#,
        "Lowercase and uppercase letters, digits, symbols",
    ),
];

const CAPTCHAS: [(&str, &str); 3] =
    [("", "hCaptcha, unless said"), ("hcaptcha", "hCaptcha"), ("turnstile", "Turnstile by Cloudflare")];

pub(super) fn sections() -> Vec<Section> {
    vec![sessions(), passwords(), factors(), captcha()]
}

fn sessions() -> Section {
    let fields = vec![
        Field::new(
            "jwt_exp",
            Kind::Number("seconds"),
            "Access tokens are valid for",
            "Up to 604800, a week. A change holds for tokens made from now on.",
        ),
        Field::new("sessions_timebox", Kind::Hours, "A session ends after", "Counted from sign-in; 0: never."),
        Field::new(
            "sessions_inactivity_timeout",
            Kind::Hours,
            "A session that is not used ends after",
            "Counted from its last refresh; 0: never.",
        ),
        Field::new("sessions_single_per_user", Kind::Flag, "One session for each user", "A new sign-in ends the one before."),
        Field::new(
            "sessions_tags",
            Kind::Rows,
            "Tags of sessions",
            "With one session for each user, it is one of each tag: web and mobile, for one.",
        ),
        Field::new(
            "refresh_token_rotation_enabled",
            Kind::Flag,
            "Refresh tokens are good for one use",
            "One that is used again ends its session: somebody may have stolen it.",
        ),
        Field::new(
            "security_refresh_token_reuse_interval",
            Kind::Number("seconds"),
            "Time in which a used refresh token still counts",
            "For tabs and retries at the same moment. 10 is usual.",
        ),
    ];
    Section::new("sessions", "Sessions", "", fields)
}

fn passwords() -> Section {
    let fields = vec![
        Field::new("password_min_length", Kind::Number("characters"), "Shortest password", "At least 6; 8 or more is better."),
        Field::new("password_required_characters", Kind::Choice(&PASSWORD_CHARACTERS), "A password has to hold", ""),
        Field::new(
            "password_hibp_enabled",
            Kind::Flag,
            "Refuse passwords that have leaked",
            "Asks haveibeenpwned.com with the first five digits of a hash; needs the internet.",
        ),
        Field::new(
            "security_update_password_require_reauthentication",
            Kind::Flag,
            "A change needs a code",
            "Sent to the user, if the session is older than a day.",
        ),
        Field::new("security_update_password_require_current_password", Kind::Flag, "A change needs the current password", ""),
    ];
    Section::new("passwords", "Passwords", "", fields)
}

fn factors() -> Section {
    let enroll = |key: &'static str, label: &'static str| Field::new(key, Kind::Flag, label, "");
    let fields = vec![
        enroll("mfa_totp_enroll_enabled", "Authenticator app (TOTP): users may add one"),
        enroll("mfa_totp_verify_enabled", "Authenticator app (TOTP): it can be shown at sign-in"),
        enroll("mfa_phone_enroll_enabled", "Phone: users may add one"),
        enroll("mfa_phone_verify_enabled", "Phone: it can be shown at sign-in"),
        enroll("mfa_web_authn_enroll_enabled", "Security key (WebAuthn): users may add one"),
        enroll("mfa_web_authn_verify_enabled", "Security key (WebAuthn): it can be shown at sign-in"),
        Field::new("mfa_max_enrolled_factors", Kind::Number("factors"), "A user has at most", ""),
        Field::new("mfa_phone_otp_length", Kind::Number("digits"), "Length of codes by phone", "6 to 10."),
        Field::new("mfa_phone_max_frequency", Kind::Number("seconds"), "Between two messages to one phone", "At least so long."),
        Field::new("mfa_phone_template", Kind::Area, "Message to phones", "{{ .Code }} stands for the code."),
    ];
    Section::new("factors", "Second factors (MFA)", "", fields)
}

fn captcha() -> Section {
    let fields = vec![
        Field::new(
            "security_captcha_enabled",
            Kind::Flag,
            "Ask for a captcha at sign-up, sign-in and recovery",
            "Clients send its token as captchaToken.",
        ),
        Field::new("security_captcha_provider", Kind::Choice(&CAPTCHAS), "Whose", ""),
        Field::new("security_captcha_secret", Kind::Secret, "Secret", "Of the captcha's provider."),
    ];
    Section::new("captcha", "Captcha", "", fields)
}
