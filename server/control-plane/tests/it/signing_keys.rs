//! The keys that projects' tokens are signed with: one in use, moved by rule, sealed, and in force at once.

use auth_settings::ProjectKeys;
use control_plane::{Caller, Error, KeysInForce};
use control_plane_api::{
    CreateSigningKey, ProjectRef, ProjectState, SigningAlgorithm, SigningKey, SigningKeyStatus, UpdateSigningKey,
};
use migration::{Migrator, MigratorTrait as _};
use serde_json::{Value, json};

use SigningKeyStatus::{InUse, PreviouslyUsed, Revoked, Standby};

use crate::support::{Plane, eventually};

on_both_backends!(
    a_project_begins_with_its_jwt_secret,
    keys_are_rotated_and_revoked,
    rotations_at_once_leave_one_key_in_use,
    private_halves_are_sealed_in_their_own_place,
    services_that_hear_nothing_are_told_again,
    projects_of_before_have_their_jwt_secret_in_use,
);

impl Plane {
    async fn signing_keys(&self, project_ref: &ProjectRef) -> Vec<SigningKey> {
        self.service.signing_keys(&Caller::local(), project_ref).await.unwrap().keys
    }

    async fn statuses(&self, project_ref: &ProjectRef) -> Vec<(SigningAlgorithm, SigningKeyStatus)> {
        self.signing_keys(project_ref).await.iter().map(|key| (key.algorithm, key.status)).collect()
    }

    async fn add_key(&self, project_ref: &ProjectRef, request: Value) -> Result<SigningKey, Error> {
        let request: CreateSigningKey = serde_json::from_value(request).unwrap();
        self.service.create_signing_key(&Caller::local(), project_ref, request).await
    }

    async fn move_key(&self, project_ref: &ProjectRef, id: &str, status: SigningKeyStatus) -> Result<SigningKey, Error> {
        self.service.update_signing_key(&Caller::local(), project_ref, id, UpdateSigningKey { status }).await
    }

    async fn legacy_api_keys(&self, project_ref: &ProjectRef, enabled: bool) -> Result<(), Error> {
        self.service.set_legacy_api_keys(&Caller::local(), project_ref, enabled).await.map(drop)
    }

    /// What the project's services and its address go by.
    fn keys_in_force(&self, project_ref: &ProjectRef) -> KeysInForce {
        self.routes.live(project_ref).unwrap().in_force.keys
    }
}

/// Which key signs, and which verify; the JWT secret is `secret`.
fn told(keys: &ProjectKeys) -> (String, Vec<String>) {
    let signs = keys.listed.iter().find(|key| key.signs).map_or("secret", |key| &key.kid).to_owned();
    let verify = keys.listed.iter().map(|key| key.kid.clone());
    (signs, verify.chain(keys.secret_verifies.then(|| "secret".to_owned())).collect())
}

async fn a_project_begins_with_its_jwt_secret(plane: Plane) {
    let life = plane.live().await;
    let project_ref = plane.create_live("new").await;
    let keys = plane.signing_keys(&project_ref).await;
    assert_eq!(plane.statuses(&project_ref).await, [(SigningAlgorithm::Hs256, InUse)]);
    assert_eq!(keys[0].public_jwk, None);
    let legacy = plane.service.legacy_signing_key(&Caller::local(), &project_ref).await.unwrap();
    assert_eq!(
        (&legacy, plane.service.signing_key(&Caller::local(), &project_ref, &legacy.id).await.unwrap()),
        (&keys[0], legacy.clone())
    );
    let keys = plane.keys_in_force(&project_ref);
    assert_eq!(told(&keys.signing), ("secret".to_owned(), vec!["secret".to_owned()]));
    assert!(keys.instead_of_legacy.is_none());
    life.end().await;
}

