//! Images: those of ours are built on the engine from contexts that come with the program, named by their content and so
//! built once; others are pulled. Two that want the same one at once wait for one build and see its words.

mod cleanup;

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::{self, Read as _},
    path::PathBuf,
    sync::{Arc, PoisonError},
    time::SystemTime,
};

use bollard::{
    models::BuildInfo,
    query_parameters::{BuildImageOptionsBuilder, CreateImageOptionsBuilder},
};
use bytes::Bytes;
use control_plane::{Progress, ProvisionError};
use futures::StreamExt as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex, RwLock};

use super::engine::{Engine, found};

/// What the stacks call the image of the database that is built here; a tag is the major version of PostgreSQL.
const POSTGRES: &str = "supacloud/postgres";
/// What they call the image of a project's services.
const NODE: &str = "supacloud/node";
/// Older versions come from an older Debian, which lacks some extensions: they have what there is.
const COMPLETE_SINCE: u32 = 17;
/// Last lines of a failed build that go into the error.
const LAST_LINES: usize = 12;

/// Where images come from.
#[derive(Debug, Clone)]
pub struct ImageSettings {
    /// What our images are built on, by major version of PostgreSQL; the rest uses [`Self::base`].
    pub bases: BTreeMap<u32, String>,
    pub base: String,
    /// References to pull instead of building, by the name that stacks use.
    pub registry: BTreeMap<String, String>,
    /// The executable `node`.
    pub node: PathBuf,
}

/// An image on the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    /// What containers are made from; fixed to the content where it was built here.
    pub(super) reference: String,
    pub(super) id: String,
    pub(super) entrypoint: Vec<String>,
    pub(super) command: Vec<String>,
    /// Empty: root.
    pub(super) user: String,
}

/// Makes images be there.
#[derive(Debug)]
pub(super) struct Images {
    settings: ImageSettings,
    installation: String,
    /// Those that were found.
    known: std::sync::Mutex<Known>,
    /// One at a time for each reference.
    making: Mutex<HashMap<String, Arc<Mutex<()>>>>,
    /// Read by builds. What a build has made so far looks as if nothing needed it.
    builds: RwLock<()>,
    /// The executable's hash, which is long to compute, with what it was computed of.
    node_hash: Mutex<Option<(SystemTime, u64, Vec<u8>)>>,
}

/// Images by reference, as long as nothing is heard of a change.
#[derive(Debug, Default)]
struct Known {
    images: HashMap<String, Image>,
    /// How often all of them were forgotten.
    forgotten: u64,
}

/// A folder to build from.
struct Context {
    files: Vec<(String, u32, Vec<u8>)>,
    arguments: BTreeMap<&'static str, String>,
}

impl Images {
    pub(super) fn new(settings: ImageSettings, installation: &str) -> Self {
        Self {
            settings,
            installation: installation.to_owned(),
            known: std::sync::Mutex::default(),
            making: Mutex::default(),
            builds: RwLock::default(),
            node_hash: Mutex::default(),
        }
    }

