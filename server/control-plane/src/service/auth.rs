//! A project's users and mailbox: asked of its own Auth, as its service role.

use control_plane_api::ProjectRef;
use serde_json::Value;

use super::ProjectService;
use crate::{
    caller::Caller,
    error::Error,
    in_force,
    routes::{ServiceAnswer, ServiceCall},
};

/// Where a project's Auth is.
const PREFIX: &str = "/auth/v1";

impl ProjectService {
    /// Asks a project's Auth as who may do everything there. `path` is GoTrue's own, with its query: `/admin/users?page=2`.
    pub async fn ask_auth(
        &self,
        _caller: &Caller,
        project_ref: &ProjectRef,
        method: &'static str,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, Error> {
        let in_force = in_force::read(&self.installation, project_ref).await?;
        let token = in_force.keys.service_role(&in_force.secrets).clone();
        let call = ServiceCall { method, path: format!("{PREFIX}{path}"), body, token };
        match self.routes.call(project_ref, call).await {
            Some(ServiceAnswer { status: 200..=299, body }) => Ok(body),
            Some(ServiceAnswer { status: status @ 400..=499, body }) => {
                Err(Error::ServiceRefused { status, message: message(&body), field: field(&body) })
            }
            Some(_) | None => Err(Error::ServiceAway("Auth")),
        }
    }
}

/// What GoTrue says, in either form of its errors.
fn message(body: &Value) -> String {
    let said = ["msg", "message", "error_description"].into_iter().find_map(|name| body[name].as_str());
    said.unwrap_or("The project's Auth refused this.").to_owned()
}

/// What GoTrue's code or, where that is a general one, its message is about.
fn field(body: &Value) -> Option<&'static str> {
    let code = body["error_code"].as_str().unwrap_or_default();
    let said = if code == "validation_failed" { message(body).to_lowercase() } else { code.to_owned() };
    ["password", "email", "phone"].into_iter().find(|field| said.contains(field))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_belongs_to_the_field_it_is_about() {
        let of = |code: &str, said: &str| field(&json!({ "code": 422, "error_code": code, "msg": said }));
        assert_eq!(of("email_exists", "A user with this email address has already been registered"), Some("email"));
        assert_eq!(of("phone_exists", "Phone number already registered by another user"), Some("phone"));
        assert_eq!(of("weak_password", "Password should be at least 6 characters."), Some("password"));
        assert_eq!(of("validation_failed", "Unable to validate email address: invalid format"), Some("email"));
        assert_eq!(of("validation_failed", "Invalid phone number format (E.164 required)"), Some("phone"));
        assert_eq!(of("user_not_found", "User with this email not found"), None);
        assert_eq!(field(&Value::Null), None);
    }
}
