//! Plans a call: which of the functions of that name, and where its arguments come from.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use super::{
    ReadPlan, Source,
    read::{Root, plan_from},
};
use crate::{
    error::RestError,
    request::{Action, ApiRequest, ContentType, Payload, RowRange, form_pairs, unacceptable, uneven_keys},
    schema::{Function, Parameter, Returns, SchemaCache, closest},
};

#[derive(Debug)]
pub(crate) struct CallPlan {
    pub(crate) function: Arc<Function>,
    pub(crate) argument: Argument,
    /// How to show the rows; `None` for scalars.
    pub(crate) read: Option<ReadPlan>,
    /// How to choose among scalars, which are rows of a single column without a type that is known beforehand.
    pub(crate) scalars: Option<ReadPlan>,
    /// Which of the rows, or scalars, to show; all of a function that returns one.
    pub(crate) range: RowRange,
}

/// Where the arguments come from.
#[derive(Debug)]
pub(crate) enum Argument {
    /// Each by itself, as text.
    Direct(Vec<(Parameter, String)>),
    /// Members of one JSON object, the first one if it is an array of them.
    Json { parameters: Vec<Parameter>, json: Arc<String>, is_array: bool },
    /// The body as a whole.
    Whole { type_name: String, body: Arc<String> },
}

pub(crate) fn plan_call(cache: &SchemaCache, schema: &str, name: &str, request: &ApiRequest) -> Result<CallPlan, RestError> {
    let candidates = cache.functions_named(schema, name);
    let (found, keys) = if matches!(request.action, Action::CallByGet | Action::Describe) {
        by_pairs(candidates, &request.query.arguments)
    } else {
        by_body(candidates, request)?
    };
    let (function, argument) = found.map_err(|failure| {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let posted = (request.action == Action::CallByPost).then_some(&request.content_type);
        failure.into_error(cache, (schema, name), &keys, candidates, posted)
    })?;
    if request.preferences.max_affected().is_some() && !function.is_set {
        return Err(RestError::MaxAffectedByOne);
    }
    let relation = match &function.returns {
        Returns::Relation { schema, name } => cache.relation(schema, name),
        Returns::Void | Returns::Scalar | Returns::Composite => None,
    };
    let range = if function.is_set { request.range.capped(cache.config.max_rows) } else { RowRange::default() };
    let root = Root {
        source: Source::Call,
        relation,
        alias: relation.map_or_else(|| function.name.clone(), |relation| relation.name.clone()),
        schema,
        filtered: true,
        windowed: function.is_set,
    };
    let (read, scalars) = match &function.returns {
        Returns::Void => (None, None),
        Returns::Scalar => (None, Some(plan_from(cache, root, &request.query, range)?)),
        Returns::Relation { .. } | Returns::Composite => (Some(plan_from(cache, root, &request.query, range)?), None),
    };
    Ok(CallPlan { function, argument, read, scalars, range })
}

/// The function and its argument, or why there is none.
type Found = Result<(Arc<Function>, Argument), Failure>;

/// Arguments by name, each a text: those of an address or a form. Their names besides.
fn by_pairs(candidates: &[Arc<Function>], pairs: &[(String, String)]) -> (Found, Vec<String>) {
    let mut given: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, value) in pairs {
        given.entry(key).or_default().push(value);
    }
    let keys: Vec<String> = given.keys().map(|key| (*key).to_owned()).collect();
    let found = choose(candidates, &keys).map(|function| {
        let arguments = function.parameters.iter().filter_map(|parameter| {
            let values = given.get(parameter.name.as_str())?;
            let value = if parameter.variadic {
                array_literal(values)
            } else {
                // The last of several values counts.
                values.last().map(|value| (*value).to_owned()).unwrap_or_default()
            };
            Some((parameter.clone(), value))
        });
        (Arc::clone(function), Argument::Direct(arguments.collect()))
    });
    (found, keys)
}

fn by_body(candidates: &[Arc<Function>], request: &ApiRequest) -> Result<(Found, Vec<String>), RestError> {
    let whole = |types: &[&str], body: Arc<String>| (with_whole(candidates, types, body), Vec::new());
    Ok(match &request.content_type {
        ContentType::Json | ContentType::Csv => {
            let payload = if request.body.is_empty() {
                Payload { json: Arc::new("{}".to_owned()), ..Payload::default() }
            } else {
                let payload = request.payload()?;
                if !payload.uniform && request.query.columns.is_none() {
                    return Err(uneven_keys());
                }
                payload
            };
            by_json(candidates, payload, request)
        }
        ContentType::Form => {
            let mut pairs = form_pairs(&request.body)?;
            if let Some(columns) = &request.query.columns {
                pairs.retain(|(key, _)| columns.contains(key));
            }
            by_pairs(candidates, &pairs)
        }
        ContentType::Text => whole(&["text"], Arc::clone(request.body.text()?)),
        ContentType::Xml => whole(&["xml"], Arc::clone(request.body.text()?)),
        ContentType::Bytes => {
            let bytes = request.body.bytes();
            let mut hex = String::with_capacity(2 + 2 * bytes.len());
            hex.push_str("\\x");
            for byte in bytes {
                // Writing to a String can't fail.
                let _ = write!(hex, "{byte:02x}");
            }
            whole(&["bytea"], Arc::new(hex))
        }
        ContentType::Other(_) => return Err(unacceptable(&request.content_type)),
    })
}

