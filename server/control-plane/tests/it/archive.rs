//! Projects that go into archives and come out of them, with a driver that has a file to pack.

use std::{fs, io};

use control_plane::{ArchiveError, Caller, Error};
use control_plane_api::{
    ApiKey, ArchiveState, CreateSigningKey, EventKind, ImportProject, InstanceSize, Project, ProjectRef, ProjectState,
    SigningAlgorithm, SigningKeyStatus, Step,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::mpsc;

use crate::support::{
    Plane, eventually,
    fake::{DATA, Failure, Moment, Verb},
};

on_both_backends!(
    a_project_goes_out_and_comes_in_again,
    a_project_is_packed_only_while_it_rests,
    packing_that_fails_leaves_the_project_as_it_was,
    an_import_that_fails_is_taken_up_again,
    what_is_no_archive_makes_nothing,
    a_life_that_ends_while_it_packs_or_unpacks_is_followed_by_one_that_does,
);

/// Takes what is sent.
struct Sink(mpsc::UnboundedSender<Vec<u8>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Plane {
    async fn pause(&self, project_ref: &ProjectRef) {
        self.service.pause(&Caller::local(), project_ref).await.unwrap();
        self.expect_state(project_ref, ProjectState::Paused).await;
    }

    async fn archive_state(&self, project_ref: &ProjectRef) -> Option<ArchiveState> {
        self.service.archive(&Caller::local(), project_ref).await.ok().map(|archive| archive.state)
    }

    /// The archive of a project that rests.
    async fn export(&self, project_ref: &ProjectRef) -> Vec<u8> {
        self.service.export(&Caller::local(), project_ref).await.unwrap();
        eventually("an archive", async || (self.archive_state(project_ref).await == Some(ArchiveState::Ready)).then_some(()))
            .await;
        self.download(project_ref).await
    }

    async fn download(&self, project_ref: &ProjectRef) -> Vec<u8> {
        let (sender, mut received) = mpsc::unbounded_channel();
        self.service.send_archive(&Caller::local(), project_ref, passphrase(), Sink(sender)).await.unwrap();
        let mut bytes = Vec::new();
        while let Some(chunk) = received.recv().await {
            bytes.extend(chunk);
        }
        bytes
    }

    async fn import(&self, bytes: &[u8], request: ImportProject) -> Result<Project, Error> {
        self.service.import(&Caller::local(), request, passphrase(), io::Cursor::new(bytes.to_vec())).await
    }

    async fn delete(&self, project_ref: &ProjectRef) {
        self.service.delete(&Caller::local(), project_ref).await.unwrap();
        self.expect_gone(project_ref).await;
    }

    async fn keys(&self, project_ref: &ProjectRef) -> Vec<(String, String)> {
        let keys = self.service.api_keys(&Caller::local(), project_ref, true).await.unwrap();
        keys.into_iter().map(|ApiKey { name, api_key, .. }| (name, api_key)).collect()
    }

    /// Files in the depot.
    fn waiting(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.folder.path().join("archives")) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn passphrase() -> SecretString {
    "correct horse battery".to_owned().into()
}

async fn a_project_goes_out_and_comes_in_again(plane: Plane) {
    let life = plane.live().await;
    let project_ref = plane.create_live("Ada's shop").await;
    let settings = serde_json::json!({ "jwt_exp": 600, "smtp_pass": "hush" });
    let settings = settings.as_object().unwrap();
    plane.service.update_auth_config(&Caller::local(), &project_ref, settings).await.unwrap();
    let request =
        CreateSigningKey { algorithm: SigningAlgorithm::EdDsa, status: Some(SigningKeyStatus::InUse), private_jwk: None };
    plane.service.create_signing_key(&Caller::local(), &project_ref, request).await.unwrap();
    plane.service.set_legacy_api_keys(&Caller::local(), &project_ref, false).await.unwrap();
    let signing = plane.routes.live(&project_ref).unwrap().in_force.keys.signing.set();
    plane.pause(&project_ref).await;
    let keys = plane.keys(&project_ref).await;
    let bytes = plane.export(&project_ref).await;
    assert_eq!(plane.state(&project_ref).await, Some(ProjectState::Paused));
    let twice = plane.import(&bytes, ImportProject::default()).await.unwrap_err();
    assert!(matches!(&twice, Error::ProjectExists(of) if *of == project_ref), "{twice}");
    assert_eq!(plane.waiting(), [format!("{project_ref}.export")]);
    plane.delete(&project_ref).await;
    eventually("the archive's end", async || plane.waiting().is_empty().then_some(())).await;

    let request = ImportProject { size: Some("small".into()), driver: Some("fake".into()), stack: None };
    let project = plane.import(&bytes, request).await.unwrap();
    assert_eq!((project.project_ref.clone(), project.name.as_str()), (project_ref.clone(), "Ada's shop"));
    plane.expect_state(&project_ref, ProjectState::Running).await;
    assert_eq!(plane.machine.unpacked(&project_ref), DATA);
    assert_eq!(plane.machine.calls(Verb::Data, Some(&project_ref)), 1, "nothing was cloned the second time");
    assert_eq!(plane.keys(&project_ref).await, keys);
    let in_force = plane.routes.live(&project_ref).unwrap().in_force.keys;
    assert_eq!(in_force.signing.set().expose_secret(), signing.expose_secret());
    assert!(in_force.instead_of_legacy.is_some(), "the legacy keys are disabled there, too");
    assert_eq!(plane.routes.live(&project_ref).unwrap().in_force.auth.kept(), settings);
    assert_eq!(plane.service.size(&Caller::local(), &project_ref).await.unwrap(), InstanceSize::Small);
    let history = plane.history(&project_ref).await;
    for step in ["prepare_template", "unpack_data", "start_database", "set_passwords", "publish"] {
        assert!(history.contains(&format!("step_finished {step}")), "{history:?}");
    }
    assert_eq!(plane.waiting(), Vec::<String>::new());
    life.end().await;
}

async fn a_project_is_packed_only_while_it_rests(plane: Plane) {
    let life = plane.live().await;
    let project_ref = plane.create_live("runs").await;
    let refused = plane.service.export(&Caller::local(), &project_ref).await.unwrap_err();
    assert!(matches!(&refused, Error::StateConflict(why) if why.contains("Pause it first")), "{refused}");
    let none = plane.service.archive(&Caller::local(), &project_ref).await.unwrap_err();
    assert!(matches!(none, Error::Archive(ArchiveError::NoArchive)), "{none}");
    plane.pause(&project_ref).await;
    plane.machine.hang(Verb::Pack, Moment::Before);
    plane.service.export(&Caller::local(), &project_ref).await.unwrap();
    plane.machine.hanging().await;
    let archive = plane.service.archive(&Caller::local(), &project_ref).await.unwrap();
    assert_eq!((archive.state, archive.bytes.is_some()), (ArchiveState::Packing, true));
    for busy in [
        plane.service.restore(&Caller::local(), &project_ref).await.unwrap_err(),
        plane.service.discard_archive(&Caller::local(), &project_ref).await.unwrap_err(),
    ] {
        assert!(matches!(busy, Error::OperationRunning(_)), "{busy}");
    }
    plane.machine.release();
    plane.expect_state(&project_ref, ProjectState::Paused).await;
    plane.service.discard_archive(&Caller::local(), &project_ref).await.unwrap();
    assert_eq!(plane.waiting(), Vec::<String>::new());
    life.end().await;
}

async fn packing_that_fails_leaves_the_project_as_it_was(plane: Plane) {
    let life = plane.live().await;
    let project_ref = plane.create_live("unpackable").await;
    plane.pause(&project_ref).await;
    plane.machine.fail(Verb::Pack, Moment::Before, Failure::Permanent, 1);
    plane.service.export(&Caller::local(), &project_ref).await.unwrap();
    plane.expect_state(&project_ref, ProjectState::Paused).await;
    let archive = plane.service.archive(&Caller::local(), &project_ref).await.unwrap();
    assert_eq!(archive.state, ArchiveState::Failed);
    assert!(archive.message.unwrap().contains("Pack was told to fail"));
    assert_eq!(plane.count(&project_ref, EventKind::StepFailed).await, 1);

    // The next one is as good as if there had been none before.
    plane.export(&project_ref).await;
    plane.service.restore(&Caller::local(), &project_ref).await.unwrap();
    plane.expect_state(&project_ref, ProjectState::Running).await;
    life.end().await;
}

async fn an_import_that_fails_is_taken_up_again(plane: Plane) {
    let life = plane.live().await;
    let project_ref = plane.create_live("late").await;
    plane.pause(&project_ref).await;
    let bytes = plane.export(&project_ref).await;
    plane.delete(&project_ref).await;
    plane.machine.fail(Verb::Unpack, Moment::Before, Failure::Permanent, 1);
    plane.import(&bytes, ImportProject::default()).await.unwrap();
    plane.expect_state(&project_ref, ProjectState::Failed).await;
    let overview = plane.service.overview(&Caller::local(), &project_ref).await.unwrap();
    assert_eq!(overview.failure.unwrap().step, Step::UnpackData);
    assert_eq!(plane.waiting(), [format!("{project_ref}.import")]);
    life.end().await;

    // The archive is still there for the next life.
    let life = plane.live().await;
    plane.service.retry(&Caller::local(), &project_ref).await.unwrap();
    plane.expect_state(&project_ref, ProjectState::Running).await;
    assert_eq!(plane.machine.unpacked(&project_ref), DATA);
    assert_eq!(plane.waiting(), Vec::<String>::new());
    life.end().await;
}

async fn what_is_no_archive_makes_nothing(plane: Plane) {
    let life = plane.live().await;
    let refused = plane.import(b"something else", ImportProject::default()).await.unwrap_err();
    assert!(matches!(refused, Error::Archive(ArchiveError::NotAnArchive(_))), "{refused}");
    for (request, field) in [
        (ImportProject { driver: Some("vm".into()), ..ImportProject::default() }, "driver"),
        (ImportProject { size: Some("huge".into()), ..ImportProject::default() }, "desired_instance_size"),
    ] {
        assert_eq!(plane.import(b"", request).await.unwrap_err().field(), Some(field));
    }
    assert_eq!(plane.waiting(), Vec::<String>::new());
    assert_eq!(plane.number("select count(*) from project").await, 0);
    life.end().await;
}

async fn a_life_that_ends_while_it_packs_or_unpacks_is_followed_by_one_that_does(plane: Plane) {
    for moment in [Moment::Before, Moment::After] {
        let life = plane.live().await;
        let project_ref = plane.create_live("twice").await;
        plane.pause(&project_ref).await;
        plane.machine.hang(Verb::Pack, moment);
        plane.service.export(&Caller::local(), &project_ref).await.unwrap();
        plane.machine.hanging().await;
        life.kill().await;
        plane.machine.release();
        let life = plane.live().await;
        plane.expect_state(&project_ref, ProjectState::Paused).await;
        let bytes = plane.download(&project_ref).await;
        plane.delete(&project_ref).await;

        plane.machine.hang(Verb::Unpack, moment);
        plane.import(&bytes, ImportProject::default()).await.unwrap();
        plane.machine.hanging().await;
        life.kill().await;
        plane.machine.release();
        let life = plane.live().await;
        plane.expect_state(&project_ref, ProjectState::Running).await;
        assert_eq!(plane.machine.unpacked(&project_ref), DATA);
        plane.delete(&project_ref).await;
        assert_eq!(plane.waiting(), Vec::<String>::new());
        life.end().await;
    }
}
