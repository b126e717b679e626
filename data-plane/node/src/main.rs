//! The `node` program: one project's services in a container. Reads the environment, and nothing else does.

use std::{collections::HashMap, process::ExitCode};

use anyhow::{Context as _, anyhow};
use clap::{Parser, Subcommand};
use node::{Secrets, Settings};

/// Serves one project's services. Settings come from NODE_* variables, secrets from files in NODE_SECRETS_DIR.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Asks the program that runs here whether it is ready; exits with 0 or 1.
    Health,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("node: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // What is no text can't be one of ours.
    let variables: HashMap<String, String> =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect();
    if let Some(Command::Health) = arguments.command {
        return node::health(Settings::parse_admin_listen(&variables)?).map_err(|message| anyhow!(message));
    }
    let settings = Settings::parse(&variables)?;
    let secrets = Secrets::read(&settings.secrets_dir)?;
    daemon::start_logging(&settings.log)?;
    // Measured on two cores: two workers take 1 MB more under load than a runtime of one thread (10.5 MB, 9.5 MB), hardly any
    // at rest (6 MB), and answer a quarter to a third more requests. As many workers as a large machine has cores would be
    // stacks and arenas for each of its projects.
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("starting the runtime")?
        .block_on(node::run(settings, secrets))?;
    Ok(())
}
