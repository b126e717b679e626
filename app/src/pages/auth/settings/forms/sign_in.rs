//! Who may come in, and by what.

use super::super::field::{Field, Kind, Section};

/// SMS providers, as the document names them.
const SMS_PROVIDERS: [(&str, &str); 6] = [
    ("", "None: messages are kept in the mailbox"),
    ("messagebird", "MessageBird"),
    ("textlocal", "Textlocal"),
    ("twilio", "Twilio"),
    ("twilio_verify", "Twilio Verify"),
    ("vonage", "Vonage"),
];

pub(super) fn sections() -> Vec<Section> {
    vec![sign_up(), email(), phone(), sms_provider(), wallets(), passkeys()]
}

fn sign_up() -> Section {
    let fields = vec![
        Field::new(
            "disable_signup",
            Kind::Unless,
            "Anybody may sign up",
            "Otherwise only who was invited or made by an administrator comes in.",
        ),
        Field::new(
            "external_anonymous_users_enabled",
            Kind::Flag,
            "Anonymous sign-ins",
            "An account without address or number. Row level security sees is_anonymous in its token.",
        ),
        Field::new(
            "security_manual_linking_enabled",
            Kind::Flag,
            "Users may link further identities",
            "By linkIdentity and unlinkIdentity of the clients.",
        ),
    ];
    Section::new("sign-up", "Sign-up", "", fields)
}

fn email() -> Section {
    let fields = vec![
        Field::new("external_email_enabled", Kind::Flag, "Sign-up and sign-in by e-mail", ""),
        Field::new(
            "mailer_autoconfirm",
            Kind::Unless,
            "New addresses have to be confirmed",
            "By a link or a code that is sent there.",
        ),
        Field::new(
            "mailer_allow_unverified_email_sign_ins",
            Kind::Flag,
            "Sign-in before the address is confirmed",
            "The account then counts as one without an address.",
        ),
        Field::new(
            "mailer_secure_email_change_enabled",
            Kind::Flag,
            "A change of address is confirmed at both addresses",
            "Otherwise at the new one alone.",
        ),
        Field::new("mailer_otp_length", Kind::Number("digits"), "Length of codes", "6 to 10."),
        Field::new("mailer_otp_exp", Kind::Number("seconds"), "Links and codes are valid for", "3600 is an hour."),
    ];
    Section::new("email", "E-mail", "", fields)
}

fn phone() -> Section {
    let fields = vec![
        Field::new("external_phone_enabled", Kind::Flag, "Sign-up and sign-in by phone", ""),
        Field::new("sms_autoconfirm", Kind::Unless, "New numbers have to be confirmed", "By a code that is sent there."),
        Field::new("sms_otp_length", Kind::Number("digits"), "Length of codes", "6 to 10."),
        Field::new("sms_otp_exp", Kind::Number("seconds"), "Codes are valid for", ""),
        Field::new("sms_max_frequency", Kind::Number("seconds"), "Between two messages to one number", "At least so long."),
        Field::new("sms_template", Kind::Area, "Message", "{{ .Code }} stands for the code."),
        Field::new(
            "sms_test_otp",
            Kind::Rows,
            "Numbers with a fixed code",
            "number=code, digits only, such as 15550100=123456. Nothing is sent to them: for tests, and for who reviews an app.",
        ),
        Field::new(
            "sms_test_otp_valid_until",
            Kind::Text,
            "Fixed codes are valid until",
            "Such as 2027-01-31T08:00:00Z. Empty: without an end.",
        ),
    ];
    Section::new("phone", "Phone", "", fields)
}

fn sms_provider() -> Section {
    const PROVIDER: &str = "sms_provider";
    let of = |provider: &'static str, key: &'static str, kind: Kind, label: &'static str, hint: &'static str| {
        Field::new(key, kind, label, hint).only(PROVIDER, provider)
    };
    let fields = vec![
        Field::new(PROVIDER, Kind::Choice(&SMS_PROVIDERS), "Who sends", ""),
        of("messagebird", "sms_messagebird_access_key", Kind::Secret, "Access key", ""),
        of("messagebird", "sms_messagebird_originator", Kind::Text, "Originator", "The number or name that messages come from."),
        of("textlocal", "sms_textlocal_api_key", Kind::Secret, "API key", ""),
        of("textlocal", "sms_textlocal_sender", Kind::Text, "Sender", "The name that messages come from."),
        of("twilio", "sms_twilio_account_sid", Kind::Text, "Account SID", ""),
        of("twilio", "sms_twilio_auth_token", Kind::Secret, "Auth token", ""),
        of(
            "twilio",
            "sms_twilio_message_service_sid",
            Kind::Text,
            "Message service SID",
            "Or the number that messages come from.",
        ),
        of("twilio", "sms_twilio_content_sid", Kind::Text, "Content SID", "Of an approved template, for WhatsApp. May be empty."),
        of("twilio_verify", "sms_twilio_verify_account_sid", Kind::Text, "Account SID", ""),
        of("twilio_verify", "sms_twilio_verify_auth_token", Kind::Secret, "Auth token", ""),
        of("twilio_verify", "sms_twilio_verify_message_service_sid", Kind::Text, "Verify service SID", ""),
        of("vonage", "sms_vonage_api_key", Kind::Text, "API key", ""),
        of("vonage", "sms_vonage_api_secret", Kind::Secret, "API secret", ""),
        of("vonage", "sms_vonage_from", Kind::Text, "From", "The number or name that messages come from."),
    ];
    Section::new("sms", "SMS provider", "", fields)
}

fn wallets() -> Section {
    let fields = vec![
        Field::new("external_web3_ethereum_enabled", Kind::Flag, "Ethereum", "Sign-In with Ethereum (EIP-4361)."),
        Field::new("external_web3_solana_enabled", Kind::Flag, "Solana", "Sign in with Solana."),
    ];
    Section::new(
        "wallets",
        "Wallets (web3)",
        "A user signs a message with a wallet. Add the addresses of your application under URLs.",
        fields,
    )
}

fn passkeys() -> Section {
    let fields = vec![
        Field::new("passkey_enabled", Kind::Flag, "Sign-in by passkey", ""),
        Field::new(
            "webauthn_rp_id",
            Kind::Text,
            "Relying party ID",
            "The domain that passkeys are for, such as example.com. Passkeys of another one are lost.",
        ),
        Field::new("webauthn_rp_display_name", Kind::Text, "Name", "What a user's device shows."),
        Field::new(
            "webauthn_rp_origins",
            Kind::Rows,
            "Origins",
            "Where your application runs, such as https://app.example.com; for Android android:apk-key-hash:….",
        ),
    ];
    Section::new("passkeys", "Passkeys", "Also what second factors of WebAuthn go by.", fields)
}
