//! The `rest` program, which takes the place of PostgREST's. Reads the environment and its arguments, and nothing else does.

use std::{collections::HashMap, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, anyhow};
use clap::Parser;
use rest::program::{self, Settings, Sources};

/// Serves a PostgreSQL database by HTTP, as PostgREST does. Settings come from PGRST_* variables, and, where those are not
/// set, from a configuration file.
#[derive(Debug, Parser)]
#[command(version, disable_version_flag = true)]
struct Arguments {
    /// A configuration file: lines of `key = value`.
    file: Option<PathBuf>,
    /// Prints the version.
    #[arg(short, long, action = clap::ArgAction::Version)]
    version: Option<bool>,
    /// Prints a configuration file with every setting and its default.
    #[arg(short, long)]
    example: bool,
    /// Prints the configuration that is in force, and where each value comes from. Secrets are not shown.
    #[arg(long)]
    dump_config: bool,
    /// Prints what is known of the database's schema, as JSON. Its structure may change.
    #[arg(long)]
    dump_schema: bool,
    /// Asks the program that runs here whether it is ready; exits with 0 or 1. Needs PGRST_ADMIN_SERVER_PORT, or a socket.
    #[arg(long)]
    ready: bool,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rest: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "what an argument asks for is the output")]
fn run() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.example {
        print!("{}", program::example());
        return Ok(());
    }
    // What is no text can't be one of ours.
    let environment: HashMap<String, String> =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect();
    let sources = match arguments.file {
        Some(file) => Sources::with_file(environment, file)?,
        None => Sources::of_environment(environment),
    };
    if arguments.ready {
        let asked = program::health(&Settings::parse_admin(&sources)?).map_err(|message| anyhow!(message))?;
        println!("OK: {asked}");
        return Ok(());
    }
    let settings = Settings::parse(&sources)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    if arguments.dump_config {
        print!("{}", runtime.block_on(program::dump(&sources, &settings)));
        return Ok(());
    }
    if arguments.dump_schema {
        println!("{}", runtime.block_on(program::dump_schema(&settings)).map_err(|message| anyhow!(message))?);
        return Ok(());
    }
    let log = daemon::start_logging(&settings.log)?;
    Ok(runtime.block_on(program::run(settings, sources, log))?)
}
