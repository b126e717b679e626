//! The `Prefer` header, and which of its preferences to report as applied.

use http::HeaderMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Return {
    Representation,
    HeadersOnly,
    Minimal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    Exact,
    Planned,
    Estimated,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resolution {
    MergeDuplicates,
    IgnoreDuplicates,
}

/// How the client would have the transaction end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Commit,
    Rollback,
}

/// What the client prefers. The first of several values for one preference counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Preferences {
    pub(crate) returning: Option<Return>,
    pub(crate) count: Option<Count>,
    pub(crate) resolution: Option<Resolution>,
    /// `missing=default` (true) or `missing=null` (false).
    pub(crate) missing_default: Option<bool>,
    pub(crate) strict: Option<bool>,
    pub(crate) max_affected: Option<i64>,
    /// The name of a time zone or an offset, as it came: PostgreSQL says whether there is one.
    pub(crate) timezone: Option<String>,
    /// Counts only where the service leaves the end to the client.
    pub(crate) end: Option<End>,
    /// Preferences that are not known; an error under `handling=strict`.
    pub(crate) unknown: Vec<String>,
}

impl Preferences {
    pub(crate) fn parse(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        for preference in values.flat_map(|value| value.split(',')).map(str::trim).filter(|p| !p.is_empty()) {
            found.take(preference);
        }
        found
    }

    fn take(&mut self, preference: &str) {
        fn first<T>(slot: &mut Option<T>, value: T) {
            slot.get_or_insert(value);
        }
        match preference {
            "return=representation" => first(&mut self.returning, Return::Representation),
            "return=headers-only" => first(&mut self.returning, Return::HeadersOnly),
            "return=minimal" => first(&mut self.returning, Return::Minimal),
            "count=exact" => first(&mut self.count, Count::Exact),
            "count=planned" => first(&mut self.count, Count::Planned),
            "count=estimated" => first(&mut self.count, Count::Estimated),
            "resolution=merge-duplicates" => first(&mut self.resolution, Resolution::MergeDuplicates),
            "resolution=ignore-duplicates" => first(&mut self.resolution, Resolution::IgnoreDuplicates),
            "missing=default" => first(&mut self.missing_default, true),
            "missing=null" => first(&mut self.missing_default, false),
            "handling=strict" => first(&mut self.strict, true),
            "handling=lenient" => first(&mut self.strict, false),
            "tx=commit" => first(&mut self.end, End::Commit),
            "tx=rollback" => first(&mut self.end, End::Rollback),
            other => match (other.strip_prefix("timezone="), other.strip_prefix("max-affected=").map(str::parse)) {
                (Some(zone), _) => first(&mut self.timezone, zone.to_owned()),
                (None, Some(Ok(rows))) => first(&mut self.max_affected, rows),
                (None, Some(Err(_)) | None) => self.unknown.push(other.to_owned()),
            },
        }
    }

    /// `max-affected` counts only with `handling=strict`.
    pub(crate) fn max_affected(&self) -> Option<i64> {
        self.max_affected.filter(|_| self.strict == Some(true))
    }

    pub(crate) fn wants_representation(&self) -> bool {
        self.returning == Some(Return::Representation)
    }
}

/// Which kinds of preference a request acts on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Applicable {
    pub(crate) resolution: bool,
    pub(crate) missing: bool,
    pub(crate) returning: bool,
    pub(crate) max_affected: bool,
    pub(crate) end: bool,
}

/// The value of `Preference-Applied`, in PostgREST's order.
pub(crate) fn applied(preferences: &Preferences, applicable: Applicable) -> Option<String> {
    let mut parts = Vec::new();
    if applicable.resolution {
        parts.extend(preferences.resolution.map(|resolution| match resolution {
            Resolution::MergeDuplicates => "resolution=merge-duplicates".to_owned(),
            Resolution::IgnoreDuplicates => "resolution=ignore-duplicates".to_owned(),
        }));
    }
    if applicable.missing {
        parts.extend(
            preferences.missing_default.map(
                |default| {
                    if default { "missing=default".to_owned() } else { "missing=null".to_owned() }
                },
            ),
        );
    }
    if applicable.returning {
        parts.extend(preferences.returning.map(|returning| match returning {
            Return::Representation => "return=representation".to_owned(),
            Return::HeadersOnly => "return=headers-only".to_owned(),
            Return::Minimal => "return=minimal".to_owned(),
        }));
    }
    parts.extend(preferences.count.map(|count| match count {
        Count::Exact => "count=exact".to_owned(),
        Count::Planned => "count=planned".to_owned(),
        Count::Estimated => "count=estimated".to_owned(),
    }));
    if applicable.end {
        parts.extend(preferences.end.map(|end| match end {
            End::Commit => "tx=commit".to_owned(),
            End::Rollback => "tx=rollback".to_owned(),
        }));
    }
    parts.extend(
        preferences.strict.map(|strict| if strict { "handling=strict".to_owned() } else { "handling=lenient".to_owned() }),
    );
    parts.extend(preferences.timezone.as_ref().map(|zone| format!("timezone={zone}")));
    if applicable.max_affected {
        parts.extend(preferences.max_affected().map(|rows| format!("max-affected={rows}")));
    }
    if parts.is_empty() { None } else { Some(parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(value: &str) -> Preferences {
        let mut headers = HeaderMap::new();
        headers.insert("prefer", value.parse().unwrap());
        Preferences::parse(&headers)
    }

    #[test]
    fn the_first_value_counts_and_the_rest_is_reported() {
        let found = parse("count=exact, return=minimal,return=representation, anything, max-affected=5, handling=strict");
        assert_eq!(found.count, Some(Count::Exact));
        assert_eq!(found.returning, Some(Return::Minimal));
        assert_eq!(found.max_affected(), Some(5));
        assert_eq!(found.unknown, ["anything"]);
        let all = Applicable { resolution: true, missing: true, returning: true, max_affected: true, end: true };
        assert_eq!(applied(&found, all).unwrap(), "return=minimal, count=exact, handling=strict, max-affected=5");
        assert_eq!(parse("max-affected=5").max_affected(), None);
        assert_eq!(parse("max-affected=many, timezone").unknown, ["max-affected=many", "timezone"]);
    }

    #[test]
    fn the_end_is_shown_where_it_is_the_clients_and_the_time_zone_always() {
        let found = parse("timezone=-03:00, tx=rollback, tx=commit, handling=lenient, count=exact, timezone=UTC");
        assert_eq!((found.end, found.timezone.as_deref()), (Some(End::Rollback), Some("-03:00")));
        let shown = |end| applied(&found, Applicable { end, ..Applicable::default() }).unwrap();
        assert_eq!(shown(true), "count=exact, tx=rollback, handling=lenient, timezone=-03:00");
        assert_eq!(shown(false), "count=exact, handling=lenient, timezone=-03:00");
    }

    proptest! {
        #[test]
        fn never_panics(input in "[ -~]*") {
            drop(parse(&input));
        }
    }
}
