//! Whatever is asked, in whatever order: nobody's session is sure without a factor, nobody gets another's, and nothing that ended
//! comes back. The service is compared with a model of what sessions and factors are.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::{cell::Cell, time::Duration};

use auth::{
    mfa::TotpKey,
    settings::{Rate, RefreshTokens},
};
use http::StatusCode;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{
    mfa::claims,
    support::{Answer, Project, project, text},
};

/// What is asked. Numbers choose among what there is at that time.
#[derive(Debug, Clone)]
enum Call {
    SignIn(usize),
    Refresh {
        session: usize,
        token: usize,
    },
    Logout {
        session: usize,
        token: usize,
        scope: usize,
    },
    ChangePassword {
        session: usize,
        token: usize,
    },
    Enroll {
        session: usize,
        token: usize,
    },
    Challenge {
        session: usize,
        token: usize,
        factor: usize,
    },
    Verify {
        session: usize,
        token: usize,
        challenge: usize,
        code: Code,
    },
    Unenroll {
        session: usize,
        token: usize,
        factor: usize,
    },
    /// Somebody who has the password alone, and what is to be a second factor.
    VerifyByPassword,
}

#[derive(Debug, Clone, Copy)]
enum Code {
    Now,
    Next,
    /// The one that was taken last.
    Again,
    Wrong,
}

fn call() -> impl Strategy<Value = Call> {
    // Of few, and rather the latest: a sequence comes somewhere.
    let one = || 0..4_usize;
    let code = prop_oneof![4 => Just(Code::Now), 3 => Just(Code::Next), 1 => Just(Code::Again), 1 => Just(Code::Wrong)];
    prop_oneof![
        3 => (0..2_usize).prop_map(Call::SignIn),
        3 => (one(), one()).prop_map(|(session, token)| Call::Refresh { session, token }),
        1 => (one(), one(), 0..3_usize).prop_map(|(session, token, scope)| Call::Logout { session, token, scope }),
        1 => (one(), one()).prop_map(|(session, token)| Call::ChangePassword { session, token }),
        3 => (one(), one()).prop_map(|(session, token)| Call::Enroll { session, token }),
        5 => (one(), one(), one()).prop_map(|(session, token, factor)| Call::Challenge { session, token, factor }),
        8 => (one(), one(), one(), code)
            .prop_map(|(session, token, challenge, code)| Call::Verify { session, token, challenge, code }),
        2 => (one(), one(), one()).prop_map(|(session, token, factor)| Call::Unenroll { session, token, factor }),
        2 => Just(Call::VerifyByPassword),
    ]
}

struct User {
    id: String,
    email: String,
    password: String,
    failures: usize,
}

struct Session {
    user: usize,
    id: String,
    is_alive: bool,
    /// The factor that makes it sure.
    raised_by: Option<usize>,
    access: Vec<String>,
    refresh: Vec<String>,
    /// The refresh token that is good, and the one before it.
    active: Option<String>,
    parent: Option<String>,
    /// Its refresh tokens are signed; one that is tried again ends it.
    is_signed: bool,
}

struct Factor {
    user: usize,
    id: String,
    secret: String,
    is_there: bool,
    is_verified: bool,
    last_step: u64,
}

struct Challenge {
    factor: usize,
    id: String,
    is_met: bool,
}

/// Which refresh tokens the project gives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tokens {
    Only(RefreshTokens),
    /// Stored ones at a sign-in, which go over to signed ones at a refresh.
    GoOver,
}

/// The service, and what is known of it.
struct World<'a> {
    project: &'a Project,
    tokens: Tokens,
    users: Vec<User>,
    sessions: Vec<Session>,
    factors: Vec<Factor>,
    challenges: Vec<Challenge>,
}

/// The `index`th from the end.
fn pick(length: usize, index: usize) -> Option<usize> {
    length.checked_sub(1 + index % length.max(1))
}

impl<'a> World<'a> {
    async fn new(project: &'a Project, tokens: Tokens, number: u32) -> Self {
        let mut world = World { project, tokens, users: vec![], sessions: vec![], factors: vec![], challenges: vec![] };
        world.give(RefreshTokens::Stored);
        for name in ["ann", "ben"] {
            let email = format!("{name}{number}@example.com");
            let session = project.signed_up(&email).await;
            let id = text(&session, "/user/id");
            world.users.push(User { id, email, password: "correct horse".to_owned(), failures: 0 });
            world.signed_in(world.users.len() - 1, &session);
        }
        world.give(RefreshTokens::Signed);
        world
    }

