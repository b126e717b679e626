//! Who works on an operation: one at a time, and whoever has lost it changes nothing any more.

use control_plane_api::{EventKind, ProjectState};

use crate::support::{
    Plane, eventually,
    fake::{Moment, Verb},
};

on_both_backends!(of_two_workers_one_gets_each_operation, whoever_lost_the_lease_writes_nothing, an_expired_lease_is_taken_over);

async fn of_two_workers_one_gets_each_operation(plane: Plane) {
    let lives = [plane.live_beside(), plane.live_beside(), plane.live_beside()];
    let mut projects = Vec::new();
    for number in 0..20 {
        projects.push(plane.create(&format!("shared {number}")).await);
    }
    for project_ref in &projects {
        plane.expect_state(project_ref, ProjectState::Running).await;
        for verb in [Verb::Data, Verb::Passwords] {
            assert_eq!(plane.machine.calls(verb, Some(project_ref)), 1, "{verb:?} of {project_ref}");
        }
        assert_eq!(plane.count(project_ref, EventKind::StepFinished).await, 5);
    }
    for life in lives {
        life.end().await;
    }
}

async fn whoever_lost_the_lease_writes_nothing(plane: Plane) {
    plane.machine.hang(Verb::Data, Moment::After);
    let life = plane.live().await;
    let project_ref = plane.create("lost").await;
    plane.machine.hanging().await;
    let until = time::OffsetDateTime::now_utc().unix_timestamp() * 1_000 + 25_000;
    plane.execute(&format!("update operation set lease_owner = 'somebody else', lease_until = {until}")).await;
    let before = plane.history(&project_ref).await;
    plane.machine.release();
    // It has let go of the operation when it ends.
    life.end().await;
    assert_eq!(plane.history(&project_ref).await, before);
    let untouched = format!(
        "select count(*) from operation where step = 'clone_data' and lease_owner = 'somebody else' and lease_until = {until}"
    );
    assert_eq!(plane.number(&untouched).await, 1);
    assert_eq!(plane.state(&project_ref).await, Some(ProjectState::Provisioning));
}

async fn an_expired_lease_is_taken_over(plane: Plane) {
    plane.machine.hang(Verb::Data, Moment::After);
    let slow = plane.live_beside();
    let project_ref = plane.create("expired").await;
    plane.machine.hanging().await;
    plane.execute("update operation set lease_until = 0").await;
    let quick = plane.live_beside();
    // The other one has it now, and hangs at the same place.
    plane.machine.hanging().await;
    let owners = "select count(*) from operation where lease_until > 0";
    eventually("another lease", async || (plane.number(owners).await == 1).then_some(())).await;
    plane.machine.release();
    plane.expect_state(&project_ref, ProjectState::Running).await;
    // Both went on from there; one of them in vain.
    assert_eq!(plane.machine.calls(Verb::Data, None), 2);
    assert_eq!(plane.count(&project_ref, EventKind::StepFinished).await, 5);
    slow.end().await;
    quick.end().await;
}
