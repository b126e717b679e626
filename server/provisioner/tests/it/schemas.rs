//! What only the superuser can make in a project of an earlier version.

use control_plane::{Placement, Provisioner as _};
use tokio_postgres::Client;

use crate::support::{LocalMachine, Machine as _, Quiet, connect, passwords, secrets};

async fn owners(client: &Client) -> Vec<String> {
    let sql =
        "select nspname || ' ' || pg_get_userbyid(nspowner) from pg_namespace where nspname in ('auth', '_auth') order by 1";
    client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_project_without_the_schemas_of_auth_gets_them_once() {
    let machine = LocalMachine::new().await.unwrap();
    let driver = machine.driver();
    let project = machine.placement(0, None);
    let project = Placement { port: Some(driver.allocate_port(&project).await.unwrap()), ..project };
    driver.ensure_template(&project, &Quiet).await.unwrap();
    driver.ensure_data(&project).await.unwrap();
    driver.ensure_started(&project, &secrets("own")).await.unwrap();
    driver.ensure_passwords(&project, &passwords("own")).await.unwrap();
    let client = connect(&project, "supabase_admin", "own").await.unwrap();
    let both = ["_auth supabase_auth_admin", "auth supabase_auth_admin"];
    client.batch_execute("drop schema _auth cascade").await.unwrap();
    driver.ensure_services(&project, &secrets("own")).await.unwrap();
    assert_eq!(owners(&client).await, both[1..], "the template had them, so nobody looks");

    machine.forget_auth(&project);
    driver.ensure_services(&project, &secrets("other")).await.unwrap();
    assert_eq!(owners(&client).await, both[1..], "it can't be done now, and the other services do without");
    driver.ensure_services(&project, &secrets("own")).await.unwrap();
    assert_eq!(owners(&client).await, both);
    driver.destroy(&project).await.unwrap();
}
