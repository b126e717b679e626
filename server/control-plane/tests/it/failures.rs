//! Steps that fail: tried again, given up, taken up again; and databases that end.

use std::{sync::Arc, time::Duration};

use control_plane::{Caller, Error, Placement, Services};
use control_plane_api::{EventKind, InstanceSize, OperationKind, ProjectRef, ProjectState, Step};

use crate::support::{
    Plane, eventually,
    fake::{Failure, Moment, Verb},
};

on_both_backends!(
    a_step_that_fails_is_tried_again,
    a_step_that_keeps_failing_fails_the_project_until_a_retry,
    what_can_not_get_better_fails_at_once,
    an_overdue_operation_fails_at_its_next_failure,
    nothing_is_given_up_while_the_engine_is_away,
    what_belongs_to_no_project_is_removed_and_nothing_else,
    a_step_says_what_it_does,
    a_size_is_put_in_force_while_the_project_runs,
    deleting_never_gives_up,
    a_project_that_waits_for_a_retry_can_be_deleted,
    a_taken_port_is_replaced,
    a_database_that_ends_is_started_again,
    a_database_that_ends_during_an_operation_is_started_again,
    an_exit_that_can_not_be_written_at_once_is_not_forgotten,
    a_database_that_ended_unnoticed_is_found,
);

async fn a_step_that_fails_is_tried_again(plane: Plane) {
    plane.machine.fail(Verb::Data, Moment::Before, Failure::Transient, 1);
    plane.machine.fail(Verb::Start, Moment::After, Failure::Transient, 1);
    let life = plane.live().await;
    let project_ref = plane.create("again").await;
    plane.expect_state(&project_ref, ProjectState::Running).await;
    let retried: Vec<_> = plane.events(&project_ref).await.into_iter().filter(|e| e.kind == EventKind::StepRetried).collect();
    assert_eq!(retried.iter().filter_map(|event| event.step).collect::<Vec<_>>(), [Step::CloneData, Step::StartDatabase]);
    assert!(retried[0].message.as_ref().unwrap().contains("Data was told to fail"));
    life.end().await;
}

async fn a_step_that_keeps_failing_fails_the_project_until_a_retry(plane: Plane) {
    plane.machine.fail(Verb::Start, Moment::Before, Failure::Transient, usize::MAX);
    let life = plane.live().await;
    let project_ref = plane.create("failing").await;
    eventually("a failed project", async || {
        plane.hurry().await;
        (plane.state(&project_ref).await == Some(ProjectState::Failed)).then_some(())
    })
    .await;
    assert_eq!(plane.machine.calls(Verb::Start, None), 5);
    let overview = plane.service.overview(&Caller::local(), &project_ref).await.unwrap();
    let failure = overview.failure.unwrap();
    assert_eq!((failure.step, failure.cause.as_str()), (Step::StartDatabase, "Start was told to fail"));
    assert_eq!(plane.count(&project_ref, EventKind::StepRetried).await, 4);
    assert_eq!(plane.count(&project_ref, EventKind::StepFailed).await, 1);
    let refused = plane.service.pause(&Caller::local(), &project_ref).await;
    assert!(matches!(refused, Err(Error::StateConflict(_))), "{refused:?}");

    plane.machine.heal();
    plane.service.retry(&Caller::local(), &project_ref).await.unwrap();
    plane.expect_state(&project_ref, ProjectState::Running).await;
    assert_eq!(plane.machine.calls(Verb::Data, None), 1, "it goes on where it gave up");
    assert!(plane.service.overview(&Caller::local(), &project_ref).await.unwrap().failure.is_none());
    life.end().await;
}

async fn what_can_not_get_better_fails_at_once(plane: Plane) {
    plane.machine.fail(Verb::Template, Moment::Before, Failure::Permanent, 1);
    let life = plane.live().await;
    let project_ref = plane.create("permanent").await;
    plane.expect_state(&project_ref, ProjectState::Failed).await;
    assert_eq!(plane.count(&project_ref, EventKind::StepRetried).await, 0);
    life.end().await;
}

async fn an_overdue_operation_fails_at_its_next_failure(plane: Plane) {
    plane.machine.fail(Verb::Data, Moment::Before, Failure::Transient, usize::MAX);
    let project_ref = plane.create("overdue").await;
    plane.execute("update operation set deadline = 0").await;
    let life = plane.live().await;
    plane.expect_state(&project_ref, ProjectState::Failed).await;
    assert_eq!(plane.machine.calls(Verb::Data, None), 1);
    life.end().await;
}

