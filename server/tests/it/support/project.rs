//! What tests do with a project through the API, its address and its SQL port.

use std::{io, path::Path};

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio_postgres::{Client, NoTls};

use super::{
    DB_PASS, Server, docker,
    events::{Event, EventStream},
    eventually,
    http::{Request, Response},
    processes,
};

impl Server {
    /// Asks for a project; answers its ref.
    pub(crate) async fn create(&self, name: &str) -> String {
        let body = json!({ "name": name, "db_pass": DB_PASS });
        let project = self.post("/v1/projects").json(&body).send().await.expect(201).json();
        project["ref"].as_str().unwrap().to_owned()
    }

    /// Makes a project and waits until it is live.
    pub(crate) async fn create_live(&self, name: &str) -> String {
        let project_ref = self.create(name).await;
        self.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
        project_ref
    }

    /// `POST /v1/projects/{ref}/{verb}`.
    pub(crate) fn change(&self, project_ref: &str, verb: &str) -> Request {
        self.post(format!("/v1/projects/{project_ref}/{verb}"))
    }

    pub(crate) fn delete(&self, project_ref: &str) -> Request {
        self.request("DELETE", format!("/v1/projects/{project_ref}"))
    }

    /// The project, or nothing if there is none.
    pub(crate) async fn find(&self, project_ref: &str) -> Option<Value> {
        let response = self.get(format!("/v1/projects/{project_ref}")).send().await;
        match response.status {
            200 => Some(response.json()),
            404 => None,
            other => panic!("{other}: {}", response.text()),
        }
    }

    pub(crate) async fn status(&self, project_ref: &str) -> Option<String> {
        Some(self.find(project_ref).await?["status"].as_str()?.to_owned())
    }

    /// Waits until the project has this status of the Management API; a failure on the way ends the wait.
    pub(crate) async fn wait_for(&self, project_ref: &str, status: &str) {
        let what = format!("{status} of {project_ref}");
        eventually(&what, async || match self.status(project_ref).await {
            Some(found) if found == status => Some(()),
            Some(found) => {
                assert!(!found.ends_with("_FAILED"), "{found} instead of {status}");
                None
            }
            None => panic!("{project_ref} is gone"),
        })
        .await;
    }

    /// Waits until nothing is expected to happen to the project any more; answers its status, or nothing if it is gone.
    pub(crate) async fn settled(&self, project_ref: &str) -> Option<String> {
        eventually(&format!("an end of what happens to {project_ref}"), async || {
            let Some(project) = self.find(project_ref).await else { return Some(None) };
            let (state, status) = (project["state"].as_str()?, project["status"].as_str()?);
            // A running project that is not healthy is being brought back.
            let settled = matches!(state, "paused" | "failed") || status == "ACTIVE_HEALTHY";
            settled.then(|| Some(status.to_owned()))
        })
        .await
    }

    /// Waits until the project's archive can be downloaded.
    pub(crate) async fn wait_for_archive(&self, project_ref: &str) {
        eventually(&format!("the archive of {project_ref}"), async || {
            let archive = self.get(format!("/v1/projects/{project_ref}/export")).send().await.expect(200).json();
            (archive["state"] == "ready").then_some(())
        })
        .await;
    }

    pub(crate) async fn wait_until_gone(&self, project_ref: &str) {
        eventually(&format!("the end of {project_ref}"), async || self.find(project_ref).await.is_none().then_some(())).await;
    }

    /// Deletes projects and waits until they are gone. What is just being brought back can't be deleted at that moment.
    pub(crate) async fn delete_all(&self, projects: &[String]) {
        for project_ref in projects {
            self.settled(project_ref).await;
            self.delete(project_ref).send().await.expect(200);
        }
        for project_ref in projects {
            self.wait_until_gone(project_ref).await;
        }
    }

    pub(crate) async fn events(&self, project_ref: &str) -> io::Result<EventStream> {
        EventStream::open(self.get(format!("/v1/projects/{project_ref}/events"))).await
    }

    /// The project's events from now on.
    pub(crate) async fn events_from_now(&self, project_ref: &str) -> EventStream {
        self.read_events(project_ref, None).await.0
    }

    /// The project's events after an id, or all of them, up to now.
    pub(crate) async fn events_so_far(&self, project_ref: &str, after: Option<i64>) -> Vec<Event> {
        self.read_events(project_ref, after).await.1
    }