    /// Has every image looked for again: some have changed, or may have.
    pub(super) fn forget(&self) {
        let mut known = self.known();
        known.images.clear();
        known.forgotten += 1;
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn find_by_reference(&self, engine: &Engine, reference: &str) -> Result<Option<Image>, ProvisionError> {
        let forgotten = {
            let known = self.known();
            if let Some(image) = known.images.get(reference) {
                return Ok(Some(image.clone()));
            }
            known.forgotten
        };
        let image = find(engine, reference).await?;
        let mut known = self.known();
        // What was seen before a change says nothing of what is there now.
        if let Some(image) = image.as_ref().filter(|_| known.forgotten == forgotten) {
            known.images.insert(reference.to_owned(), image.clone());
        }
        Ok(image)
    }

    /// Has the image that a stack names on the engine.
    pub(super) async fn ensure(&self, engine: &Engine, name: &str, progress: &dyn Progress) -> Result<Image, ProvisionError> {
        let source = self.source(name).await?;
        let reference = source.reference();
        if let Some(image) = self.find_by_reference(engine, reference).await? {
            return Ok(image);
        }
        let lock = Arc::clone(self.making.lock().await.entry(reference.to_owned()).or_default());
        let _making = match lock.try_lock() {
            Ok(making) => making,
            Err(_) => {
                progress.line(&format!("Waiting for the image {name}, which is being made for another project."));
                lock.lock().await
            }
        };
        if let Some(image) = self.find_by_reference(engine, reference).await? {
            return Ok(image);
        }
        match &source {
            Source::Pull(reference) => pull(engine, reference, progress).await?,
            Source::Build { name, reference, context } => self.build(engine, name, reference, context, progress).await?,
        }
        self.find_by_reference(engine, reference).await?.ok_or_else(|| missing(reference))
    }

    /// The image that a stack names, if it is on the engine already.
    pub(super) async fn find(&self, engine: &Engine, name: &str) -> Result<Option<Image>, ProvisionError> {
        self.find_by_reference(engine, self.source(name).await?.reference()).await
    }

    async fn source(&self, name: &str) -> Result<Source, ProvisionError> {
        let (repository, tag) = name.rsplit_once(':').unwrap_or((name, ""));
        if let Some(reference) = self.settings.registry.get(name).or_else(|| self.settings.registry.get(repository)) {
            return Ok(Source::Pull(reference.clone()));
        }
        let context = match repository {
            POSTGRES => self.postgres(tag)?,
            NODE => self.node()?,
            _ => return Ok(Source::Pull(if tag.is_empty() { format!("{name}:latest") } else { name.to_owned() })),
        };
        let hash = self.hash(&context).await?;
        let tag = if tag.is_empty() { hash } else { format!("{tag}-{hash}") };
        Ok(Source::Build { name: repository.to_owned(), reference: format!("{repository}:{tag}"), context })
    }

    fn postgres(&self, tag: &str) -> Result<Context, ProvisionError> {
        let major: u32 = tag
            .parse()
            .map_err(|_| permanent(format!("{POSTGRES}:{tag} is not known; the tag is a major version of PostgreSQL")))?;
        let mut files: Vec<_> = project_template::image::POSTGRES
            .iter()
            .map(|(name, text)| ((*name).to_owned(), 0o644, text.as_bytes().to_vec()))
            .collect();
        files.extend(postgres_cluster::container_files(major).map(|(name, text)| (name.to_owned(), 0o644, text.into_bytes())));
        let (name, text) = project_template::image::trusted_extensions();
        files.push((name.to_owned(), 0o644, text.into_bytes()));
        let base = self.settings.bases.get(&major).unwrap_or(&self.settings.base).clone();
        let mut arguments: BTreeMap<_, _> = [("BASE", base), ("POSTGRES_MAJOR", major.to_string())].into();
        if major < COMPLETE_SINCE {
            arguments.insert("REQUIRED_EXTENSIONS", String::new());
        }
        Ok(Context { files, arguments })
    }

    fn node(&self) -> Result<Context, ProvisionError> {
        let dockerfile = ("Dockerfile".to_owned(), 0o644, project_template::image::NODE.as_bytes().to_vec());
        Ok(Context { files: vec![dockerfile], arguments: [("BASE", self.settings.base.clone())].into() })
    }

    async fn hash(&self, context: &Context) -> Result<String, ProvisionError> {
        let mut hash = Sha256::new();
        for (name, mode, bytes) in &context.files {
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name);
            hash.update(mode.to_le_bytes());
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        }
        for (name, value) in &context.arguments {
            hash.update(format!("{name}={value}\n"));
        }
        if !context.arguments.contains_key("POSTGRES_MAJOR") {
            hash.update(self.node_hash().await?);
        }
        Ok(hex::encode(&hash.finalize()[..6]))
    }

    async fn node_hash(&self) -> Result<Vec<u8>, ProvisionError> {
        let unreadable = |error: io::Error| unreadable(&self.settings.node, &error);
        let metadata = fs::metadata(&self.settings.node).map_err(unreadable)?;
        let (modified, length) = (metadata.modified().map_err(unreadable)?, metadata.len());
        let mut known = self.node_hash.lock().await;
        if let Some((of, bytes, hash)) = &*known
            && (*of, *bytes) == (modified, length)
        {
            return Ok(hash.clone());
        }
        let path = self.settings.node.clone();
        let hashing = tokio::task::spawn_blocking(move || {
            let (mut file, mut hash) = (fs::File::open(path)?, Sha256::new());
            let mut chunk = vec![0; 1 << 20];
            loop {
                match file.read(&mut chunk)? {
                    0 => return Ok(hash.finalize().to_vec()),
                    length => hash.update(&chunk[..length]),
                }
            }
        });
        let hash = hashing.await.map_err(|error| permanent(error.to_string()))?.map_err(unreadable)?;
        *known = Some((modified, length, hash.clone()));
        Ok(hash)
    }

