//! The server is killed at random moments while several projects are changed at once.

use std::{
    collections::BTreeSet,
    io,
    time::{Duration, Instant},
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{Backend, DB_PASS, Installation, Server, http::Request};

/// Projects changed at once.
const SLOTS: usize = 3;

/// How often the server is killed, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kills {
    /// Unless the variable says otherwise.
    pub(crate) rounds: u64,
    pub(crate) variable: &'static str,
    /// The server is killed this long after the requests were sent, at most.
    pub(crate) max_delay_ms: u64,
}

/// Few, for each run takes other moments, and every step is gone through beside this.
const KILLS: Kills = Kills { rounds: 100, variable: "SUPACLOUD_CRASH_ROUNDS", max_delay_ms: 150 };

#[tokio::test]
async fn sqlite_survives_kills_at_random_moments() {
    kill_at_random_moments(Installation::new(Backend::Sqlite).await, KILLS).await;
}

#[tokio::test]
async fn postgres_survives_kills_at_random_moments() {
    // Fewer: only the store differs.
    kill_at_random_moments(Installation::new(Backend::Postgres).await, Kills { rounds: 30, ..KILLS }).await;
}

/// What is known of a place for a project.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Slot {
    Empty,
    Live(String),
    Paused(String),
}

/// What is asked in a round.
#[derive(Debug, Clone)]
enum Ask {
    Nothing,
    /// With this name, which is the idempotency key as well.
    Create(String),
    Pause(String),
    Restore(String),
    Restart(String),
    Delete(String),
}

