//! What somebody does to a project's containers and networks by hand is put right at once; what is somebody else's is left.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{
    Backend, Installation, Server,
    docker::{SERVICES, Strangers, docker, inspect, is_running, list, network, part, things_of, try_docker},
    eventually,
};

const POOL: &str = "10.221.16.0/20";
const MARK: i32 = 11;

/// What is done, by lines of the command: `P` and `N` stand for the project's containers, `NET` for its network. And
/// whether a container begins another life by it.
const DAMAGES: [(&[&str], bool); 18] = [
    (&["rm --force P"], true),
    (&["rm --force N"], true),
    (&["kill P"], true),
    (&["kill N"], true),
    (&["stop P"], true),
    (&["stop N"], true),
    (&["restart P"], true),
    (&["restart N"], true),
    (&["stop P", "start P"], true),
    (&["pause P"], false),
    (&["pause N"], false),
    (&["network disconnect NET P"], false),
    (&["rename P P-away"], false),
    (&["rename N N-away"], false),
    (&["update --memory 80m --memory-swap 80m N"], false),
    (&["update --cpus 0.1 P"], false),
    (&["rm --force P", "rm --force N"], true),
    (&["network disconnect --force NET P", "network rm NET"], true),
];

#[tokio::test]
async fn whatever_is_done_to_containers_is_put_right() {
    let Some(installation) = Installation::docker(Backend::Sqlite, POOL).await else { return };
    let server = installation.start().await;
    let other = server.create_marked("other", MARK + 1).await;
    let mut projects = Vec::new();
    for (damage, new_life) in DAMAGES {
        // A project that falls again and again is brought back ever more slowly; and rightly.
        if projects.len() * 3 <= DAMAGES.iter().position(|(lines, _)| *lines == damage).unwrap() {
            projects.push(server.create_marked("damaged", MARK).await);
        }
        let project_ref = projects.last().unwrap();
        tokio::select! {
            () = heals(&server, project_ref, damage, new_life) => {}
            () = answers_all_the_while(&server, &other) => {}
        }
    }
    projects.push(other);
    server.delete_all(&projects).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}

async fn heals(server: &Server, project_ref: &str, damage: &[&str], new_life: bool) {
    let before = whole(project_ref).await.expect("a whole project");
    let mut events = server.events_from_now(project_ref).await;
    let began = Instant::now();
    for line in damage {
        let words: Vec<String> = line.split(' ').map(|word| meant(project_ref, word)).collect();
        docker(&words.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
    events.until(|event| event.kind == "database_exited").await;
    eventually(&format!("a cure for {damage:?}"), async || {
        let now = whole(project_ref).await?;
        let is_as_before = now.iter().zip(&before).all(|(now, before)| now.limits == before.limits);
        (is_as_before && (!new_life || now != before)).then_some(())
    })
    .await;
    server.answers_again(project_ref, MARK).await;
    server.wait_for(project_ref, "ACTIVE_HEALTHY").await;
    eprintln!("{damage:?}: {:?}", began.elapsed());
}

fn meant(project_ref: &str, word: &str) -> String {
    match word {
        "P" => part(project_ref, "postgres"),
        "N" => part(project_ref, "node"),
        "P-away" => part(project_ref, "postgres-away"),
        "N-away" => part(project_ref, "node-away"),
        "NET" => network(project_ref),
        word => word.to_owned(),
    }
}

/// A container that is as it is to be.
#[derive(Debug, PartialEq)]
struct Whole {
    life: String,
    limits: [Value; 3],
}

/// The project's containers, if all are there, run and are connected; and no others are.
async fn whole(project_ref: &str) -> Option<Vec<Whole>> {
    let mut all = Vec::new();
    for service in SERVICES {
        let text = try_docker(&["container", "inspect", &part(project_ref, service)]).await.ok()?;
        let container: Value = serde_json::from_str::<Value>(&text).unwrap()[0].take();
        let state = &container["State"];
        if state["Running"] != true || state["Paused"] != false || !is_connected(project_ref, service).await {
            return None;
        }
        let limits = ["Memory", "NanoCpus", "PidsLimit"].map(|name| container["HostConfig"][name].clone());
        all.push(Whole { life: format!("{} {}", container["Id"], state["StartedAt"]), limits });
    }
    (list("container", &format!("name={project_ref}")).await.len() == SERVICES.len()).then_some(all)
}

/// Whether the service has its own address in the project's network; which is seen from within, because it may have it from
/// another container.
async fn is_connected(project_ref: &str, service: &str) -> bool {
    let format = format!("{{{{(index .NetworkSettings.Networks \"{}\").IPAddress}}}}", network(project_ref));
    let address = try_docker(&["container", "inspect", "--format", &format, &part(project_ref, "postgres")]).await;
    let table = try_docker(&["exec", &part(project_ref, service), "cat", "/proc/net/fib_trie"]).await;
    let (Ok(address), Ok(table)) = (address, table) else { return false };
    !address.is_empty() && table.lines().any(|line| line.ends_with(&format!(" {address}")))
}

/// Asks for the row again and again; ends only by a wrong answer.
async fn answers_all_the_while(server: &Server, project_ref: &str) {
    loop {
        server.expect_mark(project_ref, MARK + 1).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_second_blow_right_after_a_cure_is_put_right_too() {
    let Some(installation) = Installation::docker(Backend::Sqlite, POOL).await else { return };
    let server = installation.start().await;
    let project_ref = server.create_marked("twice", MARK).await;
    // What was our own doing a moment ago must not hide what is not.
    for first in ["rename N N-away", "update --memory 80m --memory-swap 80m N", "pause N"] {
        heals(&server, &project_ref, &[first], false).await;
        heals(&server, &project_ref, &["kill N"], true).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn orphans_are_removed_and_what_is_somebody_elses_is_left() {
    let Some(installation) = Installation::docker(Backend::Sqlite, POOL).await else { return };
    let installation = installation.with("SUPACLOUD_PROVISIONER__USAGE_INTERVAL_SECONDS", "1");
    let server = installation.start().await;
    let project_ref = server.create_marked("kept", MARK).await;
    // What is made piece by piece while the server looks on would be removed piece by piece.
    server.stop().await;
    let mut strangers = Strangers::default();
    let unlabelled = strangers.run("supacloud-it-unlabelled", &[]).await;
    let foreign_ref = "zyxwvutsrqponmlkjihg";
    let foreign = ["supacloud.installation=0123456789abcdef".to_owned(), format!("supacloud.project={foreign_ref}")];
    let theirs = strangers.make_project(foreign_ref, &foreign).await;
    let orphan_ref = "aaaaabbbbbcccccddddd";
    strangers.make_project(orphan_ref, &installation.labels(orphan_ref, "postgres")).await;
    // A guest in the orphan's network stays; the network goes.
    docker(&["network", "connect", &network(orphan_ref), &unlabelled]).await;

    let server = installation.start().await;
    eventually("the end of the orphan", async || things_of(orphan_ref).await.is_empty().then_some(())).await;
    assert!(is_running(&unlabelled).await && is_running(&theirs).await);
    assert_eq!(inspect("network", &network(foreign_ref)).await["Name"], network(foreign_ref));
    assert_eq!(inspect("volume", &part(foreign_ref, "database")).await["Name"], part(foreign_ref, "database"));
    server.expect_mark(&project_ref, MARK).await;
    server.delete_all(&[project_ref]).await;
    server.stop().await;
    installation.expect_nothing_left().await;
    assert!(is_running(&unlabelled).await && is_running(&theirs).await);
}