    /// From now on, where tokens go over.
    fn give(&self, refresh_tokens: RefreshTokens) {
        if self.tokens == Tokens::GoOver {
            let mut settings = self.project.context.live().settings.clone();
            settings.security.refresh_tokens = refresh_tokens;
            settings.security.refresh_token_upgrade_percentage = 100;
            self.project.context.set(settings).unwrap();
        }
    }

    /// The session and one of its access tokens, of now or before.
    fn session(&self, session: usize, token: usize) -> Option<(usize, String)> {
        let at = pick(self.sessions.len(), session)?;
        let access = &self.sessions[at].access;
        Some((at, access[pick(access.len(), token)?].clone()))
    }

    async fn ask(&self, method: &str, path: &str, token: &str, body: Value) -> Answer {
        self.project.ask(method, path, token, body).await
    }

    fn has_verified(&self, user: usize) -> bool {
        self.factors.iter().any(|factor| factor.user == user && factor.is_there && factor.is_verified)
    }

    fn signed_in(&mut self, user: usize, tokens: &Value) {
        self.sessions.push(Session {
            user,
            id: text(&claims(tokens), "/session_id"),
            is_alive: true,
            raised_by: None,
            access: vec![],
            refresh: vec![],
            active: None,
            parent: None,
            is_signed: self.tokens == Tokens::Only(RefreshTokens::Signed),
        });
        self.got(self.sessions.len() - 1, tokens);
    }

    /// Tokens of a session: they are its user's, and as sure as it is.
    fn got(&mut self, at: usize, tokens: &Value) {
        let session = &mut self.sessions[at];
        let claims = claims(tokens);
        assert_eq!(claims["sub"], self.users[session.user].id);
        assert_eq!(tokens["user"]["id"], self.users[session.user].id);
        assert_eq!(claims["session_id"], session.id);
        assert_eq!(claims["aal"], if session.raised_by.is_some() { "aal2" } else { "aal1" });
        let refresh = text(tokens, "/refresh_token");
        session.access.push(text(tokens, "/access_token"));
        if session.active.as_ref() != Some(&refresh) {
            assert!(!session.refresh.contains(&refresh), "a token came back");
            session.parent = session.active.replace(refresh.clone());
            session.refresh.push(refresh);
        }
    }

    fn end(&mut self, which: impl Fn(usize, &Session) -> bool) {
        for (at, session) in self.sessions.iter_mut().enumerate() {
            session.is_alive &= !which(at, session);
        }
    }

    async fn call(&mut self, call: &Call) {
        match *call {
            Call::SignIn(user) => self.sign_in(user).await,
            Call::Refresh { session, token } => self.refresh(session, token).await,
            Call::Logout { session, token, scope } => self.logout(session, token, scope).await,
            Call::ChangePassword { session, token } => self.change_password(session, token).await,
            Call::Enroll { session, token } => self.enroll(session, token).await,
            Call::Challenge { session, token, factor } => self.challenge(session, token, factor).await,
            Call::Verify { session, token, challenge, code } => self.verify(session, token, challenge, code).await,
            Call::Unenroll { session, token, factor } => self.unenroll(session, token, factor).await,
            Call::VerifyByPassword => self.verify_by_password().await,
        }
    }

    async fn sign_in(&mut self, user: usize) {
        let body = json!({ "email": self.users[user].email, "password": self.users[user].password });
        self.give(RefreshTokens::Stored);
        let tokens = self.project.post("/token?grant_type=password", body).await.ok();
        self.give(RefreshTokens::Signed);
        self.signed_in(user, &tokens);
    }

    async fn refresh(&mut self, session: usize, token: usize) {
        let Some(at) = pick(self.sessions.len(), session) else { return };
        let session = &self.sessions[at];
        let Some(token) = pick(session.refresh.len(), token).map(|token| session.refresh[token].clone()) else { return };
        let answer = self.project.post("/token?grant_type=refresh_token", json!({ "refresh_token": token })).await;
        let session = &mut self.sessions[at];
        let is_active = session.active.as_ref() == Some(&token);
        let is_parent = session.active.is_some() && session.parent.as_ref() == Some(&token);
        if session.is_alive && (is_active || is_parent) {
            let tokens = answer.ok();
            assert_eq!(is_parent, Some(text(&tokens, "/refresh_token")) == session.active, "a token is good once");
            session.is_signed |= is_active && self.tokens == Tokens::GoOver;
            self.got(at, &tokens);
        } else {
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
            session.active = None;
            session.is_alive &= !session.is_signed;
        }
    }

