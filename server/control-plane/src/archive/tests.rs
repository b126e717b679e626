use std::{
    collections::HashSet,
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};

use auth_settings::document::Document;
use control_plane_api::{InstanceSize, ProjectRef, SigningAlgorithm, SigningKeyStatus};
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;
use time::OffsetDateTime;

use super::{head::SecretsDocument, seal::Passphrase, writer::Job, *};
use crate::{
    secrets::{MasterKey, ProjectSecrets},
    signing::{KeptKey, MadeKey, Signing},
};

const PASSPHRASE: &str = "correct horse battery";

fn passphrase() -> SecretString {
    PASSPHRASE.to_owned().into()
}

fn depot() -> (TempDir, Depot) {
    let folder = tempfile::tempdir().unwrap();
    let depot = Depot::new(folder.path(), &MasterKey::from_bytes([7; 32]));
    (folder, depot)
}

fn a_head() -> Head {
    let project_ref = ProjectRef::from_letters([3; 20]);
    let secrets = ProjectSecrets::generate(&project_ref, &["postgres"], None, 0).unwrap();
    let manifest: Manifest = serde_json::from_value(serde_json::json!({
        "format": FORMAT, "supacloud": "0.1.0", "ref": project_ref, "name": "Ada's", "region": "local", "size": InstanceSize::Nano,
        "driver": "local", "stack": null, "postgres_version": "15.18", "packed_at": "2026-11-28T00:00:00Z",
    }))
    .unwrap();
    let auth = serde_json::json!({ "jwt_exp": 600, "smtp_pass": "hush" });
    let auth = Document::default().apply(auth.as_object().unwrap(), project_ref.as_str()).unwrap();
    let MadeKey { id, algorithm, jwk } = MadeKey::generate(SigningAlgorithm::Es256).unwrap();
    let standby = KeptKey { id, algorithm, status: SigningKeyStatus::Standby, jwk: Some(jwk), created_at: 5 };
    let mut signing = Signing::of_new_project(3);
    signing.keys.push(standby);
    let third_party = serde_json::json!({
        "id": "3a18cfe2-7226-43b0-bbb4-7c5242f2406e", "inserted_at": 7, "updated_at": 8, "resolved_at": 9,
        "source": { "oidc_issuer_url": "https://id.example.com", "jwks_url": null, "custom_jwks": null },
        "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "1", "use": "sig" }],
    });
    signing.third_parties.push(serde_json::from_value(third_party).unwrap());
    Head { manifest, secrets, auth, signing }
}

fn folder(path: &str) -> Entry<'_> {
    Entry { path: Path::new(path), mode: 0o700, owner: (0, 0), kind: EntryKind::Folder }
}

/// An archive of a folder and two files, the second of which is large, in the depot.
fn export(depot: &Depot) -> Head {
    let head = a_head();
    let mut writer = depot.begin(&head, Arc::default()).unwrap();
    writer.add(folder("data")).unwrap();
    for (name, bytes) in [("data/PG_VERSION", 3), ("data/large", 3_000_000)] {
        let mut content = io::repeat(b'x');
        let kind = EntryKind::File { bytes, content: &mut content };
        writer.add(Entry { path: Path::new(name), mode: 0o600, owner: (0, 0), kind }).unwrap();
    }
    let link = EntryKind::Link { target: Path::new("../elsewhere") };
    writer.add(Entry { path: Path::new("volumes/files/link"), mode: 0o777, owner: (5, 6), kind: link }).unwrap();
    depot.finish(writer, &head.manifest.project_ref).unwrap();
    head
}

fn sent(depot: &Depot, head: &Head) -> Vec<u8> {
    let mut bytes = Vec::new();
    depot.send(&head.manifest.project_ref, &passphrase(), &mut bytes).unwrap();
    bytes
}

fn inspected(folder: &TempDir, bytes: &[u8], words: &str) -> Result<(Manifest, u64), ArchiveError> {
    let path = folder.path().join("an.archive");
    fs::write(&path, bytes).unwrap();
    inspect(&path, &words.to_owned().into())
}

