//! `/v1/projects/{ref}/health`.

use std::time::Duration;

use axum::{
    Json,
    extract::{RawQuery, State},
};
use control_plane_api::{ErrorBody, ErrorCode, ServiceHealth, ServiceName};

use super::{
    ApiState,
    error::ApiError,
    extract::{Caller, ProjectPath},
};

const DEFAULT_WAIT_MS: u64 = 2_000;
const MAX_WAIT_MS: u64 = 10_000;

/// Health of the named services; of all without `services`.
#[utoipa::path(get, path = "/v1/projects/{ref}/health", operation_id = "get_health", params(
    ("ref" = String, Path),
    ("services" = Option<Vec<ServiceName>>, Query, description = "Repeated, or separated by commas"),
    ("timeout_ms" = Option<u64>, Query, description = "How long to wait for an answer, at most 10000 (the default: 2000)"),
), responses((status = 200, body = Vec<ServiceHealth>), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn get(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
    RawQuery(query): RawQuery,
) -> Result<Json<Vec<ServiceHealth>>, ApiError> {
    let query = query.unwrap_or_default();
    let services = services(&query)?;
    Ok(Json(state.projects.health(&caller, &project_ref, &services, at_most(&query)?).await?))
}

/// How long a database may take to say that it is well.
fn at_most(query: &str) -> Result<Duration, ApiError> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("timeout_ms="));
    let milliseconds = value.map_or(Ok(DEFAULT_WAIT_MS), |value| {
        let invalid = || ApiError::new(ErrorCode::InvalidInput, "timeout_ms is not a number of milliseconds.");
        value.parse::<u64>().map_err(|_| invalid())
    })?;
    Ok(Duration::from_millis(milliseconds.min(MAX_WAIT_MS)))
}

fn services(query: &str) -> Result<Vec<ServiceName>, ApiError> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let values = pairs.filter(|(name, _)| matches!(*name, "services" | "services[]" | "services%5B%5D"));
    let names = values.flat_map(|(_, value)| value.split("%2C").flat_map(|part| part.split(',')));
    let services: Vec<ServiceName> = names.map(service).collect::<Result<_, _>>()?;
    Ok(if services.is_empty() { ServiceName::ALL.to_vec() } else { services })
}

fn service(name: &str) -> Result<ServiceName, ApiError> {
    name.parse().map_err(|_| {
        let known: Vec<_> = ServiceName::ALL.iter().map(|name| name.as_str()).collect();
        let shown: String = name.chars().take(40).collect();
        ApiError::new(ErrorCode::InvalidInput, format!("There is no service {shown:?}. There are: {}.", known.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_may_be_repeated_or_listed() {
        let two = vec![ServiceName::Auth, ServiceName::Rest];
        for query in [
            "services=auth&services=rest",
            "services=auth,rest",
            "services=auth%2Crest&timeout_ms=5",
            "services[]=auth&services[]=rest",
        ] {
            assert_eq!(services(query).unwrap(), two, "{query}");
        }
        assert_eq!(services("").unwrap(), ServiceName::ALL);
        assert!(services("services=nonsense").is_err());
    }

    #[test]
    fn the_wait_is_bounded() {
        for (query, expected) in [("", Some(2_000)), ("services=db&timeout_ms=5", Some(5)), ("timeout_ms=99999999", Some(10_000))]
        {
            assert_eq!(at_most(query).ok().map(|wait| wait.as_millis()), expected, "{query}");
        }
        assert!(at_most("timeout_ms=-1").is_err() && at_most("timeout_ms=").is_err());
    }
}