    async fn build(
        &self,
        engine: &Engine,
        name: &str,
        reference: &str,
        context: &Context,
        progress: &dyn Progress,
    ) -> Result<(), ProvisionError> {
        progress.line(&format!("Building the image {reference}, once. This takes a minute or two."));
        let node = (name == NODE).then(|| self.settings.node.clone());
        let files = context.files.clone();
        let packing = tokio::task::spawn_blocking(move || pack(&files, node.as_deref()));
        let packed = packing.await.map_err(|error| permanent(error.to_string()))?;
        let packed = packed.map_err(|error| unreadable(&self.settings.node, &error))?;
        let mut arguments: HashMap<String, String> =
            context.arguments.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        // Becomes a label, with which the image says its component, too. It changes nothing else.
        arguments.insert("INSTALLATION".to_owned(), self.installation.clone());
        let options = BuildImageOptionsBuilder::new().t(reference).rm(true).forcerm(true).buildargs(&arguments).build();
        let building = self.builds.read().await;
        let docker = engine.docker().await?;
        let mut output = std::pin::pin!(docker.build_image(options, None, Some(bollard::body_full(Bytes::from(packed)))));
        let mut last = Vec::new();
        while let Some(answer) = output.next().await {
            let info: BuildInfo = match answer {
                Ok(info) => info,
                Err(error) => return Err(build_failed(reference, &last, &engine.failed("build it", error))),
            };
            for line in info.stream.iter().flat_map(|text| text.lines()).filter(|line| !line.trim().is_empty()) {
                progress.line(line);
                last.push(line.to_owned());
                if last.len() > LAST_LINES {
                    last.remove(0);
                }
            }
        }
        tracing::info!(image = reference, "image built");
        drop(building);
        if let Ok(_alone) = self.builds.try_write() {
            cleanup::after_build(engine, &self.installation, name, reference).await;
        }
        Ok(())
    }
}

enum Source {
    Pull(String),
    Build { name: String, reference: String, context: Context },
}

impl Source {
    fn reference(&self) -> &str {
        match self {
            Self::Pull(reference) | Self::Build { reference, .. } => reference,
        }
    }
}

async fn find(engine: &Engine, reference: &str) -> Result<Option<Image>, ProvisionError> {
    let inspected = found(engine.docker().await?.inspect_image(reference).await);
    let Some(image) = inspected.map_err(|error| engine.failed(&format!("look at the image {reference}"), error))? else {
        return Ok(None);
    };
    let config = image.config.unwrap_or_default();
    Ok(Some(Image {
        reference: reference.to_owned(),
        id: image.id.unwrap_or_default(),
        entrypoint: config.entrypoint.unwrap_or_default(),
        command: config.cmd.unwrap_or_default(),
        user: config.user.unwrap_or_default(),
    }))
}

async fn pull(engine: &Engine, reference: &str, progress: &dyn Progress) -> Result<(), ProvisionError> {
    progress.line(&format!("Pulling the image {reference}."));
    let options = CreateImageOptionsBuilder::new().from_image(reference).build();
    let mut output = std::pin::pin!(engine.docker().await?.create_image(Some(options), None, None));
    while let Some(answer) = output.next().await {
        let info = answer.map_err(|error| engine.failed(&format!("pull the image {reference}"), error))?;
        // Layers report their progress many times a second; the end of each is enough.
        if let Some(status) = info.status.filter(|_| info.progress_detail.is_none_or(|detail| detail.current.is_none())) {
            progress.line(&info.id.map_or_else(|| status.clone(), |layer| format!("{layer}: {status}")));
        }
    }
    Ok(())
}

fn pack(files: &[(String, u32, Vec<u8>)], node: Option<&std::path::Path>) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, mode, bytes) in files {
        append(&mut archive, name, *mode, bytes)?;
    }
    if let Some(node) = node {
        append(&mut archive, "node", 0o755, &fs::read(node)?)?;
    }
    archive.into_inner()
}

/// Adds a file with nothing in its head that differs between two machines.
pub(super) fn append(archive: &mut tar::Builder<Vec<u8>>, name: &str, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_cksum();
    archive.append_data(&mut header, name, bytes)
}

fn build_failed(reference: &str, last: &[String], error: &ProvisionError) -> ProvisionError {
    if error.is_unavailable() {
        return ProvisionError::Unavailable { cause: error.to_string(), source: None };
    }
    let words = if last.is_empty() { String::new() } else { format!(" Its last words:\n{}", last.join("\n")) };
    ProvisionError::Transient { cause: format!("the image {reference} could not be built: {error}.{words}"), source: None }
}

fn missing(reference: &str) -> ProvisionError {
    ProvisionError::Transient { cause: format!("the image {reference} was made and is not there"), source: None }
}

fn unreadable(node: &std::path::Path, error: &io::Error) -> ProvisionError {
    permanent(format!(
        "the program of a project's services, {}, can't be read: {error}. `make build` makes it; provisioner.docker.node says where it is",
        node.display()
    ))
}

fn permanent(cause: String) -> ProvisionError {
    ProvisionError::Permanent { cause, source: None }
}
