//! Plans a call: which of the functions of that name, and where its arguments come from.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    ReadPlan, Source,
    read::{Root, plan_from},
};
use crate::{
    error::RestError,
    request::{Action, ApiRequest, ContentType, Payload, RowRange},
    schema::{Function, Parameter, Returns, SchemaCache, closest},
};

#[derive(Debug)]
pub(crate) struct CallPlan {
    pub(crate) function: Arc<Function>,
    pub(crate) argument: Argument,
    /// How to show the rows; `None` for scalars.
    pub(crate) read: Option<ReadPlan>,
    /// Which of the rows, or scalars, to show; all of a function that returns one.
    pub(crate) range: RowRange,
}

/// Where the arguments come from.
#[derive(Debug)]
pub(crate) enum Argument {
    /// Each by itself, as text.
    Direct(Vec<(Parameter, String)>),
    /// Members of one JSON object.
    Json { parameters: Vec<Parameter>, json: String },
    /// The body as a whole.
    Whole { type_name: String, body: String },
}

pub(crate) fn plan_call(cache: &SchemaCache, schema: &str, name: &str, request: &ApiRequest) -> Result<CallPlan, RestError> {
    let candidates = cache.functions_named(schema, name);
    let (function, argument) = if request.action == Action::CallByGet {
        by_get(cache, candidates, (schema, name), request)?
    } else {
        by_post(cache, candidates, (schema, name), request)?
    };
    let relation = match &function.returns {
        Returns::Relation { schema, name } => cache.relation(schema, name),
        Returns::Void | Returns::Scalar | Returns::Composite => None,
    };
    let range = if function.is_set { request.range.capped(cache.config.max_rows) } else { RowRange::default() };
    let is_rows = matches!(function.returns, Returns::Relation { .. } | Returns::Composite);
    let read = is_rows
        .then(|| {
            let root = Root {
                source: Source::Call,
                relation,
                alias: relation.map_or_else(|| function.name.clone(), |relation| relation.name.clone()),
                schema,
                filtered: true,
                windowed: function.is_set,
            };
            plan_from(cache, root, &request.query, range)
        })
        .transpose()?;
    Ok(CallPlan { function, argument, read, range })
}

fn by_get(
    cache: &SchemaCache,
    candidates: &[Arc<Function>],
    names: (&str, &str),
    request: &ApiRequest,
) -> Result<(Arc<Function>, Argument), RestError> {
    let mut given: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, value) in &request.query.arguments {
        given.entry(key).or_default().push(value);
    }
    let keys: Vec<&str> = given.keys().copied().collect();
    let function = choose(candidates, &keys).map_err(|failure| failure.into_error(cache, names, &keys, candidates, None))?;
    let arguments = function
        .parameters
        .iter()
        .filter_map(|parameter| {
            let values = given.get(parameter.name.as_str())?;
            let value = if parameter.variadic {
                array_literal(values)
            } else {
                // The last of several values counts.
                values.last().map(|value| (*value).to_owned()).unwrap_or_default()
            };
            Some((parameter.clone(), value))
        })
        .collect();
    Ok((Arc::clone(function), Argument::Direct(arguments)))
}