/// Arguments by the names in an object. What has no function of its own goes to one that takes any JSON.
fn by_json(candidates: &[Arc<Function>], payload: Payload, request: &ApiRequest) -> (Found, Vec<String>) {
    let keys = match &request.query.columns {
        Some(columns) => columns.clone(),
        None => payload.keys,
    };
    let found = match choose(candidates, &keys) {
        Ok(function) => {
            let parameters = function.parameters.iter().filter(|parameter| keys.contains(&parameter.name)).cloned().collect();
            Ok((Arc::clone(function), Argument::Json { parameters, json: payload.json, is_array: payload.is_array }))
        }
        Err(Failure::None) if request.content_type == ContentType::Json => {
            with_whole(candidates, &["json", "jsonb"], payload.json)
        }
        Err(failure) => Err(failure),
    };
    (found, keys)
}

/// The only function whose single unnamed parameter is of one of these types, and the body for it.
fn with_whole(candidates: &[Arc<Function>], types: &[&str], body: Arc<String>) -> Found {
    let takes = |parameter: &Parameter| types.contains(&parameter.type_name.as_str());
    let function = only(candidates.iter().filter(|function| function.single_unnamed().is_some_and(takes)))?;
    let type_name = function.single_unnamed().map(|parameter| parameter.type_name.clone()).unwrap_or_default();
    Ok((Arc::clone(function), Argument::Whole { type_name, body }))
}

enum Failure {
    None,
    Several(String),
}

impl Failure {
    fn into_error(
        self,
        cache: &SchemaCache,
        (schema, name): (&str, &str),
        keys: &[&str],
        candidates: &[Arc<Function>],
        posted: Option<&ContentType>,
    ) -> RestError {
        if let Self::Several(candidates) = self {
            return RestError::AmbiguousFunction { candidates };
        }
        let parameters = match keys {
            [] => " without parameters".to_owned(),
            [only] => format!(" with parameter {only}"),
            several => format!(" with parameters {}", several.join(", ")),
        };
        // A body that is one argument as it is has no names to tell of.
        let whole = match posted {
            Some(ContentType::Text) => Some("text"),
            Some(ContentType::Xml) => Some("xml"),
            Some(ContentType::Bytes) => Some("bytea"),
            Some(ContentType::Json | ContentType::Form | ContentType::Csv | ContentType::Other(_)) | None => None,
        };
        let searched = match whole {
            Some(whole) => format!(" with a single unnamed {whole} parameter"),
            None if posted == Some(&ContentType::Json) => format!("{parameters} or with a single unnamed json/jsonb parameter"),
            None => parameters,
        };
        let signature = match keys {
            _ if whole.is_some() => format!("{schema}.{name}"),
            [] => format!("{schema}.{name} without parameters"),
            keys => format!("{schema}.{name}({})", keys.join(", ")),
        };
        let similar = similar_function(cache, (schema, name), keys, candidates);
        RestError::NoFunction {
            signature,
            details: format!(
                "Searched for the function {schema}.{name}{searched}, but no matches were found in the schema cache."
            ),
            hint: similar.map(|other| format!("Perhaps you meant to call the function {schema}.{other}")),
        }
    }
}

/// That there is no such function, for whoever asks without calling it.
pub(crate) fn no_function(cache: &SchemaCache, schema: &str, name: &str) -> RestError {
    Failure::None.into_error(cache, (schema, name), &[], &[], None)
}

/// The function that may have been meant: another name, or other parameters of this one.
fn similar_function(
    cache: &SchemaCache,
    (schema, name): (&str, &str),
    keys: &[&str],
    candidates: &[Arc<Function>],
) -> Option<String> {
    if candidates.is_empty() {
        let known = cache.functions.get(schema).into_iter().flat_map(|known| known.keys().map(String::as_str));
        return closest(name, known).map(str::to_owned);
    }
    // As texts, sorted so that the order does not count.
    let listed = |mut names: Vec<&str>| {
        names.sort_unstable();
        format!("({})", names.join(", "))
    };
    let known: Vec<String> = candidates
        .iter()
        .map(|function| listed(function.parameters.iter().map(|parameter| parameter.name.as_str()).collect()))
        .collect();
    let parameters = closest(&listed(keys.to_vec()), known.iter().map(String::as_str))?;
    Some(format!("{name}{parameters}"))
}

/// The only function that takes these names and whose required parameters are among them.
fn choose<'a>(candidates: &'a [Arc<Function>], keys: &[String]) -> Result<&'a Arc<Function>, Failure> {
    let fits = |function: &&Arc<Function>| {
        let named = |key: &String| function.parameters.iter().any(|parameter| parameter.name == *key && !key.is_empty());
        keys.iter().all(named)
            && function.parameters.iter().all(|parameter| !parameter.required || keys.contains(&parameter.name))
    };
    only(candidates.iter().filter(fits))
}

fn only<'a>(fitting: impl Iterator<Item = &'a Arc<Function>>) -> Result<&'a Arc<Function>, Failure> {
    let fitting: Vec<&Arc<Function>> = fitting.collect();
    match fitting.as_slice() {
        [only] => Ok(only),
        [] => Err(Failure::None),
        several => {
            let shown: Vec<String> = several.iter().map(|function| shown(function)).collect();
            Err(Failure::Several(shown.join(", ")))
        }
    }
}

fn shown(function: &Function) -> String {
    let parameters: Vec<String> =
        function.parameters.iter().map(|parameter| format!("{} => {}", parameter.name, parameter.type_name)).collect();
    format!("{}.{}({})", function.schema, function.name, parameters.join(", "))
}

/// An array literal of texts.
pub(crate) fn array_literal(values: &[&str]) -> String {
    let quoted: Vec<String> =
        values.iter().map(|value| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))).collect();
    format!("{{{}}}", quoted.join(","))
}