#[test]
fn what_goes_out_comes_in_again() {
    let (folder, depot) = depot();
    let head = export(&depot);
    let project_ref = &head.manifest.project_ref;
    assert!(depot.exported(project_ref).unwrap() > 100 && depot.exported_so_far(project_ref).is_none());
    let bytes = sent(&depot, &head);
    assert_eq!(inspected(&folder, &bytes, PASSPHRASE).unwrap(), (head.manifest.clone(), 3_000_003));

    let received = depot.receive(&passphrase(), &bytes[..]).unwrap();
    assert_eq!(received.head.manifest, head.manifest);
    let document = |head: &Head| SecretsDocument::document(head).unwrap();
    assert_eq!(document(&received.head), document(&head));
    assert_eq!(received.head.auth, head.auth);
    assert_eq!(received.head.signing.third_parties, head.signing.third_parties);
    assert!(depot.keep(&received).unwrap());
    assert!(!depot.keep(&received).unwrap(), "another one of the same project is on its way");
    drop(received);
    let mut seen = Vec::new();
    let reader = depot.open_import(project_ref, Arc::default()).unwrap();
    assert_eq!(reader.postgres_version(), "15.18");
    reader
        .each(|entry| {
            let what = match entry.kind {
                EntryKind::Folder => "folder".to_owned(),
                EntryKind::Link { target } => format!("link to {}", target.display()),
                EntryKind::File { bytes, content } => {
                    let mut read = Vec::new();
                    content.read_to_end(&mut read)?;
                    assert!(read.len() as u64 == bytes && read.iter().all(|byte| *byte == b'x'));
                    format!("{bytes} bytes")
                }
            };
            seen.push(format!("{} {:o} {:?} {what}", entry.path.display(), entry.mode, entry.owner));
            Ok(())
        })
        .unwrap();
    assert_eq!(
        seen,
        [
            "data 700 (0, 0) folder",
            "data/PG_VERSION 600 (0, 0) 3 bytes",
            "data/large 600 (0, 0) 3000000 bytes",
            "volumes/files/link 777 (5, 6) link to ../elsewhere"
        ]
    );
}

#[test]
fn nothing_is_read_without_the_passphrase_or_the_master_key() {
    let (folder, depot) = depot();
    let head = export(&depot);
    let bytes = sent(&depot, &head);
    let waiting = fs::read(folder.path().join("archives").join(format!("{}.export", head.manifest.project_ref))).unwrap();
    for sealed in [&bytes, &waiting] {
        for plain in [head.secrets.jwt_secret.expose_secret(), "smtp_pass", "Ada's", "PG_VERSION"] {
            assert!(!sealed.windows(plain.len()).any(|window| window == plain.as_bytes()), "{plain}");
        }
    }
    assert!(matches!(inspected(&folder, &bytes, "another passphrase"), Err(ArchiveError::WrongPassphrase)));
    let refused = depot.receive(&"another passphrase".to_owned().into(), &bytes[..]);
    assert!(matches!(refused, Err(ArchiveError::WrongPassphrase)));
    let other = Depot::new(folder.path(), &MasterKey::from_bytes([8; 32]));
    let refused = other.send(&head.manifest.project_ref, &passphrase(), io::sink());
    assert!(matches!(refused, Err(ArchiveError::WrongPassphrase)), "{refused:?}");
    let short = depot.send(&head.manifest.project_ref, &"too short".to_owned().into(), io::sink());
    assert!(matches!(short, Err(ArchiveError::ShortPassphrase)), "{short:?}");
}

