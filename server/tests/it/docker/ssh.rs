//! An engine that is reached by ssh: as if it were on another machine, with published ports.

use serde_json::json;

use crate::support::{
    Backend, Installation, Server,
    docker::{docker, things_of},
    eventually,
    sshd::Sshd,
};

const POOL: &str = "10.221.96.0/20";
const MARK: i32 = 51;

/// The project waits for the engine, and says why in ssh's own words.
async fn says_that_it_waits(server: &Server, project_ref: &str, host: &str, words: &str) {
    let mut events = server.events(project_ref).await.unwrap();
    let told = events.until(|event| {
        let cause = event.data["message"].as_str().unwrap_or_default();
        let said = event.is_step("step_retried", "prepare_template") && cause.contains(words);
        assert!(!said || (cause.contains("can't be reached") && cause.contains(host)), "{cause}");
        said
    });
    assert!(told.await.iter().all(|event| event.kind != "step_failed"), "waiting is no failure");
}

/// Where the template's database is reached while it is made.
async fn ports_of_the_template(installation: &Installation) -> String {
    let filter = installation.filter().unwrap();
    let words = ["container", "ls", "--filter", &filter, "--filter", "name=-making", "--format", "{{.Ports}}"];
    eventually("the template", async || Some(docker(&words).await).filter(|ports| !ports.is_empty())).await
}

#[tokio::test]
async fn a_project_lives_on_an_engine_behind_ssh_once_both_sides_know_each_other() {
    let Some(mut installation) = Installation::docker(Backend::Sqlite, POOL).await else { return };
    let Some(sshd) = Sshd::start().await else { return };
    installation.set("DOCKER_HOST", &sshd.host());
    installation.set("PATH", &format!("{}:/usr/local/bin:/usr/bin:/bin", sshd.path().display()));
    let server = installation.start().await;
    let project_ref = server.create("elsewhere").await;
    says_that_it_waits(&server, &project_ref, &sshd.host(), "Host key verification failed").await;
    sshd.make_known();
    says_that_it_waits(&server, &project_ref, &sshd.host(), "Permission denied (publickey)").await;
    sshd.let_in();
    let published = tokio::select! {
        published = ports_of_the_template(&installation) => published,
        () = server.wait_for(&project_ref, "ACTIVE_HEALTHY") => panic!("the template was not seen"),
    };
    assert!(published.starts_with("127.0.0.1:") && !published.contains(','), "{published}");
    server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
    server.mark(&project_ref, MARK).await;

    for (verb, status) in [("pause", "INACTIVE"), ("restore", "ACTIVE_HEALTHY")] {
        server.change(&project_ref, verb).send().await.expect_empty();
        server.wait_for(&project_ref, status).await;
    }
    assert_eq!(server.rest_by_host(&project_ref).await.expect(200).json(), json!([{ "mark": MARK }]));
    server.delete_all(std::slice::from_ref(&project_ref)).await;
    assert_eq!(things_of(&project_ref).await, Vec::<String>::new());
    server.stop().await;
    installation.expect_nothing_left().await;
    eventually("the end of every session", async || sshd.sessions().is_empty().then_some(())).await;
}
