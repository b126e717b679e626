//! Events: in order, complete for whoever follows them, and not kept for ever.

use control_plane::Caller;
use control_plane_api::{EventKind, ProjectState, UpdateProject};
use futures::StreamExt as _;

use crate::support::Plane;

on_both_backends!(
    events_tell_the_whole_life_in_order,
    a_follower_misses_nothing_while_many_write,
    an_id_that_was_never_given_hides_nothing,
    old_events_are_dropped,
);

async fn events_tell_the_whole_life_in_order(plane: Plane) {
    let life = plane.live().await;
    let project_ref = plane.create_live("order").await;
    plane.service.pause(&Caller::local(), &project_ref).await.unwrap();
    plane.expect_state(&project_ref, ProjectState::Paused).await;
    let expected = [
        "state_changed provisioning",
        "step_started prepare_template",
        "step_finished prepare_template",
        "step_started clone_data",
        "step_finished clone_data",
        "step_started start_database",
        "step_finished start_database",
        "step_started set_passwords",
        "step_finished set_passwords",
        "step_started publish",
        "step_finished publish",
        "state_changed running",
        "state_changed pausing",
        "step_started withdraw",
        "step_finished withdraw",
        "step_started stop_database",
        "step_finished stop_database",
        "state_changed paused",
    ];
    assert_eq!(plane.history(&project_ref).await, expected);

    let stream = plane.service.events(&Caller::local(), &project_ref, 0).await.unwrap();
    plane.service.delete(&Caller::local(), &project_ref).await.unwrap();
    let followed: Vec<_> = stream.map(Result::unwrap).collect().await;
    assert_eq!(followed.last().unwrap().kind, EventKind::Deleted);
    assert!(followed.windows(2).all(|pair| pair[0].id < pair[1].id && pair[0].at <= pair[1].at));
    assert!(plane.service.events(&Caller::local(), &project_ref, 0).await.is_err(), "it is gone");
    life.end().await;
}

async fn rename(plane: &Plane, project_ref: &control_plane_api::ProjectRef, name: String) {
    plane.service.rename(&Caller::local(), project_ref, UpdateProject { name }).await.unwrap();
}

async fn an_id_that_was_never_given_hides_nothing(plane: Plane) {
    let project_ref = plane.create("ahead").await;
    let mut stream = Box::pin(plane.service.events(&Caller::local(), &project_ref, i64::MAX).await.unwrap());
    rename(&plane, &project_ref, "new".to_owned()).await;
    assert_eq!(stream.next().await.unwrap().unwrap().kind, EventKind::Renamed);
}

async fn a_follower_misses_nothing_while_many_write(plane: Plane) {
    let project_ref = plane.create("followed").await;
    let stream = plane.service.events(&Caller::local(), &project_ref, 0).await.unwrap();
    let writers = futures::future::join_all((0..8).map(|writer| {
        let (plane, project_ref) = (&plane, &project_ref);
        async move {
            for number in 0..10 {
                rename(plane, project_ref, format!("{writer} {number}")).await;
            }
        }
    }));
    let followed = stream.map(Result::unwrap).take(81).collect::<Vec<_>>();
    let (_, followed) = tokio::join!(writers, tokio::time::timeout(std::time::Duration::from_secs(30), followed));
    let followed: Vec<_> = followed.expect("an event was missed").iter().map(|event| event.id).collect();
    let stored: Vec<_> = plane.events(&project_ref).await.iter().map(|event| event.id).collect();
    assert_eq!(followed, stored);
}

async fn old_events_are_dropped(plane: Plane) {
    let life = plane.live().await;
    let project_ref = plane.create_live("talkative").await;
    for number in 0..520 {
        rename(&plane, &project_ref, format!("name {number}")).await;
    }
    let newest = plane.events(&project_ref).await.last().unwrap().id;
    plane.service.pause(&Caller::local(), &project_ref).await.unwrap();
    plane.expect_state(&project_ref, ProjectState::Paused).await;
    let events = plane.events(&project_ref).await;
    // What the operation itself has written comes on top of what is kept.
    assert!((500..=510).contains(&events.len()), "{}", events.len());
    assert!(events.iter().any(|event| event.id == newest), "the newest are kept");
    assert_eq!(events.last().unwrap().state, Some(ProjectState::Paused));
    life.end().await;
}
