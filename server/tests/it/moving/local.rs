//! From one installation to another one, with another master key.

use std::fs;

use serde_json::json;

use super::{ROWS, expect_same, rows};
use crate::support::{Backend, Installation};

#[tokio::test]
async fn a_project_moves_to_another_machine_with_its_rows_and_keys() {
    let (here, there) = (Installation::new(Backend::Sqlite).await, Installation::new(Backend::Postgres).await);
    let (from, to) = (here.start().await, there.start().await);
    let project_ref = from.create_live("Ada's shop").await;
    let client = from.owner(&project_ref, "local").await;
    client.batch_execute(ROWS).await.unwrap();
    let (before, keys) = (rows(&client).await, from.keys(&project_ref).await);

    let file = here.export(&from, &project_ref, "shop").await;
    from.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
    from.expect_rest(&project_ref, &keys).await;
    let left = from.get(format!("/v1/projects/{project_ref}/export")).send().await.expect(404).json();
    assert!(left["message"].as_str().unwrap().contains("no archive"), "{left}");
    // Nothing is written over.
    let again = here.command_line(&from, &["export", &project_ref, "--output", file.to_str().unwrap()]).await;
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("is there already"));

    there.import(&to, &file, &["--size", "small"]).await;
    let project = to.get(format!("/v1/projects/{project_ref}")).send().await.expect(200).json();
    assert_eq!((&project["name"], &project["status"]), (&json!("Ada's shop"), &json!("ACTIVE_HEALTHY")));
    assert_eq!(to.keys(&project_ref).await, keys);
    to.expect_rest(&project_ref, &keys).await;
    let client = to.owner(&project_ref, "local").await;
    expect_same(&before, &rows(&client).await);
    // It goes on from there.
    client.batch_execute("insert into public.authors (name) values ('Author 501')").await.unwrap();
    let passwords = fs::read_dir(there.project_dir(&project_ref)).unwrap().flatten().any(|file| file.file_name() == "passwords");
    assert!(passwords, "its passwords were set by this installation, too");
    drop(client);

    for (server, installation) in [(from, here), (to, there)] {
        server.delete_all(std::slice::from_ref(&project_ref)).await;
        server.stop().await;
        installation.expect_nothing_left().await;
    }
}
