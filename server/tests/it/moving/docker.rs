//! From the local driver to containers and back.

use super::{ROWS, expect_same, rows};
use crate::support::{Backend, Installation, docker::things_of};

const POOL: &str = "10.221.160.0/20";

#[tokio::test]
async fn a_project_goes_from_the_local_driver_to_containers_and_back() {
    let Some(installation) = Installation::docker(Backend::Sqlite, POOL).await else { return };
    let installation = installation.with("SUPACLOUD_PROVISIONER__DRIVER", "local");
    let server = installation.start().await;
    let project_ref = server.create_live("There and back").await;
    let client = server.owner(&project_ref, "local").await;
    client.batch_execute(ROWS).await.unwrap();
    let (before, keys) = (rows(&client).await, server.keys(&project_ref).await);
    drop(client);
    let mut driver = "local";
    for (file, next) in [("out", "docker"), ("back", "local")] {
        let file = installation.export(&server, &project_ref, file).await;
        server.delete_all(std::slice::from_ref(&project_ref)).await;
        let began = std::time::Instant::now();
        installation.import(&server, &file, &["--driver", next]).await;
        eprintln!("from {driver} to {next}: {:?}", began.elapsed());
        assert_eq!(things_of(&project_ref).await.is_empty(), next == "local");
        driver = next;
        let client = server.owner(&project_ref, driver).await;
        expect_same(&before, &rows(&client).await);
        assert_eq!(server.keys(&project_ref).await, keys);
        server.expect_rest(&project_ref, &keys).await;
    }
    server.delete_all(&[project_ref]).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}
