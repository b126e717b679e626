//! How many passwords this machine compares in a second, by the hasher that Auth has and with nothing else to do: what bounds
//! sign-ins. Says so as one line of JSON; for `make bench`. `hashes SECONDS`
//!
//! A program of its own, so that it is built with what the programs beside it are built with, and none of the tests' tools.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use auth::password::{Hasher, Limits};
use futures::future::try_join_all;

const PASSWORD: &str = "correct horse battery staple";

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a measuring tool")]
async fn main() -> anyhow::Result<()> {
    let seconds = std::env::args().nth(1).context("hashes SECONDS")?.parse().context("SECONDS")?;
    let time = Duration::try_from_secs_f64(seconds)?.div_f64(2.0);
    let limits = Limits::default();
    let hasher = Hasher::new(limits)?;
    let hash = hasher.hash(PASSWORD).await?;
    let (alone, _) = per_second(&hasher, &hash, 1, time).await?;
    let before = processor_milliseconds()?;
    let (together, count) = per_second(&hasher, &hash, limits.threads, time).await?;
    let milliseconds = (processor_milliseconds()? - before) / f64::from(count);
    let Limits { cost, threads, .. } = limits;
    println!(
        r#"{{"cost":{cost},"threads":{threads},"alone":{alone:.3},"together":{together:.3},"milliseconds":{milliseconds:.3}}}"#
    );
    Ok(())
}

/// What this process has used of the processors: fields 14 and 15 of proc(5)'s stat, in hundredths of a second.
fn processor_milliseconds() -> anyhow::Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').context("stat has no name")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(10.0 * ticks)
}

/// With so many at once: how many per second, and how many there were.
async fn per_second(hasher: &Hasher, hash: &str, at_once: usize, time: Duration) -> anyhow::Result<(f64, u32)> {
    let start = Instant::now();
    let counts = try_join_all((0..at_once).map(|_| async move {
        let mut count = 0_u32;
        while start.elapsed() < time {
            anyhow::ensure!(hasher.verify(hash, PASSWORD).await?, "a password is no longer itself");
            count += 1;
        }
        Ok(count)
    }))
    .await?;
    let count = counts.into_iter().sum();
    Ok((f64::from(count) / start.elapsed().as_secs_f64(), count))
}
