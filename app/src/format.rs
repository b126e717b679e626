//! Numbers and times as a person reads them. Pure; every number comes with its unit.

use time::OffsetDateTime;

/// Bytes with a binary unit, three significant digits at most: `0 B`, `11.2 MiB`, `128 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    // In tenths of the unit, rounded once at the end.
    let mut scale = 1_u128;
    while (u128::from(bytes) * 2 + scale) / (scale * 2) >= 1_000 && unit + 1 < UNITS.len() {
        scale *= 1_024;
        unit += 1;
    }
    let tenths = (u128::from(bytes) * 20 + scale) / (scale * 2);
    if unit == 0 || tenths >= 1_000 {
        let whole = (u128::from(bytes) * 2 + scale) / (scale * 2);
        format!("{whole} {}", UNITS[unit])
    } else {
        format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    }
}

/// A duration: `84 ms`, `1.4 s`, `2 min 05 s`.
pub(crate) fn duration(ms: i64) -> String {
    let ms = ms.max(0);
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} min {:02} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

/// How long ago `at` was, coarsely: `just now`, `5 min ago`, `3 days ago`.
pub(crate) fn ago(at_ms: i64, now_ms: i64) -> String {
    let seconds = (now_ms - at_ms).max(0) / 1_000;
    let (count, unit) = match seconds {
        0..45 => return "just now".to_owned(),
        45..3_600 => return format!("{} min ago", (seconds / 60).max(1)),
        3_600..86_400 => return format!("{} h ago", seconds / 3_600),
        86_400..2_592_000 => (seconds / 86_400, "day"),
        2_592_000..31_536_000 => (seconds / 2_592_000, "month"),
        _ => (seconds / 31_536_000, "year"),
    };
    if count == 1 { format!("1 {unit} ago") } else { format!("{count} {unit}s ago") }
}

/// The exact time, for titles: `2026-11-22 12:30:05 UTC`.
pub(crate) fn exact(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second) = at.to_hms();
    format!("{year:04}-{:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC", u8::from(month))
}

/// The time for `<time datetime>`: `2026-11-22T12:30:05Z`.
pub(crate) fn machine(at: OffsetDateTime) -> String {
    exact(at).replacen(' ', "T", 1).replacen(" UTC", "Z", 1)
}

/// Unix time in milliseconds.
pub(crate) fn unix_ms(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or_default()
}

/// `1 project`, `2 projects`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// `1,000,000`
#[cfg(any(feature = "ssr", test))]
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_three_digits_and_a_unit() {
        let cases = [
            (0, "0 B"),
            (512, "512 B"),
            (1_023, "1.0 KiB"),
            (11_744_051, "11.2 MiB"),
            (134_217_728, "128 MiB"),
            (1_073_741_824, "1.0 GiB"),
            (u64::MAX, "16777216 TiB"),
        ];
        for (input, expected) in cases {
            assert_eq!(bytes(input), expected, "{input}");
        }
    }

    #[test]
    fn durations_change_their_unit() {
        let cases = [(-3, "0 ms"), (84, "84 ms"), (999, "999 ms"), (1_450, "1.4 s"), (59_999, "59.9 s"), (125_000, "2 min 05 s")];
        for (input, expected) in cases {
            assert_eq!(duration(input), expected, "{input}");
        }
    }

    #[test]
    fn relative_times_are_coarse() {
        let cases = [
            (-5, "just now"),
            (44, "just now"),
            (50, "1 min ago"),
            (300, "5 min ago"),
            (7_200, "2 h ago"),
            (86_400, "1 day ago"),
            (3 * 86_400, "3 days ago"),
            (60 * 86_400, "2 months ago"),
            (800 * 86_400, "2 years ago"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(ago(0, seconds * 1_000), expected, "{seconds}");
        }
    }

    #[test]
    fn exact_times_are_utc() {
        let at = OffsetDateTime::from_unix_timestamp(1_795_350_605).unwrap();
        assert_eq!(exact(at), "2026-11-22 12:30:05 UTC");
        assert_eq!(machine(at), "2026-11-22T12:30:05Z");
        assert_eq!(unix_ms(at), 1_795_350_605_000);
    }

    #[test]
    fn thousands_are_told_apart() {
        for (n, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(n), expected);
        }
    }

    #[test]
    fn nouns_follow_their_number() {
        assert_eq!(count(1, "project"), "1 project");
        assert_eq!(count(0, "project"), "0 projects");
    }
}
