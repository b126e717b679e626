//! The server is killed when a step is seen to begin and when it is seen to end, for every step of every operation.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;

use crate::support::{Backend, Installation, Server, processes};

/// Operations with the events after which the server is killed.
const OPERATIONS: [(&str, &[&str]); 7] = [
    ("create", &["prepare_template", "clone_data", "start_database", "set_passwords", "publish"]),
    ("pause", &["withdraw", "stop_database"]),
    ("resume", &["start_database", "publish"]),
    ("restart", &["withdraw", "stop_database", "start_database", "publish"]),
    ("export", &["pack_data"]),
    // The other steps are those of a create.
    ("import", &["unpack_data"]),
    ("delete", &["withdraw", "destroy_data", "forget"]),
];
const MOMENTS: [&str; 2] = ["step_started", "step_finished"];
const MARK: i32 = 42;
const PASSPHRASE: &str = "correct horse battery";

#[tokio::test]
async fn sqlite_survives_a_kill_at_every_step() {
    kill_at_every_step(Installation::bare(Backend::Sqlite).await).await;
}

#[tokio::test]
async fn postgres_survives_a_kill_at_every_step() {
    kill_at_every_step(Installation::bare(Backend::Postgres).await).await;
}

/// The installation has templates of its own, or none: the very first create is killed while it makes one.
pub(crate) async fn kill_at_every_step(installation: Installation) {
    let mut server = installation.start().await;
    let mut projects = Vec::new();
    for (operation, steps) in OPERATIONS {
        for step in steps {
            for moment in MOMENTS {
                let project_ref = subject(&server, operation, &mut projects).await;
                run_until(&server, operation, &project_ref, moment, step).await;
                server.kill().await;
                server = installation.start().await;
                expect_outcome(&server, operation, &project_ref).await;
                if installation.is_docker() && operation == "create" && projects.len() > 1 {
                    // Every life begins with a look at all that run, which is slower with containers.
                    server.change(&project_ref, "pause").send().await.expect_empty();
                    server.wait_for(&project_ref, "INACTIVE").await;
                }
            }
        }
    }
    // What runs has been taken over by the last life, so that its Ctrl-C stops it; but containers go on.
    server.stop().await;
    let left = processes::below(&installation.roots());
    assert!(left.is_empty(), "{left:#?}");
    if installation.is_docker() {
        assert_eq!(installation.found_on_engine().await.0, [projects[0].clone()].into(), "projects that run");
    }
    let server = installation.start().await;
    server.delete_all(&projects).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}

/// A project in the state that the operation begins in, or a name for one that is to be made.
async fn subject(server: &Server, operation: &str, projects: &mut Vec<String>) -> String {
    if operation == "create" {
        projects.push(server.create("subject").await);
        return projects.last().unwrap().clone();
    }
    let project_ref = if operation == "delete" { projects.pop().unwrap() } else { projects[0].clone() };
    match (operation, server.settled(&project_ref).await.as_deref()) {
        ("resume" | "export" | "import", Some("ACTIVE_HEALTHY")) => {
            server.change(&project_ref, "pause").send().await.expect_empty();
            server.wait_for(&project_ref, "INACTIVE").await;
        }
        ("pause" | "restart" | "delete", Some("INACTIVE")) => {
            server.change(&project_ref, "restore").send().await.expect_empty();
            server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
        }
        _ => {}
    }
    project_ref
}

/// Asks for the operation and returns when the event has come.
async fn run_until(server: &Server, operation: &str, project_ref: &str, moment: &str, step: &str) {
    let mut events = if operation == "create" {
        server.events(project_ref).await.unwrap()
    } else if operation == "import" {
        reimport(server, project_ref).await;
        server.events(project_ref).await.unwrap()
    } else {
        let events = server.events_from_now(project_ref).await;
        let asked = match operation {
            "delete" => server.delete(project_ref),
            "resume" => server.change(project_ref, "restore"),
            other => server.change(project_ref, other),
        };
        asked.send().await.expect(200);
        events
    };
    // Nothing of the last step of a delete can be read any more once it has ended, except that it has.
    events.until(|event| event.is_step(moment, step) || event.kind == "deleted").await;
}

/// Takes the archive of a paused project, deletes the project, and begins to make it again.
async fn reimport(server: &Server, project_ref: &str) {
    server.change(project_ref, "export").send().await.expect_empty();
    server.wait_for_archive(project_ref).await;
    server.wait_for(project_ref, "INACTIVE").await;
    let path = format!("/v1/projects/{project_ref}/export/download");
    let archive = server.post(path).json(&json!({ "passphrase": PASSPHRASE })).send().await.expect(200).body;
    server.delete_all(&[project_ref.to_owned()]).await;
    let passphrase = BASE64_STANDARD.encode(PASSPHRASE);
    server.post("/v1/projects/import").header("supacloud-passphrase", passphrase).body(archive).send().await.expect(201);
}

async fn expect_outcome(server: &Server, operation: &str, project_ref: &str) {
    match operation {
        "create" => {
            server.wait_for(project_ref, "ACTIVE_HEALTHY").await;
            server.mark(project_ref, MARK).await;
            expect_looked_after(server, project_ref).await;
        }
        "pause" => {
            server.wait_for(project_ref, "INACTIVE").await;
            server.rest(project_ref, "t").await.expect(503);
        }
        "export" => {
            server.wait_for(project_ref, "INACTIVE").await;
            server.wait_for_archive(project_ref).await;
        }
        "resume" | "restart" | "import" => {
            server.wait_for(project_ref, "ACTIVE_HEALTHY").await;
            server.expect_mark(project_ref, MARK).await;
            expect_looked_after(server, project_ref).await;
        }
        "delete" => {
            server.wait_until_gone(project_ref).await;
            let key = "whatever was its key";
            server.get(format!("/p/{project_ref}/rest/v1/t")).header("apikey", key).send().await.expect(404);
        }
        other => unreachable!("{other}"),
    }
}

/// The database is started again when it is killed: this life of the server watches it, though an earlier one started it.
async fn expect_looked_after(server: &Server, project_ref: &str) {
    let before = server.database_life(project_ref).await;
    let mut events = server.events_from_now(project_ref).await;
    server.kill_database(project_ref).await;
    events.until(|event| event.kind == "database_exited").await;
    server.wait_for(project_ref, "ACTIVE_HEALTHY").await;
    server.expect_mark(project_ref, MARK).await;
    assert_ne!(server.database_life(project_ref).await, before);
}
