//! Second factors.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::time::Duration;

use auth::{
    mfa::TotpKey,
    settings::{MailKind, MfaFactor, Rate, Settings},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{
    authenticator::Authenticator,
    support::{Answer, Project, project, text},
};

/// Both switched on.
const ON: MfaFactor = MfaFactor { enroll_enabled: true, verify_enabled: true };

async fn with_factors(change: impl FnOnce(&mut Settings)) -> Project {
    project(|settings| {
        settings.mailer.autoconfirm = true;
        settings.mfa.phone.factor = ON;
        settings.mfa.phone.max_frequency = Duration::ZERO;
        settings.mfa.web_authn = ON;
        settings.mfa.challenge_and_verify = Rate { events: 1000, over: Duration::from_secs(60) };
        change(settings);
    })
    .await
}

fn token(session: &Value) -> String {
    text(session, "/access_token")
}

/// What an access token says.
pub(crate) fn claims(session: &Value) -> Value {
    let token = token(session);
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// The code of a time step: of now, or so many later.
pub(crate) fn code(secret: &str, later: u64) -> String {
    let now = OffsetDateTime::now_utc().unix_timestamp().unsigned_abs();
    TotpKey::from_base32(secret).unwrap().code(now + 30 * later)
}

async fn enroll(project: &Project, session: &Value, body: Value) -> Answer {
    project.ask("POST", "/factors", &token(session), body).await
}

async fn challenge(project: &Project, session: &Value, factor: &str) -> Answer {
    project.ask("POST", &format!("/factors/{factor}/challenge"), &token(session), json!({})).await
}

async fn answer(project: &Project, session: &Value, factor: &str, challenge: &str, code: &str) -> Answer {
    let body = json!({ "challenge_id": challenge, "code": code });
    project.ask("POST", &format!("/factors/{factor}/verify"), &token(session), body).await
}

/// Challenges and answers with a code.
async fn verify(project: &Project, session: &Value, factor: &str, code: &str) -> Answer {
    let challenge = text(&challenge(project, session, factor).await.ok(), "/id");
    answer(project, session, factor, &challenge, code).await
}

async fn sign_in(project: &Project, email: &str) -> Value {
    let body = json!({ "email": email, "password": "correct horse" });
    project.post("/token?grant_type=password", body).await.ok()
}

/// A factor's id and secret, enrolled and not used yet.
async fn totp(project: &Project, session: &Value, name: &str) -> (String, String) {
    let factor = enroll(project, session, json!({ "factor_type": "totp", "friendly_name": name })).await.ok();
    (text(&factor, "/id"), text(&factor, "/totp/secret"))
}

/// Somebody with a verified factor: the session that verified it, the factor's id and its secret.
async fn with_totp(project: &Project, email: &str) -> (Value, String, String) {
    let session = project.signed_up(email).await;
    let (id, secret) = totp(project, &session, "phone").await;
    let raised = verify(project, &session, &id, &code(&secret, 0)).await.ok();
    (raised, id, secret)
}

#[tokio::test]
async fn a_factor_is_enrolled_and_raises_the_session() {
    let project = with_factors(|_| ()).await;
    let session = project.signed_up("ann@example.com").await;
    let other = sign_in(&project, "ann@example.com").await;
    assert_eq!(claims(&session)["aal"], "aal1");

    let factor =
        enroll(&project, &session, json!({ "factor_type": "totp", "friendly_name": "phone", "issuer": "App" })).await.ok();
    assert_eq!((factor["type"].as_str(), factor["friendly_name"].as_str()), (Some("totp"), Some("phone")));
    assert!(text(&factor, "/totp/qr_code").contains("<svg"));
    let (id, secret) = (text(&factor, "/id"), text(&factor, "/totp/secret"));
    let uri = text(&factor, "/totp/uri");
    assert!(uri.starts_with("otpauth://totp/App:ann@example.com?") && uri.contains(&secret), "{uri}");
    let (unused, _) = totp(&project, &session, "unused").await;

    let challenged = challenge(&project, &session, &id).await.ok();
    assert_eq!(challenged["type"], "totp");
    let seconds = challenged["expires_at"].as_i64().unwrap() - OffsetDateTime::now_utc().unix_timestamp();
    assert!((290..=300).contains(&seconds), "{seconds}");
    let raised = answer(&project, &session, &id, &text(&challenged, "/id"), &code(&secret, 0)).await;
    assert_eq!(raised.headers["cache-control"], "no-store");
    let raised = raised.ok();
    assert_eq!(claims(&raised)["aal"], "aal2");
    assert_eq!(claims(&raised)["session_id"], claims(&session)["session_id"]);
    assert_eq!(claims(&raised)["amr"][0]["method"], "totp");
    assert_eq!(claims(&raised)["amr"][1]["method"], "password");
    assert_ne!(raised["refresh_token"], session["refresh_token"]);
    assert_eq!(raised["user"]["factors"][0]["status"], "verified");
    assert_eq!(raised["user"]["factors"].as_array().unwrap().len(), 1, "{unused} was never used");
    // A refresh stays there; another session is out, and a new one begins below.
    let refreshed = project.post("/token?grant_type=refresh_token", json!({ "refresh_token": raised["refresh_token"] })).await;
    assert_eq!(claims(&refreshed.ok())["aal"], "aal2");
    assert_eq!(project.get("/user", &token(&other)).await.error(), (403, "session_not_found".to_owned()));
    assert_eq!(claims(&sign_in(&project, "ann@example.com").await)["aal"], "aal1");
}

#[tokio::test]
async fn what_is_no_factor_is_refused() {
    let project = with_factors(|_| ()).await;
    let session = project.signed_up("ann@example.com").await;
    let refused = async |body: Value| enroll(&project, &session, body).await.error();
    let invalid = (400, "validation_failed".to_owned());
    assert_eq!(refused(json!({ "factor_type": "pigeon" })).await, invalid);
    assert_eq!(refused(json!({})).await, invalid);
    assert_eq!(refused(json!({ "factor_type": "phone" })).await, invalid);
    assert_eq!(refused(json!({ "factor_type": "phone", "phone": "12ab" })).await, invalid);
    assert_eq!(refused(json!({ "factor_type": "totp", "issuer": "a".repeat(5000) })).await, invalid);
    assert_eq!(project.post("/factors", json!({ "factor_type": "totp" })).await.error().0, 401);
    let not_found = (404, "validation_failed".to_owned());
    assert_eq!(challenge(&project, &session, "me").await.error(), not_found);
    let nobodys = "3f1c2d4e-0000-4000-8000-000000000001";
    assert_eq!(challenge(&project, &session, nobodys).await.error(), (404, "mfa_factor_not_found".to_owned()));
    assert_eq!(project.count("select count(*) from auth.mfa_factors").await, 0);
}

#[tokio::test]
async fn what_is_switched_off_is_not_there() {
    let project = with_factors(|settings| {
        settings.mfa.totp.verify_enabled = false;
        settings.mfa.phone.factor.enroll_enabled = false;
        settings.mfa.web_authn.enroll_enabled = false;
    })
    .await;
    let session = project.signed_up("ann@example.com").await;
    let phone = enroll(&project, &session, json!({ "factor_type": "phone", "phone": "+15550100" })).await;
    assert_eq!(phone.error(), (422, "mfa_phone_enroll_not_enabled".to_owned()));
    let web = enroll(&project, &session, json!({ "factor_type": "webauthn" })).await;
    assert_eq!(web.error(), (422, "mfa_webauthn_enroll_not_enabled".to_owned()));
    let (id, _) = totp(&project, &session, "phone").await;
    assert_eq!(challenge(&project, &session, &id).await.error(), (422, "mfa_totp_verify_not_enabled".to_owned()));
    let verified = answer(&project, &session, &id, "3f1c2d4e-0000-4000-8000-000000000001", "123456").await;
    assert_eq!(verified.error(), (422, "mfa_totp_verify_not_enabled".to_owned()));
}

#[tokio::test]
async fn a_code_is_taken_once_and_a_challenge_too() {
    let project = with_factors(|_| ()).await;
    let session = project.signed_up("ann@example.com").await;
    let (id, secret) = totp(&project, &session, "phone").await;
    let wrong = verify(&project, &session, &id, "000000x").await;
    assert_eq!(wrong.error(), (422, "mfa_verification_failed".to_owned()));
    let none = verify(&project, &session, &id, "").await;
    assert_eq!(none.error(), (400, "validation_failed".to_owned()));
    let first = text(&challenge(&project, &session, &id).await.ok(), "/id");
    let used = code(&secret, 0);
    let raised = answer(&project, &session, &id, &first, &used).await.ok();
    let again = verify(&project, &raised, &id, &used).await;
    assert_eq!(again.error(), (422, "mfa_verification_failed".to_owned()));
    // A challenge that was met is over, even for a code that would be good.
    let next = code(&secret, 1);
    let met = answer(&project, &raised, &id, &first, &next).await;
    assert_eq!(met.error(), (422, "mfa_ip_address_mismatch".to_owned()));
    verify(&project, &raised, &id, &next).await.ok();
}

#[tokio::test]
async fn two_at_once_do_not_share_a_code() {
    let project = with_factors(|_| ()).await;
    let (_, id, secret) = with_totp(&project, "ann@example.com").await;
    let (one, two) = (sign_in(&project, "ann@example.com").await, sign_in(&project, "ann@example.com").await);
    let first = text(&challenge(&project, &one, &id).await.ok(), "/id");
    let second = text(&challenge(&project, &two, &id).await.ok(), "/id");
    let code = code(&secret, 1);
    let both = tokio::join!(answer(&project, &one, &id, &first, &code), answer(&project, &two, &id, &second, &code));
    let mut statuses = [both.0.status.as_u16(), both.1.status.as_u16()];
    statuses.sort_unstable();
    // The other comes too late with its code, or its session has ended already.
    assert!(statuses[0] == 200 && (statuses[1] == 422 || statuses[1] == 403), "{statuses:?}");
}

#[tokio::test]
async fn a_challenge_is_of_one_factor_one_address_and_a_short_time() {
    let project = with_factors(|_| ()).await;
    let session = project.signed_up("ann@example.com").await;
    let (one, secret) = totp(&project, &session, "one").await;
    let (two, _) = totp(&project, &session, "two").await;
    let not_found = (422, "mfa_factor_not_found".to_owned());
    let of_two = text(&challenge(&project, &session, &two).await.ok(), "/id");
    assert_eq!(answer(&project, &session, &one, &of_two, &code(&secret, 0)).await.error(), not_found);
    assert_eq!(answer(&project, &session, &one, "x", &code(&secret, 0)).await.status, 400);

    let id = text(&challenge(&project, &session, &one).await.ok(), "/id");
    project.sql("update auth.mfa_challenges set ip_address = '10.1.2.3'").await;
    let elsewhere = answer(&project, &session, &one, &id, &code(&secret, 0)).await;
    assert_eq!(elsewhere.error(), (422, "mfa_ip_address_mismatch".to_owned()));

    project.sql("update auth.mfa_challenges set ip_address = '0.0.0.0', created_at = now() - interval '6 minutes'").await;
    let late = answer(&project, &session, &one, &id, &code(&secret, 0)).await;
    assert_eq!(late.error(), (422, "mfa_challenge_expired".to_owned()));
    assert_eq!(answer(&project, &session, &one, &id, &code(&secret, 0)).await.error(), not_found);
}

#[tokio::test]
async fn another_users_factor_is_not_there() {
    let project = with_factors(|_| ()).await;
    let (_, id, secret) = with_totp(&project, "ann@example.com").await;
    let ben = project.signed_up("ben@example.com").await;
    let not_found = (404, "mfa_factor_not_found".to_owned());
    assert_eq!(challenge(&project, &ben, &id).await.error(), not_found);
    let anns = text(&challenge(&project, &sign_in(&project, "ann@example.com").await, &id).await.ok(), "/id");
    assert_eq!(answer(&project, &ben, &id, &anns, &code(&secret, 1)).await.error(), not_found);
    assert_eq!(project.ask("DELETE", &format!("/factors/{id}"), &token(&ben), Value::Null).await.error(), not_found);
}

#[tokio::test]
async fn with_a_factor_the_password_alone_changes_nothing_of_weight() {
    let project = with_factors(|_| ()).await;
    let (raised, id, _) = with_totp(&project, "ann@example.com").await;
    let low = sign_in(&project, "ann@example.com").await;
    let denied = (401, "insufficient_aal".to_owned());
    for body in [
        json!({ "password": "another horse" }),
        json!({ "email": "eve@example.com" }),
        json!({ "phone": "+15550100" }),
        json!({ "email": "eve@example.com", "data": { "a": 1 } }),
    ] {
        assert_eq!(project.ask("PUT", "/user", &token(&low), body.clone()).await.error(), denied, "{body}");
    }
    project.ask("PUT", "/user", &token(&low), json!({ "data": { "a": 1 }, "email": "ann@example.com" })).await.ok();
    let more = enroll(&project, &low, json!({ "factor_type": "totp", "friendly_name": "eve" })).await;
    assert_eq!(more.error(), (403, "insufficient_aal".to_owned()));
    let removed = project.ask("DELETE", &format!("/factors/{id}"), &token(&low), Value::Null).await;
    assert_eq!(removed.error(), (422, "insufficient_aal".to_owned()));
    // The session that has used the factor may.
    project.ask("PUT", "/user", &token(&raised), json!({ "password": "another horse" })).await.ok();
}

#[tokio::test]
async fn a_factor_that_somebody_left_behind_raises_nobody() {
    let project = with_factors(|_| ()).await;
    let eve = project.signed_up("ann@example.com").await;
    let (left, secret) = totp(&project, &eve, "left behind").await;
    // As of a database that comes from elsewhere: it is still there after another was verified.
    project.sql("create table auth.kept as select * from auth.mfa_factors").await;
    with_totp_of(&project, &sign_in(&project, "ann@example.com").await).await;
    project.sql("insert into auth.mfa_factors select * from auth.kept").await;
    let low = sign_in(&project, "ann@example.com").await;
    let refused = verify(&project, &low, &left, &code(&secret, 0)).await;
    assert_eq!(refused.error(), (403, "insufficient_aal".to_owned()));
}

/// As [`with_totp`], of a session that is there.
async fn with_totp_of(project: &Project, session: &Value) -> Value {
    let (id, secret) = totp(project, session, "own").await;
    verify(project, session, &id, &code(&secret, 0)).await.ok()
}

#[tokio::test]
async fn without_its_factor_a_session_is_less_sure() {
    let project = with_factors(|settings| {
        settings.mailer.notifications.extend([MailKind::MfaFactorEnrolled, MailKind::MfaFactorUnenrolled]);
    })
    .await;
    let (raised, id, _) = with_totp(&project, "ann@example.com").await;
    assert_eq!(project.last_message("ann@example.com").await.0, "mfa_factor_enrolled_notification");
    let removed = project.ask("DELETE", &format!("/factors/{id}"), &token(&raised), Value::Null).await.ok();
    assert_eq!(removed["id"], id);
    assert_eq!(project.last_message("ann@example.com").await.0, "mfa_factor_unenrolled_notification");
    let refreshed = project.post("/token?grant_type=refresh_token", json!({ "refresh_token": raised["refresh_token"] })).await;
    assert_eq!(claims(&refreshed.ok())["aal"], "aal1");
    // The old token says more than the session is; nothing here believes it.
    let (_, secret) = totp(&project, &raised, "next").await;
    assert_eq!(secret.len(), 32);
    let gone = project.ask("DELETE", &format!("/factors/{id}"), &token(&raised), Value::Null).await;
    assert_eq!(gone.error(), (404, "mfa_factor_not_found".to_owned()));
}

#[tokio::test]
async fn names_and_numbers_of_factors_are_limited() {
    let project = with_factors(|settings| settings.mfa.max_enrolled_factors = 3).await;
    let session = project.signed_up("ann@example.com").await;
    let named = |name: &str| json!({ "factor_type": "totp", "friendly_name": name });
    enroll(&project, &session, named("one")).await.ok();
    let twice = enroll(&project, &session, named("one")).await;
    assert_eq!(twice.error(), (422, "mfa_factor_name_conflict".to_owned()));
    // No name is one, too: there are applications that tell by it that an enrolment was left half done.
    enroll(&project, &session, named("")).await.ok();
    let twice = enroll(&project, &session, named("")).await;
    assert_eq!(twice.error(), (422, "mfa_factor_name_conflict".to_owned()));
    assert_eq!(twice.json()["message"], "A factor with the friendly name \"\" for this user already exists");
    enroll(&project, &session, named("three")).await.ok();
    let full = enroll(&project, &session, named("four")).await;
    assert_eq!(full.error(), (422, "too_many_enrolled_mfa_factors".to_owned()));
    // Those that nobody ever used make room after a while.
    project.sql("update auth.mfa_factors set created_at = now() - interval '10 minutes'").await;
    enroll(&project, &session, named("one")).await.ok();
    assert_eq!(project.count("select count(*) from auth.mfa_factors").await, 1);
}

#[tokio::test]
async fn verified_factors_are_limited() {
    let project = with_factors(|settings| settings.mfa.max_verified_factors = 1).await;
    let (raised, _, _) = with_totp(&project, "ann@example.com").await;
    let more = enroll(&project, &raised, json!({ "factor_type": "totp" })).await;
    assert_eq!(more.error(), (422, "too_many_enrolled_mfa_factors".to_owned()));
}

#[tokio::test]
async fn codes_go_by_phone() {
    let project = with_factors(|settings| settings.mfa.phone.template = "Second: {{ .Code }}".to_owned()).await;
    let session = project.signed_up("ann@example.com").await;
    let factor = enroll(&project, &session, json!({ "factor_type": "phone", "phone": "+1 555 0100" })).await.ok();
    assert_eq!((factor["type"].as_str(), factor["phone"].as_str()), (Some("phone"), Some("15550100")));
    assert!(factor.get("totp").is_none());
    // The same number again takes the place of the one that was never used.
    let factor = enroll(&project, &session, json!({ "factor_type": "phone", "phone": "+15550100" })).await.ok();
    assert_eq!(project.count("select count(*) from auth.mfa_factors").await, 1);
    let id = text(&factor, "/id");
    let challenged = challenge(&project, &session, &id).await.ok();
    let sent = text(&project.last_message("15550100").await.1, "/token");
    assert_eq!(project.count("select count(*) from _auth.messages where body like 'Second: ______'").await, 1);
    let challenge_id = text(&challenged, "/id");
    let wrong = if sent == "123456" { "654321" } else { "123456" };
    let refused = answer(&project, &session, &id, &challenge_id, wrong).await;
    assert_eq!(refused.error(), (422, "mfa_verification_failed".to_owned()));
    let raised = answer(&project, &session, &id, &challenge_id, &sent).await.ok();
    assert_eq!(claims(&raised)["aal"], "aal2");
    assert_eq!(claims(&raised)["amr"][0]["method"], "mfa/phone");
    let again = enroll(&project, &raised, json!({ "factor_type": "phone", "phone": "+15550100" })).await;
    assert_eq!(again.error(), (422, "mfa_verified_factor_exists".to_owned()));
}

#[tokio::test]
async fn codes_by_phone_come_one_after_the_other() {
    let project = with_factors(|settings| settings.mfa.phone.max_frequency = Duration::from_secs(60)).await;
    let session = project.signed_up("ann@example.com").await;
    let factor = enroll(&project, &session, json!({ "factor_type": "phone", "phone": "+15550100" })).await.ok();
    challenge(&project, &session, &text(&factor, "/id")).await.ok();
    let soon = challenge(&project, &session, &text(&factor, "/id")).await;
    assert_eq!(soon.error(), (429, "over_sms_send_rate_limit".to_owned()));
}

#[tokio::test]
async fn a_browsers_credential_is_a_factor() {
    let project = with_factors(|_| ()).await;
    let session = project.signed_up("ann@example.com").await;
    let factor = enroll(&project, &session, json!({ "factor_type": "webauthn", "friendly_name": "key" })).await.ok();
    assert_eq!(factor["type"], "webauthn");
    let id = text(&factor, "/id");
    let mut authenticator = Authenticator::new(7);
    let ask = async |session: &Value| {
        let site = json!({ "rpId": "localhost", "rpOrigins": ["http://localhost:3000"] });
        let body = json!({ "factorId": id, "webauthn": site });
        project.ask("POST", &format!("/factors/{id}/challenge"), &token(session), body).await.ok()
    };
    let give = async |session: &Value, challenged: &Value, credential: Value| {
        let body = json!({
            "challenge_id": challenged["id"],
            "webauthn": { "type": challenged["webauthn"]["type"], "credential_response": credential },
        });
        project.ask("POST", &format!("/factors/{id}/verify"), &token(session), body).await
    };
    let challenged = ask(&session).await;
    assert_eq!((challenged["type"].as_str(), challenged["webauthn"]["type"].as_str()), (Some("webauthn"), Some("create")));
    let options = &challenged["webauthn"]["credential_options"]["publicKey"];
    assert_eq!(options["rp"]["id"], "localhost");
    let coded = answer(&project, &session, &id, &text(&challenged, "/id"), "123456").await;
    assert_eq!(coded.error(), (400, "validation_failed".to_owned()));
    let raised = give(&session, &challenged, authenticator.create(options)).await.ok();
    assert_eq!(claims(&raised)["aal"], "aal2");
    assert_eq!(claims(&raised)["amr"][0]["method"], "mfa/webauthn");

    let low = sign_in(&project, "ann@example.com").await;
    let challenged = ask(&low).await;
    assert_eq!(challenged["webauthn"]["type"], "request");
    let options = &challenged["webauthn"]["credential_options"]["publicKey"];
    assert_eq!(options["allowCredentials"].as_array().unwrap().len(), 1);
    let forged = give(&low, &challenged, Authenticator::new(8).get(options)).await;
    assert_eq!(forged.error(), (422, "mfa_verification_failed".to_owned()));
    let given = authenticator.get(options);
    assert_eq!(claims(&give(&low, &challenged, given.clone()).await.ok())["aal"], "aal2");
    let replayed = give(&low, &challenged, given).await;
    assert_eq!(replayed.status, 422);
}

#[tokio::test]
async fn somebody_who_guesses_is_stopped() {
    let project = with_factors(|_| ()).await;
    let (_, id, secret) = with_totp(&project, "ann@example.com").await;
    let low = sign_in(&project, "ann@example.com").await;
    let challenge_id = text(&challenge(&project, &low, &id).await.ok(), "/id");
    for _ in 0..10 {
        let wrong = answer(&project, &low, &id, &challenge_id, "nothing").await;
        assert_eq!(wrong.error(), (422, "mfa_verification_failed".to_owned()));
    }
    let stopped = answer(&project, &low, &id, &challenge_id, &code(&secret, 1)).await;
    assert_eq!(stopped.error(), (429, "over_request_rate_limit".to_owned()));
    let wait: u64 = stopped.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((170..=181).contains(&wait), "{wait}");
    // Others are not.
    with_totp(&project, "ben@example.com").await;
    // Time passes.
    project.sql("update _auth.limits set theoretical_arrival = theoretical_arrival - interval '3 minutes'").await;
    answer(&project, &low, &id, &challenge_id, &code(&secret, 1)).await.ok();
    assert_eq!(project.count("select count(*) from _auth.limits where bucket like 'factor-failures:%'").await, 0);
}

#[tokio::test]
async fn requests_of_a_user_are_limited() {
    let project =
        with_factors(|settings| settings.mfa.challenge_and_verify = Rate { events: 2, over: Duration::from_secs(60) }).await;
    let session = project.signed_up("ann@example.com").await;
    let (id, _) = totp(&project, &session, "phone").await;
    challenge(&project, &session, &id).await.ok();
    challenge(&project, &session, &id).await.ok();
    assert_eq!(challenge(&project, &session, &id).await.error(), (429, "over_request_rate_limit".to_owned()));
    let ben = project.signed_up("ben@example.com").await;
    let (id, _) = totp(&project, &ben, "phone").await;
    challenge(&project, &ben, &id).await.ok();
}

#[tokio::test]
async fn a_guest_has_no_factors() {
    let project = with_factors(|settings| settings.signup.anonymous_users = true).await;
    let guest = project.post("/signup", json!({})).await.ok();
    let refused = enroll(&project, &guest, json!({ "factor_type": "totp" })).await;
    assert_eq!(refused.error(), (403, "no_authorization".to_owned()));
}

#[tokio::test]
async fn a_session_whose_tokens_were_stolen_is_not_raised() {
    let project = with_factors(|_| ()).await;
    let (_, id, secret) = with_totp(&project, "ann@example.com").await;
    let low = sign_in(&project, "ann@example.com").await;
    project.sql("update auth.refresh_tokens set revoked = true").await;
    let refused = verify(&project, &low, &id, &code(&secret, 1)).await;
    assert_eq!(refused.error(), (403, "session_not_found".to_owned()));
}
