//! The server's API, as the command line needs it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use control_plane_api::{ErrorBody, ImportProject, Project, ProjectArchive, ProjectRef};
use futures::StreamExt as _;
use reqwest::{Body, RequestBuilder, Response, Url, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use tokio::{fs::File, io::AsyncWriteExt as _};
use tokio_util::io::ReaderStream;

use super::Meter;

/// Longest time to be connected, and between two pieces of an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Talks to a server.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    server: Url,
    token: Option<SecretString>,
}

impl Client {
    /// For the server at this address.
    pub(crate) fn new(server: &str, token: Option<SecretString>) -> anyhow::Result<Self> {
        let server: Url = server.parse().with_context(|| format!("{server:?} is no address such as http://localhost:8000"))?;
        let provider = rustls::crypto::ring::default_provider();
        // Somebody else has chosen one already, which is as good.
        let _ = provider.install_default();
        let http = reqwest::Client::builder().connect_timeout(PATIENCE).read_timeout(PATIENCE).no_proxy().build()?;
        Ok(Self { http, server, token })
    }

    pub(super) async fn project(&self, project_ref: &ProjectRef) -> anyhow::Result<Project> {
        self.get(&format!("/v1/projects/{project_ref}")).await
    }

    pub(super) async fn archive(&self, project_ref: &ProjectRef) -> anyhow::Result<ProjectArchive> {
        self.get(&format!("/v1/projects/{project_ref}/export")).await
    }

    /// Begins to pause, restore or export the project.
    pub(super) async fn change(&self, project_ref: &ProjectRef, verb: &str) -> anyhow::Result<()> {
        let path = format!("/v1/projects/{project_ref}/{verb}");
        self.send(self.http.post(self.url(&path)?)).await.map(drop)
    }

    pub(super) async fn discard(&self, project_ref: &ProjectRef) -> anyhow::Result<()> {
        self.send(self.http.delete(self.url(&format!("/v1/projects/{project_ref}/export"))?)).await.map(drop)
    }

    /// Why the project's last operation failed.
    pub(super) async fn last_failure(&self, project_ref: &ProjectRef) -> anyhow::Result<String> {
        let response = self.send(self.http.get(self.url(&format!("/v1/projects/{project_ref}/events"))?)).await?;
        let mut told = String::new();
        let mut chunks = response.bytes_stream();
        // The stream goes on for ever; what has happened so far comes at once.
        while let Ok(Some(Ok(chunk))) = tokio::time::timeout(Duration::from_secs(1), chunks.next()).await {
            told.push_str(&String::from_utf8_lossy(&chunk));
        }
        let events = told.lines().filter_map(|line| line.strip_prefix("data:"));
        let events = events.filter_map(|data| serde_json::from_str::<control_plane_api::ProjectEvent>(data.trim()).ok());
        let mut failures = events.filter(|event| event.kind == control_plane_api::EventKind::StepFailed);
        Ok(failures.next_back().and_then(|event| event.message).unwrap_or_else(|| "its page says more".to_owned()))
    }

    /// Writes the project's archive to a file that is not there yet: whole, or not at all.
    pub(super) async fn download(
        &self,
        project_ref: &ProjectRef,
        output: &Path,
        passphrase: &SecretString,
    ) -> anyhow::Result<()> {
        let url = self.url(&format!("/v1/projects/{project_ref}/export/download"))?;
        let document = serde_json::json!({ "passphrase": passphrase.expose_secret() });
        let response = self.send(self.http.post(url).json(&document)).await?;
        let partial = PathBuf::from(format!("{}.part", output.display()));
        let written = write(response, &partial).await.and_then(|()| Ok(std::fs::hard_link(&partial, output)?));
        let removed = std::fs::remove_file(&partial);
        written.with_context(|| format!("{} could not be written", output.display()))?;
        Ok(removed?)
    }

    /// Sends an archive; answers its project.
    pub(super) async fn import(
        &self,
        file: &Path,
        request: &ImportProject,
        passphrase: &SecretString,
    ) -> anyhow::Result<Project> {
        let opened = File::open(file).await.with_context(|| format!("{} can't be read", file.display()))?;
        let length = opened.metadata().await?.len();
        let mut meter = Meter::new("sent");
        let metered = ReaderStream::with_capacity(opened, 1 << 20)
            .inspect(move |chunk| meter.add(chunk.as_ref().map(|chunk| chunk.len()).unwrap_or_default()));
        let sending = self
            .http
            .post(self.url("/v1/projects/import")?)
            .query(request)
            .header("supacloud-passphrase", BASE64_STANDARD.encode(passphrase.expose_secret()))
            .header(header::CONTENT_LENGTH, length)
            // The server answers once it has read everything, and made it durable.
            .timeout(Duration::from_secs(24 * 60 * 60))
            .body(Body::wrap_stream(metered));
        Ok(self.send(sending).await?.json().await?)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        Ok(self.send(self.http.get(self.url(path)?)).await?.json().await?)
    }

    fn url(&self, path: &str) -> anyhow::Result<Url> {
        Ok(self.server.join(path)?)
    }

    /// Answers what the server does, or says what it says is wrong.
    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        };
        let response = request.send().await.with_context(|| format!("no answer from {}; is the server running?", self.server))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        match response.json::<ErrorBody>().await {
            Ok(refusal) => anyhow::bail!("{}", refusal.message),
            Err(_) => anyhow::bail!("{} answers {status}", self.server),
        }
    }
}

async fn write(response: Response, path: &Path) -> anyhow::Result<()> {
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path).await?;
    let (mut chunks, mut meter) = (response.bytes_stream(), Meter::new("taken"));
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.context("the server broke off")?;
        file.write_all(&chunk).await?;
        meter.add(chunk.len());
    }
    file.flush().await?;
    Ok(file.sync_all().await?)
}
