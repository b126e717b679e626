//! WebAuthn: as a second factor and as a passkey.
