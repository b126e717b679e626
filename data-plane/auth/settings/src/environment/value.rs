//! How a variable's text is read.

use std::time::Duration;

use crate::Rate;

/// `true`, `1`, `t`, … as Go reads them.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A level of upstream's log as ours has it.
pub(super) fn log_level(text: &str) -> Option<&'static str> {
    Some(match text.to_ascii_lowercase().as_str() {
        "panic" | "fatal" | "error" => "error",
        "warn" | "warning" => "warn",
        "info" => "info",
        "debug" => "debug",
        "trace" => "trace",
        _ => return None,
    })
}

/// `1h30m`, `300ms`, `1.5h` as Go reads them; a number alone is seconds.
pub fn duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|end| *end > 0)?;
        let amount: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" | "μs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total += amount * unit;
        rest = &rest[letters..];
    }
    if text.is_empty() { None } else { Duration::try_from_secs_f64(total).ok() }
}

/// `30` or `30/5m`: so many events in the time that is usual for this limit, or in the one given.
pub(super) fn rate(text: &str, usual: Duration) -> Option<Rate> {
    match text.split_once('/') {
        None => text.parse::<f64>().ok().and_then(whole).map(|events| Rate { events, over: usual }),
        Some((events, over)) => {
            let over = duration(over).filter(|over| !over.is_zero())?;
            Some(Rate { events: events.parse().ok()?, over })
        }
    }
}

/// Upstream keeps such numbers as floats.
fn whole(number: f64) -> Option<u32> {
    (number.is_finite() && (0.0..=f64::from(u32::MAX)).contains(&number)).then_some(number.round() as u32)
}

pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
}

/// Sets of characters with `:` between them; `\:` is a colon itself.
pub fn character_sets(text: &str) -> Vec<String> {
    let mut sets = vec![String::new()];
    for part in text.split(':') {
        let Some(last) = sets.last_mut() else { continue };
        match part.strip_suffix('\\') {
            Some(start) => {
                last.push_str(start);
                last.push(':');
            }
            None => {
                last.push_str(part);
                sets.push(String::new());
            }
        }
    }
    sets.retain(|set| !set.is_empty());
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_go_s() {
        let cases = [
            ("60s", Some(60_000)),
            ("1h30m", Some(5_400_000)),
            ("1.5h", Some(5_400_000)),
            ("250ms", Some(250)),
            ("0", Some(0)),
            ("90", Some(90_000)),
            ("", None),
            ("1", Some(1000)),
            ("h", None),
            ("1x", None),
            ("-5s", None),
            ("1h30", None),
            ("1..5s", None),
        ];
        for (text, expected) in cases {
            assert_eq!(duration(text), expected.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn rates_have_a_time_of_their_own_or_the_usual_one() {
        let hour = Duration::from_secs(3600);
        assert_eq!(rate("30", hour), Some(Rate::per_hour(30)));
        assert_eq!(rate("30.0", hour), Some(Rate::per_hour(30)));
        assert_eq!(rate("30/5m", hour), Some(Rate::per_five_minutes(30)));
        for text in ["", "x", "-1", "30/", "30/0s", "/1h", "1/2/3"] {
            assert_eq!(rate(text, hour), None, "{text}");
        }
    }

    #[test]
    fn character_sets_may_hold_a_colon() {
        assert_eq!(character_sets("abc:123"), ["abc", "123"]);
        assert_eq!(character_sets(r"a:;'\\:|:x"), ["a", r";'\:|", "x"]);
        assert!(character_sets("").is_empty());
    }
}
