//! Which representation the answer is in, and what the statement has to make of its rows for that. Pure.
//!
//! For each type the client accepts, in its order: the handler of the relation or the function, then one of any rows, then
//! what is built in. A handler of `*/*` answers whatever is asked for: a relation's or function's own before all others,
//! one of any rows where there is nothing else.

use std::sync::Arc;

use crate::{
    error::RestError,
    plan::{CallPlan, Source},
    planned::What,
    query::Shape,
    request::{ANYTHING, Accept, Accepted, Action, ApiRequest, MediaType, SelectItem, Target},
    schema::{Handler, MediaDomain, Returns, SchemaCache},
};

/// The type of the answer, and how the statement builds its body.
#[derive(Debug)]
pub(crate) struct Representation {
    pub(crate) media: MediaType,
    pub(crate) shape: Shape,
}

impl Representation {
    /// The first one of `accept` that there is.
    pub(crate) fn choose(cache: &SchemaCache, what: &What, request: &ApiRequest, accept: &Accept) -> Result<Self, RestError> {
        let resource = Resource::new(cache, what, request);
        let chosen = match what {
            What::Call(_) if request.target == Target::Root => accept.choose(|accepted| resource.offer_of_root(accepted)),
            _ if request.target == Target::Root => accept.choose(Resource::of_root),
            What::Read(_) | What::Write(_) | What::Call(_) | What::Root(_) | What::Allow(_) => {
                accept.choose(|accepted| resource.offer(accepted))
            }
        };
        match chosen {
            Some(representation) => Ok(representation),
            // What a preflight would answer has no body to be of a type.
            None if request.action == Action::Options => Ok(Self { media: MediaType::Json, shape: Shape::None }),
            None => Err(RestError::MediaType { accepted: request.accept.shown() }),
        }
    }

    fn of(media: MediaType, shape: Shape) -> Self {
        Self { media, shape }
    }
}

/// What is answered with, as far as it decides which representations there are.
struct Resource<'a> {
    cache: &'a SchemaCache,
    /// The relation whose rows these are, as they are in it: no handler of a relation takes other columns.
    relation: Option<(&'a str, &'a str)>,
    /// The function that is called, if it returns scalars.
    scalars: Option<&'a CallPlan>,
    /// One row by its nature, not one of a set.
    single_row: bool,
    is_head: bool,
}

impl<'a> Resource<'a> {
    fn new(cache: &'a SchemaCache, what: &'a What, request: &ApiRequest) -> Self {
        let relation = match what {
            What::Read(plan) => match &plan.source {
                Source::Relation { schema, name } => Some((schema.as_str(), name.as_str())),
                Source::Written | Source::Call | Source::Computed { .. } => None,
            },
            What::Write(plan) => Some((plan.schema.as_str(), plan.table.as_str())),
            What::Call(plan) => match &plan.function.returns {
                Returns::Relation { schema, name } => Some((schema.as_str(), name.as_str())),
                Returns::Void | Returns::Scalar | Returns::Composite => None,
            },
            What::Root(_) | What::Allow(_) => None,
        };
        let call = match what {
            What::Call(plan) => Some(plan.as_ref()),
            What::Read(_) | What::Write(_) | What::Root(_) | What::Allow(_) => None,
        };
        let unchanged = matches!(request.query.select.as_deref(), None | Some([SelectItem::All]));
        Self {
            cache,
            relation: relation.filter(|_| unchanged),
            scalars: call.filter(|plan| plan.read.is_none()),
            single_row: call.is_some_and(|plan| !plan.function.is_set),
            is_head: request.is_head(),
        }
    }

    fn of_root(accepted: &Accepted) -> Option<Representation> {
        match accepted {
            Accepted::Anything => Some(Representation::of(MediaType::OpenApi, Shape::None)),
            Accepted::Type(media @ (MediaType::Json | MediaType::OpenApi)) => {
                Some(Representation::of(media.clone(), Shape::None))
            }
            Accepted::Type(_) => None,
        }
    }

    /// Of the function that answers `/`: what it returns is the description, if that is what is asked for.
    fn offer_of_root(&self, accepted: &Accepted) -> Option<Representation> {
        match accepted {
            Accepted::Type(media @ MediaType::OpenApi) => {
                self.built_in(&MediaType::Json).map(|described| Representation::of(media.clone(), described.shape))
            }
            Accepted::Type(_) | Accepted::Anything => self.offer(accepted),
        }
    }

    fn offer(&self, accepted: &Accepted) -> Option<Representation> {
        let (media, domain) = match accepted {
            Accepted::Anything => (&MediaType::Json, Some(ANYTHING)),
            Accepted::Type(media) => (media, media.domain()),
        };
        let Some(domain) = domain else { return self.built_in(media) };
        // An answer to everything does not know what it is, unless it says so itself.
        let named = |domain: &MediaDomain| match accepted {
            Accepted::Type(media) if domain.name != ANYTHING => media.clone(),
            Accepted::Type(_) | Accepted::Anything => MediaType::Custom("application/octet-stream".to_owned()),
        };
        let any_rows = |domain| self.cache.handlers.find(None, domain).map(|handler| (&handler.media, self.by(handler)));
        let own = self.own(ANYTHING).or_else(|| self.own(domain)).or_else(|| any_rows(domain));
        own.map(|(media, shape)| Representation::of(named(media), shape))
            .or_else(|| self.built_in(media))
            .or_else(|| any_rows(ANYTHING).map(|(media, shape)| Representation::of(named(media), shape)))
    }

    /// By the handler of just this relation or function.
    fn own(&self, domain: &str) -> Option<(&'a MediaDomain, Shape)> {
        if let Some(plan) = self.scalars {
            let media = plan.function.media.as_ref().filter(|media| media.name == domain)?;
            return Some((media, Shape::Value { is_bytes: media.is_bytes }));
        }
        let handler = self.cache.handlers.find(Some(self.relation?), domain)?;
        Some((&handler.media, self.by(handler)))
    }

    fn by(&self, handler: &Arc<Handler>) -> Shape {
        if self.scalars.is_none() && self.is_head {
            return Shape::None;
        }
        Shape::Handled { handler: Arc::clone(handler), scalars: self.scalars.is_some() }
    }

    /// What needs no handler.
    fn built_in(&self, media: &MediaType) -> Option<Representation> {
        let shape = match (self.scalars, media) {
            (_, MediaType::OpenApi | MediaType::Custom(_)) => return None,
            (None, _) if self.is_head => Shape::None,
            (_, MediaType::Csv) => Shape::Csv,
            (_, MediaType::GeoJson) => Shape::GeoJson,
            (None, MediaType::Object { nulls_stripped }) => Shape::Object { nulls_stripped: *nulls_stripped },
            (None, MediaType::Json) if self.single_row => Shape::Object { nulls_stripped: false },
            (None, MediaType::Json) => Shape::Array { nulls_stripped: false },
            (None, MediaType::JsonNullsStripped) if self.single_row => Shape::Object { nulls_stripped: true },
            (None, MediaType::JsonNullsStripped) => Shape::Array { nulls_stripped: true },
            (Some(_), MediaType::Object { .. }) => Shape::Scalar { set: false },
            (Some(plan), MediaType::Json | MediaType::JsonNullsStripped) => Shape::Scalar { set: plan.function.is_set },
        };
        Some(Representation::of(media.clone(), shape))
    }
}