pub(crate) async fn kill_at_random_moments(installation: Installation, how: Kills) {
    let rounds = number(how.variable).unwrap_or(how.rounds);
    let what = installation.kind();
    let seed = number("SUPACLOUD_CRASH_SEED").unwrap_or_else(rand::random);
    eprintln!("{what}: {rounds} kills, SUPACLOUD_CRASH_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let began = Instant::now();
    let mut slots = vec![Slot::Empty; SLOTS];
    let mut server = installation.start().await;
    let mut kills = 0;
    while kills < rounds {
        let asks: Vec<_> = slots.iter().map(|slot| choose(slot, kills, &mut random)).collect();
        let answers = ask_and_kill(server, &asks, random.random_range(0..=how.max_delay_ms)).await;
        kills += 1;
        server = installation.start().await;
        // Now and then the next life is killed as well, while it takes up what the last one left.
        if random.random_ratio(1, 4) && kills < rounds {
            tokio::time::sleep(Duration::from_millis(random.random_range(0..=how.max_delay_ms))).await;
            server.kill().await;
            kills += 1;
            server = installation.start().await;
        }
        for (index, (ask, acknowledged)) in asks.into_iter().zip(answers).enumerate() {
            let mark = i32::try_from(index).unwrap();
            slots[index] = outcome(&server, &slots[index], ask, acknowledged, mark).await;
        }
        expect_only_live_ones_run(&installation, &slots).await;
    }
    let left: Vec<_> = slots.into_iter().filter_map(Slot::into_ref).collect();
    server.delete_all(&left).await;
    let listed = server.get("/v1/projects").send().await.expect(200).json();
    assert_eq!(listed, json!([]), "projects that nobody knows of");
    server.stop().await;
    installation.expect_nothing_left().await;
    eprintln!("{what}: {kills} kills survived in {:?}", began.elapsed());
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

fn choose(slot: &Slot, round: u64, random: &mut StdRng) -> Ask {
    let dice = random.random_range(0..100);
    match slot {
        Slot::Empty => Ask::Create(format!("round-{round}-{dice}-{}", random.random::<u32>())),
        Slot::Live(project_ref) => match dice {
            0..35 => Ask::Pause(project_ref.clone()),
            35..65 => Ask::Restart(project_ref.clone()),
            65..90 => Ask::Delete(project_ref.clone()),
            _ => Ask::Nothing,
        },
        Slot::Paused(project_ref) => match dice {
            0..65 => Ask::Restore(project_ref.clone()),
            65..90 => Ask::Delete(project_ref.clone()),
            _ => Ask::Nothing,
        },
    }
}

/// Sends every request at once and kills the server after the delay; tells which were acknowledged.
async fn ask_and_kill(server: Server, asks: &[Ask], delay_ms: u64) -> Vec<bool> {
    let mut requests = JoinSet::new();
    for (index, ask) in asks.iter().enumerate() {
        let request = request(&server, ask);
        requests.spawn(async move {
            let answer = match request {
                Some(request) => request.try_send().await,
                None => return (index, false),
            };
            match answer {
                Ok(response) => {
                    assert!(matches!(response.status, 200 | 201), "{}: {}", response.status, response.text());
                    (index, true)
                }
                Err(error) => {
                    assert_ne!(error.kind(), io::ErrorKind::TimedOut);
                    (index, false)
                }
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    server.kill().await;
    let mut answers: Vec<_> = requests.join_all().await;
    answers.sort_unstable();
    answers.into_iter().map(|(_, acknowledged)| acknowledged).collect()
}

fn request(server: &Server, ask: &Ask) -> Option<Request> {
    match ask {
        Ask::Nothing => None,
        Ask::Create(name) => Some(create(server, name)),
        Ask::Pause(project_ref) => Some(server.change(project_ref, "pause")),
        Ask::Restore(project_ref) => Some(server.change(project_ref, "restore")),
        Ask::Restart(project_ref) => Some(server.change(project_ref, "restart")),
        Ask::Delete(project_ref) => Some(server.delete(project_ref)),
    }
}

fn create(server: &Server, name: &str) -> Request {
    server.post("/v1/projects").header("idempotency-key", name).json(&json!({ "name": name, "db_pass": DB_PASS }))
}

/// Waits for what has become of a request, which must be what was acknowledged, and otherwise that or nothing.
async fn outcome(server: &Server, before: &Slot, ask: Ask, acknowledged: bool, mark: i32) -> Slot {
    let after = match &ask {
        Ask::Nothing => settled(server, before).await,
        Ask::Create(name) => {
            let listed = server.get("/v1/projects").send().await.expect(200).json();
            let found = listed.as_array().unwrap().iter().find(|project| project["name"] == **name);
            let found = found.map(|project| project["ref"].as_str().unwrap().to_owned());
            assert!(found.is_some() || !acknowledged, "{name} was acknowledged and is gone");
            // Whoever got no answer asks again, with the same key.
            let project_ref = create(server, name).send().await.expect(201).json()["ref"].as_str().unwrap().to_owned();
            assert!(found.is_none_or(|found| found == project_ref), "{name} was made twice");
            server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
            server.mark(&project_ref, mark).await;
            Slot::Live(project_ref)
        }
        Ask::Pause(project_ref) | Ask::Restore(project_ref) | Ask::Restart(project_ref) | Ask::Delete(project_ref) => {
            settled(server, &Slot::Live(project_ref.clone())).await
        }
    };
    let asked_for = match ask {
        Ask::Nothing => before.clone(),
        Ask::Create(_) => after.clone(),
        Ask::Pause(project_ref) => Slot::Paused(project_ref),
        Ask::Restore(project_ref) | Ask::Restart(project_ref) => Slot::Live(project_ref),
        Ask::Delete(_) => Slot::Empty,
    };
    assert!(after == asked_for || (!acknowledged && after == *before), "{before:?} became {after:?} instead of {asked_for:?}");
    match &after {
        Slot::Live(project_ref) => server.expect_mark(project_ref, mark).await,
        Slot::Paused(project_ref) => drop(server.rest(project_ref, "t").await.expect(503)),
        Slot::Empty => {}
    }
    after
}

async fn settled(server: &Server, slot: &Slot) -> Slot {
    let Some(project_ref) = slot.clone().into_ref() else { return Slot::Empty };
    match server.settled(&project_ref).await.as_deref() {
        Some("ACTIVE_HEALTHY") => Slot::Live(project_ref),
        Some("INACTIVE") => Slot::Paused(project_ref),
        None => Slot::Empty,
        Some(other) => panic!("{project_ref} is {other}"),
    }
}

impl Slot {
    fn into_ref(self) -> Option<String> {
        match self {
            Self::Empty => None,
            Self::Live(project_ref) | Self::Paused(project_ref) => Some(project_ref),
        }
    }
}

/// Every database that runs belongs to a project that is to run, and whatever else is there to one that there is.
async fn expect_only_live_ones_run(installation: &Installation, slots: &[Slot]) {
    let (running, found) = installation.found().await;
    let live = slots.iter().filter(|slot| matches!(slot, Slot::Live(_))).cloned().filter_map(Slot::into_ref).collect();
    assert_eq!(running, live, "databases that run");
    let known: BTreeSet<_> = slots.iter().cloned().filter_map(Slot::into_ref).collect();
    assert_eq!(found, known, "projects of which something is there");
}
