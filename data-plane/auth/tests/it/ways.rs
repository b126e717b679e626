//! Whatever way in is taken, in whatever order: links of mails and of administrators, changes of the address, anonymous accounts that get
//! one, passkeys, wallets, clients of the OAuth server, and refreshes at once; and whoever is banned meanwhile. Nobody gets another's session, a message is good once and only as long as no
//! other takes its place, and nothing that ended comes back.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
};

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

use crate::{
    authenticator::Authenticator,
    mfa::claims,
    openid::challenge,
    support::{Answer, Project, member, project, service_role, text},
    web3::ethereum_of,
};

const CALLBACK: &str = "https://app.test/callback";
const ADDRESSES: usize = 4;

/// What is asked. Numbers choose among what there is at that time, rather the latest.
#[derive(Debug, Clone)]
enum Call {
    Anonymous,
    AskForLink {
        address: usize,
    },
    ChangeAddress {
        session: usize,
        address: usize,
    },
    FollowLink {
        message: usize,
    },
    RefreshAtOnce {
        session: usize,
        token: usize,
        times: usize,
    },
    /// Somebody has an old token, and its owner goes on.
    RefreshByOld {
        session: usize,
    },
    Logout {
        session: usize,
    },
    AddPasskey {
        session: usize,
    },
    UsePasskey {
        key: usize,
        again: bool,
    },
    RemovePasskey {
        session: usize,
        key: usize,
    },
    Allow {
        session: usize,
    },
    Exchange {
        code: usize,
    },
    Disallow {
        session: usize,
    },
    AdminLink {
        address: usize,
    },
    SignMessage {
        wallet: usize,
        again: bool,
    },
    Ban {
        session: usize,
        is_over: bool,
    },
}

fn call() -> impl Strategy<Value = Call> {
    let one = || 0..4_usize;
    prop_oneof![
        1 => Just(Call::Anonymous),
        3 => (0..ADDRESSES).prop_map(|address| Call::AskForLink { address }),
        3 => (one(), 0..ADDRESSES).prop_map(|(session, address)| Call::ChangeAddress { session, address }),
        6 => one().prop_map(|message| Call::FollowLink { message }),
        4 => (one(), one(), 1..4_usize).prop_map(|(session, token, times)| Call::RefreshAtOnce { session, token, times }),
        1 => one().prop_map(|session| Call::RefreshByOld { session }),
        1 => one().prop_map(|session| Call::Logout { session }),
        2 => one().prop_map(|session| Call::AddPasskey { session }),
        3 => (one(), any::<bool>()).prop_map(|(key, again)| Call::UsePasskey { key, again }),
        1 => (one(), one()).prop_map(|(session, key)| Call::RemovePasskey { session, key }),
        2 => one().prop_map(|session| Call::Allow { session }),
        3 => one().prop_map(|code| Call::Exchange { code }),
        1 => one().prop_map(|session| Call::Disallow { session }),
        2 => (0..ADDRESSES).prop_map(|address| Call::AdminLink { address }),
        2 => (0..2_usize, any::<bool>()).prop_map(|(wallet, again)| Call::SignMessage { wallet, again }),
        2 => (one(), any::<bool>()).prop_map(|(session, is_over)| Call::Ban { session, is_over }),
    ]
}

struct Session {
    user: String,
    is_alive: bool,
    is_client_s: bool,
    access: String,
    refresh: Vec<String>,
    /// How many of them are good: the last, and the one before it; none where one was tried twice.
    is_compromised: bool,
}

struct Message {
    user: String,
    kind: String,
    hash: String,
    is_good: bool,
}

struct Key {
    user: String,
    id: String,
    authenticator: RefCell<Authenticator>,
    last: RefCell<Option<Value>>,
    is_there: bool,
}

struct Code {
    user: String,
    code: String,
    is_good: bool,
    /// What came of it.
    session: Option<usize>,
}

struct World<'a> {
    project: &'a Project,
    client: (&'a str, &'a str),
    number: u32,
    sessions: Vec<Session>,
    messages: Vec<Message>,
    /// Messages that are known.
    seen: BTreeSet<String>,
    keys: Vec<Key>,
    codes: Vec<Code>,
    /// The last message of each wallet, and whose it is.
    wallets: [Option<(Value, String)>; 2],
    banned: BTreeSet<String>,
    successes: BTreeMap<&'static str, usize>,
}

