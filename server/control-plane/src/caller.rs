//! Who is asking. Every service method takes a [`Caller`], so that authorization can't be forgotten.

/// Somebody who may use the control plane. There is one kind until accounts exist: the administrator, either because
/// the server listens on loopback only, or because the admin token was presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    name: &'static str,
}

impl Caller {
    /// The person at this machine: the server listens on loopback and asks for no sign-in.
    #[must_use]
    pub const fn local() -> Self {
        Self { name: "local" }
    }

    /// Somebody who presented the admin token.
    #[must_use]
    pub const fn admin() -> Self {
        Self { name: "admin" }
    }

    /// Name in the audit log.
    #[must_use]
    pub const fn name(&self) -> &str {
        self.name
    }
}
