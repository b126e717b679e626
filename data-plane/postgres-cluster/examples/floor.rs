//! Measures the floor of making a project: clone the template, start the cluster, `select 1`.
//!
//! `cargo run --release -p postgres-cluster --example floor -- [rounds] [folder]`; as root it runs clusters as `postgres`.

#![expect(clippy::print_stdout, reason = "prints measurements")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use postgres_cluster::{Binaries, Cluster, RunAs, SUPERUSER, StopMode, Template};
use secrecy::ExposeSecret;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let rounds: usize = arguments.next().map_or(Ok(20), |rounds| rounds.parse())?;
    let root = arguments.next().map_or_else(|| PathBuf::from("/tmp/supacloud-floor"), PathBuf::from);
    let binaries = Binaries::discover(None)?;
    let run_as = RunAs::resolve(if rustix::process::geteuid().is_root() { Some("postgres") } else { None })?;
    let started = Instant::now();
    let template = Template::prepare(&binaries, &run_as, &root.join("templates"), &[]).await?;
    println!("PostgreSQL {}: template {:?}", binaries.version(), started.elapsed());
    let mut samples = Vec::new();
    for round in 0..rounds {
        let cluster = Cluster::new(&binaries, &run_as, root.join(format!("{round}/data")), root.join(format!("{round}/s")));
        samples.push(measure(&cluster, &template).await?);
        std::fs::remove_dir_all(root.join(round.to_string()))?;
    }
    for (step, name) in ["clone", "start", "select", "stop", "restart", "destroy"].into_iter().enumerate() {
        let mut times: Vec<Duration> = samples.iter().map(|sample| sample.0[step]).collect();
        times.sort();
        println!("{name:8} p50 {:>10.2?}  p95 {:>10.2?}", times[rounds / 2], times[rounds * 95 / 100]);
    }
    let pss = samples.iter().map(|sample| sample.1).max().unwrap_or(0);
    println!("idle PSS {:.1} MB, on disk {:.1} MB", pss as f64 / 1e6, samples[0].2 as f64 / 1e6);
    Ok(())
}

async fn measure(cluster: &Cluster, template: &Template) -> Result<([Duration; 6], u64, u64)> {
    let mut times = [Duration::ZERO; 6];
    let mut last = Instant::now();
    let mut lap = |step: usize| {
        times[step] = last.elapsed();
        last = Instant::now();
    };
    cluster.clone_from(template).await?;
    lap(0);
    let running = cluster.start().await?;
    lap(1);
    select_1(cluster, template).await?;
    lap(2);
    let (pss, disk) = (running.memory_pss(), cluster.disk_bytes().await?);
    lap(3);
    running.stop(StopMode::Fast, Duration::from_secs(10)).await?;
    lap(3);
    cluster.start().await?;
    lap(4);
    cluster.destroy().await?;
    lap(5);
    Ok((times, pss, disk))
}

async fn select_1(cluster: &Cluster, template: &Template) -> Result<()> {
    let mut config = tokio_postgres::Config::new();
    config.host_path(cluster.socket_dir()).port(cluster.port()).user(SUPERUSER).dbname("postgres");
    config.password(template.superuser_password().expose_secret());
    let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
    let driver = tokio::spawn(connection);
    client.simple_query("select 1").await?;
    drop(client);
    driver.await??;
    Ok(())
}
