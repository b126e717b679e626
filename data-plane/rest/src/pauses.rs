//! Pauses between tries, each twice as long as the one before.

use std::time::Duration;

/// No pause is longer, as PostgREST has it.
const LONGEST: Duration = Duration::from_secs(32);

/// The pauses that follow each other.
#[derive(Debug)]
pub(crate) struct Pauses(Duration);

impl Pauses {
    pub(crate) const fn beginning_with(first: Duration) -> Self {
        Self(first)
    }

    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut pauses = Pauses::beginning_with(Duration::from_secs(3));
        assert_eq!([(); 6].map(|()| pauses.next().as_secs()), [3, 6, 12, 24, 32, 32]);
    }
}
