//! The server is killed with `kill -9` while projects are containers, as with the local driver: at every step, and at random.

use std::time::Instant;

use crate::{
    crash::{
        random::{Kills, kill_at_random_moments},
        steps::kill_at_every_step,
    },
    support::{Backend, Installation},
};

const POOL: &str = "10.221.32.0/20";
/// Steps take longer than a process's; so a random moment is later.
const KILLS: Kills = Kills { rounds: 30, variable: "SUPACLOUD_DOCKER_CRASH_ROUNDS", max_delay_ms: 1200 };

#[tokio::test]
async fn survives_a_kill_at_every_step() {
    let Some(installation) = Installation::docker(Backend::Sqlite, POOL).await else { return };
    let began = Instant::now();
    kill_at_every_step(installation).await;
    eprintln!("containers: a kill at every step survived in {:?}", began.elapsed());
}

#[tokio::test]
async fn survives_kills_at_random_moments() {
    let Some(installation) = Installation::docker(Backend::Sqlite, POOL).await else { return };
    kill_at_random_moments(installation, KILLS).await;
}
