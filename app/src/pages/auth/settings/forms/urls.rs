//! Where users return to.

use super::super::field::{Field, Kind, Section};

/// The section with the tester.
pub(in super::super) const REDIRECTS: &str = "redirects";

pub(super) fn sections() -> Vec<Section> {
    let fields = vec![
        Field::new("site_url", Kind::Text, "Site URL", "Your application. Users return there where nothing else is asked for."),
        Field::new(
            "uri_allow_list",
            Kind::Rows,
            "Redirect URLs",
            "Where a client may ask to be sent back to (redirectTo), besides the site's own host. In a pattern, * stands for \
             anything but a dot or a slash, ** for anything, ? for one character, [a-z] for one of these, {a,b} for either.",
        ),
    ];
    vec![Section::new(REDIRECTS, "Site and redirects", "", fields)]
}