fn by_post(
    cache: &SchemaCache,
    candidates: &[Arc<Function>],
    names: (&str, &str),
    request: &ApiRequest,
) -> Result<(Arc<Function>, Argument), RestError> {
    let whole = |types: &[&str]| {
        candidates
            .iter()
            .find(|function| function.single_unnamed().is_some_and(|parameter| types.contains(&parameter.type_name.as_str())))
    };
    let as_whole = |function: &Arc<Function>, body: String| {
        let type_name = function.single_unnamed().map(|parameter| parameter.type_name.clone()).unwrap_or_default();
        (Arc::clone(function), Argument::Whole { type_name, body })
    };
    let types: &[&str] = match request.content_type {
        ContentType::Json | ContentType::Form | ContentType::Csv => &["json", "jsonb"],
        ContentType::Text => &["text"],
        ContentType::Xml => &["xml"],
        ContentType::Bytes | ContentType::Other => &["bytea"],
    };
    match request.content_type {
        ContentType::Json | ContentType::Form | ContentType::Csv => {
            let payload = if request.body.is_empty() {
                Payload { json: "{}".to_owned(), ..Payload::default() }
            } else {
                request.payload()?
            };
            let keys: Vec<&str> = match &request.query.columns {
                Some(columns) => columns.iter().map(String::as_str).collect(),
                None if payload.is_array => Vec::new(),
                None => payload.keys.iter().map(String::as_str).collect(),
            };
            match choose(candidates, &keys) {
                Ok(function) => {
                    let parameters =
                        function.parameters.iter().filter(|parameter| keys.contains(&parameter.name.as_str())).cloned().collect();
                    Ok((Arc::clone(function), Argument::Json { parameters, json: payload.json }))
                }
                Err(failure) => match whole(types) {
                    Some(function) if !failure.is_ambiguous() => Ok(as_whole(function, payload.json)),
                    Some(_) | None => Err(failure.into_error(cache, names, &keys, candidates, Some(request.content_type))),
                },
            }
        }
        ContentType::Text | ContentType::Xml => match whole(types) {
            Some(function) => Ok(as_whole(function, request.body_text()?.to_owned())),
            None => Err(Failure::None.into_error(cache, names, &[], candidates, Some(request.content_type))),
        },
        ContentType::Bytes | ContentType::Other => match whole(types) {
            Some(function) => {
                let hex = request.body.iter().fold(String::from("\\x"), |mut text, byte| {
                    text.push_str(&format!("{byte:02x}"));
                    text
                });
                Ok(as_whole(function, hex))
            }
            None => Err(Failure::None.into_error(cache, names, &[], candidates, Some(request.content_type))),
        },
    }
}

enum Failure {
    None,
    Several(String),
}

impl Failure {
    fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Several(_))
    }

    fn into_error(
        self,
        cache: &SchemaCache,
        (schema, name): (&str, &str),
        keys: &[&str],
        candidates: &[Arc<Function>],
        posted: Option<ContentType>,
    ) -> RestError {
        if let Self::Several(candidates) = self {
            return RestError::AmbiguousFunction { candidates };
        }
        let parameters = match keys {
            [] => " without parameters".to_owned(),
            [only] => format!(" with parameter {only}"),
            several => format!(" with parameters {}", several.join(", ")),
        };
        let unnamed = match posted {
            None | Some(ContentType::Bytes | ContentType::Other) => parameters,
            Some(ContentType::Json | ContentType::Form | ContentType::Csv) => {
                format!("{parameters} or with a single unnamed json/jsonb parameter")
            }
            Some(ContentType::Text) => " with a single unnamed text parameter".to_owned(),
            Some(ContentType::Xml) => " with a single unnamed xml parameter".to_owned(),
        };
        let signature = if keys.is_empty() {
            format!("{schema}.{name} without parameters")
        } else {
            format!("{schema}.{name}({})", keys.join(", "))
        };
        let similar = similar_function(cache, (schema, name), keys, candidates);
        RestError::NoFunction {
            signature,
            details: format!(
                "Searched for the function {schema}.{name}{unnamed}, but no matches were found in the schema cache."
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
fn choose<'a>(candidates: &'a [Arc<Function>], keys: &[&str]) -> Result<&'a Arc<Function>, Failure> {
    let fits = |function: &&Arc<Function>| {
        let named = |key: &&str| function.parameters.iter().any(|parameter| parameter.name == **key);
        keys.iter().all(named)
            && function.parameters.iter().all(|parameter| !parameter.required || keys.contains(&parameter.name.as_str()))
    };
    let fitting: Vec<&Arc<Function>> = candidates.iter().filter(fits).collect();
    match fitting.as_slice() {
        [only] => Ok(only),
        [] => Err(Failure::None),
        several => Err(Failure::Several(
            several
                .iter()
                .map(|function| {
                    let parameters: Vec<String> = function
                        .parameters
                        .iter()
                        .map(|parameter| format!("{} => {}", parameter.name, parameter.type_name))
                        .collect();
                    format!("{}.{}({})", function.schema, function.name, parameters.join(", "))
                })
                .collect::<Vec<_>>()
                .join(", "),
        )),
    }
}

/// An array literal of texts.
pub(crate) fn array_literal(values: &[&str]) -> String {
    let quoted: Vec<String> =
        values.iter().map(|value| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))).collect();
    format!("{{{}}}", quoted.join(","))
}
