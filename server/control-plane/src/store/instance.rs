//! Which control-plane database this is, which node this process is, and whether the master key is the right one.

use std::{fs, io::Write as _, path::Path};

use sea_orm::{ActiveValue::Set, EntityTrait as _, PaginatorTrait as _};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::{Store, clock, entity};
use crate::{
    error::{Error, StartError},
    secrets::{MasterKey, Vault},
};

/// What the proof of the master key is sealed for.
const KEY_CHECK_SCOPE: &str = "instance";
const KEY_CHECK_FIELD: &str = "key_check";

/// This machine's part of the installation: the data folder that the local driver's projects live in. Projects belong to
/// the node that made them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node(String);

impl Node {
    /// The node's id, as stored with its projects.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Store {
    /// Whether this database has already sealed something, so that a master key must exist.
    pub async fn is_initialized(&self) -> Result<bool, StartError> {
        Ok(entity::instance::Entity::find().count(&self.db).await? > 0)
    }

    /// Proves the master key against the database, or, at the very first start, records the proof. Afterwards ties the data
    /// folder to this database, so that neither is ever used with another partner by mistake.
    pub async fn claim(&self, key: &MasterKey, data_dir: &Path, key_file: &Path) -> Result<Node, StartError> {
        let vault = Vault::new(key);
        let instance = match entity::instance::Entity::find_by_id(1).one(&self.db).await? {
            Some(instance) => instance,
            None => self.initialize(&vault).await?,
        };
        let proof = vault.open(KEY_CHECK_SCOPE, KEY_CHECK_FIELD, &instance.key_check);
        if !proof.is_ok_and(|text| text.expose_secret() == instance.uuid.to_string()) {
            return Err(StartError::WrongMasterKey { origin: key.origin(), path: key_file.display().to_string() });
        }
        node_of(data_dir, instance.uuid)
    }

    async fn initialize(&self, vault: &Vault) -> Result<entity::instance::Model, StartError> {
        let uuid = Uuid::new_v4();
        let key_check = vault
            .seal(KEY_CHECK_SCOPE, KEY_CHECK_FIELD, &SecretString::from(uuid.to_string()))
            .map_err(|error| sea_orm::DbErr::Custom(error.to_string()))?;
        let created_at = clock::now(&self.db).await?;
        let row =
            entity::instance::ActiveModel { id: Set(1), uuid: Set(uuid), key_check: Set(key_check), created_at: Set(created_at) };
        // Two replicas may start at once: the first one's row holds, and its key must be ours.
        let _ = entity::instance::Entity::insert(row).exec(&self.db).await;
        entity::instance::Entity::find_by_id(1)
            .one(&self.db)
            .await?
            .ok_or_else(|| StartError::Database(sea_orm::DbErr::RecordNotFound("the instance row".into())))
    }

    /// Answers whether the database can be read, for health checks.
    pub async fn ping(&self) -> Result<(), Error> {
        Ok(self.db.ping().await?)
    }
}

/// Reads or writes `<data_dir>/node`: the database's id and the node's own, a line each.
fn node_of(data_dir: &Path, instance: Uuid) -> Result<Node, StartError> {
    let file = data_dir.join("node");
    let failed = |source| StartError::DataDir { path: file.display().to_string(), source };
    match fs::read_to_string(&file) {
        Ok(text) => {
            let mut lines = text.lines();
            match (lines.next().and_then(|line| line.parse::<Uuid>().ok()), lines.next()) {
                (Some(owner), Some(node)) if owner == instance && !node.is_empty() => Ok(Node(node.to_owned())),
                _ => Err(StartError::ForeignDataDir { path: data_dir.display().to_string() }),
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let node = Uuid::new_v4().simple().to_string();
            let temporary = data_dir.join("node.new");
            let write = || -> std::io::Result<()> {
                let mut new = fs::File::create(&temporary)?;
                write!(new, "{instance}\n{node}\n")?;
                new.sync_all()?;
                fs::rename(&temporary, &file)?;
                fs::File::open(data_dir)?.sync_all()
            };
            write().map_err(failed)?;
            Ok(Node(node))
        }
        Err(source) => Err(failed(source)),
    }
}
