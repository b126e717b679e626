//! A life that ends in the middle of a step, before or after it has taken effect: the next one finishes what was begun, so
//! that every step is run twice.

use control_plane::{Caller, Error};
use control_plane_api::{ProjectRef, ProjectState};

use crate::support::{
    Plane,
    fake::{Moment, Verb},
};

on_both_backends!(
    every_step_can_be_run_twice,
    a_life_takes_up_what_the_last_one_left_running,
    an_operation_at_its_end_is_taken_up
);

/// An operation, with the steps that ask the driver for something.
struct Case {
    verbs: &'static [Verb],
    before: ProjectState,
    after: Option<ProjectState>,
}

async fn ask(plane: &Plane, project_ref: &ProjectRef, after: Option<ProjectState>, verbs: &[Verb]) -> Result<(), Error> {
    let caller = Caller::local();
    match after {
        None => plane.service.delete(&caller, project_ref).await.map(drop),
        Some(ProjectState::Paused) => plane.service.pause(&caller, project_ref).await,
        Some(_) if verbs.contains(&Verb::Stop) => plane.service.restart(&caller, project_ref).await,
        Some(_) => plane.service.restore(&caller, project_ref).await,
    }
}

async fn every_step_can_be_run_twice(plane: Plane) {
    let running = Some(ProjectState::Running);
    let cases = [
        Case {
            verbs: &[Verb::Template, Verb::Data, Verb::Start, Verb::Passwords],
            before: ProjectState::Provisioning,
            after: running,
        },
        Case { verbs: &[Verb::Stop], before: ProjectState::Running, after: Some(ProjectState::Paused) },
        Case { verbs: &[Verb::Start], before: ProjectState::Paused, after: running },
        Case { verbs: &[Verb::Stop, Verb::Start], before: ProjectState::Running, after: running },
        Case { verbs: &[Verb::Destroy], before: ProjectState::Running, after: None },
    ];
    for case in cases {
        for verb in case.verbs {
            for moment in [Moment::Before, Moment::After] {
                let life = plane.live().await;
                let project_ref = match case.before {
                    ProjectState::Provisioning => {
                        plane.machine.hang(*verb, moment);
                        plane.create("twice").await
                    }
                    ProjectState::Paused => {
                        let project_ref = plane.create_live("twice").await;
                        plane.service.pause(&Caller::local(), &project_ref).await.unwrap();
                        plane.expect_state(&project_ref, ProjectState::Paused).await;
                        project_ref
                    }
                    _ => plane.create_live("twice").await,
                };
                if case.before != ProjectState::Provisioning {
                    plane.machine.hang(*verb, moment);
                    ask(&plane, &project_ref, case.after, case.verbs).await.unwrap();
                }
                plane.machine.hanging().await;
                life.kill().await;
                plane.machine.release();
                let calls = plane.machine.calls(*verb, None);

                let life = plane.live().await;
                if let Some(state) = case.after {
                    plane.expect_state(&project_ref, state).await;
                    let is_running = state == ProjectState::Running;
                    assert_eq!(plane.machine.runs_on(&project_ref).is_some(), is_running);
                    assert_eq!(plane.routes.live(&project_ref).is_some(), is_running);
                    plane.service.delete(&Caller::local(), &project_ref).await.unwrap();
                }
                plane.expect_gone(&project_ref).await;
                assert!(plane.machine.calls(*verb, None) > calls, "{verb:?} {moment:?} was not run again");
                assert!(!plane.machine.has(&project_ref));
                life.end().await;
            }
        }
    }
    for table in ["project", "secret", "api_key", "operation", "event", "idempotency_key"] {
        assert_eq!(plane.number(&format!("select count(*) from {table}")).await, 0, "{table}");
    }
}

async fn a_life_takes_up_what_the_last_one_left_running(plane: Plane) {
    let life = plane.live().await;
    let (survivor, dead) = (plane.create_live("survivor").await, plane.create_live("dead").await);
    life.kill().await;
    plane.machine.crash(&dead, false);
    let starts = plane.machine.calls(Verb::Start, Some(&survivor));
    let life = plane.live().await;
    for project_ref in [&survivor, &dead] {
        plane.expect_state(project_ref, ProjectState::Running).await;
        assert!(plane.machine.runs_on(project_ref).is_some());
        assert!(plane.routes.live(project_ref).is_some());
    }
    assert!(plane.machine.calls(Verb::Start, Some(&survivor)) > starts, "what runs is adopted, too");
    life.end().await;
}

/// The step after the one that starts the database was the last one that the killed life had begun: nobody had adopted the
/// database then.
async fn an_operation_at_its_end_is_taken_up(plane: Plane) {
    for step in ["set_passwords", "publish"] {
        plane.machine.hang(Verb::Passwords, Moment::Before);
        let life = plane.live().await;
        let project_ref = plane.create("late").await;
        plane.machine.hanging().await;
        life.kill().await;
        plane.machine.release();
        if step == "publish" {
            plane.execute("update operation set step = 'publish'").await;
        }
        plane.machine.crash(&project_ref, false);
        let starts = plane.machine.calls(Verb::Start, Some(&project_ref));
        let life = plane.live().await;
        plane.expect_state(&project_ref, ProjectState::Running).await;
        assert!(plane.machine.calls(Verb::Start, Some(&project_ref)) > starts);
        assert!(plane.machine.runs_on(&project_ref).is_some(), "{step}");
        life.end().await;
    }
}