    async fn logout(&mut self, session: usize, token: usize, scope: usize) {
        let Some((at, token)) = self.session(session, token) else { return };
        let name = ["local", "others", "global"][scope];
        let answer = self.ask("POST", &format!("/logout?scope={name}"), &token, Value::Null).await;
        if !self.sessions[at].is_alive {
            return assert_eq!(answer.status, StatusCode::FORBIDDEN);
        }
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        let user = self.sessions[at].user;
        match scope {
            0 => self.end(|other, _| other == at),
            1 => self.end(|other, session| session.user == user && other != at),
            _ => self.end(|_, session| session.user == user),
        }
    }

    async fn change_password(&mut self, session: usize, token: usize) {
        let Some((at, token)) = self.session(session, token) else { return };
        let Session { user, is_alive, raised_by, .. } = self.sessions[at];
        let password = format!("{}!", self.users[user].password);
        let answer = self.ask("PUT", "/user", &token, json!({ "password": password })).await;
        if !is_alive {
            return assert_eq!(answer.status, StatusCode::FORBIDDEN);
        }
        if self.has_verified(user) && raised_by.is_none() {
            return assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        }
        answer.ok();
        self.users[user].password = password;
        self.end(|other, session| session.user == user && other != at);
    }

    async fn enroll(&mut self, session: usize, token: usize) {
        let Some((at, token)) = self.session(session, token) else { return };
        let name = self.factors.len().to_string();
        let answer = self.ask("POST", "/factors", &token, json!({ "factor_type": "totp", "friendly_name": name })).await;
        let Session { user, is_alive, raised_by, .. } = self.sessions[at];
        let count = self.factors.iter().filter(|factor| factor.user == user && factor.is_there).count();
        if !is_alive || count >= 10 || self.has_verified(user) && raised_by.is_none() {
            return assert!(answer.status.is_client_error(), "{}", answer.body);
        }
        let factor = answer.ok();
        let (id, secret) = (text(&factor, "/id"), text(&factor, "/totp/secret"));
        self.factors.push(Factor { user, id, secret, is_there: true, is_verified: false, last_step: 0 });
    }

    async fn challenge(&mut self, session: usize, token: usize, factor: usize) {
        let Some((at, token)) = self.session(session, token) else { return };
        let Some(factor) = pick(self.factors.len(), factor) else { return };
        let Factor { id, user, is_there, .. } = &self.factors[factor];
        let answer = self.ask("POST", &format!("/factors/{id}/challenge"), &token, json!({})).await;
        if self.sessions[at].is_alive && self.sessions[at].user == *user && *is_there {
            self.challenges.push(Challenge { factor, id: text(&answer.ok(), "/id"), is_met: false });
        } else {
            assert!(answer.status.is_client_error(), "{}", answer.body);
        }
    }

    async fn verify(&mut self, session: usize, token: usize, challenge: usize, code: Code) {
        let Some((at, token)) = self.session(session, token) else { return };
        let Some(challenge) = pick(self.challenges.len(), challenge) else { return };
        let Challenge { factor, is_met, .. } = self.challenges[challenge];
        let Factor { id, user, is_there, is_verified, last_step, .. } = &self.factors[factor];
        let (user, last_step) = (*user, *last_step);
        let step = OffsetDateTime::now_utc().unix_timestamp().unsigned_abs() / 30;
        let (step, is_right) = match code {
            Code::Now => (step, step > last_step),
            Code::Next => (step + 1, step + 1 > last_step),
            Code::Again => (last_step, false),
            Code::Wrong => (0, false),
        };
        let code = TotpKey::from_base32(&self.factors[factor].secret).unwrap().code(step * 30);
        let code = if step == 0 { "nothing".to_owned() } else { code };
        let body = json!({ "challenge_id": self.challenges[challenge].id, "code": code });
        let answer = self.ask("POST", &format!("/factors/{id}/verify"), &token, body).await;

        let session = &self.sessions[at];
        let may_try = session.is_alive
            && session.user == user
            && *is_there
            && !is_met
            && self.users[user].failures < 10
            && (*is_verified || !self.has_verified(user) || session.raised_by.is_some());
        if !may_try || !is_right || session.active.is_none() {
            assert!(answer.status.is_client_error(), "{} {}", answer.status, answer.body);
            if may_try && !is_right {
                self.users[user].failures += 1;
            }
            return;
        }
        let tokens = answer.ok();
        self.users[user].failures = 0;
        self.challenges[challenge].is_met = true;
        self.factors[factor].is_verified = true;
        self.factors[factor].last_step = step;
        for (other, factor_of) in self.factors.iter_mut().enumerate() {
            factor_of.is_there &= factor_of.user != user || factor_of.is_verified || other == factor;
        }
        self.sessions[at].raised_by = Some(factor);
        self.end(|_, session| session.user == user && session.raised_by.is_none());
        self.got(at, &tokens);
    }

