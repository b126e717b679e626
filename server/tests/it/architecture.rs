//! The invariants of ARCHITECTURE.md that `cargo metadata` can tell.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

/// Every (package, direct dependency) pair of the workspace, tests' own dependencies left out.
fn dependencies() -> BTreeSet<(String, String)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut pairs = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        for dependency in package["dependencies"].as_array().unwrap() {
            if dependency["kind"] != "dev" {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                pairs.insert((text(&package["name"]), text(&dependency["name"])));
            }
        }
    }
    assert!(pairs.contains(&("node".to_owned(), "rest".to_owned())), "the metadata has the shape that is read here");
    pairs
}

/// Packages that depend on one whose name begins so.
fn users_of(prefix: &str) -> BTreeSet<String> {
    dependencies().into_iter().filter(|(_, dependency)| dependency.starts_with(prefix)).map(|(package, _)| package).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_wire_contract_does_no_io() {
    let allowed = set(&["serde", "serde_json", "thiserror", "time", "utoipa"]);
    let used = dependencies().into_iter().filter(|(package, _)| package == "control-plane-api").map(|(_, used)| used).collect();
    assert_eq!(&allowed | &used, allowed);
}

#[test]
fn frameworks_stay_where_they_belong() {
    assert_eq!(users_of("sea-orm"), set(&["control-plane", "migration"]));
    assert_eq!(users_of("leptos"), set(&["app", "frontend", "server"]));
    assert_eq!(users_of("bollard"), set(&["provisioner"]));
}

#[test]
fn data_plane_services_know_neither_each_other_nor_the_control_plane() {
    let services = ["rest"];
    let data_plane = [
        "auth-settings",
        "daemon",
        "gateway",
        "node",
        "postgres-cluster",
        "project-context",
        "project-template",
        "rest",
        "test-postgres",
        "test-program",
    ];
    for (package, dependency) in dependencies() {
        let from_data_plane = data_plane.contains(&package.as_str());
        assert!(!(from_data_plane && dependency == "control-plane"), "{package} → {dependency}");
        assert!(!(services.contains(&package.as_str()) && services.contains(&dependency.as_str())), "{package} → {dependency}");
        assert!(!(dependency == "provisioner" && package != "server"), "{package} → {dependency}");
    }
}
