//! Memory and disk, now and lately.

use leptos::prelude::*;

use super::Sheet;
use crate::{chart, format, live::use_live};

/// Two figures, each with its chart.
#[component]
pub(crate) fn UsagePanel() -> impl IntoView {
    view! {
        <Sheet id="usage" title="Usage">
            <div class="usage">
                <Figure name="Memory" of=|memory, _| memory />
                <Figure name="Disk" of=|_, disk| disk />
            </div>
        </Sheet>
    }
}

/// `of` chooses between memory and disk.
#[component]
fn Figure(name: &'static str, of: fn(u64, u64) -> u64) -> impl IntoView {
    let detail = use_live().detail;
    let now = move || {
        let detail = detail.read();
        detail.usage.as_ref().map_or_else(|| "–".to_owned(), |usage| format::bytes(of(usage.memory_bytes, usage.disk_bytes)))
    };
    let points = move || -> Vec<(i64, u64)> {
        let detail = detail.read();
        let history = detail.usage.iter().flat_map(|usage| &usage.history);
        history.map(|sample| (sample.at_ms, of(sample.memory_bytes, sample.disk_bytes))).collect()
    };
    view! {
        <div>
            <p class="label">{name}</p>
            <p class="usage-now">{now}</p>
            <svg
                class="chart"
                viewBox=format!("0 0 {} {}", chart::WIDTH, chart::HEIGHT)
                preserveAspectRatio="none"
                role="img"
                aria-label=move || summary(name, &points())
            >
                <path d=move || chart::paths(&points()).area fill="currentColor" fill-opacity="0.12"></path>
                <path
                    d=move || chart::paths(&points()).line
                    fill="none"
                    stroke="currentColor"
                    stroke-width="1.5"
                    vector-effect="non-scaling-stroke"
                ></path>
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
