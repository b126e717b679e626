//! Hands secrets to a container that already runs, so that they are in its memory and nowhere else: neither in what the
//! engine keeps of the container (`docker inspect`) nor on a disk.
//!
//! A service that needs secrets is started through `hand-over`, a small static program in a volume that all projects share.
//! It waits on its standard input for one document, writes the secret files to a tmpfs, puts the secret variables into its
//! environment and becomes the service. A container that is started again has lost its tmpfs and waits again.

use std::{collections::BTreeMap, time::Duration};

use bollard::{
    models::{ContainerCreateBody, VolumeCreateRequest},
    query_parameters::{
        AttachContainerOptionsBuilder, ContainerArchiveInfoOptionsBuilder, CreateContainerOptionsBuilder,
        RemoveContainerOptionsBuilder, UploadToContainerOptionsBuilder,
    },
};
use bytes::Bytes;
use control_plane::{ProjectSecrets, ProvisionError};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use super::{
    container::{hardened, volume},
    engine::{Engine, found, is_in_the_way, is_missing},
    image::append,
    names::Names,
    stack::{Part, ServiceSpec, Value},
};

/// Where the volume with the program is mounted.
pub(super) const FOLDER: &str = "/.supacloud";
/// Where secret files are, as the Compose specification says.
pub(super) const SECRETS: &str = "/run/secrets";
/// The program, built for containers with any C library or none.
const HAND_OVER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hand-over"));
/// Longest time for a container to take its secrets.
const PATIENCE: Duration = Duration::from_secs(10);

/// Has a container wait for its secrets before it becomes the service with these words as its command line.
pub(super) fn wrap(body: &mut ContainerCreateBody, command_line: Vec<String>) {
    body.entrypoint = Some(vec![format!("{FOLDER}/hand-over")]);
    body.cmd = Some(command_line);
    body.open_stdin = Some(true);
    body.stdin_once = Some(false);
}

/// Secrets by the names that stacks use for them.
#[derive(Debug, Default)]
pub(super) struct Secrets(BTreeMap<String, SecretString>);

