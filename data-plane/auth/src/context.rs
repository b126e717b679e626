//! What one project's Auth works with: its database as `supabase_auth_admin`, its settings as they are now, and what those stand
//! for.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use arc_swap::ArcSwap;
use auth_schema::Place;
use project_context::Pool;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    error::AuthError,
    limits::Limits,
    message::{mail::Delivery, sms::SmsProvider, smtp},
    mfa::{self, EncryptionKeys, LinkKey},
    outgoing::http::{HttpClient, HttpError},
    password::{Hasher, LeakedPasswords, Policy},
    provider::engine::Engine,
    settings::{self, Settings},
    store::{Db, StoreError, Transaction},
    token::{Keys, KeysError},
};

/// Why a project's settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// Of the tokens' keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Of the mail server.
    #[error(transparent)]
    Smtp(#[from] smtp::SmtpError),
    /// Of the client for everything outside.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Of the keys that values in the database are encrypted with.
    #[error("GOTRUE_SECURITY_DB_ENCRYPTION_* can't be used")]
    Encryption(#[from] mfa::Error),
}

/// What all projects of a process share.
#[derive(Debug, Clone)]
pub struct Shared {
    /// The threads that hash passwords.
    pub hasher: Hasher,
    /// The client for everything outside.
    pub http: HttpClient,
}

/// One project's Auth.
#[derive(Debug)]
pub struct AuthContext {
    pool: Arc<Pool>,
    live: ArcSwap<Live>,
    shared: Shared,
    limits: Limits,
    providers: Engine,
    cleanups: AtomicUsize,
    /// Where the tables are that only this Auth has; `_auth`, unless the program has found otherwise.
    place: OnceLock<Place>,
    /// Transactions within which somebody outside is asked: half of the connections.
    turns: Arc<Semaphore>,
}

/// The settings, and what is made from them once. A request keeps the ones that it began with.
#[derive(Debug)]
pub struct Live {
    pub settings: Settings,
    pub keys: Keys,
    /// Of single values in the database.
    pub encryption: EncryptionKeys,
    /// Of the links of messages.
    pub links: LinkKey,
    pub delivery: Delivery,
    /// Who carries messages to phones; without one they are kept.
    pub sms: Option<SmsProvider>,
    pub passwords: Policy,
    /// Whether an address is asked before something is done, while the database waits.
    pub(crate) asks_within: bool,
}

impl AuthContext {
    /// Does no IO.
    ///
    /// # Errors
    /// [`ContextError`]
    pub fn new(pool: Arc<Pool>, settings: Settings, shared: Shared) -> Result<Arc<Self>, ContextError> {
        let live = ArcSwap::from_pointee(Live::new(settings, &shared)?);
        let providers = Engine::new(Arc::new(shared.http.clone()));
        let turns = Arc::new(Semaphore::new((pool.metrics().max / 2).max(1)));
        Ok(Arc::new(Self {
            pool,
            live,
            limits: Limits::new(),
            cleanups: AtomicUsize::new(0),
            place: OnceLock::new(),
            turns,
            providers,
            shared,
        }))
    }

    /// Has other settings in force for the requests that begin from now on.
    ///
    /// # Errors
    /// [`ContextError`]; then the old ones stay.
    pub fn set(&self, settings: Settings) -> Result<(), ContextError> {
        self.live.store(Arc::new(Live::new(settings, &self.shared)?));
        Ok(())
    }

    /// The settings as they are now.
    #[must_use]
    pub fn live(&self) -> Arc<Live> {
        self.live.load_full()
    }

    /// Before the first request.
    pub(crate) fn found_own_tables(&self, place: Place) {
        // Told once; where they are does not change.
        let _ = self.place.set(place);
    }

    fn place(&self) -> Place {
        self.place.get().copied().unwrap_or_default()
    }

    /// A connection on which each statement is by itself.
    pub(crate) async fn db(&self) -> Result<Db, StoreError> {
        Ok(Db::open(&self.pool).await?.finding_own(self.place()))
    }

    /// A transaction.
    pub(crate) async fn begin(&self) -> Result<Transaction, StoreError> {
        Ok(Db::begin(&self.pool).await?.finding_own(self.place()))
    }

    /// Waits, as long as for a connection, until there are not too many transactions within which somebody outside is asked.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, AuthError> {
        let turn = tokio::time::timeout(project_context::WAIT, Arc::clone(&self.turns).acquire_owned()).await;
        turn.ok().and_then(Result::ok).ok_or_else(|| AuthError::busy(project_context::RETRY_AFTER.as_secs()))
    }

    pub(crate) fn hasher(&self) -> &Hasher {
        &self.shared.hasher
    }

    pub(crate) fn http(&self) -> &HttpClient {
        &self.shared.http
    }

    /// Social sign-in, with what is known of this project's OpenID providers.
    pub(crate) fn providers(&self) -> &Engine {
        &self.providers
    }

    /// Whose turn it is among what expires.
    pub(crate) fn next_cleanup(&self) -> usize {
        self.cleanups.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }
}

