//! Organizations. There is one until accounts exist.

use serde::{Deserialize, Serialize};

/// An organization; `id` equals `slug`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Organization {
    pub id: String,
    pub slug: String,
    pub name: String,
}
