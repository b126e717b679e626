//! Tells the services of a project that are elsewhere what to go by.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{Router, body::Body, extract::Request, http::StatusCode};
use control_plane::NotTold;
use control_plane_api::ProjectRef;
use gateway::remote::Target;
use node::{Seal, Told};
use secrecy::SecretString;
use serde::Deserialize;
use tower::ServiceExt as _;

/// Longest time for one try.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest answer, in bytes.
const LONGEST_ANSWER: usize = 64 * 1024;

/// One project's way to its services. Whoever tells them holds the project's turn: one at a time.
#[derive(Debug)]
pub(crate) struct Teller {
    service: Router,
    path: String,
    seal: Seal,
    /// Of what was told last. Begins with the time, which is later than all that an earlier life of the server has told.
    number: AtomicU64,
}

/// What services say that go by something newer.
#[derive(Deserialize)]
struct Newer {
    number: u64,
}

impl Teller {
    pub(crate) fn new(project_ref: &ProjectRef, address: SocketAddr, path: String, secret: &SecretString) -> Self {
        let target = Target { prefix: "/".to_owned(), instead: None, address };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Self {
            service: gateway::remote::router(vec![target]),
            path,
            seal: Seal::new(secret, project_ref),
            number: AtomicU64::new(u64::try_from(now).unwrap_or_default()),
        }
    }

    /// Returns once the services go by it. What is told is what is kept now, so whatever number they have, this one's is higher.
    pub(crate) async fn tell(&self, told: &Told) -> Result<(), NotTold> {
        let number = self.number.fetch_add(1, Ordering::Relaxed) + 1;
        match self.try_to_tell(number, told).await? {
            None => Ok(()),
            Some(newer) => {
                self.number.store(newer.saturating_add(1), Ordering::Relaxed);
                let refused = self.try_to_tell(newer.saturating_add(1), told).await?;
                refused.map_or(Ok(()), |_| Err(NotTold("somebody else tells them other things.".to_owned())))
            }
        }
    }

    /// The number that the services go by, where it is higher than this one.
    async fn try_to_tell(&self, number: u64, told: &Told) -> Result<Option<u64>, NotTold> {
        let answer = match tokio::time::timeout(PATIENCE, self.put(number, told)).await {
            Ok(answer) => answer.map_err(|error| NotTold(format!("{error}.")))?,
            Err(_) => return Err(NotTold(format!("they did not answer within {} s.", PATIENCE.as_secs()))),
        };
        match answer {
            (StatusCode::NO_CONTENT, _) => Ok(None),
            (StatusCode::CONFLICT, body) => match serde_json::from_slice(&body) {
                Ok(Newer { number }) => Ok(Some(number)),
                Err(_) => Err(NotTold("their answer is not understood.".to_owned())),
            },
            (status @ (StatusCode::FORBIDDEN | StatusCode::NOT_FOUND), _) => {
                Err(NotTold(format!("they answered {status}. Check that the image supacloud/node is of this version.")))
            }
            (status, _) => Err(NotTold(format!("they answered {status}."))),
        }
    }

    async fn put(&self, number: u64, told: &Told) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        let sealed = self.seal.seal(number, told)?;
        let request = Request::builder().method("PUT").uri(&self.path).body(Body::from(sealed))?;
        let response = match self.service.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let status = response.status();
        Ok((status, axum::body::to_bytes(response.into_body(), LONGEST_ANSWER).await?.to_vec()))
    }
}
