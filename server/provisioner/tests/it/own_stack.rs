//! A stack of the user's own, whose service takes its secrets from its environment only, as most images do.

use std::collections::BTreeSet;

use bollard::query_parameters::{InspectContainerOptions, RemoveImageOptionsBuilder, TagImageOptionsBuilder};
use control_plane::{DatabaseState, Provisioner as _, Services};

use crate::{
    compose::{REST_IMAGE, ask, build},
    support::{DockerMachine, Machine, eventually, passwords, secrets},
};

const STACK: &str = r#"
x-supacloud:
  database: { service: db, volume: database }
  routes: [{ prefix: /rest/v1, service: rest, port: 3000, strip_prefix: true }]
services:
  db:
    image: supacloud/postgres:${POSTGRES_MAJOR}
    user: postgres
    volumes: ["database:/var/lib/postgresql"]
    tmpfs: [/tmp, "/run/postgresql:uid=999,gid=999,mode=0700"]
  rest:
    image: supacloud-it/rest:it
    environment:
      PGRST_DB_URI: postgres://authenticator:${AUTHENTICATOR_PASSWORD}@db:5432/postgres
      PGRST_DB_SCHEMAS: public
      PGRST_DB_ANON_ROLE: anon
      PGRST_JWT_SECRET: ${JWT_SECRET}
volumes: { database: {} }
"#;

#[tokio::test]
async fn a_project_of_an_own_stack_lives_and_shows_no_secret() {
    let Some(machine) = DockerMachine::new().await else { return };
    build(&machine.engine).await;
    assert!(STACK.contains(REST_IMAGE));
    let (driver, project) = machine.project_of_stack(STACK, 12).await;
    driver.ensure_started(&project, &secrets("aPasswordOfTheProject")).await.unwrap();
    driver.ensure_passwords(&project, &passwords("aPasswordOfTheProject")).await.unwrap();
    let services = driver.ensure_services(&project, &secrets("aPasswordOfTheProject")).await.unwrap();
    let Services::Remote(services) = services else { panic!("{services:?}") };
    let address = services.targets[0].address.to_string();
    assert_eq!((services.targets[0].prefix.as_str(), services.targets[0].instead.as_deref()), ("/rest/v1", Some("")));
    let answered =
        eventually("an answer", async || ask(&address, "GET /", "", "").await.filter(|(status, _)| *status == 200)).await;
    assert!(answered.1.contains("swagger"), "{}", answered.1);

    let inspected = machine
        .engine
        .inspect_container(&DockerMachine::container(&project, "rest"), None::<InspectContainerOptions>)
        .await
        .unwrap();
    let shown = serde_json::to_string(&inspected).unwrap();
    let seen: BTreeSet<_> =
        ["aPasswordOfTheProject", "a secret that is at least"].into_iter().filter(|secret| shown.contains(secret)).collect();
    assert!(seen.is_empty(), "{seen:?}");
    assert!(shown.contains("PGRST_DB_SCHEMAS=public"), "what is no secret is where it always is");

    // What was found of an image holds as long as nothing is heard of a change.
    let (name, tag) = REST_IMAGE.split_once(':').unwrap();
    machine.engine.remove_image(REST_IMAGE, Some(RemoveImageOptionsBuilder::new().force(true).build()), None).await.unwrap();
    let sees = async |state| (driver.observe(&project).await.unwrap().database == state).then_some(());
    eventually("the loss of an image", async || sees(DatabaseState::Changing).await).await;
    let again = TagImageOptionsBuilder::new().repo(name).tag(tag).build();
    machine.engine.tag_image(inspected.image.as_deref().unwrap(), Some(again)).await.unwrap();
    eventually("the image", async || sees(DatabaseState::Ready).await).await;

    // Another life of the same container waits for its secrets again, and gets them.
    driver.stop(&project).await.unwrap();
    driver.ensure_started(&project, &secrets("aPasswordOfTheProject")).await.unwrap();
    driver.ensure_services(&project, &secrets("aPasswordOfTheProject")).await.unwrap();
    driver.destroy(&project).await.unwrap();
    assert!(!machine.remains(&project).await);
}
