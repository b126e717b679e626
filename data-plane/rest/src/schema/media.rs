//! Media type handlers: aggregates that make an answer of rows. A function that returns a media type is one by itself, and
//! is kept with the functions.

use std::{collections::HashMap, sync::Arc};

/// A domain whose name is a media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MediaDomain {
    /// In lower case, as [`crate::request::MediaType`] names it.
    pub(crate) name: String,
    /// Over `bytea`: the value is the answer's bytes, and not their text form.
    pub(crate) is_bytes: bool,
}

/// An aggregate that returns a media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Handler {
    pub(crate) schema: String,
    pub(crate) name: String,
    /// Schema and name of the relation whose rows it takes; `None` for `anyelement`, which takes all.
    pub(crate) of: Option<(String, String)>,
    pub(crate) media: MediaDomain,
}

/// All of them, by media type.
#[derive(Debug, Default)]
pub(crate) struct Handlers(HashMap<String, Vec<Arc<Handler>>>);

impl Handlers {
    /// The handler of a relation, or that of any rows. Of several the one made last counts.
    pub(crate) fn find(&self, of: Option<(&str, &str)>, media: &str) -> Option<&Arc<Handler>> {
        let named = |handler: &Handler| handler.of.as_ref().map(|(schema, name)| (schema.as_str(), name.as_str())) == of;
        self.0.get(media)?.iter().rev().find(|handler| named(handler))
    }
}

impl Handlers {
    /// Every one, by its media type.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Handler> {
        let mut by_type: Vec<_> = self.0.iter().collect();
        by_type.sort_by_key(|(media, _)| *media);
        by_type.into_iter().flat_map(|(_, handlers)| handlers.iter().map(AsRef::as_ref))
    }
}

impl FromIterator<Handler> for Handlers {
    fn from_iter<I: IntoIterator<Item = Handler>>(handlers: I) -> Self {
        let mut all = Self::default();
        for handler in handlers {
            all.0.entry(handler.media.name.clone()).or_default().push(Arc::new(handler));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_relations_own_and_the_latest() {
        let handler = |name: &str, of: Option<&str>| Handler {
            schema: "api".to_owned(),
            name: name.to_owned(),
            of: of.map(|relation| ("api".to_owned(), relation.to_owned())),
            media: MediaDomain { name: "text/csv".to_owned(), is_bytes: false },
        };
        let handlers: Handlers =
            [handler("old", Some("t")), handler("new", Some("t")), handler("any", None)].into_iter().collect();
        let find = |of, media| handlers.find(of, media).map(|handler| handler.name.as_str());
        assert_eq!(find(Some(("api", "t")), "text/csv"), Some("new"));
        assert_eq!(find(Some(("other", "t")), "text/csv"), None);
        assert_eq!(find(None, "text/csv"), Some("any"));
        assert_eq!(find(None, "text/plain"), None);
    }
}