#[test]
fn what_is_cut_or_changed_is_refused_and_leaves_nothing() {
    let (folder, depot) = depot();
    let bytes = sent(&depot, &export(&depot));
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    let cut = |length: usize| bytes[..length].to_vec();
    for damaged in [Vec::new(), b"PK\x03\x04 of another kind".to_vec(), cut(100), cut(bytes.len() - 1), changed] {
        let read = inspected(&folder, &damaged, PASSPHRASE);
        assert!(matches!(read, Err(ArchiveError::NotAnArchive(_))), "{read:?}");
        let received = depot.receive(&passphrase(), &damaged[..]);
        assert!(matches!(received, Err(ArchiveError::NotAnArchive(_))), "{received:?}");
    }
    let left: Vec<_> = fs::read_dir(folder.path().join("archives")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn only_so_much_work_is_done_for_a_passphrase() {
    let sealed = {
        let mut output = Passphrase::chosen(&passphrase()).unwrap().seal(Vec::new()).unwrap();
        output.write_all(b"x").unwrap();
        output.finish().unwrap()
    };
    let mut opened = Passphrase::said(&passphrase()).open(&sealed[..]).unwrap();
    assert_eq!(opened.read_to_end(&mut Vec::new()).unwrap(), 1);
    let refused = Passphrase::key(passphrase()).open(&sealed[..]).err().unwrap();
    assert!(matches!(refused, ArchiveError::TooMuchWork(17)), "{refused:?}");
}

/// Writes entries as an attacker does who knows the passphrase, each with a raw name and kind, and an end that fits.
fn forged(entries: &[(&str, tar::EntryType)], ended: bool) -> Vec<u8> {
    // With little work: there are many.
    let sealed = Passphrase::key(passphrase()).seal(Vec::new()).unwrap();
    let mut tar = tar::Builder::new(zstd::Encoder::new(sealed, 1).unwrap());
    let mut add = |name: &str, kind: tar::EntryType, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o777);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append(&header, content).unwrap();
    };
    let head = a_head();
    add(MANIFEST, tar::EntryType::Regular, &head.manifest.document().unwrap());
    add(SECRETS, tar::EntryType::Regular, &SecretsDocument::document(&head).unwrap());
    for (name, kind) in entries {
        add(name, *kind, b"");
    }
    if ended {
        let end = format!(r#"{{"entries":{},"bytes":0}}"#, entries.len());
        add(END, tar::EntryType::Regular, end.as_bytes());
    }
    tar.into_inner().unwrap().finish().unwrap().finish().unwrap()
}

#[test]
fn names_stay_below_the_folders_of_data() {
    use tar::EntryType::{Block, Directory, Link, Regular};
    let folder = tempfile::tempdir().unwrap();
    inspected(&folder, &forged(&[("data", Directory), ("data/x", Regular), ("volumes/v/x", Regular)], true), PASSPHRASE).unwrap();
    for entry in [
        ("../x", Regular),
        ("data/../../x", Regular),
        ("/etc/passwd", Regular),
        ("/data/x", Regular),
        ("datax/x", Regular),
        ("other", Directory),
        ("data/device", Block),
        ("data/hard", Link),
    ] {
        let read = inspected(&folder, &forged(&[entry], true), PASSPHRASE);
        assert!(matches!(read, Err(ArchiveError::NotAnArchive(_))), "{entry:?}: {read:?}");
    }
    let endless = inspected(&folder, &forged(&[("data", Directory)], false), PASSPHRASE);
    assert!(matches!(endless, Err(ArchiveError::NotAnArchive(_))), "{endless:?}");
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let mut document = serde_json::to_value(a_head().manifest).unwrap();
    document["format"] = 2.into();
    document["ref"] = "of another form".into();
    let refused = Manifest::read(&serde_json::to_vec(&document).unwrap()).unwrap_err();
    assert!(matches!(refused, ArchiveError::NewerFormat(2)), "{refused}");
}

#[test]
fn work_that_nobody_waits_for_ends() {
    let (_folder, depot) = depot();
    let job = Arc::new(Job::default());
    let mut writer = depot.begin(&a_head(), Arc::clone(&job)).unwrap();
    writer.add(folder("data")).unwrap();
    job.is_abandoned.store(true, Ordering::Relaxed);
    assert!(writer.add(folder("data/base")).is_err());
}

#[test]
fn a_file_that_is_shorter_than_it_said_is_an_error() {
    let (_folder, depot) = depot();
    let mut writer = depot.begin(&a_head(), Arc::default()).unwrap();
    let kind = EntryKind::File { bytes: 10, content: &mut &b"short"[..] };
    let error = writer.add(Entry { path: Path::new("data/x"), mode: 0o600, owner: (0, 0), kind }).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn only_what_a_project_needs_stays() {
    let (folder, depot) = depot();
    let head = export(&depot);
    let archives = folder.path().join("archives");
    let project_ref = head.manifest.project_ref.clone();
    let name = |letter: u8, what: &str| archives.join(format!("{}.{what}", ProjectRef::from_letters([letter; 20])));
    let files: Vec<PathBuf> = ["export", "import"].into_iter().flat_map(|what| [name(3, what), name(4, what)]).collect();
    files.iter().for_each(|file| fs::write(file, "x").unwrap());
    fs::write(name(3, "partial"), "x").unwrap();
    fs::write(archives.join("stray"), "x").unwrap();
    depot.tidy(&HashSet::from([project_ref]), &HashSet::from([ProjectRef::from_letters([4; 20])])).unwrap();
    let mut left: Vec<PathBuf> = fs::read_dir(&archives).unwrap().map(|entry| entry.unwrap().path()).collect();
    left.sort();
    assert_eq!(left, [name(3, "export"), name(4, "import")]);
    assert!(OffsetDateTime::now_utc() > head.manifest.packed_at);
}
