//! The known name that somebody may have meant, for the hints of errors.
//!
//! PostgREST's measure is that of a fuzzy set: names that share runs of three letters, or two, are compared by their edit
//! distance, and only those that are alike enough are told, so that nobody learns what there is by guessing. As much as
//! is asked for here can't be alike without such a run, so that the distance decides alone.

/// The least likeness of a name that is told.
const ALIKE: f64 = 0.75;

/// The name most like the one asked for, if it is like it at all; case does not count. Of equally good ones the first by
/// alphabet.
pub(crate) fn closest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    let length = wanted.chars().count();
    known
        .into_iter()
        .filter(|name| may_be_alike(length, name.chars().count()))
        .map(|name| (strsim::normalized_levenshtein(&wanted, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, name)| name)
}

/// Texts differ at least by the difference of their lengths. What is asked for may be very long.
fn may_be_alike(one: usize, other: usize) -> bool {
    let (shorter, longer) = (one.min(other), one.max(other));
    // `ALIKE`, without rounding.
    shorter * 4 >= longer * 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_very_much_alike_is_told() {
        for (wanted, known, expected) in [
            // Pairs of PostgREST's issue 4675 and of what came of it.
            ("call_me_x", &["call_me", "called"][..], Some("call_me")),
            ("actoxs", &["actors"], Some("actors")),
            ("users", &["markers"], None),
            ("employee_locations", &["employees"], None),
            ("clientsxxxxxxxxxxxxxx", &["clients"], None),
            ("Clients", &["clients"], Some("clients")),
            ("clients", &["CLIENTS", "client"], Some("CLIENTS")),
            // Exactly three quarters, and just below.
            ("abcd", &["abcx"], Some("abcx")),
            ("abcdefgh", &["abcdexyz"], None),
            ("films", &["filmz", "filmy", "fil"], Some("filmy")),
            ("größen", &["größe"], Some("größe")),
            ("", &["a"], None),
            ("a", &[], None),
        ] {
            assert_eq!(closest(wanted, known.iter().copied()), expected, "{wanted}");
        }
    }

    #[test]
    fn lengths_leave_out_only_what_is_too_different() {
        for wanted in 0..40 {
            for known in 0..40 {
                let (one, other) = ("a".repeat(wanted), "a".repeat(known));
                let is_alike = strsim::normalized_levenshtein(&one, &other) >= ALIKE;
                assert_eq!(may_be_alike(wanted, known), is_alike, "{wanted} {known}");
            }
        }
    }
}
