//! How much of a machine a project may use. Names are the Management API's; the figures are those of the compute sizes that
//! Supabase publishes, so that a project behaves the same on both.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Size of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum InstanceSize {
    #[default]
    Nano,
    Micro,
    Small,
    Medium,
    Large,
    Xlarge,
    #[serde(rename = "2xlarge")]
    Xlarge2,
    #[serde(rename = "4xlarge")]
    Xlarge4,
    #[serde(rename = "8xlarge")]
    Xlarge8,
    #[serde(rename = "12xlarge")]
    Xlarge12,
    #[serde(rename = "16xlarge")]
    Xlarge16,
    #[serde(rename = "24xlarge")]
    Xlarge24,
    #[serde(rename = "48xlarge")]
    Xlarge48,
}

impl InstanceSize {
    /// Every size, smallest first.
    pub const ALL: [Self; 13] = [
        Self::Nano,
        Self::Micro,
        Self::Small,
        Self::Medium,
        Self::Large,
        Self::Xlarge,
        Self::Xlarge2,
        Self::Xlarge4,
        Self::Xlarge8,
        Self::Xlarge12,
        Self::Xlarge16,
        Self::Xlarge24,
        Self::Xlarge48,
    ];

    /// The stored word, and the one on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nano => "nano",
            Self::Micro => "micro",
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
            Self::Xlarge => "xlarge",
            Self::Xlarge2 => "2xlarge",
            Self::Xlarge4 => "4xlarge",
            Self::Xlarge8 => "8xlarge",
            Self::Xlarge12 => "12xlarge",
            Self::Xlarge16 => "16xlarge",
            Self::Xlarge24 => "24xlarge",
            Self::Xlarge48 => "48xlarge",
        }
    }

    /// Memory that all of the project together may use, in MiB.
    #[must_use]
    pub const fn memory_mib(self) -> u32 {
        match self {
            Self::Nano => 512,
            Self::Micro => 1024,
            Self::Small => 2 * 1024,
            Self::Medium => 4 * 1024,
            Self::Large => 8 * 1024,
            Self::Xlarge => 16 * 1024,
            Self::Xlarge2 => 32 * 1024,
            Self::Xlarge4 => 64 * 1024,
            Self::Xlarge8 => 128 * 1024,
            Self::Xlarge12 => 192 * 1024,
            Self::Xlarge16 => 256 * 1024,
            Self::Xlarge24 => 384 * 1024,
            Self::Xlarge48 => 768 * 1024,
        }
    }

    /// Processors that all of the project together may use, in thousandths of one.
    #[must_use]
    pub const fn millicpus(self) -> u32 {
        match self {
            // Supabase's are shared; half of one is what a neighbour can count on.
            Self::Nano => 500,
            Self::Micro => 1000,
            Self::Small | Self::Medium | Self::Large => 2000,
            Self::Xlarge => 4000,
            Self::Xlarge2 => 8000,
            Self::Xlarge4 => 16_000,
            Self::Xlarge8 => 32_000,
            Self::Xlarge12 => 48_000,
            Self::Xlarge16 => 64_000,
            Self::Xlarge24 => 96_000,
            Self::Xlarge48 => 192_000,
        }
    }
}

impl fmt::Display for InstanceSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for InstanceSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|size| size.as_str() == text).ok_or_else(|| format!("unknown instance size {text:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_serialized_form_and_sizes_grow() {
        for size in InstanceSize::ALL {
            assert_eq!(size.as_str().parse(), Ok(size));
            assert_eq!(serde_json::to_value(size).unwrap(), size.as_str());
        }
        assert!(InstanceSize::ALL.windows(2).all(|pair| pair[0].memory_mib() < pair[1].memory_mib()));
        assert!(InstanceSize::ALL.windows(2).all(|pair| pair[0].millicpus() <= pair[1].millicpus()));
    }
}