fn pick(length: usize, index: usize) -> Option<usize> {
    length.checked_sub(1 + index % length.max(1))
}

impl World<'_> {
    fn address(&self, number: usize) -> String {
        format!("a{number}.{}@example.com", self.number)
    }

    fn succeeded(&mut self, what: &'static str) {
        *self.successes.entry(what).or_default() += 1;
    }

    /// Somebody's tokens, and of nobody else.
    fn got(&mut self, what: &'static str, user: &str, tokens: &Value, is_client_s: bool) {
        self.succeeded(what);
        assert!(!self.banned.contains(user), "{what}: whoever is banned comes in");
        assert_eq!(claims(tokens)["sub"], user, "{what}");
        assert_eq!(claims(tokens)["aal"], "aal1", "{what}");
        self.sessions.push(Session {
            user: user.to_owned(),
            is_alive: true,
            is_client_s,
            access: text(tokens, "/access_token"),
            refresh: vec![text(tokens, "/refresh_token")],
            is_compromised: false,
        });
    }

    fn session(&self, index: usize) -> Option<(usize, String)> {
        let at = pick(self.sessions.len(), index)?;
        Some((at, self.sessions[at].access.clone()))
    }

    /// Whether a session is of any use.
    fn may(&self, at: usize) -> bool {
        self.sessions[at].is_alive && !self.banned.contains(&self.sessions[at].user)
    }

    /// What was sent in the meantime: it takes the place of what was sent for the same before.
    async fn read_mailbox(&mut self) {
        let client = self.project.database.connect("supabase_auth_admin").await;
        let sql = "select id::text, user_id::text, kind, data ->> 'token_hash' from _auth.messages order by created_at";
        for row in client.query(sql, &[]).await.unwrap() {
            if !self.seen.insert(row.get(0)) {
                continue;
            }
            let (user, kind, hash): (String, String, String) = (row.get(1), row.get(2), row.get(3));
            let kind = if kind == "magic_link" { "magiclink".to_owned() } else { kind.replace("confirmation", "signup") };
            for other in self.messages.iter_mut().filter(|other| other.user == user && other.kind == kind) {
                other.is_good = false;
            }
            self.messages.push(Message { user, kind, hash, is_good: true });
        }
    }

    async fn ask(&self, method: &str, path: &str, token: &str, body: Value) -> Answer {
        self.project.ask(method, path, token, body).await
    }

    async fn call(&mut self, call: &Call) {
        match *call {
            Call::Anonymous => {
                let tokens = self.project.post("/signup", json!({})).await.ok();
                let user = text(&tokens, "/user/id");
                self.got("anonymous", &user, &tokens, false);
            }
            Call::AskForLink { address } => {
                self.project.post("/otp", json!({ "email": self.address(address) })).await.ok();
                self.read_mailbox().await;
            }
            Call::ChangeAddress { session, address } => self.change_address(session, address).await,
            Call::FollowLink { message } => self.follow_link(message).await,
            Call::RefreshAtOnce { session, token, times } => self.refresh(session, token, times).await,
            Call::RefreshByOld { session } => {
                for token in [0, 0, 2, 0] {
                    self.refresh(session, token, 1).await;
                }
            }
            Call::Logout { session } => self.logout(session).await,
            Call::AddPasskey { session } => self.add_passkey(session).await,
            Call::UsePasskey { key, again } => self.use_passkey(key, again).await,
            Call::RemovePasskey { session, key } => self.remove_passkey(session, key).await,
            Call::Allow { session } => self.allow(session).await,
            Call::Exchange { code } => self.exchange(code).await,
            Call::Disallow { session } => self.disallow(session).await,
            Call::AdminLink { address } => self.admin_link(address).await,
            Call::SignMessage { wallet, again } => self.sign_message(wallet, again).await,
            Call::Ban { session, is_over } => self.ban(session, is_over).await,
        }
    }

    async fn change_address(&mut self, session: usize, address: usize) {
        let Some((at, token)) = self.session(session) else { return };
        let answer = self.ask("PUT", "/user", &token, json!({ "email": self.address(address) })).await;
        assert!(self.may(at) || answer.status == 403, "{}", answer.body);
        if answer.status.is_success() {
            assert_eq!(answer.json()["id"], self.sessions[at].user);
            assert!(!self.sessions[at].is_client_s, "a client changes how its user signs in");
        }
        self.read_mailbox().await;
    }

    async fn follow_link(&mut self, message: usize) {
        let Some(at) = pick(self.messages.len(), message) else { return };
        let Message { user, kind, hash, is_good } = &self.messages[at];
        let (user, is_good) = (user.clone(), *is_good);
        let answer = self.project.post("/verify", json!({ "type": kind, "token_hash": hash })).await;
        if !answer.status.is_success() {
            return;
        }
        assert!(is_good, "a link was good although it was used or another had taken its place: {}", answer.body);
        // Whoever has shown who it is has no use for the others.
        for message in self.messages.iter_mut().filter(|message| message.user == user) {
            message.is_good = false;
        }
        self.got("link", &user, &answer.json(), false);
    }

    async fn refresh(&mut self, session: usize, token: usize, times: usize) {
        let Some((at, _)) = self.session(session) else { return };
        let of = &self.sessions[at];
        let Some(which) = pick(of.refresh.len(), token) else { return };
        let token = of.refresh[which].clone();
        let is_good = self.may(at) && !of.is_compromised && which + 2 >= of.refresh.len();
        let answers = futures::future::join_all((0..times).map(|_| self.refresh_once(of.is_client_s, &token))).await;
        if of.is_client_s {
            // Without its client it is nobody's.
            let body = json!({ "refresh_token": token });
            assert_eq!(self.project.post("/token?grant_type=refresh_token", body).await.status, 400);
        }
        let mut next = BTreeSet::new();
        for answer in answers {
            if !is_good {
                assert_eq!(answer.status, 400, "{}", answer.body);
                continue;
            }
            let tokens = answer.ok();
            assert_eq!(claims(&tokens)["sub"], self.sessions[at].user);
            next.insert(text(&tokens, "/refresh_token"));
            self.sessions[at].access = text(&tokens, "/access_token");
        }
        assert!(next.len() <= 1, "one token has two successors");
        let is_seen = self.may(at);
        let of = &mut self.sessions[at];
        of.is_compromised |= is_seen && !is_good;
        let count = next.len();
        for token in next {
            if !of.refresh.contains(&token) {
                of.refresh.push(token);
            }
        }
        if count > 0 {
            self.succeeded("refresh");
        }
    }

    async fn refresh_once(&self, is_client_s: bool, token: &str) -> Answer {
        if !is_client_s {
            return self.project.post("/token?grant_type=refresh_token", json!({ "refresh_token": token })).await;
        }
        let (id, secret) = self.client;
        let form = format!("grant_type=refresh_token&refresh_token={token}&client_id={id}&client_secret={secret}");
        self.project.post_form("/oauth/token", form).await
    }

    async fn logout(&mut self, session: usize) {
        let Some((at, token)) = self.session(session) else { return };
        let answer = self.ask("POST", "/logout?scope=local", &token, Value::Null).await;
        assert_eq!(answer.status.as_u16(), if self.may(at) { 204 } else { 403 }, "{}", answer.body);
        self.sessions[at].is_alive &= !self.may(at);
    }

    async fn add_passkey(&mut self, session: usize) {
        let Some((at, token)) = self.session(session) else { return };
        let begun = self.ask("POST", "/passkeys/registration/options", &token, json!({})).await;
        if !begun.status.is_success() {
            return;
        }
        assert!(self.may(at) && !self.sessions[at].is_client_s);
        let begun = begun.json();
        let seed = u8::try_from(self.keys.len() + 1).unwrap();
        let mut authenticator = Authenticator::new_of(seed, self.number);
        let body = json!({ "challenge_id": begun["challenge_id"], "credential": authenticator.create(&begun["options"]) });
        let made = self.ask("POST", "/passkeys/registration/verify", &token, body).await.ok();
        self.keys.push(Key {
            user: self.sessions[at].user.clone(),
            id: text(&made, "/id"),
            authenticator: RefCell::new(authenticator),
            last: RefCell::default(),
            is_there: true,
        });
    }

    /// `again`: with what was answered the last time.
    async fn use_passkey(&mut self, key: usize, again: bool) {
        let Some(at) = pick(self.keys.len(), key) else { return };
        let begun = self.project.post("/passkeys/authentication/options", json!({})).await.ok();
        let key = &self.keys[at];
        let last = key.last.borrow().clone().filter(|_| again);
        let is_again = last.is_some();
        let credential = last.unwrap_or_else(|| key.authenticator.borrow_mut().get(&begun["options"]));
        key.last.replace(Some(credential.clone()));
        let body = json!({ "challenge_id": begun["challenge_id"], "credential": credential });
        let answer = self.project.post("/passkeys/authentication/verify", body).await;
        let (user, is_good) = (key.user.clone(), key.is_there && !is_again && !self.banned.contains(&key.user));
        assert_eq!(answer.status.is_success(), is_good, "{}", answer.body);
        if is_good {
            self.got("passkey", &user, &answer.json(), false);
        }
    }

    async fn remove_passkey(&mut self, session: usize, key: usize) {
        let Some((at, token)) = self.session(session) else { return };
        let Some(key) = pick(self.keys.len(), key) else { return };
        let answer = self.ask("DELETE", &format!("/passkeys/{}", self.keys[key].id), &token, Value::Null).await;
        let session = &self.sessions[at];
        let may = self.may(at) && !session.is_client_s && session.user == self.keys[key].user && self.keys[key].is_there;
        assert_eq!(answer.status.is_success(), may, "{}", answer.body);
        self.keys[key].is_there &= !may;
    }

    /// Has the client act for the session's user.
    async fn allow(&mut self, session: usize) {
        let Some((at, token)) = self.session(session) else { return };
        let query = format!(
            "/oauth/authorize?response_type=code&client_id={}&redirect_uri=https%3A%2F%2Fapp.test%2Fcallback&scope=email\
             &code_challenge={}&code_challenge_method=S256",
            self.client.0,
            challenge(&"v".repeat(43))
        );
        let asked = self.project.get(&query, "").await;
        let id = member(asked.headers["location"].to_str().unwrap(), "authorization_id").unwrap();
        let details = self.project.get(&format!("/oauth/authorizations/{id}"), &token).await;
        let of = &self.sessions[at];
        if !self.may(at) || of.is_client_s {
            // Nobody consents in a user's name but the user.
            return assert!(!details.status.is_success(), "{}", details.body);
        }
        let Some(url) = self.redirect(&id, &token, &details.ok()).await else { return };
        let user = self.sessions[at].user.clone();
        self.codes.push(Code { user, code: member(&url, "code").unwrap(), is_good: true, session: None });
    }

    /// At once where the user has allowed as much before.
    async fn redirect(&self, id: &str, token: &str, details: &Value) -> Option<String> {
        if let Some(url) = details["redirect_url"].as_str() {
            return Some(url.to_owned());
        }
        let body = json!({ "action": "approve" });
        let decided = self.ask("POST", &format!("/oauth/authorizations/{id}/consent"), token, body).await;
        decided.status.is_success().then(|| text(&decided.json(), "/redirect_url"))
    }

    async fn exchange(&mut self, code: usize) {
        let Some(at) = pick(self.codes.len(), code) else { return };
        let Code { user, code, is_good, session } = &self.codes[at];
        let (id, secret) = self.client;
        let form = format!(
            "grant_type=authorization_code&code={code}&redirect_uri=https%3A%2F%2Fapp.test%2Fcallback&code_verifier={}\
             &client_id={id}&client_secret={secret}",
            "v".repeat(43)
        );
        let answer = self.project.post_form("/oauth/token", form).await;
        let is_taken = *is_good && !self.banned.contains(user);
        assert_eq!(answer.status.is_success(), is_taken, "{}", answer.body);
        let (user, is_good) = (user.clone(), *is_good);
        if is_taken {
            self.codes[at].is_good = false;
            self.codes[at].session = Some(self.sessions.len());
            self.got("code", &user, &answer.json(), true);
        } else if let Some(session) = session.filter(|_| !is_good) {
            // Somebody else has it.
            self.sessions[session].is_alive = false;
        }
    }

    async fn disallow(&mut self, session: usize) {
        let Some((at, token)) = self.session(session) else { return };
        let answer = self.ask("DELETE", &format!("/user/oauth/grants?client_id={}", self.client.0), &token, Value::Null).await;
        if !answer.status.is_success() {
            return;
        }
        let of = &self.sessions[at];
        assert!(self.may(at) && !of.is_client_s, "{}", answer.body);
        let user = of.user.clone();
        for session in self.sessions.iter_mut().filter(|session| session.user == user && session.is_client_s) {
            session.is_alive = false;
        }
        for code in self.codes.iter_mut().filter(|code| code.user == user) {
            code.is_good = false;
        }
    }

    async fn admin_link(&mut self, address: usize) {
        let body = json!({ "type": "magiclink", "email": self.address(address) });
        let made = self.ask("POST", "/admin/generate_link", &service_role(), body).await.ok();
        let (user, kind) = (text(&made, "/id"), text(&made, "/verification_type"));
        for other in self.messages.iter_mut().filter(|other| other.user == user && other.kind == kind) {
            other.is_good = false;
        }
        self.messages.push(Message { user, kind, hash: text(&made, "/hashed_token"), is_good: true });
    }

    /// `again`: with the message that was signed last.
    async fn sign_message(&mut self, wallet: usize, again: bool) {
        let number = self.number.to_be_bytes();
        let key = std::array::from_fn(|at| if at < 4 { number[at] } else { u8::try_from(wallet + 1).unwrap() });
        let last = self.wallets[wallet].clone();
        let (message, is_again) = match &last {
            Some((message, _)) if again => (message.clone(), true),
            _ => (ethereum_of(key, time::OffsetDateTime::now_utc()), false),
        };
        let answer = self.project.post("/token?grant_type=web3", message.clone()).await;
        let owner = last.map(|(_, owner)| owner);
        let is_good = !is_again && owner.as_ref().is_none_or(|owner| !self.banned.contains(owner));
        assert_eq!(answer.status.is_success(), is_good, "{}", answer.body);
        if is_good {
            let tokens = answer.json();
            let owner = owner.unwrap_or_else(|| text(&tokens, "/user/id"));
            self.got("wallet", &owner, &tokens, false);
            self.wallets[wallet] = Some((message, owner));
        }
    }

    async fn ban(&mut self, session: usize, is_over: bool) {
        let Some((at, _)) = self.session(session) else { return };
        let user = self.sessions[at].user.clone();
        let body = json!({ "ban_duration": if is_over { "none" } else { "1h" } });
        self.ask("PUT", &format!("/admin/users/{user}"), &service_role(), body).await.ok();
        if is_over {
            self.banned.remove(&user);
        } else {
            self.banned.insert(user);
        }
    }

    /// Every session is its user's as long as it is there, and nobody's afterwards.
    async fn check(&self) {
        for session in &self.sessions {
            let answer = self.project.get("/user", &session.access).await;
            if session.is_alive && self.banned.contains(&session.user) {
                assert_eq!(answer.error(), (403, "user_banned".to_owned()));
            } else if session.is_alive {
                assert_eq!(answer.ok()["id"], session.user);
            } else {
                assert_eq!(answer.error(), (403, "session_not_found".to_owned()));
            }
        }
    }
}

