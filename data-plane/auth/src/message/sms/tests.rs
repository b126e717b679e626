use super::{Channel, Sms, SmsError, SmsProvider};
use crate::outgoing::testing::{Received, Server, client, json};

const SMS: Sms<'_> = Sms { phone: "4915112345678", text: "Your code is 123456", code: "123456", channel: Channel::Sms };
const WHATSAPP: Sms<'_> = Sms { channel: Channel::Whatsapp, ..SMS };
const SERVICE: &str = "MG0123456789abcdef0123456789abcdef";

fn twilio(server: &Server, sender: &str, content: Option<&str>) -> SmsProvider {
    SmsProvider::Twilio {
        account_sid: "AC1".to_owned(),
        auth_token: "t0ken".into(),
        message_service_sid: sender.to_owned(),
        content_sid: content.map(ToOwned::to_owned),
        base_url: Some(server.url("/")),
    }
}

fn verify(server: &Server) -> SmsProvider {
    SmsProvider::TwilioVerify {
        account_sid: "AC1".to_owned(),
        auth_token: "t0ken".into(),
        message_service_sid: "VA1".to_owned(),
        base_url: Some(server.url("")),
    }
}

fn messagebird(server: &Server) -> SmsProvider {
    let base_url = Some(server.url(""));
    SmsProvider::Messagebird { access_key: "k3y".into(), originator: "A & B".to_owned(), base_url }
}

fn vonage(server: &Server) -> SmsProvider {
    let base_url = Some(server.url(""));
    SmsProvider::Vonage { api_key: "key".to_owned(), api_secret: "s3cret".into(), from: "Co".to_owned(), base_url }
}

fn textlocal(server: &Server) -> SmsProvider {
    SmsProvider::Textlocal { api_key: "k3y".into(), sender: "TXTLCL".to_owned(), base_url: Some(server.url("")) }
}

async fn server(status: &'static str, body: &'static str) -> Server {
    Server::start(move |_| json(status, body)).await
}

async fn error(provider: SmsProvider) -> SmsError {
    provider.send(&client(), &SMS).await.unwrap_err()
}

