//! Whether a request comes from a human, where the project wants to know.

use std::net::{IpAddr, Ipv4Addr};

use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    outgoing::captcha::{self, CaptchaError, CaptchaProvider, CaptchaSettings},
    settings,
};

/// Asks the provider about the token that a request has.
pub(crate) async fn check(caller: &Caller, wanted: &settings::Captcha, token: &str) -> Result<(), AuthError> {
    let settings = CaptchaSettings {
        provider: match wanted.provider {
            settings::CaptchaProvider::HCaptcha => CaptchaProvider::Hcaptcha,
            settings::CaptchaProvider::Turnstile => CaptchaProvider::Turnstile,
        },
        secret: wanted.secret.clone(),
        verify_url: None,
    };
    let address = Some(caller.ip).filter(|ip| *ip != IpAddr::V4(Ipv4Addr::UNSPECIFIED)).map(|ip| ip.to_string());
    let asked = captcha::verify(caller.context.http(), &settings, token, address.as_deref());
    match tokio::time::timeout(wanted.timeout, asked).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error @ (CaptchaError::Missing | CaptchaError::Disallowed(_)))) => {
            Err(AuthError::bad_request(ErrorCode::CaptchaFailed, error.to_string()))
        }
        Ok(Err(error @ CaptchaError::Failed(_))) => Err(AuthError::internal(error.to_string(), format!("{error:?}"))),
        Err(elapsed) => Err(AuthError::internal("captcha verification process failed", elapsed)),
    }
}
