//! Memory and disk, now and lately.

use control_plane_api::Usage;
use leptos::prelude::*;

use super::Sheet;
use crate::{chart, format, live::use_live};

/// Two figures, each with its chart.
#[component]
pub(crate) fn UsagePanel() -> impl IntoView {
    let live = use_live();
    let usage = Memo::new(move |_| live.overview.read().usage.clone());
    view! {
        <Sheet id="usage" title="Usage">
            <div class="usage">
                <Figure name="Memory" usage now=|usage| usage.memory_bytes history=|usage| usage.history.iter().map(|s| (s.at_ms, s.memory_bytes)).collect() />
                <Figure name="Disk" usage now=|usage| usage.disk_bytes history=|usage| usage.history.iter().map(|s| (s.at_ms, s.disk_bytes)).collect() />
            </div>
        </Sheet>
    }
}

#[component]
fn Figure(
    name: &'static str,
    usage: Memo<Option<Usage>>,
    now: fn(&Usage) -> u64,
    history: fn(&Usage) -> Vec<(i64, u64)>,
) -> impl IntoView {
    let figure = move || usage.read().as_ref().map_or_else(|| "–".to_owned(), |usage| format::bytes(now(usage)));
    let points = Memo::new(move |_| usage.read().as_ref().map(history).unwrap_or_default());
    let paths = Memo::new(move |_| chart::paths(&points.read()));
    let summary = move || summary(name, &points.read());
    view! {
        <div>
            <p class="label">{name}</p>
            <p class="usage-now">{figure}</p>
            <svg
                class="chart"
                viewBox=format!("0 0 {} {}", chart::WIDTH, chart::HEIGHT)
                preserveAspectRatio="none"
                role="img"
                aria-label=summary
            >
                <path d=move || paths.read().area.clone() fill="currentColor" fill-opacity="0.12"></path>
                <path d=move || paths.read().line.clone() fill="none" stroke="currentColor" stroke-width="1.5" vector-effect="non-scaling-stroke"></path>
            </svg>
        </div>
    }
}

fn summary(name: &str, points: &[(i64, u64)]) -> String {
    let values = || points.iter().map(|(_, value)| *value);
    match (points.first(), points.last(), values().min(), values().max()) {
        (Some((from, _)), Some((to, _)), Some(low), Some(high)) => {
            format!("{name} over {}: {} to {}", format::duration(to - from), format::bytes(low), format::bytes(high))
        }
        _ => format!("{name}: not measured yet"),
    }
}
