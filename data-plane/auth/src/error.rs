//! What a client is told when something can't be done: status, code and message, in the form of the API version that it asked
//! for. Codes and messages are GoTrue's, because clients look at them.

use std::{borrow::Cow, fmt};

use axum::{
    Json,
    extract::Request,
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{RETRY_AFTER, WWW_AUTHENTICATE},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// Names the form of errors (and of answers in times to come).
pub const API_VERSION: HeaderName = HeaderName::from_static("x-supabase-api-version");

const ERROR_CODE: HeaderName = HeaderName::from_static("x-sb-error-code");

/// From this version on, `code` is the error's code and no longer the status.
const VERSION_WITH_CODES: &str = "2024-01-01";

macro_rules! error_codes {
    ($($variant:ident = $name:literal),* $(,)?) => {
        /// The codes of GoTrue.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "their names say it, and GoTrue's documentation")]
        pub enum ErrorCode { $($variant),* }

        impl ErrorCode {
            /// As clients see it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

error_codes! {
    AnonymousProviderDisabled = "anonymous_provider_disabled",
    BadCodeVerifier = "bad_code_verifier",
    BadJson = "bad_json",
    BadJwt = "bad_jwt",
    BadOauthCallback = "bad_oauth_callback",
    BadOauthState = "bad_oauth_state",
    CaptchaFailed = "captcha_failed",
    Conflict = "conflict",
    CurrentPasswordInvalid = "current_password_invalid",
    CurrentPasswordRequired = "current_password_required",
    CustomProviderNotFound = "custom_provider_not_found",
    EmailAddressInvalid = "email_address_invalid",
    EmailAddressNotAuthorized = "email_address_not_authorized",
    EmailConflictIdentityNotDeletable = "email_conflict_identity_not_deletable",
    EmailExists = "email_exists",
    EmailNotConfirmed = "email_not_confirmed",
    EmailProviderDisabled = "email_provider_disabled",
    FeatureDisabled = "feature_disabled",
    FlowStateExpired = "flow_state_expired",
    FlowStateNotFound = "flow_state_not_found",
    HookPayloadInvalidContentType = "hook_payload_invalid_content_type",
    HookPayloadOverSizeLimit = "hook_payload_over_size_limit",
    HookTimeout = "hook_timeout",
    HookTimeoutAfterRetry = "hook_timeout_after_retry",
    IdentityAlreadyExists = "identity_already_exists",
    IdentityNotFound = "identity_not_found",
    InsufficientAal = "insufficient_aal",
    InvalidCredentials = "invalid_credentials",
    InviteNotFound = "invite_not_found",
    ManualLinkingDisabled = "manual_linking_disabled",
    MfaChallengeExpired = "mfa_challenge_expired",
    MfaFactorNameConflict = "mfa_factor_name_conflict",
    MfaFactorNotFound = "mfa_factor_not_found",
    MfaIpAddressMismatch = "mfa_ip_address_mismatch",
    MfaPhoneEnrollNotEnabled = "mfa_phone_enroll_not_enabled",
    MfaPhoneVerifyNotEnabled = "mfa_phone_verify_not_enabled",
    MfaTotpEnrollNotEnabled = "mfa_totp_enroll_not_enabled",
    MfaTotpVerifyNotEnabled = "mfa_totp_verify_not_enabled",
    MfaVerificationFailed = "mfa_verification_failed",
    MfaVerificationRejected = "mfa_verification_rejected",
    MfaVerifiedFactorExists = "mfa_verified_factor_exists",
    MfaWebAuthnEnrollNotEnabled = "mfa_webauthn_enroll_not_enabled",
    MfaWebAuthnVerifyNotEnabled = "mfa_webauthn_verify_not_enabled",
    NoAuthorization = "no_authorization",
    NotAdmin = "not_admin",
    OauthAuthorizationNotFound = "oauth_authorization_not_found",
    OauthClientNotFound = "oauth_client_not_found",
    OauthClientStateExpired = "oauth_client_state_expired",
    OauthClientStateNotFound = "oauth_client_state_not_found",
    OauthConsentNotFound = "oauth_consent_not_found",
    OauthDynamicClientRegistrationDisabled = "oauth_dynamic_client_registration_disabled",
    OauthInvalidState = "oauth_invalid_state",
    OauthProviderNotSupported = "oauth_provider_not_supported",
    OtpDisabled = "otp_disabled",
    OtpExpired = "otp_expired",
    OverCustomProviderQuota = "over_custom_provider_quota",
    OverEmailSendRateLimit = "over_email_send_rate_limit",
    OverRequestRateLimit = "over_request_rate_limit",
    OverSmsSendRateLimit = "over_sms_send_rate_limit",
    PasskeyDisabled = "passkey_disabled",
    PhoneExists = "phone_exists",
    PhoneNotConfirmed = "phone_not_confirmed",
    PhoneProviderDisabled = "phone_provider_disabled",
    ProviderDisabled = "provider_disabled",
    ProviderEmailNeedsVerification = "provider_email_needs_verification",
    ReauthenticationNeeded = "reauthentication_needed",
    ReauthenticationNotValid = "reauthentication_not_valid",
    RefreshTokenAlreadyUsed = "refresh_token_already_used",
    RefreshTokenNotFound = "refresh_token_not_found",
    RequestTimeout = "request_timeout",
    SamlAssertionNoEmail = "saml_assertion_no_email",
    SamlAssertionNoUserId = "saml_assertion_no_user_id",
    SamlEntityIdMismatch = "saml_entity_id_mismatch",
    SamlIdpAlreadyExists = "saml_idp_already_exists",
    SamlIdpNotFound = "saml_idp_not_found",
    SamlMetadataFetchFailed = "saml_metadata_fetch_failed",
    SamlProviderDisabled = "saml_provider_disabled",
    SamlRelayStateExpired = "saml_relay_state_expired",
    SamlRelayStateNotFound = "saml_relay_state_not_found",
    SamePassword = "same_password",
    SessionExpired = "session_expired",
    SessionNotFound = "session_not_found",
    SignupDisabled = "signup_disabled",
    SingleIdentityNotDeletable = "single_identity_not_deletable",
    SmsSendFailed = "sms_send_failed",
    SsoDomainAlreadyExists = "sso_domain_already_exists",
    SsoProviderNotFound = "sso_provider_not_found",
    TooManyEnrolledMfaFactors = "too_many_enrolled_mfa_factors",
    TooManyPasskeys = "too_many_passkeys",
    UnexpectedAudience = "unexpected_audience",
    UnexpectedFailure = "unexpected_failure",
    Unknown = "unknown",
    UserAlreadyExists = "user_already_exists",
    UserBanned = "user_banned",
    UserNotFound = "user_not_found",
    UserSsoManaged = "user_sso_managed",
    ValidationFailed = "validation_failed",
    WeakPassword = "weak_password",
    Web3ProviderDisabled = "web3_provider_disabled",
    Web3UnsupportedChain = "web3_unsupported_chain",
    WebauthnChallengeExpired = "webauthn_challenge_expired",
    WebauthnChallengeNotFound = "webauthn_challenge_not_found",
    WebauthnCredentialExists = "webauthn_credential_exists",
    WebauthnCredentialNotFound = "webauthn_credential_not_found",
    WebauthnVerificationFailed = "webauthn_verification_failed",
}

/// Why a request was refused or failed, as its client is told. `Debug` and the log have the cause besides.
#[derive(Debug, Clone)]
pub struct AuthError(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    status: StatusCode,
    shape: Shape,
    message: Cow<'static, str>,
    /// Members beside code and message.
    details: Option<(&'static str, Value)>,
    retry_after: Option<u64>,
    /// For the log only.
    cause: Option<String>,
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    Coded(ErrorCode),
    /// RFC 6749, section 5.2.
    OAuth(&'static str),
}

impl AuthError {
    /// With any status.
    pub fn new(status: StatusCode, code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        let shape = Shape::Coded(code);
        Self(Box::new(Inner { status, shape, message: message.into(), details: None, retry_after: None, cause: None }))
    }

    /// 400
    pub fn bad_request(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 400 `validation_failed`
    pub fn validation(message: impl Into<Cow<'static, str>>) -> Self {
        Self::bad_request(ErrorCode::ValidationFailed, message)
    }

    /// 401
    pub fn unauthorized(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, message)
    }

    /// 403
    pub fn forbidden(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    /// 404
    pub fn not_found(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// 422
    pub fn unprocessable(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    /// 429
    pub fn too_many(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, message)
    }

    /// 500; the cause goes into the log, not to the client.
    pub fn internal(message: impl Into<Cow<'static, str>>, cause: impl fmt::Display) -> Self {
        let mut error = Self::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::UnexpectedFailure, message);
        error.0.cause = Some(cause.to_string());
        error
    }

    /// 503 with `Retry-After`, in seconds: too much at once.
    #[must_use]
    pub fn busy(retry_after: u64) -> Self {
        let message = "The service is busy; try again in a moment";
        let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::UnexpectedFailure, message);
        error.0.retry_after = Some(retry_after);
        error
    }

    /// 400 in the form of RFC 6749.
    pub fn oauth(error: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        let mut made = Self::bad_request(ErrorCode::ValidationFailed, description);
        made.0.shape = Shape::OAuth(error);
        made
    }

    /// 422 `weak_password` with its reasons.
    #[must_use]
    pub fn weak_password(message: String, reasons: &[&str]) -> Self {
        let mut error = Self::unprocessable(ErrorCode::WeakPassword, message);
        error.0.details = Some(("weak_password", json!({ "reasons": reasons })));
        error
    }

    /// With another status.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// Tells after how many seconds to try again.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// The code, where the error has one.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self.0.shape {
            Shape::Coded(code) => Some(code),
            Shape::OAuth(_) => None,
        }
    }

    /// At an endpoint of RFC 6749: what was wrong with a code or a token is `invalid_grant` there.
    pub(crate) fn for_token_endpoint(mut self) -> Self {
        let is_refusal = self.0.status.is_client_error() && self.0.status != StatusCode::TOO_MANY_REQUESTS;
        if is_refusal && matches!(self.0.shape, Shape::Coded(_)) {
            self.0.shape = Shape::OAuth("invalid_grant");
            self.0.status = StatusCode::BAD_REQUEST;
        }
        self
    }

    /// The answer's status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// For the client's user.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    fn body(&self, with_codes: bool, error_id: Option<&str>) -> Value {
        let Inner { status, shape, message, details, .. } = &*self.0;
        let mut body = match shape {
            Shape::OAuth(error) => json!({ "error": error, "error_description": message }),
            Shape::Coded(code) if with_codes => json!({ "code": code.as_str(), "message": message }),
            Shape::Coded(code) => json!({ "code": status.as_u16(), "error_code": code.as_str(), "msg": message }),
        };
        if let Some((name, value)) = details {
            body[*name] = value.clone();
        }
        if let Some(id) = error_id {
            body["error_id"] = json!(id);
        }
        body
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for AuthError {}

/// The answer has no body yet: [`show_errors`] knows in which form the client wants it.
impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What a request is called by whoever stands before the service; errors of ours are called the same.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// Writes errors in the form of the API version that the request names.
pub(crate) async fn show_errors(request: Request, next: Next) -> Response {
    let version = request.headers().get(API_VERSION).cloned();
    // Dates: their order is the order of their text.
    let with_codes = version.as_ref().and_then(|version| version.to_str().ok()).is_some_and(|version| {
        version.len() == VERSION_WITH_CODES.len() && version.starts_with("20") && version >= VERSION_WITH_CODES
    });
    let path = request.uri().path().to_owned();
    let id = request.extensions().get::<RequestId>().cloned();
    let mut response = next.run(request).await;
    if let Some(error) = response.extensions_mut().remove::<AuthError>() {
        let error_id = error.0.status.is_server_error().then(|| id.map_or_else(|| Uuid::new_v4().to_string(), |id| id.0));
        if let Some(error_id) = &error_id {
            let cause = error.0.cause.as_deref().unwrap_or_default();
            tracing::error!(%error_id, path, cause, "{}", error.0.message);
        }
        response = (error.0.status, Json(error.body(with_codes, error_id.as_deref()))).into_response();
        let headers = response.headers_mut();
        if let Some(code) = error.code() {
            headers.insert(ERROR_CODE, HeaderValue::from_static(code.as_str()));
        }
        // RFC 6749, section 5.2: a client that could not show who it is.
        if matches!(error.0.shape, Shape::OAuth(_)) && error.0.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"oauth\""));
        }
        if let Some(seconds) = error.0.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
    }
    if with_codes {
        response.headers_mut().insert(API_VERSION, HeaderValue::from_static(VERSION_WITH_CODES));
    }
    response
}
