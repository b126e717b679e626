//! A cursor over one query-string value, with the combinators of Haskell's Parsec that PostgREST's grammar is written in.
//!
//! They are here for the sake of errors: what a failed parse says depends on which alternatives were tried where, and which of
//! them had taken input. Every parser either takes input or not, and either succeeds or fails; `pending` is what Parsec keeps
//! beside a success, namely what else would have fitted at this position.

use super::parse_error::{Failure, Message, ParseError, Trouble};

/// What the public parsers return.
pub(crate) type Parsed<T> = Result<T, ParseError>;
/// What the parsers they are made of return.
pub(super) type Step<T> = Result<T, Failure>;

#[derive(Debug)]
pub(super) struct Cursor<'a> {
    input: &'a str,
    position: usize,
    pending: Trouble,
    /// Things counted against a limit.
    counted: usize,
    /// Nothing is noted of what else would have fitted.
    is_quiet: bool,
}

/// Applies `rule` to all of `input`.
pub(super) fn parse<'a, T>(what: &'static str, input: &'a str, rule: impl Fn(&mut Cursor<'a>) -> Step<T>) -> Parsed<T> {
    parse_after(0, what, input, rule)
}

/// Like `parse`, for a value that upstream parses with `before` characters put in front of it: they count as columns.
pub(super) fn parse_after<'a, T>(
    before: usize,
    what: &'static str,
    input: &'a str,
    rule: impl Fn(&mut Cursor<'a>) -> Step<T>,
) -> Parsed<T> {
    // What is said of a failure takes far longer than the parsing, and decides nothing.
    let parsed = apply(input, true, &rule).or_else(|_| apply(input, false, &rule));
    parsed.map_err(|failure| ParseError::new(what, before, input, &failure))
}

/// `is_quiet`: nothing is noted for what would be said of a failure.
pub(super) fn apply<'a, T>(input: &'a str, is_quiet: bool, rule: impl FnOnce(&mut Cursor<'a>) -> Step<T>) -> Step<T> {
    let mut cursor = Cursor { input, position: 0, pending: Trouble::default(), counted: 0, is_quiet };
    let parsed = rule(&mut cursor).and_then(|value| cursor.end().map(|()| value));
    parsed.map_err(|failure| Failure { consumed: failure.consumed || cursor.position > 0, ..failure })
}

impl<'a> Cursor<'a> {
    pub(super) fn rest(&self) -> &'a str {
        // The position only ever moves by whole characters.
        self.input.get(self.position..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Fails here, where something else would have fitted.
    pub(super) fn fail(&mut self, expected: &[Message]) -> Failure {
        let trouble = self.noted(self.position, |cursor| {
            let mut messages = vec![Message::Found(cursor.peek())];
            messages.extend_from_slice(expected);
            messages
        });
        Failure { trouble: std::mem::take(&mut self.pending).merge(trouble), consumed: false, is_final: false }
    }

    /// What is known about a position.
    fn noted(&self, position: usize, messages: impl FnOnce(&Self) -> Vec<Message>) -> Trouble {
        if self.is_quiet { Trouble::default() } else { Trouble::new(position, messages(self)) }
    }

    /// Fails for good because of a limit that the grammar does not have.
    pub(super) fn limit(&self, text: &'static str) -> Failure {
        let trouble = self.noted(self.position, |cursor| vec![Message::Found(cursor.peek()), Message::Label(text)]);
        Failure { trouble, consumed: true, is_final: true }
    }

    /// Counts one more of something of which there may be `most`.
    pub(super) fn count(&mut self, most: usize, text: &'static str) -> Step<()> {
        self.counted += 1;
        if self.counted > most { Err(self.limit(text)) } else { Ok(()) }
    }

    /// Moves over the next `length` bytes, which have been looked at.
    pub(super) fn take_bytes(&mut self, length: usize) -> &'a str {
        let taken = self.rest().get(..length).unwrap_or_default();
        self.position += taken.len();
        self.pending = Trouble::default();
        taken
    }