    async fn verify_by_password(&mut self) {
        let raised = self.sessions.iter().rev().position(|session| session.is_alive && session.raised_by.is_some());
        let Some(raised) = raised else { return };
        let user = self.sessions[self.sessions.len() - 1 - raised].user;
        self.enroll(raised, 0).await;
        self.sign_in(user).await;
        self.challenge(0, 0, 0).await;
        self.verify(0, 0, 0, Code::Now).await;
    }

    async fn unenroll(&mut self, session: usize, token: usize, factor: usize) {
        let Some((at, token)) = self.session(session, token) else { return };
        let Some(factor) = pick(self.factors.len(), factor) else { return };
        let Factor { id, user, is_there, is_verified, .. } = &self.factors[factor];
        let answer = self.ask("DELETE", &format!("/factors/{id}"), &token, Value::Null).await;
        let session = &self.sessions[at];
        let may = session.is_alive && session.user == *user && *is_there && (!is_verified || session.raised_by.is_some());
        if !may {
            return assert!(answer.status.is_client_error(), "{}", answer.body);
        }
        answer.ok();
        self.factors[factor].is_there = false;
        for session in &mut self.sessions {
            session.raised_by = session.raised_by.filter(|raised_by| *raised_by != factor);
        }
    }

    /// Every session that should be there is, and no other: by its last token, or by all that it ever had.
    async fn check_sessions(&self, tokens: usize) {
        for session in &self.sessions {
            for token in session.access.iter().rev().take(tokens) {
                let answer = self.project.get("/user", token).await;
                if session.is_alive {
                    assert_eq!(answer.ok()["id"], self.users[session.user].id);
                } else {
                    assert_eq!(answer.error(), (403, "session_not_found".to_owned()));
                }
            }
        }
    }
}

#[test]
fn no_sequence_of_calls_gives_more_than_it_may() {
    sequences(Tokens::Only(RefreshTokens::Stored), 24);
}

#[test]
fn nor_does_one_with_signed_refresh_tokens() {
    sequences(Tokens::Only(RefreshTokens::Signed), 24);
}

#[test]
fn nor_does_one_in_which_sessions_go_over_to_signed_refresh_tokens() {
    sequences(Tokens::GoOver, 12);
}

fn sequences(tokens: Tokens, cases: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let project = runtime.block_on(project(|settings| {
        settings.mailer.autoconfirm = true;
        settings.mfa.challenge_and_verify = Rate { events: 1_000_000, over: Duration::from_secs(60) };
        settings.password.min_length = 6;
        if let Tokens::Only(refresh_tokens) = tokens {
            settings.security.refresh_tokens = refresh_tokens;
        }
    }));
    let number = Cell::new(0_u32);
    let (raised, ended) = (Cell::new(0_usize), Cell::new(0_usize));
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    // Few that are random may come nowhere: then there are more of them.
    for _ in 0..5 {
        let outcome = runner.run(&prop::collection::vec(call(), 1..40), |calls| {
            number.set(number.get() + 1);
            let sessions = runtime.block_on(walk(&project, tokens, number.get(), &calls));
            raised.set(raised.get() + sessions.iter().filter(|session| session.raised_by.is_some()).count());
            ended.set(ended.get() + sessions.iter().filter(|session| !session.is_alive).count());
            Ok(())
        });
        outcome.unwrap();
        if raised.get() > 0 && ended.get() > 0 {
            break;
        }
    }
    // The sequences came somewhere.
    assert!(raised.get() > 0 && ended.get() > 0, "{} {}", raised.get(), ended.get());
}

/// Asks all of it, of users of their own; answers the sessions that there were.
async fn walk(project: &Project, tokens: Tokens, number: u32, calls: &[Call]) -> Vec<Session> {
    let mut world = World::new(project, tokens, number).await;
    for call in calls {
        world.call(call).await;
        world.check_sessions(1).await;
    }
    world.check_sessions(usize::MAX).await;
    let unproven = "select count(*) from auth.sessions as session where aal <> 'aal1' and not exists (\
                    select from auth.mfa_factors as factor where factor.id = session.factor_id \
                    and factor.user_id = session.user_id and factor.status = 'verified')";
    assert_eq!(project.count(unproven).await, 0);
    world.sessions
}
