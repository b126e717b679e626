//! Compiles `hand-over`, the program that takes secrets into containers, for any image: statically, by itself.

use std::{env, path::PathBuf, process::Command};

fn main() {
    let source = "hand-over/main.rs";
    println!("cargo::rerun-if-changed={source}");
    let output = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("hand-over");
    let target = env::var("TARGET").expect("cargo sets it");
    let rustc = env::var_os("RUSTC").expect("cargo sets it");
    // Without a C library at all where that target is installed (`rustup target add`), else with a static one.
    let musl = target.replace("-gnu", "-musl");
    let compile = |target: &str, more: &[&str]| {
        let mut command = Command::new(&rustc);
        command.args(["--edition=2024", "--crate-name=hand_over", "--target", target, "-Cpanic=abort", "-Cstrip=symbols"]);
        command.args(["-Copt-level=z", "-Ctarget-feature=+crt-static", "-Ccodegen-units=1"]).args(more);
        // A wrapper's flags are for the workspace.
        command.arg("-o").arg(&output).arg(source).env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        match command.output() {
            Ok(done) if done.status.success() => Ok(()),
            Ok(done) => Err(format!("{target}: {}", String::from_utf8_lossy(&done.stderr))),
            Err(error) => Err(format!("{target}: {error}")),
        }
    };
    if let Err(without) = compile(&musl, &["-Clinker=rust-lld"])
        && let Err(with) = compile(&target, &[])
    {
        panic!("hand-over could not be compiled, neither without a C library nor with one: {without} {with}");
    }
}
