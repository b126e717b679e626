//! `/v1/projects/{ref}/health`.

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

/// Health of the named services; of all without `services`.
#[utoipa::path(get, path = "/v1/projects/{ref}/health", operation_id = "get_health", params(
    ("ref" = String, Path),
    ("services" = Option<Vec<ServiceName>>, Query, description = "Repeated, or separated by commas"),
), responses((status = 200, body = Vec<ServiceHealth>), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn get(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
    RawQuery(query): RawQuery,
) -> Result<Json<Vec<ServiceHealth>>, ApiError> {
    let services = services(query.as_deref().unwrap_or_default())?;
    Ok(Json(state.projects.health(&caller, &project_ref, &services).await?))
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
}