impl Secrets {
    pub(super) fn of(secrets: &ProjectSecrets) -> Self {
        let joined = |keys: &[SecretString]| {
            let keys: Vec<&str> = keys.iter().map(|key| key.expose_secret()).collect();
            SecretString::from(keys.join("\n"))
        };
        let mut all: BTreeMap<String, SecretString> = [
            ("JWT_SECRET", secrets.jwt_secret.clone()),
            ("ANON_KEY", secrets.anon_key.clone()),
            ("SERVICE_ROLE_KEY", secrets.service_role_key.clone()),
            ("PUBLISHABLE_KEYS", joined(&secrets.publishable_keys)),
            ("SECRET_KEYS", joined(&secrets.secret_keys)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        for (role, password) in &secrets.passwords {
            all.insert(password_name(role), password.clone());
            all.insert(encoded_name(role), encoded(password));
        }
        Self(all)
    }

    pub(super) fn one(name: &str, value: SecretString) -> Self {
        Self([(name.to_owned(), value)].into())
    }

    /// Their names as a stack's variables.
    pub(super) fn variables() -> impl Iterator<Item = (String, Value)> {
        let keys = ["JWT_SECRET", "ANON_KEY", "SERVICE_ROLE_KEY", "PUBLISHABLE_KEYS", "SECRET_KEYS"].map(str::to_owned);
        keys.into_iter()
            .chain(project_template::LOGIN_ROLES.iter().flat_map(|role| [password_name(role), encoded_name(role)]))
            .map(|name| (name, Value::Secret))
    }

    fn value(&self, name: &str) -> Result<&str, ProvisionError> {
        self.0
            .get(name)
            .map(|secret| secret.expose_secret())
            .ok_or_else(|| ProvisionError::Permanent { cause: format!("the project has no secret {name}"), source: None })
    }

    /// What the program is told: lines of `file|env NAME LENGTH`, each followed by as many bytes, then `end`.
    fn document(&self, service: &ServiceSpec) -> Result<Vec<u8>, ProvisionError> {
        let mut document = Vec::new();
        let mut add = |kind: &str, name: &str, value: &str| {
            document.extend(format!("{kind} {name} {}\n", value.len()).into_bytes());
            document.extend(value.as_bytes());
            document.push(b'\n');
        };
        for (file, secret) in &service.secret_files {
            add("file", file, self.value(secret)?);
        }
        for (variable, parts) in &service.secret_environment {
            let mut text = String::new();
            for part in parts {
                text.push_str(match part {
                    Part::Text(text) => text,
                    Part::Secret(name) => self.value(name)?,
                });
            }
            add("env", variable, &text);
        }
        document.extend(b"end\n");
        Ok(document)
    }
}

/// As it stands in a URL: nothing in it is a sign of the URL's.
fn encoded(password: &SecretString) -> SecretString {
    percent_encoding::utf8_percent_encode(password.expose_secret(), percent_encoding::NON_ALPHANUMERIC).to_string().into()
}

fn encoded_name(role: &str) -> String {
    format!("{}_ENCODED", password_name(role))
}

fn password_name(role: &str) -> String {
    format!("{}_PASSWORD", role.to_ascii_uppercase())
}

/// Gives a container, which runs and waits, what its service needs. Answers whether it could take it: one that has ended
/// in this moment waits in its next life.
pub(super) async fn deliver(
    engine: &Engine,
    container: &str,
    service: &ServiceSpec,
    secrets: &Secrets,
) -> Result<bool, ProvisionError> {
    let document = secrets.document(service)?;
    let doing = format!("hand its secrets to the container {container}");
    let options = AttachContainerOptionsBuilder::new().stdin(true).stream(true).build();
    let mut input = match engine.docker().await?.attach_container(container, Some(options)).await {
        Ok(attached) => attached.input,
        Err(error) if is_in_the_way(&error) => return Ok(false),
        Err(error) => return Err(engine.failed(&doing, error)),
    };
    let writing = async {
        input.write_all(&document).await?;
        input.flush().await?;
        input.shutdown().await
    };
    match tokio::time::timeout(PATIENCE, writing).await {
        Ok(Ok(())) => Ok(true),
        Ok(Err(source)) => {
            Err(ProvisionError::Transient { cause: format!("could not {doing}: {source}"), source: Some(Box::new(source)) })
        }
        Err(_) => Err(ProvisionError::Transient { cause: format!("could not {doing}: it does not take them"), source: None }),
    }
}

/// The name of the volume with the program.
pub(super) fn tools_volume(names: &Names) -> String {
    names.shared(&format!("tools-{}", hex::encode(&Sha256::digest(HAND_OVER)[..6])))
}

/// Has the volume with the program. `image` is any image; nothing of it runs.
pub(super) async fn ensure_tools(engine: &Engine, names: &Names, image: &str) -> Result<(), ProvisionError> {
    let name = tools_volume(names);
    let doing = format!("make the volume {name}");
    let failed = |error| engine.failed(&doing, error);
    let docker = engine.docker().await?;
    let request = VolumeCreateRequest {
        name: Some(name.clone()),
        labels: Some(names.shared_labels("tools")),
        ..VolumeCreateRequest::default()
    };
    docker.create_volume(request).await.map_err(failed)?;
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        labels: Some(names.shared_labels("tools")),
        host_config: Some(bollard::models::HostConfig { mounts: Some(vec![volume(&name, FOLDER, false)]), ..hardened(true) }),
        ..ContainerCreateBody::default()
    };
    let remove = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    // Left by a life that was cut short.
    match docker.remove_container(&name, Some(remove.clone())).await {
        Ok(()) => {}
        Err(error) if is_missing(&error) => {}
        Err(error) => return Err(failed(error)),
    }
    docker.create_container(Some(CreateContainerOptionsBuilder::new().name(&name).build()), body).await.map_err(failed)?;
    let filled = fill(engine, &name).await;
    docker.remove_container(&name, Some(remove)).await.map_err(failed)?;
    filled
}

async fn fill(engine: &Engine, container: &str) -> Result<(), ProvisionError> {
    let doing = format!("fill the volume {container}");
    let docker = engine.docker().await?;
    let path = format!("{FOLDER}/hand-over");
    let look = ContainerArchiveInfoOptionsBuilder::new().path(&path).build();
    let there =
        found(docker.get_container_archive_info(container, Some(look)).await).map_err(|error| engine.failed(&doing, error))?;
    if there.is_some_and(|file| usize::try_from(file.size) == Ok(HAND_OVER.len())) {
        return Ok(());
    }
    let mut archive = tar::Builder::new(Vec::new());
    let packed = append(&mut archive, "hand-over", 0o755, HAND_OVER).and_then(|()| archive.into_inner());
    let packed = packed
        .map_err(|source| ProvisionError::Transient { cause: format!("could not {doing}"), source: Some(Box::new(source)) })?;
    let options = UploadToContainerOptionsBuilder::new().path(FOLDER).build();
    let uploaded = docker.upload_to_container(container, Some(options), bollard::body_full(Bytes::from(packed))).await;
    uploaded.map_err(|error| engine.failed(&doing, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_password_is_there_as_it_is_and_as_a_url_has_it() {
        let role = project_template::LOGIN_ROLES[0];
        let secrets = ProjectSecrets {
            jwt_secret: "j".to_owned().into(),
            anon_key: "a".to_owned().into(),
            service_role_key: "s".to_owned().into(),
            passwords: [(role.to_owned(), SecretString::from("p@s:s/ö".to_owned()))].into(),
            publishable_keys: Vec::new(),
            secret_keys: Vec::new(),
        };
        let secrets = Secrets::of(&secrets);
        assert_eq!(secrets.value(&password_name(role)).unwrap(), "p@s:s/ö");
        assert_eq!(secrets.value(&encoded_name(role)).unwrap(), "p%40s%3As%2F%C3%B6");
        let names: Vec<String> = Secrets::variables().map(|(name, _)| name).collect();
        assert!(names.contains(&encoded_name(role)) && names.contains(&password_name(role)));
    }
}
