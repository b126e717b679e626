//! What is behind an error, in words for the log.

use std::{error::Error, iter};

/// The error and all that is below it, each after the other.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |error| (*error).source())
}

/// The deepest cause, if there is one.
pub(crate) fn deepest(error: &(dyn Error + 'static)) -> Option<String> {
    chain(error).skip(1).last().map(ToString::to_string)
}

/// The error and its causes, in one line.
pub(crate) fn told(error: &(dyn Error + 'static)) -> String {
    chain(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::error::RestError;

    #[test]
    fn causes_are_told_to_the_deepest() {
        let error = RestError::Lost(io::Error::other(io::Error::other("reset")));
        assert_eq!(deepest(&error).as_deref(), Some("reset"));
        assert_eq!(deepest(&RestError::Path), None);
        assert_eq!(told(&RestError::Space(io::Error::other("full"))), "Temporary space can't be used: full");
    }
}
