//! Sign-in by a message that a wallet has signed.

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};

use super::{
    linking::{self, Incoming, Settled, WEB3},
    session::{self, Grant, Tokens},
};
use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    limits::{self, Limited},
    model::Method,
    provider::Profile,
    settings::Rate,
    store::Db,
    web3::{self, Chain, Rules, Wallet},
};

/// How far a wallet's clock may be ahead, at most.
const SKEW: std::time::Duration = std::time::Duration::from_secs(60);

/// What the application sends.
#[derive(Default, Deserialize)]
pub(crate) struct Given {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    signature: Option<String>,
    #[serde(default)]
    chain: Option<String>,
}

/// A signature is as good as a password for a while.
impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Given").field("chain", &self.chain).finish_non_exhaustive()
    }
}

impl From<web3::Error> for AuthError {
    fn from(error: web3::Error) -> Self {
        let message = error.to_string();
        match error {
            web3::Error::UnsupportedChain => Self::bad_request(ErrorCode::Web3UnsupportedChain, message),
            web3::Error::Invalid(_) => Self::validation(message),
            web3::Error::Refused(_) => Self::oauth("invalid_grant", message),
        }
    }
}

pub(crate) async fn sign_in(caller: &Caller, given: &Given) -> Result<Tokens, AuthError> {
    let settings = &caller.live.settings;
    let chain = Chain::parse(given.chain.as_deref().unwrap_or_default())?;
    let of = match chain {
        Chain::Ethereum => settings.external.web3_ethereum,
        Chain::Solana => settings.external.web3_solana,
    };
    if !of.enabled {
        return Err(AuthError::unprocessable(ErrorCode::Web3ProviderDisabled, "Web3 provider is disabled"));
    }
    caller.limit_by_address(Limited::Web3, settings.rate_limits.web3).await?;
    let wallet = verify(caller, chain, given, of.maximum_validity)?;
    let profile = profile(&wallet);
    let incoming = Incoming { provider: WEB3, profile: &profile, email_optional: true };
    let tx = caller.begin().await?;
    let outcome = async {
        use_up(&tx, given, of.maximum_validity).await?;
        match linking::sign_in(caller, &tx, &incoming).await? {
            Settled::Refused(error) => Ok(Err(error)),
            Settled::User(user) => session::begin(caller, &tx, *user, Method::Web3, Grant::default()).await.map(Ok),
        }
    }
    .await;
    tx.end(outcome).await?
}

/// Takes a message once: clients send no challenge of ours, so whoever gets hold of one could sign in by it until it is too old.
async fn use_up(db: &Db, given: &Given, validity: std::time::Duration) -> Result<(), AuthError> {
    let message = hex::encode(Sha256::digest(given.message.as_deref().unwrap_or_default()));
    let once = Rate { events: 1, over: validity + SKEW };
    if limits::note(db, Limited::Web3Message, once, &message).await? {
        return Err(AuthError::oauth("invalid_grant", "Message was used already, sign another one"));
    }
    Ok(())
}

fn verify(caller: &Caller, chain: Chain, given: &Given, maximum_validity: std::time::Duration) -> Result<Wallet, web3::Error> {
    let is_allowed = |url: &str| caller.live.settings.allows_redirect(url);
    let rules = Rules {
        maximum_validity: Duration::try_from(maximum_validity).unwrap_or(Duration::minutes(10)),
        ..Rules::new(OffsetDateTime::now_utc(), &is_allowed)
    };
    let (message, signature) = (given.message.as_deref().unwrap_or_default(), given.signature.as_deref().unwrap_or_default());
    web3::verify(chain, message, signature, &rules)
}

fn profile(wallet: &Wallet) -> Profile {
    let mut custom = json!({
        "address": wallet.address,
        "chain": wallet.chain.as_str(),
        "domain": wallet.domain,
    });
    if let Some(network) = &wallet.network {
        custom["network"] = json!(network);
    }
    if let Some(statement) = &wallet.statement {
        custom["statement"] = json!(statement);
    }
    let subject = wallet.provider_id();
    let claims = [
        ("sub".to_owned(), json!(subject)),
        ("custom_claims".to_owned(), custom),
        ("email_verified".to_owned(), json!(false)),
        ("phone_verified".to_owned(), json!(false)),
    ];
    Profile { subject, emails: Vec::new(), claims: claims.into_iter().collect() }
}
