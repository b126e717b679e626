//! The event stream: complete, in order, resumable anywhere, and with an end.

use serde_json::json;

use crate::support::{Backend, Installation, Server, events::Event};

#[tokio::test]
async fn a_stream_tells_a_projects_whole_life_and_ends_with_it() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let installation = Installation::new(backend).await;
        let server = installation.start().await;
        let project_ref = server.create("life").await;
        let mut stream = server.events(&project_ref).await.unwrap();
        let mut seen = stream.until(|event| event.is_state("running")).await;
        let steps: Vec<_> =
            seen.iter().filter(|event| event.kind == "step_finished").map(|event| event.data["step"].as_str().unwrap()).collect();
        assert_eq!(steps, ["prepare_template", "clone_data", "start_database", "set_passwords", "publish"]);
        assert!(seen.iter().filter(|event| event.kind == "step_finished").all(|event| event.data["duration_ms"].is_i64()));
        server.settled(&project_ref).await;
        server.delete(&project_ref).send().await.expect(200);
        while let Some(event) = stream.next().await.unwrap() {
            seen.push(event);
        }
        assert_eq!(seen.last().unwrap().kind, "deleted");
        expect_ascending(&seen);
        server.get(format!("/v1/projects/{project_ref}/events")).send().await.expect(404);
        server.stop().await;
        installation.expect_nothing_left().await;
    }
}

#[tokio::test]
async fn a_stream_can_be_resumed_at_every_event() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let installation = Installation::new(backend).await;
        let server = installation.start().await;
        let project_ref = server.create_live("resumed").await;
        // Others write to the same project meanwhile.
        let renames = rename_often(&server, &project_ref);
        server.change(&project_ref, "restart").send().await.expect_empty();
        let all = async {
            let mut stream = server.events(&project_ref).await.unwrap();
            stream.until(|event| event.kind == "renamed" && event.data["message"] == "Renamed to the last one").await
        };
        let ((), live) = tokio::join!(renames, all);
        server.settled(&project_ref).await;

        let mut stored = server.events_so_far(&project_ref, None).await;
        expect_ascending(&stored);
        stored.truncate(stored.iter().position(|event| event.id == live.last().unwrap().id).unwrap() + 1);
        assert_eq!(ids(&live), ids(&stored), "what was streamed as it happened is what there is");
        for event in &stored {
            let resumed = server.events_so_far(&project_ref, Some(event.id)).await;
            let expected: Vec<_> = ids(&stored).into_iter().filter(|id| *id > event.id).collect();
            assert_eq!(ids(&resumed)[..expected.len()], expected, "after {}", event.id);
        }
        let events = || server.get(format!("/v1/projects/{project_ref}/events"));
        events().header("last-event-id", "nonsense").send().await.expect(400);
        server.get(format!("/v1/projects/{project_ref}/events?after=nonsense")).send().await.expect(400);
        server.delete_all(&[project_ref]).await;
        server.stop().await;
    }
}

async fn rename_often(server: &Server, project_ref: &str) {
    let mut names: Vec<_> = (0..30).map(|number| format!("name {number}")).collect();
    names.push("the last one".to_owned());
    for name in names {
        let request = server.request("PATCH", format!("/v1/projects/{project_ref}"));
        request.json(&json!({ "name": name })).send().await.expect(200);
    }
}

fn ids(events: &[Event]) -> Vec<i64> {
    events.iter().map(|event| event.id).collect()
}

fn expect_ascending(events: &[Event]) {
    assert!(events.windows(2).all(|pair| pair[0].id < pair[1].id), "{:?}", ids(events));
}
