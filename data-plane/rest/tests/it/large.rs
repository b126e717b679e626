//! A schema of ten thousand tables: `cargo test -p rest --release -- --ignored --nocapture ten_thousand`.

#![expect(clippy::unwrap_used, reason = "a measurement, run by hand")]

use std::time::Instant;

use crate::support::project;

/// Kilobytes that this process holds, by the name in `/proc/self/status`.
fn kilobytes(name: &str) -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Seconds of the processor that a process has used, of which the kernel counts hundredths.
fn processor(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // What is before is its name, with whatever in it.
    let numbers: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    [11, 12].iter().map(|index| numbers[*index].parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

#[tokio::test]
#[ignore = "takes a minute, and says how long a load takes rather than whether it works"]
async fn ten_thousand_tables_are_loaded() {
    let p = project("").await;
    let client = p.database.connect("supabase_admin").await;
    // Without the triggers that notify of each; in parts, because a transaction holds a lock for each.
    client.batch_execute("set session_replication_role = replica; set search_path = public").await.unwrap();
    for part in 0..40 {
        let sql = format!(
            "do $$ begin for i in {} .. {} loop
               execute format('create table t%s (id int primary key, name text not null, made timestamptz default now(),
                 price numeric(10,2), tags text[], data jsonb, active bool default true, parent_id int%s)',
                 i, case when i > 0 then format(' references t%s', i / 10) end);
             end loop; end $$",
            part * 250,
            part * 250 + 249
        );
        client.batch_execute(&sql).await.unwrap();
    }
    client.batch_execute("create table last_of_all (id int); grant select on last_of_all, t7 to anon; analyze").await.unwrap();
    drop(p.context.connection().await.unwrap());
    let sql = "select pid::text from pg_stat_activity where usename = 'authenticator' and datname = current_database()";
    let backend: String = client.query_one(sql, &[]).await.unwrap().get(0);
    let (before, here, there) = (kilobytes("VmRSS"), processor("self"), processor(&backend));
    let started = Instant::now();
    assert_eq!(p.body("GET /t7?select=id").await, "200 []");
    let first = started.elapsed();
    println!(
        "the first request: {first:?}, and {} MB more ({} MB at most)",
        (kilobytes("VmRSS") - before) / 1024,
        (kilobytes("VmHWM") - before) / 1024
    );
    println!("of the processor: {:.2} s here, {:.2} s in PostgreSQL", processor("self") - here, processor(&backend) - there);
    let started = Instant::now();
    assert_eq!(p.body("GET /t7?select=id").await, "200 []");
    println!("the second: {:?}", started.elapsed());
}
