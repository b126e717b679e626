//! Secrets at rest: none in the clear in any row, and none that opens anywhere but in its own place.

use std::fs;

use control_plane::{Caller, Error};
use control_plane_api::{CreateProject, ProjectState};
use secrecy::ExposeSecret as _;

use crate::support::{LOGIN_ROLES, Plane};

on_both_backends!(no_row_holds_a_secret_in_the_clear, a_sealed_value_opens_in_its_own_place_only, secrets_go_with_their_project);

const CHOSEN: &str = "a password of the caller's own";

async fn live_with_chosen_password(plane: &Plane) -> control_plane_api::ProjectRef {
    let request = CreateProject { db_pass: Some(CHOSEN.into()), ..CreateProject::default() };
    let project_ref = plane.create_with(request).await.project_ref;
    plane.expect_state(&project_ref, ProjectState::Running).await;
    project_ref
}

/// Everything that is stored, as bytes: the database's own files, or every row of every table as text.
async fn dump(plane: &Plane) -> Vec<u8> {
    let Some(database) = &plane.postgres else {
        let files = ["control-plane.db", "control-plane.db-wal"].map(|name| plane.folder.path().join(name));
        return files.iter().filter_map(|file| fs::read(file).ok()).flatten().collect();
    };
    let client = database.connect("postgres").await;
    let tables = client.query("select tablename::text from pg_tables where schemaname = 'public'", &[]).await.unwrap();
    let mut dump = String::new();
    for table in tables {
        let rows = client.query(&format!("select t::text from public.{} t", table.get::<_, String>(0)), &[]).await.unwrap();
        rows.iter().for_each(|row| dump.push_str(row.get(0)));
    }
    dump.into_bytes()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

async fn no_row_holds_a_secret_in_the_clear(plane: Plane) {
    let life = plane.live().await;
    let project_ref = live_with_chosen_password(&plane).await;
    let secrets = plane.routes.live(&project_ref).unwrap().in_force.secrets;
    let mut clear = vec![secrets.jwt_secret, secrets.anon_key, secrets.service_role_key];
    clear.extend(secrets.publishable_keys);
    clear.extend(secrets.secret_keys);
    assert_eq!(secrets.passwords.len(), LOGIN_ROLES.len());
    clear.extend(secrets.passwords.into_values());
    assert_eq!(clear.len(), 3 + 2 + LOGIN_ROLES.len());
    assert!(clear.iter().any(|secret| secret.expose_secret() == CHOSEN));
    let stored = dump(&plane).await;
    assert!(contains(&stored, project_ref.as_str().as_bytes()), "the dump has rows in it");
    for secret in &clear {
        let secret = secret.expose_secret();
        assert!(!contains(&stored, secret.as_bytes()), "{secret} is stored in the clear");
        assert!(!contains(&stored, hex(secret).as_bytes()), "{secret} is stored as bytes in the clear");
    }
    life.end().await;
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

async fn a_sealed_value_opens_in_its_own_place_only(plane: Plane) {
    let (one, two) = (plane.create("one").await, plane.create("two").await);
    let keys = plane.service.api_keys(&Caller::local(), &one, true).await.unwrap();
    let of = |project_ref: &control_plane_api::ProjectRef| format!("(select id from project where ref = '{project_ref}')");
    // Another project's, and another field's of the same project.
    for (from, field) in [(&two, "anon_key"), (&one, "jwt_secret")] {
        let keep = format!("select sealed from secret where project_id = {} and field = '{field}'", of(from));
        plane.execute("create table kept as select sealed from secret where field = 'anon_key' and 1 = 0").await;
        let own = format!("select sealed from secret where project_id = {} and field = 'anon_key'", of(&one));
        plane.execute(&format!("insert into kept {own}")).await;
        plane
            .execute(&format!("update secret set sealed = ({keep}) where project_id = {} and field = 'anon_key'", of(&one)))
            .await;
        let opened = plane.service.api_keys(&Caller::local(), &one, true).await;
        assert!(matches!(opened, Err(Error::Secret(_))), "{opened:?}");
        let restore = format!("update secret set sealed = (select sealed from kept) where project_id = {}", of(&one));
        plane.execute(&format!("{restore} and field = 'anon_key'")).await;
        plane.execute("drop table kept").await;
    }
    assert_eq!(plane.service.api_keys(&Caller::local(), &one, true).await.unwrap(), keys);
}

async fn secrets_go_with_their_project(plane: Plane) {
    let life = plane.live().await;
    let project_ref = live_with_chosen_password(&plane).await;
    assert!(plane.number("select count(*) from secret").await > 0);
    let password = plane.service.database_password(&Caller::local(), &project_ref).await.unwrap();
    assert_eq!(password.expose_secret(), CHOSEN);
    plane.service.delete(&Caller::local(), &project_ref).await.unwrap();
    plane.expect_gone(&project_ref).await;
    for table in ["secret", "api_key"] {
        assert_eq!(plane.number(&format!("select count(*) from {table}")).await, 0, "{table}");
    }
    life.end().await;
}