    /// Exactly this text. A part of it counts as taken; the error is at its beginning nevertheless.
    pub(super) fn string(&mut self, token: &'static str) -> Step<()> {
        if self.rest().starts_with(token) {
            self.take_bytes(token.len());
            return Ok(());
        }
        let same = token.chars().zip(self.rest().chars()).take_while(|(wanted, found)| wanted == found).count();
        let own = self.noted(self.position, |cursor| {
            let found = cursor.rest().chars().nth(same);
            vec![Message::Found(found), Message::Token(token)]
        });
        if same > 0 {
            return Err(Failure { trouble: own, consumed: true, is_final: false });
        }
        Err(Failure { trouble: std::mem::take(&mut self.pending).merge(own), consumed: false, is_final: false })
    }

    /// The end of the input.
    pub(super) fn end(&mut self) -> Step<()> {
        const LABEL: Message = Message::Label("end of input");
        let next = self.peek();
        let own = self.noted(self.position, |_| vec![LABEL, next.map_or(Message::Found(None), Message::Forbidden)]);
        let trouble = std::mem::take(&mut self.pending).merge(own);
        if next.is_none() {
            self.pending = trouble;
            return Ok(());
        }
        Err(Failure { trouble, consumed: false, is_final: false })
    }

    /// This text comes next; it is not taken.
    pub(super) fn before(&mut self, token: &'static str) -> Step<()> {
        if self.rest().starts_with(token) { Ok(()) } else { Err(self.fail(&[Message::Token(token)])) }
    }

    /// This character does not come next.
    pub(super) fn not_before(&mut self, c: char, token: &'static str) -> Step<()> {
        if self.peek() == Some(c) {
            // Parsec looks past it before it complains.
            let trouble = self.noted(self.position + c.len_utf8(), |_| vec![Message::Forbidden(c)]);
            return Err(Failure { trouble: std::mem::take(&mut self.pending).merge(trouble), consumed: false, is_final: false });
        }
        self.could_be(&[Message::Token(token)]);
        Ok(())
    }

    /// Something else would have fitted here.
    pub(super) fn could_be(&mut self, expected: &[Message]) {
        self.pending = self.fail(expected).trouble;
    }