    /// Reads up to now. A name that never was marks where in the events now is.
    async fn read_events(&self, project_ref: &str, after: Option<i64>) -> (EventStream, Vec<Event>) {
        let name = format!("marker {}", rand::random::<u64>());
        let mut request = self.get(format!("/v1/projects/{project_ref}/events"));
        if let Some(after) = after {
            request = request.header("last-event-id", after.to_string());
        }
        let mut events = EventStream::open(request).await.unwrap();
        let rename = self.request("PATCH", format!("/v1/projects/{project_ref}"));
        rename.json(&json!({ "name": name })).send().await.expect(200);
        let is_marker = |event: &Event| event.kind == "renamed" && event.data["message"].as_str().unwrap().ends_with(&name);
        let read = events.until(is_marker).await;
        (events, read)
    }

    /// A project's key by its id or type: `anon`, `service_role`, `publishable`, `secret`.
    pub(crate) async fn key(&self, project_ref: &str, which: &str) -> String {
        let keys = self.get(format!("/v1/projects/{project_ref}/api-keys?reveal=true")).send().await.expect(200).json();
        let found = keys.as_array().unwrap().iter().find(|key| key["id"] == which || key["type"] == which);
        found.unwrap_or_else(|| panic!("no key {which}"))["api_key"].as_str().unwrap().to_owned()
    }

    /// A GET at the project's address, in the path form, with a key that may do everything.
    pub(crate) async fn rest(&self, project_ref: &str, path: &str) -> Response {
        let key = self.key(project_ref, "service_role").await;
        self.get(format!("/p/{project_ref}/rest/v1/{path}")).header("apikey", key).send().await
    }

    /// Gives the project a table `t` with one row, and waits until REST has seen it.
    pub(crate) async fn mark(&self, project_ref: &str, mark: i32) {
        let sql = self.sql(project_ref).await;
        let statements = format!("create table public.t (mark int); insert into public.t values ({mark})");
        sql.batch_execute(&statements).await.unwrap();
        eventually("the table in REST", async || (self.rest(project_ref, "t").await.status == 200).then_some(())).await;
    }

    /// The row that [`Self::mark`] has written is there: the project's address and database work, and nothing was lost.
    pub(crate) async fn expect_mark(&self, project_ref: &str, mark: i32) {
        let rows = self.rest(project_ref, "t?select=mark").await.expect(200).json();
        assert_eq!(rows, json!([{ "mark": mark }]), "{project_ref}");
    }

    /// An SQL session as `postgres`.
    pub(crate) async fn sql(&self, project_ref: &str) -> Client {
        let port = self.sql_port(project_ref).await;
        self.try_sql(port, "postgres", DB_PASS).await.unwrap_or_else(|error| panic!("{project_ref}: {error:?}"))
    }

    /// The port of the project's SQL connections on this machine.
    pub(crate) async fn sql_port(&self, project_ref: &str) -> u16 {
        if !self.is_docker {
            return self.postmaster(project_ref).port;
        }
        let published = docker::docker(&["port", &docker::part(project_ref, "postgres"), "5432/tcp"]).await;
        published.lines().next().and_then(|line| line.rsplit(':').next()?.parse().ok()).unwrap_or_else(|| panic!("{published:?}"))
    }

    /// Kills the project's database.
    pub(crate) async fn kill_database(&self, project_ref: &str) {
        if self.is_docker {
            docker::docker(&["kill", &docker::part(project_ref, "postgres")]).await;
        } else {
            processes::signal(self.postmaster(project_ref).pid, Signal::KILL);
        }
    }

    /// Which of its lives the project's database is in.
    pub(crate) async fn database_life(&self, project_ref: &str) -> String {
        if self.is_docker {
            docker::docker(&["inspect", "--format", "{{.Id}} {{.State.StartedAt}}", &docker::part(project_ref, "postgres")]).await
        } else {
            self.postmaster(project_ref).pid.to_string()
        }
    }

    /// An SQL session at a port of this machine.
    pub(crate) async fn try_sql(&self, port: u16, role: &str, password: &str) -> Result<Client, tokio_postgres::Error> {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(port).user(role).password(password).dbname("postgres");
        let (client, connection) = config.connect(NoTls).await?;
        // Ends with the client.
        tokio::spawn(connection);
        Ok(client)
    }

    /// The project's running postmaster.
    pub(crate) fn postmaster(&self, project_ref: &str) -> Postmaster {
        let data = self.data_dir.join("clusters/projects").join(project_ref).join("data");
        Postmaster::find(&data).unwrap_or_else(|| panic!("{project_ref} has no postmaster"))
    }
}

/// A postmaster as its pid file describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Postmaster {
    pub(crate) pid: u32,
    pub(crate) port: u16,
    pub(crate) socket_dir: String,
}

impl Postmaster {
    pub(crate) fn find(data: &Path) -> Option<Self> {
        let pid = processes::postmaster_of(data)?;
        let text = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
        let lines: Vec<_> = text.lines().collect();
        Some(Self { pid, port: lines.get(3)?.parse().ok()?, socket_dir: (*lines.get(4)?).to_owned() })
    }
}
