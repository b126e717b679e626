use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::server::{Behaviour, HOST, Server};
use super::{Encryption, Smtp, SmtpError, SmtpSettings};
use crate::message::mail::{Delivered, Delivery, Mail, MailError, Sender};
use crate::outgoing::address::{Lookup, Resolver};

/// Every name is this machine.
fn here(allowed: &[&str]) -> Resolver {
    let lookup: Lookup = Arc::new(|_| Box::pin(async { Ok(vec!["127.0.0.1".parse().unwrap()]) }));
    Resolver::with_lookup(allowed.iter().map(|network| network.parse().unwrap()).collect(), lookup)
}

fn settings(server: &Server) -> SmtpSettings {
    SmtpSettings { host: HOST.to_owned(), port: server.port, roots: vec![server.certificate.clone()], ..SmtpSettings::default() }
}

fn with_password(server: &Server, password: &str) -> SmtpSettings {
    SmtpSettings { user: Some("me".to_owned()), password: password.into(), ..settings(server) }
}

fn smtp(settings: SmtpSettings) -> Smtp {
    Smtp::new(settings, here(&["127.0.0.1/32"])).unwrap()
}

async fn send(settings: SmtpSettings) -> Result<Delivered, MailError> {
    Delivery::Smtp(smtp(settings)).deliver(&mail()).await
}

fn mail() -> Mail {
    Mail::test(Sender { name: "A".to_owned(), address: "no-reply@a.test".to_owned() }, "jo@b.test".to_owned())
}

#[tokio::test]
async fn a_server_without_encryption_takes_mail_in_a_listed_network() {
    let server = Server::start(Behaviour::default()).await;
    let Delivered::Sent(id) = send(settings(&server)).await.unwrap() else { panic!("not sent") };
    let taken = server.taken.lock().unwrap()[0].clone();
    assert!(taken.from.starts_with("<no-reply@a.test>"), "{}", taken.from);
    assert_eq!(taken.to, ["<jo@b.test>"]);
    assert!(taken.data.contains(&id) && taken.data.contains("this mail arrived"), "{}", taken.data);
    assert!(!taken.encrypted);
}

