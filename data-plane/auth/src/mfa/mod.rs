//! Second factors: TOTP and codes by phone.
