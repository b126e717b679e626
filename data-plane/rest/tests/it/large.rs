//! A schema of ten thousand tables: `cargo test -p rest --release -- --ignored --nocapture ten_thousand`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, run by hand")]

use std::time::Instant;

use crate::support::project;

/// Kilobytes that this process holds, by the name in `/proc/self/status`.
fn kilobytes(name: &str) -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
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
    let before = kilobytes("VmRSS");
    let started = Instant::now();
    assert_eq!(p.body("GET /t7?select=id").await, "200 []");
    let first = started.elapsed();
    println!(
        "the first request: {first:?}, and {} MB more ({} MB at most)",
        (kilobytes("VmRSS") - before) / 1024,
        (kilobytes("VmHWM") - before) / 1024
    );
    let started = Instant::now();
    assert_eq!(p.body("GET /t7?select=id").await, "200 []");
    println!("the second: {:?}", started.elapsed());
}
