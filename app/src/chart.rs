//! A small line chart as SVG paths. Pure.

/// Width of the drawing, in its own units.
pub(crate) const WIDTH: f64 = 240.0;
/// Height of the drawing, in its own units.
pub(crate) const HEIGHT: f64 = 48.0;

/// The line and the area below it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Paths {
    pub(crate) line: String,
    pub(crate) area: String,
}

/// Draws values over their times. The lower edge is zero, so that heights can be compared; times need not be even.
pub(crate) fn paths(points: &[(i64, u64)]) -> Paths {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Paths::default() };
    let top = points.iter().map(|(_, value)| *value).max().unwrap_or_default().max(1) as f64 * 1.15;
    let span = (last.0 - first.0).max(1) as f64;
    let x = |at: i64| if points.len() == 1 { WIDTH } else { (at - first.0) as f64 / span * WIDTH };
    let y = |value: u64| HEIGHT - value as f64 / top * HEIGHT;
    let mut line = String::new();
    if points.len() == 1 {
        line.push_str(&format!("M0 {:.1}", y(first.1)));
    }
    for (at, value) in points {
        let verb = if line.is_empty() { 'M' } else { 'L' };
        line.push_str(&format!("{verb}{:.1} {:.1}", x(*at), y(*value)));
    }
    let area = format!("{line}L{WIDTH:.0} {HEIGHT:.0}L0 {HEIGHT:.0}Z");
    Paths { line, area }
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
        assert_eq!(paths(&[(7, 100)]).line, "M0 6.3L240.0 6.3");
    }

    #[test]
    fn zero_is_at_the_bottom_and_time_goes_right() {
        let drawn = paths(&[(0, 0), (10, 50), (40, 100)]);
        assert_eq!(drawn.line, "M0.0 48.0L60.0 27.1L240.0 6.3");
        assert_eq!(drawn.area, "M0.0 48.0L60.0 27.1L240.0 6.3L240 48L0 48Z");
    }

    #[test]
    fn all_zero_stays_at_the_bottom() {
        assert_eq!(paths(&[(0, 0), (1, 0)]).line, "M0.0 48.0L240.0 48.0");
    }
}