#[track_caller]
fn check(received: &Received, path: &str, expected: &[(&str, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!((received.method.as_str(), received.path.as_str()), ("POST", path));
    assert_eq!(received.form(), expected);
    assert_eq!(received.header("content-type"), "application/x-www-form-urlencoded");
}

#[tokio::test]
async fn twilio_sends() {
    let server = server("201 Created", "{\"sid\":\"SM1\",\"status\":\"queued\",\"error_code\":null}").await;
    assert_eq!(twilio(&server, "+1555", None).send(&client(), &SMS).await.unwrap(), "SM1");
    twilio(&server, SERVICE, None).send(&client(), &SMS).await.unwrap();
    twilio(&server, "1555", None).send(&client(), &WHATSAPP).await.unwrap();
    twilio(&server, SERVICE, Some("HX1")).send(&client(), &WHATSAPP).await.unwrap();
    let received = server.received();
    let path = "/2010-04-01/Accounts/AC1/Messages.json";
    let to = ("To", "+4915112345678");
    let body = ("Body", "Your code is 123456");
    check(&received[0], path, &[to, ("Channel", "sms"), ("From", "+1555"), body]);
    assert_eq!(received[0].header("authorization"), "Basic QUMxOnQwa2Vu");
    check(&received[1], path, &[to, ("Channel", "sms"), ("MessagingServiceSid", SERVICE), body]);
    let to = ("To", "whatsapp:+4915112345678");
    check(&received[2], path, &[to, ("Channel", "whatsapp"), ("From", "whatsapp:+1555"), body]);
    let content = [("ContentSid", "HX1"), ("ContentVariables", "{\"1\":\"123456\"}")];
    check(&received[3], path, &[to, ("Channel", "whatsapp"), ("MessagingServiceSid", SERVICE), content[0], content[1]]);
}

#[tokio::test]
async fn twilio_s_errors_are_told() {
    let body =
        "{\"code\":21211,\"message\":\"Invalid 'To'\",\"more_info\":\"https://www.twilio.com/docs/errors/21211\",\"status\":400}";
    let refused = server("400 Bad Request", body).await;
    let told = error(twilio(&refused, "+1555", None)).await.to_string();
    assert_eq!(told, "Invalid 'To' More information: https://www.twilio.com/docs/errors/21211");
    let body = "{\"sid\":\"SM1\",\"status\":\"failed\",\"error_code\":30007,\"error_message\":\"filtered\"}";
    let failed = server("201 Created", body).await;
    assert_eq!(error(twilio(&failed, "+1555", None)).await.to_string(), "twilio error: filtered 30007");
    let odd = server("502 Bad Gateway", "<html>").await;
    assert!(matches!(error(twilio(&odd, "+1555", None)).await, SmsError::Answer(502)));
}

#[tokio::test]
async fn twilio_verify_starts_and_checks() {
    let server = Server::start(|request| match request.form().last() {
        Some((name, code)) if name == "Code" && code == "123456" => {
            json("200 OK", "{\"sid\":\"VE1\",\"status\":\"approved\",\"valid\":true}")
        }
        Some((name, code)) if name == "Code" && code == "0" => {
            json("404 Not Found", "{\"code\":20404,\"message\":\"gone\",\"status\":404}")
        }
        Some((name, _)) if name == "Code" => json("200 OK", "{\"sid\":\"VE1\",\"status\":\"pending\",\"valid\":false}"),
        _ => json("201 Created", "{\"sid\":\"VE1\",\"status\":\"pending\",\"valid\":false}"),
    })
    .await;
    let provider = verify(&server);
    assert!(provider.checks_codes());
    assert_eq!(provider.send(&client(), &WHATSAPP).await.unwrap(), "VE1");
    assert!(provider.check_code(&client(), SMS.phone, "123456").await.unwrap());
    assert!(!provider.check_code(&client(), SMS.phone, "654321").await.unwrap());
    assert!(!provider.check_code(&client(), SMS.phone, "0").await.unwrap());
    let received = server.received();
    check(&received[0], "/v2/Services/VA1/Verifications", &[("To", "+4915112345678"), ("Channel", "whatsapp")]);
    check(&received[1], "/v2/Services/VA1/VerificationCheck", &[("To", "+4915112345678"), ("Code", "123456")]);
    assert_eq!(received[1].header("authorization"), "Basic QUMxOnQwa2Vu");
}

#[tokio::test]
async fn messagebird_sends() {
    let taken = server("201 Created", "{\"id\":\"mb1\",\"recipients\":{\"totalSentCount\":1}}").await;
    assert_eq!(messagebird(&taken).send(&client(), &SMS).await.unwrap(), "mb1");
    messagebird(&taken).send(&client(), &Sms { text: "コード", ..SMS }).await.unwrap();
    let received = taken.received();
    let form = |text, coding| {
        [("originator", "A & B"), ("body", text), ("recipients", "4915112345678"), ("type", "sms"), ("datacoding", coding)]
    };
    check(&received[0], "/messages", &form("Your code is 123456", "plain"));
    check(&received[1], "/messages", &form("コード", "unicode"));
    assert_eq!(received[0].header("authorization"), "AccessKey k3y");
    let body = "{\"errors\":[{\"code\":9,\"description\":\"no (correct) recipients found\",\"parameter\":\"recipient\"}]}";
    let refused = server("422 Unprocessable Entity", body).await;
    let told = error(messagebird(&refused)).await.to_string();
    assert_eq!(told, "api error: no (correct) recipients found code: 9 parameter: recipient");
    let nobody = server("201 Created", "{\"id\":\"mb1\",\"recipients\":{\"totalSentCount\":0}}").await;
    assert!(matches!(error(messagebird(&nobody)).await, SmsError::Provider(_)));
}

#[tokio::test]
async fn vonage_sends() {
    let taken = server("200 OK", "{\"messages\":[{\"message-id\":\"v1\",\"status\":\"0\"}]}").await;
    assert_eq!(vonage(&taken).send(&client(), &SMS).await.unwrap(), "v1");
    vonage(&taken).send(&client(), &Sms { text: "コード", ..SMS }).await.unwrap();
    let form = |text| [("from", "Co"), ("to", "4915112345678"), ("text", text), ("api_key", "key"), ("api_secret", "s3cret")];
    check(&taken.received()[0], "/sms/json", &form("Your code is 123456"));
    check(&taken.received()[1], "/sms/json", &[&form("コード")[..], &[("type", "unicode")]].concat());
    let refused = server("200 OK", "{\"messages\":[{\"status\":\"4\",\"error-text\":\"Bad Credentials\"}]}").await;
    assert_eq!(error(vonage(&refused)).await.to_string(), "vonage error: Bad Credentials (status: 4)");
}

#[tokio::test]
async fn textlocal_sends() {
    let taken = server("200 OK", "{\"status\":\"success\",\"messages\":[{\"id\":1234}]}").await;
    assert_eq!(textlocal(&taken).send(&client(), &SMS).await.unwrap(), "1234");
    let form = [("sender", "TXTLCL"), ("apikey", "k3y"), ("message", "Your code is 123456"), ("numbers", "4915112345678")];
    check(&taken.received()[0], "/send", &form);
    let refused =
        server("200 OK", "{\"status\":\"failure\",\"errors\":[{\"code\":3,\"message\":\"Invalid login details\"}]}").await;
    assert_eq!(error(textlocal(&refused)).await.to_string(), "textlocal error: Invalid login details (code: 3)");
}

#[tokio::test]
async fn whatsapp_is_twilio_s_alone() {
    let server = server("200 OK", "{}").await;
    for provider in [messagebird(&server), vonage(&server), textlocal(&server)] {
        assert!(matches!(provider.send(&client(), &WHATSAPP).await, Err(SmsError::Channel)));
        assert!(matches!(provider.check_code(&client(), SMS.phone, "1").await, Err(SmsError::Checks)));
        let shown = format!("{provider:?}");
        assert!(!shown.contains("k3y") && !shown.contains("s3cret"), "{shown}");
    }
    assert!(server.received().is_empty());
}
