//! Passwords: hashing on a bounded pool, strength, and whether one has leaked.
