//! The table of `docs/asvs.md` names tests that there are.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::{fs, path::Path};

/// Where a package of the workspace is, from this one.
fn folder(package: &str) -> &'static str {
    match package {
        "" => ".",
        "control-plane" => "../../server/control-plane",
        "daemon" => "../daemon",
        "node" => "../node",
        "server" => "../../server",
        other => panic!("a package that nobody knows: {other}"),
    }
}

/// `file::test`, below `tests/it` or `src`; of another package with its name before.
fn is_there(name: &str) -> bool {
    let (package, name) = name.split_once(": ").unwrap_or(("", name));
    let (file, test) = name.rsplit_once("::").unwrap();
    let files = ["tests/it", "src"].map(|below| Path::new(folder(package)).join(below).join(format!("{file}.rs")));
    files.iter().any(|file| fs::read_to_string(file).is_ok_and(|text| text.contains(&format!("fn {test}("))))
}

#[test]
fn each_requirement_has_a_test_that_is_there() {
    let table = fs::read_to_string("docs/asvs.md").unwrap();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| No.")).collect();
    assert!(rows.len() > 50, "{}", rows.len());
    for row in rows {
        let cell = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        if cell == "–" {
            continue;
        }
        let names: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test: {row}");
        for name in names {
            assert!(is_there(name), "there is no test {name}");
        }
    }
}
