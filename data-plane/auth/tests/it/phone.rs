//! Codes by phone, where a provider carries them.

use auth::settings::{Settings, SmsProvider};
use serde_json::json;

use crate::support::project;

fn with(provider: SmsProvider) -> impl FnOnce(&mut Settings) {
    |settings| {
        settings.signup.phone = true;
        settings.sms.provider = Some(provider);
        settings.sms.test_otp.codes.insert("15550100".to_owned(), "123456".to_owned());
    }
}

fn vonage() -> SmsProvider {
    SmsProvider::Vonage { api_key: "key".to_owned(), api_secret: "secret".into(), from: "Ann".to_owned() }
}

fn twilio_verify() -> SmsProvider {
    SmsProvider::TwilioVerify {
        account_sid: "AC1".to_owned(),
        auth_token: "secret".into(),
        message_service_sid: "VA1".to_owned(),
    }
}

#[tokio::test]
async fn a_fixed_code_needs_no_provider() {
    for provider in [vonage(), twilio_verify()] {
        let project = project(with(provider)).await;
        let sent = project.post("/otp", json!({ "phone": "+15550100" })).await.ok();
        assert_eq!(sent["message_id"], "test-otp");
        let wrong = json!({ "type": "sms", "phone": "+15550100", "token": "654321" });
        assert_eq!(project.post("/verify", wrong).await.error(), (403, "otp_expired".to_owned()));
        let verify = json!({ "type": "sms", "phone": "+15550100", "token": "123456" });
        project.post("/verify", verify).await.ok();
        assert_eq!(project.count("select count(*) from _auth.messages").await, 0);
    }
}

#[tokio::test]
async fn whatsapp_is_carried_by_twilio_alone() {
    let project = project(with(vonage())).await;
    let answer = project.post("/otp", json!({ "phone": "+15550101", "channel": "whatsapp" })).await;
    assert_eq!(answer.error(), (400, "validation_failed".to_owned()));
    assert!(answer.body.contains("'whatsapp' is only supported if Twilio"), "{}", answer.body);
    let answer = project.post("/otp", json!({ "phone": "+15550101", "channel": "pigeon" })).await;
    assert_eq!(answer.error(), (400, "validation_failed".to_owned()));
    // Nobody was made whom no code has reached.
    assert_eq!(project.count("select count(*) from auth.users").await, 0);
}