async fn nothing_is_given_up_while_the_engine_is_away(plane: Plane) {
    plane.machine.fail(Verb::Data, Moment::Before, Failure::Unavailable, 40);
    let project_ref = plane.create("patient").await;
    plane.execute("update operation set deadline = 0").await;
    let life = plane.live().await;
    eventually("the end of the engine's absence", async || {
        plane.hurry().await;
        (plane.state(&project_ref).await == Some(ProjectState::Running)).then_some(())
    })
    .await;
    assert_eq!(plane.machine.calls(Verb::Data, None), 41);
    life.end().await;
}

async fn what_belongs_to_no_project_is_removed_and_nothing_else(plane: Plane) {
    let life = plane.live_looking_every(Duration::from_millis(20)).await;
    let known = plane.create_live("known").await;
    let placement = |project_ref| Placement {
        project_ref,
        driver: "fake".into(),
        stack: None,
        port: None,
        size: InstanceSize::Nano,
        postgres_major: None,
    };
    let orphan = ProjectRef::from_letters([3; ProjectRef::LENGTH]);
    plane.machine.leave_behind(placement(known.clone()));
    plane.machine.leave_behind(placement(orphan.clone()));
    eventually("the orphan's end", async || (plane.machine.calls(Verb::Destroy, Some(&orphan)) > 0).then_some(())).await;
    assert_eq!(plane.machine.calls(Verb::Destroy, Some(&known)), 0);
    assert!(plane.machine.has(&known));
    life.end().await;
}

async fn a_step_says_what_it_does(plane: Plane) {
    plane.machine.talk();
    let life = plane.live().await;
    let project_ref = plane.create_live("talking").await;
    let said = eventually("its words", async || {
        plane.events(&project_ref).await.into_iter().find(|event| event.kind == EventKind::StepProgress)
    })
    .await;
    assert_eq!((said.step, said.message.as_deref()), (Some(Step::PrepareTemplate), Some("making the template")));
    life.end().await;
}

async fn a_size_is_put_in_force_while_the_project_runs(plane: Plane) {
    let life = plane.live().await;
    let project_ref = plane.create_live("growing").await;
    let refused = plane.service.resize(&Caller::local(), &project_ref, "enormous").await.unwrap_err();
    assert!(refused.to_string().contains("micro"), "{refused}");
    // What can't be put in force is tried again and takes nothing down; another size is tried at once.
    plane.machine.fail(Verb::Size, Moment::Before, Failure::Permanent, 1);
    plane.service.resize(&Caller::local(), &project_ref, "small").await.unwrap();
    eventually("a failed try", async || (plane.count(&project_ref, EventKind::StepRetried).await > 0).then_some(())).await;
    assert_eq!(plane.state(&project_ref).await, Some(ProjectState::Running));
    assert!(plane.routes.live(&project_ref).is_some());
    plane.service.resize(&Caller::local(), &project_ref, "large").await.unwrap();
    plane.expect_state(&project_ref, ProjectState::Running).await;
    assert_eq!(plane.machine.size_of(&project_ref), Some(InstanceSize::Large));
    assert_eq!(plane.service.size(&Caller::local(), &project_ref).await.unwrap(), InstanceSize::Large);
    // A paused one has it when it next runs.
    plane.service.pause(&Caller::local(), &project_ref).await.unwrap();
    plane.expect_state(&project_ref, ProjectState::Paused).await;
    plane.service.resize(&Caller::local(), &project_ref, "micro").await.unwrap();
    plane.expect_state(&project_ref, ProjectState::Paused).await;
    plane.service.restore(&Caller::local(), &project_ref).await.unwrap();
    eventually("the new size", async || (plane.machine.size_of(&project_ref) == Some(InstanceSize::Micro)).then_some(())).await;
    life.end().await;
}

async fn deleting_never_gives_up(plane: Plane) {
    let life = plane.live().await;
    let project_ref = plane.create_live("stubborn").await;
    plane.machine.fail(Verb::Destroy, Moment::Before, Failure::Permanent, 12);
    plane.service.delete(&Caller::local(), &project_ref).await.unwrap();
    plane.execute("update operation set deadline = 0").await;
    eventually("the end of the project", async || {
        plane.hurry().await;
        plane.state(&project_ref).await.is_none().then_some(())
    })
    .await;
    assert_eq!(plane.machine.calls(Verb::Destroy, None), 13);
    assert!(!plane.machine.has(&project_ref) && plane.routes.live(&project_ref).is_none());
    life.end().await;
}

async fn a_project_that_waits_for_a_retry_can_be_deleted(plane: Plane) {
    plane.machine.fail(Verb::Start, Moment::Before, Failure::Transient, usize::MAX);
    let life = plane.live().await;
    let project_ref = plane.create("waiting").await;
    eventually("a nap", async || (plane.count(&project_ref, EventKind::StepRetried).await > 0).then_some(())).await;
    eventually("a moment in which it naps", async || plane.service.delete(&Caller::local(), &project_ref).await.ok()).await;
    plane.expect_gone(&project_ref).await;
    assert!(!plane.machine.has(&project_ref));
    life.end().await;
}

