//! The `supacloud` program. Reads the environment, and nothing else does.

mod api;
mod app;
mod arrival;
mod config;
mod dashboard;
mod drivers;
mod forwarded;
mod guard;
mod listener;
mod networks;
mod project_command;
mod proxies;
mod rejection;
mod routing;
mod session;
mod sign_in;
mod telling;

use std::{collections::HashMap, net::SocketAddr, process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::{
    config::{Config, LogFormat},
    project_command::{Client, ProjectCommand},
};

/// How long connecting to the server and each look for its answer may take when it is asked for its health.
const HEALTH_AT_MOST: Duration = Duration::from_secs(3);

/// A self-hosted Supabase Cloud: projects with a PostgreSQL cluster and its services each, in one program.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// File with settings; without it, supacloud.toml in the working folder, if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Asks the server that listens here whether it answers; exits with 0 or 1.
    Health,
    /// Projects: into a file, and out of one.
    Project {
        /// Address of the server; without it, the one that listens here.
        #[arg(long, global = true, value_name = "URL")]
        server: Option<String>,
        #[command(subcommand)]
        command: ProjectCommand,
    },
    /// Settings.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Prints every setting in force with its meaning; secrets are redacted.
    Print,
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("supacloud: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let variables: HashMap<String, String> = std::env::vars().collect();
    if let Some(Command::Config { command: ConfigCommand::Print }) = arguments.command {
        print(&config::printed(arguments.config.as_deref(), &variables)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(Command::Health) = arguments.command {
        health(config::listen(arguments.config.as_deref(), &variables)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(Command::Project { server, command }) = arguments.command {
        let client = || {
            let (listen, token) = config::access(arguments.config.as_deref(), &variables)?;
            Client::new(&server.unwrap_or_else(|| format!("http://{}", daemon::loopback(listen))), token)
        };
        let passphrase = variables.get("SUPACLOUD_PASSPHRASE").map(|words| words.clone().into());
        runtime()?.block_on(project_command::run(command, client, passphrase))?;
        return Ok(ExitCode::SUCCESS);
    }
    let config = Config::load(arguments.config.as_deref(), &variables)?;
    start_logging(&config)?;
    let site = dashboard::Site::find(&config, &variables);
    runtime()?.block_on(app::run(config, site))
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")
}

/// Any answer counts but one that says that the server can't.
fn health(listen: SocketAddr) -> anyhow::Result<()> {
    let address = daemon::loopback(listen);
    let status = daemon::ask(address, "/robots.txt", HEALTH_AT_MOST).with_context(|| format!("{address} does not answer"))?;
    anyhow::ensure!(status < 500, "{address} answers {status}");
    Ok(())
}

fn print(text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    Ok(write!(std::io::stdout(), "{text}")?)
}

fn start_logging(config: &Config) -> anyhow::Result<()> {
    let filter = daemon::log_filter(&config.log.filter).context("log.filter")?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log.format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().init(),
    }
    Ok(())
}