#[tokio::test]
async fn encryption_is_taken_where_it_is_offered() {
    let server = Server::start(Behaviour { starttls: true, auth: "PLAIN LOGIN", ..Behaviour::default() }).await;
    send(with_password(&server, "right")).await.unwrap();
    let taken = server.taken.lock().unwrap()[0].clone();
    assert!(taken.encrypted);
    assert_eq!(taken.user, Some(("me".to_owned(), "right".to_owned())));
    assert!(!server.heard.lock().unwrap().iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")));
}

#[tokio::test]
async fn encryption_can_be_demanded() {
    let server = Server::start(Behaviour { auth: "PLAIN", ..Behaviour::default() }).await;
    let settings = SmtpSettings { encryption: Encryption::StartTls, ..with_password(&server, "right") };
    let error = send(settings).await.unwrap_err();
    assert!(matches!(error, MailError::Smtp(SmtpError::Unencrypted(_))), "{error:?}");
    assert!(!server.heard.lock().unwrap().iter().any(|line| line.starts_with("AUTH")));
}

#[tokio::test]
async fn encryption_from_the_start() {
    let server = Server::start(Behaviour { implicit: true, auth: "LOGIN", ..Behaviour::default() }).await;
    send(SmtpSettings { encryption: Encryption::Implicit, ..with_password(&server, "right") }).await.unwrap();
    let taken = server.taken.lock().unwrap()[0].clone();
    assert!(taken.encrypted);
    assert_eq!(taken.user, Some(("me".to_owned(), "right".to_owned())));
}

#[tokio::test]
async fn a_certificate_of_a_stranger_or_of_another_name_is_refused() {
    let server = Server::start(Behaviour { starttls: true, ..Behaviour::default() }).await;
    let stranger = SmtpSettings { roots: Vec::new(), ..settings(&server) };
    let other = SmtpSettings { host: "other.test".to_owned(), ..settings(&server) };
    for settings in [stranger, other] {
        let error = send(settings).await.unwrap_err();
        assert!(matches!(error, MailError::Smtp(SmtpError::Tls(_))), "{error:?}");
    }
    assert!(server.taken.lock().unwrap().is_empty());
    assert_eq!(server.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_wrong_password_is_named_and_not_tried_again() {
    let server = Server::start(Behaviour { auth: "PLAIN", ..Behaviour::default() }).await;
    let smtp = smtp(with_password(&server, "wrong"));
    let error = smtp.check().await.unwrap_err();
    assert!(matches!(error, SmtpError::Credentials(_)), "{error:?}");
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
    assert!(!format!("{smtp:?}").contains("wrong"));
}

#[tokio::test]
async fn a_server_that_asks_for_no_password_is_told_none() {
    let server = Server::start(Behaviour::default()).await;
    let delivery = Delivery::Smtp(smtp(with_password(&server, "right")));
    for _ in 0..3 {
        delivery.deliver(&mail()).await.unwrap();
    }
    assert_eq!(server.taken.lock().unwrap().len(), 3);
    assert!(!server.heard.lock().unwrap().iter().any(|line| line.starts_with("AUTH")));
    // Found out once, not for each mail.
    assert!(server.connections.load(Ordering::SeqCst) <= 3);
}

#[tokio::test]
async fn a_server_that_says_later_is_asked_again() {
    let server = Server::start(Behaviour { refusals: vec!["451 later", "421 later"], ..Behaviour::default() }).await;
    send(settings(&server)).await.unwrap();
    assert_eq!(server.taken.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_server_that_always_says_later_is_left() {
    let server = Server::start(Behaviour { refusals: vec!["451 4.7.1 later"; 9], ..Behaviour::default() }).await;
    let error = send(settings(&server)).await.unwrap_err();
    assert_eq!(error.to_string(), "the mail server said: 451 4.7.1 later");
    assert_eq!(server.heard.lock().unwrap().iter().filter(|line| line.starts_with("MAIL")).count(), 3);
}

#[tokio::test]
async fn a_refusal_is_told_and_not_tried_again() {
    let server = Server::start(Behaviour { refusals: vec!["550 no such user"], ..Behaviour::default() }).await;
    let error = send(settings(&server)).await.unwrap_err();
    assert_eq!(error.to_string(), "the mail server said: 550 no such user");
    assert_eq!(server.heard.lock().unwrap().iter().filter(|line| line.starts_with("MAIL")).count(), 1);
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = Server::start(Behaviour::default()).await;
    let delivery = Delivery::Smtp(smtp(settings(&server)));
    for _ in 0..6 {
        delivery.deliver(&mail()).await.unwrap();
    }
    assert_eq!(server.taken.lock().unwrap().len(), 6);
    // A connection goes back to its pool by itself, perhaps just after the next one was asked for.
    assert!(server.connections.load(Ordering::SeqCst) <= 2);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_left_in_time() {
    let server = Server::start(Behaviour { silent: true, ..Behaviour::default() }).await;
    let time = Duration::from_millis(300);
    let error = send(SmtpSettings { time, ..settings(&server) }).await.unwrap_err();
    assert!(matches!(error, MailError::Smtp(SmtpError::Time(t)) if t == time), "{error:?}");
}

#[tokio::test]
async fn a_private_address_is_not_reached() {
    let server = Server::start(Behaviour::default()).await;
    let smtp = Smtp::new(settings(&server), here(&[])).unwrap();
    assert!(matches!(smtp.check().await, Err(SmtpError::Address(_))));
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn nobody_there_is_told() {
    let server = Server::start(Behaviour::default()).await;
    let error = smtp(SmtpSettings { port: 1, ..settings(&server) }).check().await.unwrap_err();
    assert!(matches!(error, SmtpError::Connection(_)), "{error:?}");
}
