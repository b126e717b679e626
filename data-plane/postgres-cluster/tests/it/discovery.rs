//! Finding the binaries and the user.

use postgres_cluster::{Binaries, Error, RunAs};

use crate::support::{binaries, folder, is_root, not_a_postgres};

#[test]
fn the_installed_version_is_found() {
    let binaries = binaries();
    assert!(binaries.version().starts_with(&binaries.major().to_string()));
    assert_eq!(Binaries::discover(Some(binaries.folder())).unwrap(), binaries);
}

#[test]
fn a_folder_without_binaries_is_refused_with_what_to_install() {
    let folder = folder();
    let error = Binaries::discover(Some(folder.path())).unwrap_err();
    assert!(matches!(error, Error::BinariesNotFound { .. }));
    assert!(error.to_string().contains("apt install postgresql"), "{error}");
    assert!(error.to_string().contains(folder.path().to_str().unwrap()), "{error}");
}

#[test]
fn a_version_that_is_not_supported_is_named() {
    let folder = folder();
    let error = Binaries::discover(Some(&not_a_postgres(folder.path(), "9.6.24"))).unwrap_err();
    assert!(matches!(&error, Error::UnsupportedVersion { version, .. } if version == "9.6.24"), "{error}");
}

#[test]
fn root_is_refused_and_unknown_users_are_named() {
    assert!(matches!(RunAs::resolve(Some("root")), Err(Error::RootRefused)));
    let error = RunAs::resolve(Some("no-such-user-here")).unwrap_err();
    assert!(error.to_string().contains("`no-such-user-here`"), "{error}");
    match (is_root(), RunAs::resolve(None), RunAs::resolve(Some("daemon"))) {
        (true, Err(Error::RootRefused), Ok(_)) | (false, Ok(_), Err(Error::NotRoot { .. })) => {}
        (root, none, daemon) => panic!("root: {root}, none: {none:?}, daemon: {daemon:?}"),
    }
}
