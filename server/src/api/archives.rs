//! `/v1/projects/{ref}/export` and `/v1/projects/import`: a project in an archive. Ours.

use std::{
    io::{self, Write},
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use control_plane_api::{ErrorBody, ErrorCode, ImportProject, Project, ProjectArchive};
use futures::{TryStreamExt as _, stream};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::{runtime::Handle, sync::mpsc};
use tokio_util::io::{StreamReader, SyncIoBridge};
use tower_http::timeout::RequestBodyTimeoutLayer;

use super::{
    ApiState,
    error::ApiError,
    extract::{Caller, JsonBody, Parameters, ProjectPath},
    lifecycle::{EMPTY, Empty},
};

/// Where the passphrase of an archive that comes in is, in base64: a header holds no other than plain letters.
const PASSPHRASE: &str = "supacloud-passphrase";
/// Longest silence of whoever sends or takes an archive.
const PATIENCE: Duration = Duration::from_secs(60);
/// Chunks between us and whoever takes an archive.
const CHUNKS: usize = 8;
/// Largest of them, in bytes.
const CHUNK: usize = 128 * 1024;

/// Begins the archive of a paused project: its data, passwords and keys.
#[utoipa::path(post, path = "/v1/projects/{ref}/export", operation_id = "export_project", params(("ref" = String, Path)), responses(
    (status = 200), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody, description = "It is not paused"),
))]
pub(super) async fn export(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
) -> Result<Empty, ApiError> {
    state.projects.export(&caller, &project_ref).await?;
    Ok(EMPTY)
}

/// How far the project's archive is.
#[utoipa::path(get, path = "/v1/projects/{ref}/export", operation_id = "get_project_archive", params(("ref" = String, Path)), responses(
    (status = 200, body = ProjectArchive), (status = 404, body = ErrorBody),
))]
pub(super) async fn status(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
) -> Result<Json<ProjectArchive>, ApiError> {
    Ok(Json(state.projects.archive(&caller, &project_ref).await?))
}

/// Removes the project's archive from the server.
#[utoipa::path(delete, path = "/v1/projects/{ref}/export", operation_id = "delete_project_archive", params(("ref" = String, Path)),
    responses((status = 200), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn discard(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
) -> Result<Empty, ApiError> {
    state.projects.discard_archive(&caller, &project_ref).await?;
    Ok(EMPTY)
}

/// What a downloaded archive is sealed with.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Download {
    /// At least 12 characters. It is kept nowhere.
    passphrase: String,
}

/// The project's archive, sealed with a passphrase: an age file (<https://age-encryption.org>) of a zstd stream of a tar.
#[utoipa::path(post, path = "/v1/projects/{ref}/export/download", operation_id = "download_project_archive",
    params(("ref" = String, Path)), request_body = Download,
    responses((status = 200, content_type = "application/octet-stream"), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn download(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
    JsonBody(Download { passphrase }): JsonBody<Download>,
) -> Result<Response, ApiError> {
    let (writer, body) = Sender::new();
    state.projects.send_archive(&caller, &project_ref, SecretString::from(passphrase), writer).await?;
    let name = HeaderValue::from_str(&format!("attachment; filename=\"{project_ref}.supacloud\"")).map_err(|_| malformed())?;
    let headers =
        [(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, body).into_response())
}

/// The route of archives that come in, which are as large as they are: it has no place behind what takes in small bodies whole.
pub(crate) fn uploads(state: ApiState) -> Router {
    Router::new().route("/v1/projects/import", post(import)).layer(RequestBodyTimeoutLayer::new(PATIENCE)).with_state(state)
}

/// Makes a project of an archive, with the reference, passwords and keys that it had.
#[utoipa::path(post, path = "/v1/projects/import", operation_id = "import_project",
    params(ImportProject, ("Supacloud-Passphrase" = String, Header, description = "What the archive was sealed with, in base64")),
    request_body(content_type = "application/octet-stream"),
    responses((status = 201, body = Project), (status = 400, body = ErrorBody), (status = 409, body = ErrorBody, description = "It is here already")))]
pub(super) async fn import(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    Parameters(request): Parameters<ImportProject>,
    headers: HeaderMap,
    body: Request,
) -> Result<(StatusCode, Json<Project>), ApiError> {
    let passphrase = passphrase(&headers)?;
    let body = StreamReader::new(body.into_body().into_data_stream().map_err(io::Error::other));
    let project = state.projects.import(&caller, request, passphrase, SyncIoBridge::new(Box::pin(body))).await?;
    Ok((StatusCode::CREATED, Json(project)))
}

fn passphrase(headers: &HeaderMap) -> Result<SecretString, ApiError> {
    let given = headers.get(PASSPHRASE).and_then(|value| BASE64_STANDARD.decode(value.as_bytes()).ok());
    let words = given.and_then(|bytes| String::from_utf8(bytes).ok());
    words.map(SecretString::from).ok_or_else(|| {
        ApiError::new(ErrorCode::InvalidInput, "Send the archive's passphrase in base64 as the header Supacloud-Passphrase.")
    })
}

fn malformed() -> ApiError {
    ApiError::new(ErrorCode::Internal, "The name of the file could not be written.")
}

/// Writes to a body from a thread that may block. Only one that was flushed at its end ends well for whoever reads.
struct Sender {
    chunks: mpsc::Sender<io::Result<Bytes>>,
    runtime: Handle,
    is_complete: bool,
}

impl Sender {
    fn new() -> (Self, Body) {
        let (chunks, received) = mpsc::channel(CHUNKS);
        let next =
            |mut received: mpsc::Receiver<io::Result<Bytes>>| async move { received.recv().await.map(|chunk| (chunk, received)) };
        (Self { chunks, runtime: Handle::current(), is_complete: false }, Body::from_stream(stream::unfold(received, next)))
    }
}

impl Write for Sender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let chunk = Bytes::copy_from_slice(&bytes[..bytes.len().min(CHUNK)]);
        let length = chunk.len();
        let sent = self.runtime.block_on(self.chunks.send_timeout(Ok(chunk), PATIENCE));
        sent.map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "nobody takes the archive any more"))?;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.is_complete = true;
        Ok(())
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        if !self.is_complete {
            // The connection breaks off, so that half an archive is not taken for one.
            drop(self.chunks.try_send(Err(io::Error::other("the archive could not be sent to its end"))));
        }
    }
}
