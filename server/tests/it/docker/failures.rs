//! What the engine refuses: the project fails with the step and the cause, the others live on, and a retry helps once the
//! cause is gone.

use crate::support::{
    Backend, Installation,
    docker::{Strangers, docker, inspect, is_running, network, part},
};

const POOL: &str = "10.221.64.0/20";
const MARK: i32 = 31;

#[tokio::test]
async fn an_image_that_can_not_be_made_is_named_with_what_its_build_said() {
    let Some(mut installation) = Installation::docker(Backend::Sqlite, POOL).await else { return };
    // No registry has that one; and nothing can be run in the other.
    let empty = Empty::image().await;
    for (base, words) in [("localhost:1/supacloud-it/none:1", "localhost:1"), (empty.0, "RUN")] {
        installation.set("SUPACLOUD_PROVISIONER__DOCKER__BASE_IMAGE", base);
        let server = installation.start().await;
        let project_ref = server.create("no image").await;
        let words = ["supacloud/postgres:17-", "could not be built", "last words", words];
        server.expect_failure(&project_ref, "INIT_FAILED", "prepare_template", &words).await;
        server.stop().await;
    }
    installation.set("SUPACLOUD_PROVISIONER__DOCKER__BASE_IMAGE", "debian:trixie-slim");
    let server = installation.start().await;
    let listed = server.get("/v1/projects").send().await.expect(200).json();
    let projects: Vec<String> =
        listed.as_array().unwrap().iter().map(|project| project["ref"].as_str().unwrap().to_owned()).collect();
    for project_ref in &projects {
        server.retry(project_ref).await;
        server.mark(project_ref, MARK).await;
    }
    server.delete_all(&projects).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}

/// An image with nothing in it. Removed when dropped.
struct Empty(&'static str);

impl Empty {
    async fn image() -> Self {
        let name = "supacloud-it-empty:latest";
        docker(&["import", "/dev/null", name]).await;
        Self(name)
    }
}

impl Drop for Empty {
    /// With what failed builds have left upon it.
    fn drop(&mut self) {
        let run = |words: &[&str]| {
            let output = std::process::Command::new("docker").arg("image").args(words).output();
            output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
        };
        let first_layer = |image: &str| run(&["inspect", "--format", "{{range .RootFS.Layers}}{{println .}}{{end}}", image]);
        let layer = first_layer(self.0);
        let later = run(&["ls", "--all", "--quiet", "--no-trunc", "--filter", &format!("since={}", self.0)]);
        for image in later.lines().filter(|image| first_layer(image).lines().next() == layer.lines().next()) {
            run(&["rm", image]);
        }
        run(&["rm", self.0]);
    }
}

#[tokio::test]
async fn a_name_that_somebody_else_has_is_neither_taken_nor_touched() {
    let Some(installation) = Installation::docker(Backend::Sqlite, POOL).await else { return };
    let server = installation.start().await;
    let (project_ref, other) = (server.create_marked("taken", MARK).await, server.create_marked("other", MARK).await);
    for step in ["container", "network"] {
        server.change(&project_ref, "pause").send().await.expect_empty();
        server.wait_for(&project_ref, "INACTIVE").await;
        let mut strangers = Strangers::default();
        let name = if step == "container" { part(&project_ref, "postgres") } else { network(&project_ref) };
        if step == "container" {
            docker(&["rm", "--volumes", &name]).await;
            strangers.run(&name, &[]).await;
        } else {
            docker(&["network", "rm", &name]).await;
            strangers.network(&name).await;
        }
        let id = inspect(step, &name).await["Id"].clone();
        server.change(&project_ref, "restore").send().await.expect_empty();
        let words = [name.as_str(), "not supacloud's", "emove"];
        server.expect_failure(&project_ref, "RESTORE_FAILED", "start_database", &words).await;
        server.expect_mark(&other, MARK).await;
        // Whatever is asked of the project next, the stranger's is left alone.
        server.change(&project_ref, "restart").send().await.expect_empty();
        assert_eq!(server.settled(&project_ref).await.as_deref(), Some("RESTORE_FAILED"));
        assert_eq!(inspect(step, &name).await["Id"], id);
        strangers.remove();
        server.retry(&project_ref).await;
        server.expect_mark(&project_ref, MARK).await;
    }

    // While the project runs: its container has another name, and can't get its own back.
    let (name, away) = (part(&project_ref, "node"), part(&project_ref, "away"));
    let mut strangers = Strangers::default();
    let mut events = server.events_from_now(&project_ref).await;
    // In one breath: the driver gives the name back at once.
    loop {
        docker(&["rename", &name, &away]).await;
        if strangers.try_run(&name).await {
            break;
        }
    }
    events.until(|event| event.is_step("step_retried", "start_database")).await;
    let asked = server.change(&project_ref, "restart").send().await;
    assert!(matches!(asked.status, 200 | 409), "{}", asked.text());
    server.settled(&project_ref).await;
    assert!(is_running(&name).await, "the stranger's container goes on");
    server.delete_all(&[project_ref, other]).await;
    assert!(is_running(&name).await, "the stranger's container goes on");
    strangers.remove();
    server.stop().await;
    installation.expect_nothing_left().await;
}

#[tokio::test]
async fn an_exhausted_address_pool_and_a_full_disk_fail_the_new_project_only() {
    let Some(installation) = Installation::docker(Backend::Sqlite, "10.222.0.0/28").await else { return };
    let server = installation.start().await;
    let first = server.create_marked("first", MARK).await;
    let second = server.create("second").await;
    let words = ["10.222.0.0/28", "address_pool"];
    server.expect_failure(&second, "INIT_FAILED", "clone_data", &words).await;
    server.expect_mark(&first, MARK).await;
    server.delete_all(&[first]).await;

    // A volume of ours on a small disk in the place of its own: the copy does not fit.
    let volume = part(&second, "database");
    docker(&["volume", "rm", &volume]).await;
    let labels: Vec<String> = installation.labels(&second, "database").iter().map(|label| format!("--label={label}")).collect();
    let mut words = vec!["volume", "create", "--opt=type=tmpfs", "--opt=device=tmpfs", "--opt=o=size=100m,mode=777"];
    words.extend(labels.iter().map(String::as_str));
    words.push(&volume);
    docker(&words).await;
    server.change(&second, "retry").send().await.expect_empty();
    server.expect_failure(&second, "INIT_FAILED", "clone_data", &["disk is full", "docker system df"]).await;
    docker(&["volume", "rm", &volume]).await;
    server.retry(&second).await;
    server.mark(&second, MARK).await;
    server.delete_all(&[second]).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}
