//! The `rest` program, which takes the place of PostgREST's. Reads the environment, and nothing else does.

use std::{collections::HashMap, process::ExitCode};

use anyhow::{Context as _, anyhow};
use clap::Parser;
use rest::program::{self, Settings};

/// Serves a PostgreSQL database by HTTP, as PostgREST does. Settings come from PGRST_* variables.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Asks the program that runs here whether it is ready; exits with 0 or 1. Needs PGRST_ADMIN_SERVER_PORT.
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

fn run() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // What is no text can't be one of ours.
    let variables: HashMap<String, String> =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect();
    if arguments.ready {
        return program::health(Settings::parse_admin(&variables)?).map_err(|message| anyhow!(message));
    }
    let settings = Settings::parse(&variables)?;
    daemon::start_logging(&settings.log)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?
        .block_on(program::run(settings))?;
    Ok(())
}
