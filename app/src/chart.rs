//! A small line chart as SVG paths. Pure.

/// Width of the drawing, in its own units.
pub(crate) const WIDTH: i64 = 240;
/// Height of the drawing, in its own units.
pub(crate) const HEIGHT: i64 = 48;

/// The line and the area below it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Paths {
    pub(crate) line: String,
    pub(crate) area: String,
}

/// Draws values over their times. The lower edge is zero, so that heights can be compared; times need not be even.
/// Whole numbers throughout: printing floats costs the wasm more than the chart.
pub(crate) fn paths(points: &[(i64, u64)]) -> Paths {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Paths::default() };
    let top = points.iter().map(|(_, value)| i128::from(*value)).max().unwrap_or_default().max(1) * 23 / 20;
    let span = i128::from(last.0 - first.0).max(1);
    let x = |at: i64| i128::from(at - first.0) * i128::from(WIDTH * 10) / span;
    let y = |value: u64| i128::from(HEIGHT * 10) - i128::from(value) * i128::from(HEIGHT * 10) / top.max(1);
    let mut line = String::new();
    if points.len() == 1 {
        line = format!("M0 {}L{WIDTH} {}", tenths(y(first.1)), tenths(y(first.1)));
    } else {
        for (at, value) in points {
            line.push(if line.is_empty() { 'M' } else { 'L' });
            line.push_str(&format!("{} {}", tenths(x(*at)), tenths(y(*value))));
        }
    }
    let area = format!("{line}L{WIDTH} {HEIGHT}L0 {HEIGHT}Z");
    Paths { line, area }
}

/// A number of tenths as a decimal.
fn tenths(number: i128) -> String {
    format!("{}.{}", number / 10, number % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_draws_nothing() {
        assert_eq!(paths(&[]), Paths::default());
    }

    #[test]
    fn one_value_is_a_level_line() {
        assert_eq!(paths(&[(7, 100)]).line, "M0 6.3L240 6.3");
    }

    #[test]
    fn zero_is_at_the_bottom_and_time_goes_right() {
        let drawn = paths(&[(0, 0), (10, 50), (40, 100)]);
        assert_eq!(drawn.line, "M0.0 48.0L60.0 27.2L240.0 6.3");
        assert_eq!(drawn.area, "M0.0 48.0L60.0 27.2L240.0 6.3L240 48L0 48Z");
    }

    #[test]
    fn all_zero_stays_at_the_bottom() {
        assert_eq!(paths(&[(0, 0), (1, 0)]).line, "M0.0 48.0L240.0 48.0");
    }
}
