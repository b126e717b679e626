//! `supacloud project …`: moves projects between drivers and machines by asking the server that runs, as anybody could.

mod client;
mod meter;

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use control_plane_api::{ArchiveState, ImportProject, ProjectRef, ProjectState};
use secrecy::SecretString;

pub(crate) use client::Client;
use meter::Meter;

/// Between two looks at what the server is doing.
const LOOK: Duration = Duration::from_millis(500);

/// What is done with a project.
#[derive(Debug, Subcommand)]
pub(crate) enum ProjectCommand {
    /// Writes a project (data, storage, passwords, keys) into one sealed file. It is paused while it is packed.
    Export {
        project_ref: ProjectRef,
        /// Where to; without it, <REF>.supacloud in the working folder.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        passphrase: PassphraseSource,
    },
    /// Makes a project of a file that `export` has written, with the reference, passwords and keys that it had.
    Import {
        file: PathBuf,
        /// What runs it: local or docker; without it, what runs new projects.
        #[arg(long)]
        driver: Option<String>,
        /// The stack that it is made from, where it is made of containers.
        #[arg(long)]
        stack: Option<String>,
        /// Its size; without it, the one that it had.
        #[arg(long)]
        size: Option<String>,
        #[command(flatten)]
        passphrase: PassphraseSource,
    },
    /// Reads a file that `export` has written to its end, and tells what it is.
    Inspect {
        file: PathBuf,
        #[command(flatten)]
        passphrase: PassphraseSource,
    },
}

/// Where the passphrase comes from: a file, the environment (SUPACLOUD_PASSPHRASE), or the terminal.
#[derive(Debug, Args)]
pub(crate) struct PassphraseSource {
    /// File whose first line is the passphrase. Without it: SUPACLOUD_PASSPHRASE, or you are asked.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl PassphraseSource {
    /// `from_environment` is the value of the variable. What is typed is asked for twice where nothing can tell a mistake.
    fn read(&self, from_environment: Option<SecretString>, again: bool) -> anyhow::Result<SecretString> {
        if let Some(path) = &self.passphrase_file {
            let text = std::fs::read_to_string(path).with_context(|| format!("{} can't be read", path.display()))?;
            return Ok(text.lines().next().unwrap_or_default().to_owned().into());
        }
        if let Some(passphrase) = from_environment {
            return Ok(passphrase);
        }
        anyhow::ensure!(
            io::stdin().is_terminal(),
            "there is no passphrase: set SUPACLOUD_PASSPHRASE, or name a file with --passphrase-file"
        );
        let passphrase = rpassword::prompt_password("Passphrase of the archive: ")?;
        if again {
            let repeated = rpassword::prompt_password("The same again: ")?;
            anyhow::ensure!(passphrase == repeated, "these are two different passphrases");
        }
        Ok(passphrase.into())
    }
}

/// Does it. `passphrase` is the environment's.
pub(crate) async fn run(
    command: ProjectCommand,
    client: impl FnOnce() -> anyhow::Result<Client>,
    passphrase: Option<SecretString>,
) -> anyhow::Result<()> {
    match command {
        ProjectCommand::Export { project_ref, output, passphrase: source } => {
            let output = output.unwrap_or_else(|| format!("{project_ref}.supacloud").into());
            anyhow::ensure!(!output.exists(), "{} is there already; name another file with --output", output.display());
            let passphrase = source.read(passphrase, true)?;
            export(&client()?, &project_ref, &output, &passphrase).await?;
            inspect(&output, &passphrase)
        }
        ProjectCommand::Import { file, driver, stack, size, passphrase: source } => {
            let passphrase = source.read(passphrase, false)?;
            import(&client()?, &file, ImportProject { driver, stack, size }, &passphrase).await
        }
        ProjectCommand::Inspect { file, passphrase: source } => inspect(&file, &source.read(passphrase, false)?),
    }
}

/// Pauses the project if it runs, has it packed, lets it run again, and only then takes the archive.
async fn export(client: &Client, project_ref: &ProjectRef, output: &Path, passphrase: &SecretString) -> anyhow::Result<()> {
    let was_running = match client.project(project_ref).await?.state {
        ProjectState::Running => true,
        ProjectState::Paused => false,
        state => anyhow::bail!("the project is {state}; it can be exported when it runs or is paused"),
    };
    if was_running {
        tell("Pausing the project.");
        client.change(project_ref, "pause").await?;
        settle(client, project_ref, ProjectState::Paused).await?;
    }
    let packed = pack(client, project_ref).await;
    if was_running {
        tell("Resuming the project.");
        client.change(project_ref, "restore").await?;
    }
    packed?;
    tell("Taking the archive.");
    client.download(project_ref, output, passphrase).await?;
    client.discard(project_ref).await?;
    if was_running {
        settle(client, project_ref, ProjectState::Running).await?;
    }
    Ok(())
}

async fn pack(client: &Client, project_ref: &ProjectRef) -> anyhow::Result<()> {
    tell("Packing.");
    client.change(project_ref, "export").await?;
    let (mut meter, mut told) = (Meter::new("packed"), None);
    loop {
        let archive = client.archive(project_ref).await?;
        match archive.state {
            ArchiveState::Ready => return Ok(()),
            ArchiveState::Failed => anyhow::bail!("{}", archive.message.unwrap_or_default()),
            ArchiveState::Packing => meter.stands_at(archive.bytes.unwrap_or_default()),
        }
        // Why it has to be tried again.
        if let Some(message) = archive.message.filter(|message| told.as_ref() != Some(message)) {
            tell(&message);
            told = Some(message);
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn import(client: &Client, file: &Path, request: ImportProject, passphrase: &SecretString) -> anyhow::Result<()> {
    tell("Sending the archive.");
    let project = client.import(file, &request, passphrase).await?;
    tell(&format!("Making {} ({}).", project.project_ref, project.name));
    settle(client, &project.project_ref, ProjectState::Running).await?;
    print(&format!("{} is live at {}", project.project_ref, project.api_url))
}

/// Waits until the project has come to this state.
async fn settle(client: &Client, project_ref: &ProjectRef, wanted: ProjectState) -> anyhow::Result<()> {
    loop {
        let project = client.project(project_ref).await?;
        if project.state == wanted {
            return Ok(());
        }
        if !project.state.is_transient() {
            let cause = client.last_failure(project_ref).await?;
            anyhow::bail!("the project is {}: {cause}", project.state);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn inspect(file: &Path, passphrase: &SecretString) -> anyhow::Result<()> {
    let (manifest, bytes) = control_plane::inspect(file, passphrase).with_context(|| file.display().to_string())?;
    let stack = manifest.stack.map(|stack| format!(" ({stack})")).unwrap_or_default();
    print(&format!(
        "{}: project {} ({}), PostgreSQL {}, {} MB of data, from {}{stack}; whole and sound",
        file.display(),
        manifest.project_ref,
        manifest.name,
        manifest.postgres_version,
        bytes.div_ceil(1_000_000),
        manifest.driver,
    ))
}

/// What is being done goes to whoever watches, and the result to standard output.
fn tell(what: &str) {
    eprintln!("{what}");
}

fn print(result: &str) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{result}")?)
}
