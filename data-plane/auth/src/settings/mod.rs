//! What a project's Auth is told: typed, from `GOTRUE_*` variables or the Management API's document.