async fn keys_are_rotated_and_revoked(plane: Plane) {
    let life = plane.live().await;
    let project_ref = plane.create_live("rotated").await;
    let legacy = plane.signing_keys(&project_ref).await[0].id.clone();
    let key = plane.add_key(&project_ref, json!({ "algorithm": "ES256" })).await.unwrap();
    assert_eq!((key.status, &key.public_jwk.as_ref().unwrap()["kid"]), (Standby, &json!(key.id)));
    let in_force = || told(&plane.keys_in_force(&project_ref).signing);
    let (secret, both) = ("secret".to_owned(), vec![key.id.clone(), "secret".to_owned()]);
    assert_eq!(in_force(), (secret, both.clone()), "it is known before it signs");

    assert_eq!(plane.move_key(&project_ref, &key.id, InUse).await.unwrap().status, InUse);
    assert_eq!(plane.statuses(&project_ref).await, [(SigningAlgorithm::Hs256, PreviouslyUsed), (SigningAlgorithm::Es256, InUse)]);
    assert_eq!(in_force(), (key.id.clone(), both));

    // The key in use stays so until another is.
    for status in [Standby, PreviouslyUsed, Revoked] {
        let refused = plane.move_key(&project_ref, &key.id, status).await;
        assert!(matches!(refused, Err(Error::StateConflict(_))), "{refused:?}");
    }
    // What clients use is not cut off unseen.
    let refused = plane.move_key(&project_ref, &legacy, Revoked).await.unwrap_err();
    assert!(refused.to_string().contains("/api-keys/legacy?enabled=false"), "{refused}");
    plane.legacy_api_keys(&project_ref, false).await.unwrap();
    assert!(plane.keys_in_force(&project_ref).instead_of_legacy.is_some());
    plane.move_key(&project_ref, &legacy, Revoked).await.unwrap();
    assert_eq!(in_force(), (key.id.clone(), vec![key.id.clone()]));
    plane.service.ask_auth(&Caller::local(), &project_ref, "POST", "/invite", None).await.unwrap();
    for refused in [plane.legacy_api_keys(&project_ref, true).await, plane.move_key(&project_ref, &legacy, InUse).await.map(drop)]
    {
        assert!(matches!(refused, Err(Error::StateConflict(_))), "{refused:?}");
    }
    // And back.
    plane.move_key(&project_ref, &legacy, Standby).await.unwrap();
    plane.legacy_api_keys(&project_ref, true).await.unwrap();
    plane.move_key(&project_ref, &legacy, InUse).await.unwrap();
    assert_eq!(in_force().0, "secret");

    let remove = |id: &str| {
        let (plane, project_ref, id) = (&plane, &project_ref, id.to_owned());
        async move { plane.service.remove_signing_key(&Caller::local(), project_ref, &id).await }
    };
    for id in [&key.id, &legacy] {
        assert!(matches!(remove(id).await, Err(Error::StateConflict(_))), "{id} is trusted, or the JWT secret");
    }
    plane.move_key(&project_ref, &key.id, Revoked).await.unwrap();
    assert_eq!(remove(&key.id).await.unwrap().status, Revoked);
    for nobody in [key.id.as_str(), "none", "00000000-0000-4000-8000-000000000000"] {
        assert!(matches!(remove(nobody).await, Err(Error::SigningKeyNotFound(_))), "{nobody}");
    }
    assert_eq!(plane.statuses(&project_ref).await, [(SigningAlgorithm::Hs256, InUse)]);
    let audited = "select count(*) from audit_log where action like 'project.signing_key.%'";
    assert_eq!(plane.number(audited).await, 7, "and none for what was refused");
    assert_eq!(plane.number("select count(*) from audit_log where action like 'project.legacy_api_keys.%'").await, 2);

    // One that is taken in may be in use at once; its own id stays.
    let id = "3a18cfe2-7226-43b0-bbb4-7c5242f2406e";
    let jwk = json!({ "kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA", "kid": id });
    let request = json!({ "algorithm": "HS256", "status": "in_use", "private_jwk": jwk });
    let taken = plane.add_key(&project_ref, request.clone()).await.unwrap();
    assert_eq!((taken.id.as_str(), taken.status, taken.public_jwk), (id, InUse, None));
    assert_eq!(in_force().0, id);
    assert!(matches!(plane.add_key(&project_ref, request).await, Err(Error::StateConflict(_))), "twice the same");
    let wrong = json!({ "algorithm": "ES256", "private_jwk": { "kty": "oct" } });
    assert_eq!(plane.add_key(&project_ref, wrong).await.unwrap_err().field(), Some("private_jwk"));
    let wrong = json!({ "algorithm": "ES256", "status": "revoked" });
    assert_eq!(plane.add_key(&project_ref, wrong).await.unwrap_err().field(), Some("status"));
    life.end().await;
}

