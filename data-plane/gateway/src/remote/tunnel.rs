//! Web sockets on their way through: once both sides have agreed, their connections are joined, and nothing is read in them.
//!
//! No other protocol is changed to. `h2c` above all: whoever had it could ask a service for anything, past the gateway.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tracing::Instrument as _;

use super::headers;

const WEB_SOCKET: HeaderValue = HeaderValue::from_static("websocket");

/// A client's wish to go on as a web socket.
#[derive(Debug)]
pub(super) struct Asked {
    client: OnUpgrade,
}

impl Asked {
    /// The request's wish, if it has one.
    pub(super) fn take(request: &mut Request) -> Option<Self> {
        let headers = request.headers();
        let is_asked = headers::options(headers).any(|option| option.eq_ignore_ascii_case("upgrade"))
            && headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(WEB_SOCKET.as_bytes()));
        is_asked.then(|| Self { client: hyper::upgrade::on(request) })
    }

    /// Passes the wish on.
    pub(super) fn ask(&self, headers: &mut HeaderMap) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, WEB_SOCKET);
    }

    /// Passes the service's consent on, and joins the two connections as soon as the client has it.
    pub(super) fn join(self, mut response: Response) -> Response {
        let service = hyper::upgrade::on(&mut response);
        headers::inward(response.headers_mut());
        self.ask(response.headers_mut());
        let joining = async move {
            let (client, service) = match tokio::try_join!(self.client, service) {
                Ok(both) => both,
                Err(error) => return tracing::debug!(%error, "a web socket did not come about"),
            };
            let ended = tokio::io::copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(service)).await;
            match ended {
                Ok((up, down)) => tracing::debug!(up, down, "a web socket has ended"),
                Err(error) => tracing::debug!(%error, "a web socket broke off"),
            }
        };
        tokio::spawn(joining.in_current_span());
        response
    }
}