async fn a_taken_port_is_replaced(plane: Plane) {
    plane.machine.offer_ports(&[3001, 3001, 3002, 3003]);
    let life = plane.live().await;
    let (one, two) = (plane.create_live("one").await, plane.create_live("two").await);
    assert_eq!(
        (plane.machine.runs_on(&one), plane.machine.runs_on(&two)),
        (Some(3001), Some(3002)),
        "two projects never share one"
    );
    plane.service.pause(&Caller::local(), &one).await.unwrap();
    plane.expect_state(&one, ProjectState::Paused).await;
    plane.machine.fail(Verb::Start, Moment::Before, Failure::PortInUse, 1);
    plane.service.restore(&Caller::local(), &one).await.unwrap();
    plane.expect_state(&one, ProjectState::Running).await;
    assert_eq!(plane.machine.runs_on(&one), Some(3003));
    let Services::InProcess(endpoint) = plane.routes.live(&one).unwrap().services else { panic!("it has services elsewhere") };
    assert_eq!(endpoint.port, 3003);
    assert_eq!(plane.count(&one, EventKind::StepRetried).await, 0, "it is no failure");
    life.end().await;
}

async fn a_database_that_ends_is_started_again(plane: Plane) {
    let life = plane.live().await;
    let project_ref = plane.create_live("falling").await;
    for exits in 1..=2 {
        plane.machine.crash(&project_ref, true);
        eventually("the recovery", async || {
            let history = plane.history(&project_ref).await;
            let last = history.iter().rposition(|word| word == "database_exited")?;
            (history.iter().filter(|word| *word == "database_exited").count() == exits).then_some(())?;
            history[last..].contains(&"state_changed running".to_owned()).then_some(())
        })
        .await;
        plane.expect_state(&project_ref, ProjectState::Running).await;
        assert!(plane.machine.runs_on(&project_ref).is_some() && plane.routes.live(&project_ref).is_some());
    }
    // One that is to be down stays down.
    plane.service.pause(&Caller::local(), &project_ref).await.unwrap();
    plane.expect_state(&project_ref, ProjectState::Paused).await;
    plane.machine.crash(&project_ref, true);
    eventually("its event", async || (plane.count(&project_ref, EventKind::DatabaseExited).await == 3).then_some(())).await;
    plane.expect_state(&project_ref, ProjectState::Paused).await;
    assert!(plane.machine.runs_on(&project_ref).is_none());
    life.end().await;
}

async fn an_exit_that_can_not_be_written_at_once_is_not_forgotten(plane: Plane) {
    let life = plane.live().await;
    let project_ref = plane.create_live("unwritten").await;
    plane.execute("alter table event rename to event_aside").await;
    plane.machine.crash(&project_ref, true);
    // Longer than the first tries take.
    tokio::time::sleep(Duration::from_millis(600)).await;
    plane.execute("alter table event_aside rename to event").await;
    eventually("the recovery", async || plane.machine.runs_on(&project_ref).map(drop)).await;
    plane.expect_state(&project_ref, ProjectState::Running).await;
    eventually("its event", async || (plane.count(&project_ref, EventKind::DatabaseExited).await == 1).then_some(())).await;
    life.end().await;
}

async fn a_database_that_ended_unnoticed_is_found(plane: Plane) {
    let life = plane.live_looking_every(Duration::from_millis(100)).await;
    let project_ref = plane.create_live("unnoticed").await;
    plane.machine.crash(&project_ref, false);
    eventually("the recovery", async || plane.machine.runs_on(&project_ref).map(drop)).await;
    plane.expect_state(&project_ref, ProjectState::Running).await;
    life.end().await;
}

/// The exit comes while the operation is open, which no recovery can be opened beside, and after its last look.
async fn a_database_that_ends_during_an_operation_is_started_again(plane: Plane) {
    let machine = Arc::clone(&plane.machine);
    plane.routes.after_publish(move |project_ref| machine.crash(project_ref, true));
    let life = plane.live().await;
    let project_ref = plane.create("unlucky").await;
    eventually("a recovery after the exit", async || {
        let events = plane.events(&project_ref).await;
        let exited = events.iter().filter(|event| event.kind == EventKind::DatabaseExited).count() == 1;
        let recovered = events.iter().any(|e| e.kind == EventKind::StateChanged && e.operation == Some(OperationKind::Recover));
        let live = plane.machine.runs_on(&project_ref).is_some() && plane.routes.live(&project_ref).is_some();
        (exited && recovered && live).then_some(())
    })
    .await;
    plane.expect_state(&project_ref, ProjectState::Running).await;
    life.end().await;
}