async fn rotations_at_once_leave_one_key_in_use(plane: Plane) {
    let life = plane.live().await;
    let project_ref = plane.create_live("at once").await;
    let request = json!({ "algorithm": "EdDSA", "status": "in_use" });
    let made = (0..5).map(|_| plane.add_key(&project_ref, request.clone()));
    for made in futures::future::join_all(made).await {
        made.unwrap();
    }
    let keys = plane.signing_keys(&project_ref).await;
    let in_use: Vec<_> = keys.iter().filter(|key| key.status == InUse).collect();
    assert_eq!((keys.len(), in_use.len()), (6, 1));
    assert_eq!(told(&plane.keys_in_force(&project_ref).signing).0, in_use[0].id);
    life.end().await;
}

async fn private_halves_are_sealed_in_their_own_place(plane: Plane) {
    let (one, two) = (plane.create("one").await, plane.create("two").await);
    let k = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA";
    for (project_ref, k) in [(&one, k), (&two, "YW5vdGhlci1hbm90aGVyLWFub3RoZXItYW5vdGhlci0xMjM")] {
        let jwk = json!({ "kty": "oct", "k": k, "kid": "3a18cfe2-7226-43b0-bbb4-7c5242f2406e" });
        plane.add_key(project_ref, json!({ "algorithm": "HS256", "private_jwk": jwk })).await.unwrap();
    }
    let rows = "select count(*) from signing_key where ";
    assert_eq!(plane.number(&format!("{rows} not is_legacy and sealed is not null and public_jwk is null")).await, 2);
    let text = if plane.postgres.is_some() { "encode(sealed, 'escape')" } else { "cast(sealed as text)" };
    assert_eq!(plane.number(&format!("{rows} {text} like '%{k}%'")).await, 0);
    // The same id of another project is another place.
    let of = |project_ref: &ProjectRef| format!("(select id from project where ref = '{project_ref}')");
    let taken = format!("(select sealed from signing_key where not is_legacy and project_id = {})", of(&one));
    plane.execute(&format!("update signing_key set sealed = {taken} where not is_legacy and project_id = {}", of(&two))).await;
    let opened = plane.service.ask_auth(&Caller::local(), &two, "GET", "/settings", None).await;
    assert!(matches!(opened, Err(Error::Secret(_))), "{opened:?}");
}

async fn services_that_hear_nothing_are_told_again(plane: Plane) {
    let life = plane.live().await;
    let project_ref = plane.create_live("deaf").await;
    plane.routes.set_deaf(true);
    let refused = plane.add_key(&project_ref, json!({ "algorithm": "ES256", "status": "in_use" })).await;
    assert!(matches!(refused, Err(Error::NotInForce(_))), "{refused:?}");
    let key = plane.signing_keys(&project_ref).await.pop().unwrap();
    assert_eq!(key.status, InUse, "it is kept");
    assert_eq!(told(&plane.keys_in_force(&project_ref).signing).0, "secret");
    plane.routes.set_deaf(false);
    let in_force = async || (told(&plane.keys_in_force(&project_ref).signing).0 == key.id).then_some(());
    eventually("the key in force", in_force).await;

    // An address does not open before.
    plane.service.pause(&Caller::local(), &project_ref).await.unwrap();
    plane.expect_state(&project_ref, ProjectState::Paused).await;
    plane.routes.set_deaf(true);
    plane.service.restore(&Caller::local(), &project_ref).await.unwrap();
    let retried = async || plane.history(&project_ref).await.contains(&"step_retried publish".to_owned()).then_some(());
    eventually("a try to publish", retried).await;
    assert!(plane.routes.live(&project_ref).is_none());
    plane.routes.set_deaf(false);
    plane.hurry().await;
    plane.expect_state(&project_ref, ProjectState::Running).await;
    assert_eq!(told(&plane.keys_in_force(&project_ref).signing).0, key.id);
    life.end().await;
}

/// As an earlier version has left them.
async fn projects_of_before_have_their_jwt_secret_in_use(plane: Plane) {
    let (made, kept) = (plane.create("made").await, plane.create("kept").await);
    for sql in ["drop table signing_key", "alter table project drop column legacy_api_keys"] {
        plane.execute(sql).await;
    }
    plane.execute("delete from seaql_migrations where version like '%signing_keys'").await;
    Migrator::up(&plane.rows, None).await.unwrap();
    for project_ref in [&made, &kept] {
        assert_eq!(plane.statuses(project_ref).await, [(SigningAlgorithm::Hs256, InUse)]);
        let enabled = plane.service.legacy_api_keys(&Caller::local(), project_ref).await.unwrap().enabled;
        let ids: Vec<_> = plane.signing_keys(project_ref).await.into_iter().map(|key| key.id).collect();
        assert!(enabled && ids[0].len() == 36, "{ids:?}");
    }
}
