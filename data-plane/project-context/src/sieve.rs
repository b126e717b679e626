//! SIEVE: a bounded map that lets go of what was not asked for again. What is new waits in a queue; a hand goes from the
//! oldest to the newest, spares once what was asked for since it last came by, and takes the first that was not.
//!
//! Source: Zhang and others, "SIEVE is Simpler than LRU", NSDI 2024. Room is taken as it is used, and the order of the queue
//! is kept when one leaves it, which is why this is not a crate: `sieve-cache` puts the newest in the place of what it takes.

use std::{collections::HashMap, hash::Hash};

#[derive(Debug)]
pub(crate) struct Sieve<K, V> {
    capacity: usize,
    places: HashMap<K, usize>,
    entries: Vec<Entry<K, V>>,
    oldest: Option<usize>,
    newest: Option<usize>,
    /// Where the next search begins; at the oldest without.
    hand: Option<usize>,
}

#[derive(Debug)]
struct Entry<K, V> {
    key: K,
    value: V,
    visited: bool,
    older: Option<usize>,
    newer: Option<usize>,
}

impl<K: Eq + Hash + Clone, V> Sieve<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, places: HashMap::new(), entries: Vec::new(), oldest: None, newest: None, hand: None }
    }

    pub(crate) fn get(&mut self, key: &K) -> Option<&V> {
        let entry = &mut self.entries[*self.places.get(key)?];
        entry.visited = true;
        Some(&entry.value)
    }

    /// Whether another had to leave for it. With room for none, it is not kept.
    pub(crate) fn insert(&mut self, key: K, value: V) -> bool {
        if let Some(place) = self.places.get(&key) {
            let entry = &mut self.entries[*place];
            (entry.value, entry.visited) = (value, true);
            return false;
        }
        let is_full = self.entries.len() >= self.capacity;
        let freed = if is_full { self.evict() } else { None };
        if is_full && freed.is_none() {
            return false;
        }
        let entry = Entry { key: key.clone(), value, visited: false, older: self.newest, newer: None };
        let place = freed.unwrap_or(self.entries.len());
        if freed.is_some() {
            self.entries[place] = entry;
        } else {
            self.entries.push(entry);
        }
        match self.newest {
            Some(newest) => self.entries[newest].newer = Some(place),
            None => self.oldest = Some(place),
        }
        self.newest = Some(place);
        self.places.insert(key, place);
        freed.is_some()
    }

    /// The place of the one that leaves; what is there is overwritten.
    fn evict(&mut self) -> Option<usize> {
        let mut place = self.hand.or(self.oldest)?;
        while self.entries[place].visited {
            self.entries[place].visited = false;
            place = self.entries[place].newer.or(self.oldest)?;
        }
        let Entry { ref key, older, newer, .. } = self.entries[place];
        self.places.remove(key);
        match older {
            Some(older) => self.entries[older].newer = newer,
            None => self.oldest = newer,
        }
        match newer {
            Some(newer) => self.entries[newer].older = older,
            None => self.newest = older,
        }
        self.hand = newer;
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks for each, and puts in what is missing; what is there afterwards, oldest first.
    fn after(capacity: usize, asked: &str) -> String {
        let mut sieve = Sieve::new(capacity);
        for key in asked.chars() {
            if sieve.get(&key).is_none() {
                sieve.insert(key, ());
            }
        }
        assert_eq!(sieve.places.len(), sieve.entries.len());
        let mut place = sieve.oldest;
        std::iter::from_fn(|| {
            let entry = &sieve.entries[place?];
            place = entry.newer;
            Some(entry.key)
        })
        .collect()
    }

    #[test]
    fn what_was_not_asked_for_again_leaves_first() {
        for (asked, left) in [
            ("abc", "abc"),
            ("abcd", "bcd"),
            // Unlike with LRU, what was asked for again stays where it is.
            ("abcad", "acd"),
            // The hand goes on from where it was: `c` is next, and `a` was spared once only.
            ("abcade", "ade"),
            ("abcadef", "aef"),
            ("abcadefg", "afg"),
            // All were asked for: the hand comes round.
            ("abcabcd", "bcd"),
            ("abcabcde", "cde"),
        ] {
            assert_eq!(after(3, asked), left, "{asked}");
        }
        assert_eq!(after(1, "aab"), "b");
        assert_eq!(after(0, "ab"), "");
    }

    #[test]
    fn says_whether_one_had_to_leave() {
        let mut sieve = Sieve::new(2);
        let left: Vec<bool> = ["a", "b", "a", "c"].into_iter().zip(1..).map(|(key, value)| sieve.insert(key, value)).collect();
        assert_eq!(left, [false, false, false, true]);
        assert_eq!(["a", "b", "c"].map(|key| sieve.get(&key).copied()), [Some(3), None, Some(4)]);
    }
}
