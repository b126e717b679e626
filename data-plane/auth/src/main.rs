//! The `auth` program, which takes the place of GoTrue's. Reads the environment and its arguments, and nothing else does.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, anyhow};
use auth::program::{self, Given, Sources, admin};
use clap::{Parser, Subcommand};

/// Signs users up and in by HTTP over a PostgreSQL database, as GoTrue does. Settings come from GOTRUE_* variables and from
/// files of such. Without a command: brings the database's schema up to date, and serves.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// A file of variables, NAME=value or JSON, which win over the environment's.
    #[arg(short, long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A folder of such files, *.env and *.json, which win over all others and are read again when they change.
    #[arg(short = 'd', long, global = true, value_name = "FOLDER")]
    config_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves, and leaves the database's schema as it is.
    Serve,
    /// Brings the database's schema up to date, and ends.
    Migrate,
    /// Prints the version.
    Version,
    /// Asks the program that runs here whether it answers; exits with 0 or 1.
    Health,
    /// Makes and deletes accounts.
    #[command(subcommand)]
    Admin(Admin),
}

#[derive(Debug, Subcommand)]
enum Admin {
    /// Makes an account, and prints its id.
    #[command(name = "createuser")]
    Create {
        email: String,
        password: String,
        /// Counts the address as confirmed.
        #[arg(long)]
        confirm: bool,
        /// Gives it the first role of GOTRUE_JWT_ADMIN_ROLES.
        #[arg(long)]
        admin: bool,
        /// Its audience [default: GOTRUE_JWT_AUD].
        #[arg(short, long)]
        aud: Option<String>,
    },
    /// Deletes an account, and prints its id.
    #[command(name = "deleteuser")]
    Delete {
        /// Its id or address.
        user: String,
        /// Its audience, if it is told by its address [default: GOTRUE_JWT_AUD].
        #[arg(short, long)]
        aud: Option<String>,
    },
}

impl From<Admin> for admin::Work {
    fn from(told: Admin) -> Self {
        match told {
            Admin::Create { email, password, confirm, admin, aud } => {
                Self::Create { email, password, confirmed: confirm, admin, audience: aud }
            }
            Admin::Delete { user, aud } => Self::Delete { user, audience: aud },
        }
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("auth: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "what a command asks for is the output")]
fn run() -> anyhow::Result<()> {
    if let Some(url) = spidered(std::env::args_os().map_while(|argument| argument.into_string().ok())) {
        return program::spider(&url).map_err(|message| anyhow!(message));
    }
    let arguments = Arguments::parse();
    if let Some(Command::Version) = arguments.command {
        println!("{}", env!("CARGO_PKG_VERSION"));
        return Ok(());
    }
    // What is no text can't be one of ours.
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect();
    let sources = Sources { environment, file: arguments.config, folder: arguments.config_dir };
    let given = Given::read(&sources)?;
    let migrates = match arguments.command {
        Some(Command::Health) => return program::health(&given).map_err(|message| anyhow!(message)),
        Some(Command::Migrate) => {
            daemon::start_logging(&given.log)?;
            return Ok(runtime()?.block_on(program::migrate(&given))?);
        }
        Some(Command::Admin(told)) => {
            daemon::start_logging(&given.log)?;
            println!("{}", runtime()?.block_on(admin::administer(&given, told.into()))?);
            return Ok(());
        }
        Some(Command::Serve) => false,
        Some(Command::Version) | None => true,
    };
    let log = daemon::start_logging(&given.log)?;
    Ok(runtime()?.block_on(program::serve(given, sources, log, migrates))?)
}

/// The address, where the program is called as wget is: by that name, with options and one address.
fn spidered(mut arguments: impl Iterator<Item = String>) -> Option<String> {
    let name = PathBuf::from(arguments.next()?);
    (name.file_name()? == "wget").then_some(())?;
    Some(arguments.find(|argument| !argument.starts_with('-')).unwrap_or_default())
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")
}
