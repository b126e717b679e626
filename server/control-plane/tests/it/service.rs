//! Requests: what they write, and what they answer when two come at once.

use control_plane::{Caller, Error};
use control_plane_api::{CreateProject, OperationKind, ProjectState, Step};

use crate::support::{
    Plane, eventually,
    fake::{Moment, Verb},
};

on_both_backends!(
    a_request_writes_all_its_rows_or_none,
    the_same_key_makes_one_project,
    conflicting_requests_have_one_winner,
    requests_are_told_what_is_being_done,
    requests_that_change_nothing_are_fine,
    nothing_is_found_that_is_not_there,
);

fn named(name: &str) -> CreateProject {
    CreateProject { name: Some(name.into()), ..CreateProject::default() }
}

async fn a_request_writes_all_its_rows_or_none(plane: Plane) {
    let project_ref = plane.create("rows").await;
    let rows = async |table: &str| plane.number(&format!("select count(*) from {table}")).await;
    let (project, operation, event, audit) =
        (rows("project").await, rows("operation").await, rows("event").await, rows("audit_log").await);
    assert_eq!((project, operation, event, audit), (1, 1, 1, 1));
    let overview = plane.service.overview(&Caller::local(), &project_ref).await.unwrap();
    let open = overview.operation.unwrap();
    assert_eq!((open.kind, open.step, open.attempt), (OperationKind::Create, Step::PrepareTemplate, 0));
    assert_eq!(overview.project.state, ProjectState::Provisioning);
    assert_eq!(plane.routes.told(&project_ref), Some(ProjectState::Provisioning), "it is not unknown, even before anybody works");
    // The last write of a create can't be made: nothing of the others is left.
    plane.execute("alter table audit_log rename to audit_log_away").await;
    let failed = plane.service.create(&Caller::local(), named("none"), Some("none")).await;
    assert!(matches!(failed, Err(Error::Database(_))), "{failed:?}");
    plane.execute("alter table audit_log_away rename to audit_log").await;
    for table in ["project", "operation", "event"] {
        assert_eq!(rows(table).await, 1, "{table}");
    }
    assert_eq!(rows("idempotency_key").await, 0);
    assert_eq!(plane.routes.known(), 1);
    plane.service.create(&Caller::local(), named("none"), Some("none")).await.unwrap();
}

async fn requests_are_told_what_is_being_done(plane: Plane) {
    let life = plane.live().await;
    let project_ref = plane.create_live("told").await;
    assert_eq!(plane.routes.told(&project_ref), None);
    for (verb, during, after) in
        [(Verb::Stop, ProjectState::Pausing, ProjectState::Paused), (Verb::Start, ProjectState::Resuming, ProjectState::Running)]
    {
        plane.machine.hang(verb, Moment::Before);
        match after {
            ProjectState::Paused => plane.service.pause(&Caller::local(), &project_ref).await.unwrap(),
            _ => plane.service.restore(&Caller::local(), &project_ref).await.unwrap(),
        }
        plane.machine.hanging().await;
        assert_eq!(plane.routes.told(&project_ref), Some(during));
        plane.machine.release();
        plane.expect_state(&project_ref, after).await;
        let expected = (after == ProjectState::Paused).then_some(after);
        eventually("its being told", async || (plane.routes.told(&project_ref) == expected).then_some(())).await;
    }
    life.end().await;
}

async fn the_same_key_makes_one_project(plane: Plane) {
    let caller = Caller::local();
    let first = plane.service.create(&caller, named("once"), Some("key")).await.unwrap();
    let second = plane.service.create(&caller, named("once"), Some("key")).await.unwrap();
    assert_eq!(first, second);
    let other = plane.service.create(&caller, named("twice"), Some("key")).await;
    assert!(matches!(other, Err(Error::IdempotencyMismatch)), "{other:?}");
    let at_once =
        futures::future::join_all((0..20).map(|_| plane.service.create(&caller, named("at once"), Some("other-key")))).await;
    let refs: std::collections::BTreeSet<_> = at_once.into_iter().map(|project| project.unwrap().project_ref).collect();
    assert_eq!(refs.len(), 1, "{refs:?}");
    assert_eq!(plane.service.list(&caller).await.unwrap().len(), 2);
    assert_eq!(plane.number("select count(*) from operation").await, 2);
}

async fn conflicting_requests_have_one_winner(plane: Plane) {
    let caller = Caller::local();
    let project_ref = plane.create("contended").await;
    let refused = plane.service.pause(&caller, &project_ref).await;
    let Err(Error::OperationRunning(open)) = &refused else { panic!("{refused:?}") };
    assert_eq!(open.kind, OperationKind::Create);
    let life = plane.live().await;
    plane.expect_state(&project_ref, ProjectState::Running).await;
    life.end().await;

    // Nobody works them off, so that they meet.
    let requests: Vec<_> = (0..20)
        .map(|number| {
            let (service, caller, project_ref) = (&plane.service, &caller, &project_ref);
            async move {
                match number % 3 {
                    0 => service.pause(caller, project_ref).await,
                    1 => service.restart(caller, project_ref).await,
                    _ => service.delete(caller, project_ref).await.map(drop),
                }
            }
        })
        .collect();
    let answers = futures::future::join_all(requests).await;
    let won = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(won, 1, "{answers:?}");
    for answer in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        let open = answer.operation().unwrap_or_else(|| panic!("{answer:?} names no operation"));
        assert_ne!(open.kind, OperationKind::Create);
    }
    assert_eq!(plane.number("select count(*) from operation").await, 1);
}

async fn requests_that_change_nothing_are_fine(plane: Plane) {
    let caller = Caller::local();
    let life = plane.live().await;
    let project_ref = plane.create_live("so already").await;
    let before = plane.history(&project_ref).await;
    plane.service.restore(&caller, &project_ref).await.unwrap();
    assert_eq!(plane.history(&project_ref).await, before);
    let nothing_failed = plane.service.retry(&caller, &project_ref).await;
    assert!(matches!(nothing_failed, Err(Error::StateConflict(_))), "{nothing_failed:?}");
    plane.service.pause(&caller, &project_ref).await.unwrap();
    plane.expect_state(&project_ref, ProjectState::Paused).await;
    plane.service.pause(&caller, &project_ref).await.unwrap();
    let paused = plane.service.restart(&caller, &project_ref).await;
    assert!(matches!(paused, Err(Error::StateConflict(_))), "{paused:?}");
    life.end().await;
}

async fn nothing_is_found_that_is_not_there(plane: Plane) {
    let caller = Caller::local();
    let nobody = "abcdefghijklmnopqrst".parse().unwrap();
    let not_found = |result: Result<(), Error>| assert!(matches!(result, Err(Error::ProjectNotFound(_))), "{result:?}");
    not_found(plane.service.get(&caller, &nobody).await.map(drop));
    not_found(plane.service.pause(&caller, &nobody).await);
    not_found(plane.service.restore(&caller, &nobody).await);
    not_found(plane.service.restart(&caller, &nobody).await);
    not_found(plane.service.retry(&caller, &nobody).await);
    not_found(plane.service.delete(&caller, &nobody).await.map(drop));
    not_found(plane.service.api_keys(&caller, &nobody, true).await.map(drop));
    not_found(plane.service.events(&caller, &nobody, 0).await.map(drop));
    not_found(plane.service.health(&caller, &nobody, &[], std::time::Duration::ZERO).await.map(drop));
}
