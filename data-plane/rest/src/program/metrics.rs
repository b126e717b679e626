//! The program's figures in Prometheus's text format.
//!
//! Source: PostgREST's documentation, "Observability". By hand, because the crate that would do it writes OpenMetrics, where
//! the names of counters differ.

use std::fmt::Write as _;

use crate::state::State;

/// The type of its figures.
pub(super) const CONTENT_TYPE: &str = "text/plain; charset=utf-8";

/// Figures of one name.
struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    /// By their labels.
    values: Vec<(&'static str, String)>,
}

pub(super) fn text(state: &State) -> String {
    let (loads, pool) = (&state.loads, state.pool.metrics());
    let tokens = state.verifier().map(|verifier| verifier.cache_metrics()).unwrap_or_default();
    let of_load =
        vec![(r#"{status="FAIL"}"#, loads.failed().to_string()), (r#"{status="SUCCESS"}"#, loads.succeeded().to_string())];
    let families = [
        gauge(
            "pgrst_schema_cache_query_time_seconds",
            "The query time in seconds of the last schema cache load",
            loads.took().as_secs_f64(),
        ),
        Family {
            values: of_load,
            ..counter("pgrst_schema_cache_loads_total", "The total number of times the schema cache was loaded", 0)
        },
        counter("pgrst_db_pool_timeouts_total", "The total number of pool connection timeouts", pool.timeouts),
        gauge("pgrst_db_pool_available", "Available connections in the pool", pool.available),
        gauge("pgrst_db_pool_waiting", "Requests waiting to acquire a pool connection", pool.waiting),
        gauge("pgrst_db_pool_max", "Max pool connections", pool.max),
        counter("pgrst_jwt_cache_requests_total", "The total number of JWT cache lookups", tokens.requests),
        counter("pgrst_jwt_cache_hits_total", "The total number of JWT cache hits", tokens.hits),
        counter("pgrst_jwt_cache_evictions_total", "The total number of JWT cache evictions", tokens.evictions),
    ];
    let mut text = String::new();
    for Family { name, kind, help, values } in families {
        // Writing to a String can't fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    }
    text
}

fn gauge(name: &'static str, help: &'static str, value: impl ToString) -> Family {
    Family { name, kind: "gauge", help, values: vec![("", value.to_string())] }
}

fn counter(name: &'static str, help: &'static str, value: u64) -> Family {
    Family { kind: "counter", ..gauge(name, help, value) }
}
