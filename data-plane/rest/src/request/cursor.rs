//! A cursor over one query-string value, and the error that says where it stopped.

/// Why a value could not be parsed. `Display` is PostgREST's `message` of PGRST100.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"failed to parse {what} ({input})\" (line 1, column {column})")]
pub(crate) struct ParseError {
    /// What was being parsed: `filter`, `select parameter`, ...
    what: &'static str,
    /// The whole value.
    input: String,
    /// Where it failed, in characters from 1.
    column: usize,
    /// `None` at the end of the input.
    unexpected: Option<char>,
    expecting: &'static str,
}

impl ParseError {
    /// PostgREST's `details`.
    pub(crate) fn details(&self) -> String {
        match self.unexpected {
            Some(found) => format!("unexpected {:?} expecting {}", found.to_string(), self.expecting),
            None => format!("unexpected end of input expecting {}", self.expecting),
        }
    }
}

pub(crate) type Parsed<T> = Result<T, ParseError>;

/// Characters of the input that an error repeats at most.
const MAX_QUOTED: usize = 200;

#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    what: &'static str,
    input: &'a str,
    position: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(what: &'static str, input: &'a str) -> Self {
        Self { what, input, position: 0 }
    }

    pub(crate) fn rest(&self) -> &'a str {
        // The position only ever moves by whole characters.
        self.input.get(self.position..).unwrap_or_default()
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.position >= self.input.len()
    }

    pub(crate) fn next(&mut self) -> Option<char> {
        let found = self.peek()?;
        self.position += found.len_utf8();
        Some(found)
    }

    /// Takes `token` if it is next.
    pub(crate) fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.position += token.len();
        }
        found
    }

    pub(crate) fn expect(&mut self, token: &str, expecting: &'static str) -> Parsed<()> {
        if self.eat(token) { Ok(()) } else { Err(self.error(expecting)) }
    }

    pub(crate) fn expect_end(&self, expecting: &'static str) -> Parsed<()> {
        if self.is_at_end() { Ok(()) } else { Err(self.error(expecting)) }
    }

    pub(crate) fn take_while(&mut self, mut wanted: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.position += end;
        rest.get(..end).unwrap_or_default()
    }

    pub(crate) fn take_rest(&mut self) -> &'a str {
        let rest = self.rest();
        self.position = self.input.len();
        rest
    }

    pub(crate) fn error(&self, expecting: &'static str) -> ParseError {
        ParseError {
            what: self.what,
            input: self.input.chars().take(MAX_QUOTED).collect(),
            column: self.input.get(..self.position).unwrap_or_default().chars().count() + 1,
            unexpected: self.peek(),
            expecting,
        }
    }

    /// `"…"` with backslash escapes, if a quote is next.
    pub(crate) fn quoted(&mut self) -> Parsed<Option<String>> {
        if !self.eat("\"") {
            return Ok(None);
        }
        let mut value = String::new();
        loop {
            match self.next() {
                Some('"') => return Ok(Some(value)),
                Some('\\') => value.push(self.next().ok_or_else(|| self.error("any character"))?),
                Some(other) => value.push(other),
                None => return Err(self.error("\"\\\"\"")),
            }
        }
    }

    /// A field name: quoted, or letters, digits, `_`, `$`, spaces, and dashes that do not begin an arrow.
    pub(crate) fn field_name(&mut self) -> Parsed<String> {
        if let Some(name) = self.quoted()? {
            return Ok(name);
        }
        let start = self.clone();
        let mut name = String::new();
        loop {
            let part = self.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ' ' | '$'));
            name.push_str(part);
            if self.rest().starts_with('-') && !self.rest().starts_with("->") && !part.is_empty() {
                self.next();
                name.push('-');
            } else {
                break;
            }
        }
        let name = name.trim();
        if name.is_empty() {
            return Err(start.error("field name (* or [a..z0..9_$])"));
        }
        Ok(name.to_owned())
    }
}