impl Live {
    fn new(settings: Settings, shared: &Shared) -> Result<Self, ContextError> {
        let keys = Keys::new(&settings.jwt)?;
        let encryption = EncryptionKeys::new(&settings.security.db_encryption)?;
        let delivery = match &settings.smtp.host {
            Some(host) => Delivery::Smtp(smtp::Smtp::new(
                smtp::SmtpSettings {
                    host: host.clone(),
                    port: settings.smtp.port,
                    user: Some(settings.smtp.user.clone()).filter(|user| !user.is_empty()),
                    password: settings.smtp.pass.clone().unwrap_or_default(),
                    ..smtp::SmtpSettings::default()
                },
                shared.http.resolver().clone(),
            )?),
            None => Delivery::Mailbox,
        };
        let passwords = Policy {
            minimal_length: settings.password.min_length,
            required_characters: settings.password.required_characters.clone(),
            leaked: settings.password.hibp_enabled.then(|| leaked(&settings, &shared.http)),
        };
        let sms = settings.sms.provider.clone().map(sms_provider);
        let asks_within = settings.hooks.ask_within();
        Ok(Self { links: LinkKey::new(&settings.jwt.secret), settings, keys, encryption, delivery, sms, passwords, asks_within })
    }
}

/// With its own address.
fn sms_provider(of: settings::SmsProvider) -> SmsProvider {
    let base_url = None;
    match of {
        settings::SmsProvider::Twilio { account_sid, auth_token, message_service_sid, content_sid } => {
            SmsProvider::Twilio { account_sid, auth_token, message_service_sid, content_sid, base_url }
        }
        settings::SmsProvider::TwilioVerify { account_sid, auth_token, message_service_sid } => {
            SmsProvider::TwilioVerify { account_sid, auth_token, message_service_sid, base_url }
        }
        settings::SmsProvider::MessageBird { access_key, originator } => {
            SmsProvider::Messagebird { access_key, originator, base_url }
        }
        settings::SmsProvider::TextLocal { api_key, sender } => SmsProvider::Textlocal { api_key, sender, base_url },
        settings::SmsProvider::Vonage { api_key, api_secret, from } => {
            SmsProvider::Vonage { api_key, api_secret, from, base_url }
        }
    }
}

fn leaked(settings: &Settings, http: &HttpClient) -> LeakedPasswords {
    let http = http.clone();
    let agent = settings.password.hibp_user_agent.clone();
    LeakedPasswords::new(crate::password::PUBLIC_SERVICE, settings.password.hibp_fail_closed, move |url| {
        let (http, agent) = (http.clone(), agent.clone());
        Box::pin(async move {
            let agent = http::HeaderValue::from_str(&agent)?;
            let answer = http.send(crate::outgoing::http::Request::get(url).header(http::header::USER_AGENT, agent)).await?;
            Ok(String::from_utf8_lossy(&answer.body).into_owned())
        })
    })
}
