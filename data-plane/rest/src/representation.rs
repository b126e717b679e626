//! Which representation the answer is in, and what the statement has to make of its rows for that. Pure.

use crate::{
    error::RestError,
    planned::What,
    query::Shape,
    request::{Accept, Action, ApiRequest, MediaType, Target},
    schema::Config,
};

/// The representation of the answer, or of what is planned: the first accepted one that there is.
pub(crate) fn media(request: &ApiRequest, accept: &Accept, config: &Config) -> Result<MediaType, RestError> {
    let chosen = if request.target == Target::Root {
        // A function may answer with anything.
        let default = if config.root_spec.is_some() { MediaType::Json } else { MediaType::OpenApi };
        accept.choose(|media| matches!(media, MediaType::Json | MediaType::OpenApi), &default)
    } else {
        accept.choose(|media| *media != MediaType::OpenApi, &MediaType::Json)
    };
    match chosen {
        Some(media) => Ok(media),
        // What a write or a preflight would answer has no body to be of a type.
        None if request.action == Action::Options => Ok(MediaType::Json),
        None => Err(RestError::MediaType { accepted: request.accept.shown() }),
    }
}

/// How the statement builds the body.
pub(crate) fn shape(what: &What, media: &MediaType, request: &ApiRequest) -> Shape {
    let scalar = match what {
        What::Call(plan) => plan.read.is_none().then_some(plan.function.is_set),
        What::Read(_) | What::Write(_) | What::Root(_) | What::Known(_) => None,
    };
    let single_row = matches!(what, What::Call(plan) if !plan.function.is_set);
    match (scalar, media) {
        (None, _) if request.is_head() => Shape::None,
        (None, MediaType::Csv) => Shape::Csv,
        (None, MediaType::Object { nulls_stripped }) => Shape::Object { nulls_stripped: *nulls_stripped },
        (None, MediaType::JsonNullsStripped) if single_row => Shape::Object { nulls_stripped: true },
        (None, MediaType::JsonNullsStripped) => Shape::Array { nulls_stripped: true },
        (None, MediaType::Json | MediaType::OpenApi) if single_row => Shape::Object { nulls_stripped: false },
        (None, MediaType::Json | MediaType::OpenApi) => Shape::Array { nulls_stripped: false },
        (Some(_), MediaType::Object { .. }) => Shape::Scalar { set: false },
        (Some(_), MediaType::Csv) => Shape::Csv,
        (Some(set), MediaType::Json | MediaType::JsonNullsStripped | MediaType::OpenApi) => Shape::Scalar { set },
    }
}