#[test]
fn no_way_in_leads_to_another_s_account() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let project = runtime.block_on(project(|settings| {
        settings.signup.anonymous_users = true;
        settings.passkeys.enabled = true;
        settings.external.web3_ethereum.enabled = true;
        settings.oauth_server.enabled = true;
        settings.oauth_server.authorization_path = "/consent".to_owned();
        settings.mailer.secure_email_change_enabled = false;
        // Of the tokens before the last one, only the one just before is good.
        settings.security.refresh_token_reuse_interval = std::time::Duration::ZERO;
    }));
    let client = json!({ "client_name": "App", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "client_secret_post" });
    let client = runtime.block_on(project.ask("POST", "/admin/oauth/clients", &service_role(), client)).json();
    let client = (text(&client, "/client_id"), text(&client, "/client_secret"));
    let number = Cell::new(0_u32);
    let successes = RefCell::new(BTreeMap::<&str, usize>::new());
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&prop::collection::vec(call(), 1..60), |calls| {
        number.set(number.get() + 1);
        runtime.block_on(async {
            let mut world = World {
                project: &project,
                client: (&client.0, &client.1),
                number: number.get(),
                sessions: vec![],
                messages: vec![],
                seen: BTreeSet::new(),
                keys: vec![],
                codes: vec![],
                wallets: [None, None],
                banned: BTreeSet::new(),
                successes: BTreeMap::new(),
            };
            world.read_mailbox().await;
            world.messages.clear();
            for call in &calls {
                world.call(call).await;
                world.check().await;
            }
            for (what, times) in world.successes {
                *successes.borrow_mut().entry(what).or_default() += times;
            }
        });
        Ok(())
    });
    outcome.unwrap();
    // The sequences came somewhere, by every way.
    let successes = successes.into_inner();
    assert_eq!(successes.len(), 6, "{successes:?}");
}