    /// A plain word, if one of `ends` or the end follows: what most values are made of, without the way through the grammar. Only where
    /// nothing is noted of that way.
    pub(super) fn plain_word(&mut self, ends: &[char]) -> Option<&'a str> {
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let after = rest.get(length..).unwrap_or_default();
        let is_whole = length > 0 && (after.is_empty() || after.starts_with(ends));
        (self.is_quiet && is_whole).then(|| self.take_bytes(length))
    }

    /// As many of these characters as there are.
    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        if length > 0 { self.take_bytes(length) } else { "" }
    }

    /// At least one of these characters, which are called `expected`.
    pub(super) fn take_some(&mut self, expected: &[Message], wanted: impl Fn(char) -> bool) -> Step<&'a str> {
        let taken = self.take_while(wanted);
        if taken.is_empty() {
            return Err(self.fail(expected));
        }
        self.could_be(expected);
        Ok(taken)
    }

    /// Parsec's `<|>`: `second` is tried if `first` fails before it has taken anything.
    pub(super) fn or<T>(
        &mut self,
        first: impl FnOnce(&mut Self) -> Step<T>,
        second: impl FnOnce(&mut Self) -> Step<T>,
    ) -> Step<T> {
        let (start, outer) = self.open();
        let trouble = match first(self) {
            Err(failure) if !self.has_taken(start, &failure) => failure.trouble,
            other => return self.close(start, outer, Trouble::default(), other),
        };
        self.pending = Trouble::default();
        let result = second(self);
        self.close(start, outer, trouble, result)
    }

    /// The first of these words that comes next.
    pub(super) fn choice<T: Copy>(&mut self, words: &[(&'static str, T)]) -> Step<T> {
        self.choice_by(words, Self::string)
    }

    /// The first of these words that comes next, whatever its case.
    pub(super) fn choice_of_any_case<T: Copy>(&mut self, words: &[(&'static str, T)]) -> Step<T> {
        self.choice_by(words, |cursor, word| {
            for wanted in word.chars() {
                if !cursor.peek().is_some_and(|c| c.eq_ignore_ascii_case(&wanted)) {
                    return Err(cursor.fail(&[]));
                }
                cursor.take_bytes(wanted.len_utf8());
            }
            Ok(())
        })
    }

    fn choice_by<T: Copy>(&mut self, words: &[(&'static str, T)], rule: impl Fn(&mut Self, &'static str) -> Step<()>) -> Step<T> {
        let (start, outer) = self.open();
        let mut trouble = Trouble::default();
        for (word, value) in words {
            self.pending = Trouble::default();
            match self.attempt(|cursor| rule(cursor, word)) {
                Ok(()) => return Ok(*value),
                Err(failure) => trouble = trouble.merge(failure.trouble),
            }
        }
        self.close(start, outer, Trouble::default(), Err(Failure { trouble, consumed: false, is_final: false }))
    }

    /// Parsec's `try`: a failure takes nothing. What is known about it stays.
    pub(super) fn attempt<T>(&mut self, rule: impl FnOnce(&mut Self) -> Step<T>) -> Step<T> {
        let (start, outer) = self.open();
        match rule(self) {
            Err(failure) if !failure.is_final => {
                self.position = start;
                self.close(start, outer, Trouble::default(), Err(Failure { consumed: false, ..failure }))
            }
            other => self.close(start, outer, Trouble::default(), other),
        }
    }

    /// Parsec's `optionMaybe`.
    pub(super) fn option<T>(&mut self, rule: impl FnOnce(&mut Self) -> Step<T>) -> Step<Option<T>> {
        self.or(|cursor| rule(cursor).map(Some), |_| Ok(None))
    }

    /// Whether `rule` fits.
    pub(super) fn is(&mut self, rule: impl FnOnce(&mut Self) -> Step<()>) -> Step<bool> {
        Ok(self.option(rule)?.is_some())
    }

    /// Parsec's `<?>`: `label` in place of what is expected, unless input was taken.
    pub(super) fn label<T>(&mut self, label: &'static str, rule: impl FnOnce(&mut Self) -> Step<T>) -> Step<T> {
        let (start, outer) = self.open();
        let result = match rule(self) {
            Err(failure) if !self.is_quiet && !self.has_taken(start, &failure) => {
                Err(Failure { trouble: failure.trouble.labelled(label), ..failure })
            }
            other => other,
        };
        if self.position == start && !self.pending.is_unknown() {
            self.pending = std::mem::take(&mut self.pending).labelled(label);
        }
        self.close(start, outer, Trouble::default(), result)
    }

    /// Parsec's `many`. After the last one only what would have begun another is known.
    pub(super) fn many<T>(&mut self, mut rule: impl FnMut(&mut Self) -> Step<T>) -> Step<Vec<T>> {
        let (start, outer) = self.open();
        let mut found = Vec::new();
        loop {
            let before = self.position;
            self.pending = Trouble::default();
            match rule(self) {
                Ok(value) if self.position > before => found.push(value),
                Ok(_) => return self.close(start, outer, Trouble::default(), Ok(found)),
                Err(failure) if self.has_taken(before, &failure) => return Err(Failure { consumed: true, ..failure }),
                Err(failure) => {
                    self.pending = failure.trouble;
                    return self.close(start, outer, Trouble::default(), Ok(found));
                }
            }
        }
    }

    /// Parsec's `sepBy1`.
    pub(super) fn separated<T>(
        &mut self,
        mut separator: impl FnMut(&mut Self) -> Step<()>,
        mut rule: impl FnMut(&mut Self) -> Step<T>,
    ) -> Step<Vec<T>> {
        let mut found = vec![rule(self)?];
        let more = self.many(|cursor| {
            separator(cursor)?;
            rule(cursor)
        })?;
        found.extend(more);
        Ok(found)
    }

    /// A parser within another one begins: it knows nothing of what was pending before it.
    fn open(&mut self) -> (usize, Trouble) {
        (self.position, std::mem::take(&mut self.pending))
    }

    /// It is done. If it took nothing, what was pending before it, then `trouble`, and what it says itself are known together.
    fn close<T>(&mut self, start: usize, outer: Trouble, trouble: Trouble, result: Step<T>) -> Step<T> {
        match result {
            Ok(value) => {
                if self.position == start {
                    self.pending = outer.merge(trouble).merge(std::mem::take(&mut self.pending));
                }
                Ok(value)
            }
            Err(failure) if self.has_taken(start, &failure) => Err(Failure { consumed: true, ..failure }),
            Err(failure) => Err(Failure { trouble: outer.merge(trouble).merge(failure.trouble), ..failure }),
        }
    }

    fn has_taken(&self, start: usize, failure: &Failure) -> bool {
        failure.consumed || self.position != start
    }
}
