//! The operating system user that clusters run as.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Gid, Uid};

use crate::Error;

/// Who a cluster runs as: ourselves, or, when we are root, an unprivileged user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunAs {
    name: String,
    uid: u32,
    gid: u32,
    switch: bool,
}

impl RunAs {
    /// Looks `name` up. Not root: `None` or our own name. Root: any other user, as PostgreSQL refuses root.
    ///
    /// # Errors
    /// [`Error::UnknownUser`], [`Error::RootRefused`], [`Error::NotRoot`].
    pub fn resolve(name: Option<&str>) -> Result<Self, Error> {
        let me = rustix::process::geteuid();
        let user = match name {
            Some(name) => lookup(name)?,
            None if me.is_root() => return Err(Error::RootRefused),
            None => {
                let (uid, gid) = (me.as_raw(), rustix::process::getegid().as_raw());
                return Ok(Self { name: uid.to_string(), uid, gid, switch: false });
            }
        };
        if user.uid == 0 {
            return Err(Error::RootRefused);
        }
        match (me.is_root(), me.as_raw() == user.uid) {
            (true, _) => Ok(Self { switch: true, ..user }),
            (false, true) => Ok(user),
            (false, false) => Err(Error::NotRoot { name: user.name }),
        }
    }

    /// The user's name, or number where none was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The numeric user and group to switch to; `None` when the cluster runs as ourselves.
    pub(crate) fn switch(&self) -> Option<(u32, u32)> {
        self.switch.then_some((self.uid, self.gid))
    }

    /// As [`Self::switch`], for `chown`.
    pub(crate) fn owner(&self) -> Option<(Uid, Gid)> {
        self.switch().map(|(uid, gid)| (Uid::from_raw(uid), Gid::from_raw(gid)))
    }

    /// Checks that the user can pass through every parent of `path` by its permission bits.
    ///
    /// # Errors
    /// [`Error::Unreachable`] names the first parent in the way.
    pub fn check_reach(&self, path: &Path) -> Result<(), Error> {
        if self.switch().is_none() {
            return Ok(());
        }
        for parent in path.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()) {
            let Ok(metadata) = parent.metadata() else { continue };
            let execute = match (metadata.uid() == self.uid, metadata.gid() == self.gid) {
                (true, _) => 0o100,
                (false, true) => 0o010,
                (false, false) => 0o001,
            };
            if metadata.mode() & execute == 0 {
                return Err(Error::Unreachable { path: parent.to_owned(), user: self.name.clone() });
            }
        }
        Ok(())
    }
}

fn lookup(name: &str) -> Result<RunAs, Error> {
    let found = nix::unistd::User::from_name(name).ok().flatten();
    let user = found.ok_or_else(|| Error::UnknownUser { name: name.to_owned() })?;
    Ok(RunAs { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw(), switch: false })
}
