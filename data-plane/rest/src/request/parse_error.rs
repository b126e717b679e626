//! What a failed parse says, in the words of Haskell's Parsec: `unexpected "x" expecting a, b or c`.

/// Why a value could not be parsed. `Display` is PostgREST's `message` of PGRST100.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"failed to parse {what} ({input})\" (line {line}, column {column})")]
pub(crate) struct ParseError {
    /// What was being parsed: `filter`, `select parameter`, ...
    what: &'static str,
    /// The whole value.
    input: String,
    /// Where it failed, both from 1.
    line: usize,
    column: usize,
    details: String,
    /// Something was recognised before it failed.
    began: bool,
}

impl ParseError {
    /// `before`: characters that stand before `input` as far as the column is concerned.
    pub(super) fn new(what: &'static str, before: usize, input: &str, failure: &Failure) -> Self {
        let (mut line, mut column) = (1, 1 + before);
        for c in input.get(..failure.trouble.position).unwrap_or_default().chars() {
            match c {
                '\n' => (line, column) = (line + 1, 1),
                // To the next multiple of eight.
                '\t' => column += 8 - (column - 1) % 8,
                _ => column += 1,
            }
        }
        Self { what, input: input.to_owned(), line, column, details: failure.trouble.text(), began: failure.consumed }
    }

    /// PostgREST's `details`.
    pub(crate) fn details(&self) -> &str {
        &self.details
    }

    /// Whether something was recognised before it failed: otherwise the value is of another kind altogether.
    pub(super) fn began(&self) -> bool {
        self.began
    }
}

/// Something that is known about one position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message {
    /// What is there and did not fit; `None` is the end of the input.
    Found(Option<char>),
    /// What is there and is forbidden, as Parsec's `notFollowedBy` and `eof` say it.
    Forbidden(char),
    /// A text that would have fitted.
    Token(&'static str),
    /// What would have fitted, described.
    Label(&'static str),
}

impl Message {
    fn is_expectation(self) -> bool {
        matches!(self, Self::Token(_) | Self::Label(_))
    }
}

/// Parsec's `ParseError`: what is known about the furthest position that was looked at. Without messages, nothing is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Trouble {
    position: usize,
    messages: Vec<Message>,
}

impl Trouble {
    pub(super) fn new(position: usize, messages: Vec<Message>) -> Self {
        Self { position, messages }
    }

    /// Both are about the same parse: the further one wins, and at one position all messages are kept, `self`'s first.
    pub(super) fn merge(mut self, mut other: Self) -> Self {
        if other.messages.is_empty() {
            return self;
        }
        if self.messages.is_empty() || self.position < other.position {
            return other;
        }
        if self.position == other.position {
            self.messages.append(&mut other.messages);
        }
        self
    }

    /// One label in place of all that was expected.
    pub(super) fn labelled(mut self, label: &'static str) -> Self {
        self.messages.retain(|message| !message.is_expectation());
        self.messages.insert(0, Message::Label(label));
        self
    }

    pub(super) fn is_unknown(&self) -> bool {
        self.messages.is_empty()
    }

    /// As Parsec's `showErrorMessages`, on one line.
    fn text(&self) -> String {
        let forbidden = self.distinct(|message| match message {
            Message::Forbidden(c) => Some(shown_char(c)),
            Message::Found(_) | Message::Token(_) | Message::Label(_) => None,
        });
        let found = self.distinct(|message| match message {
            Message::Found(Some(c)) => Some(shown_text(c.encode_utf8(&mut [0; 4]))),
            Message::Found(None) => Some("end of input".to_owned()),
            Message::Forbidden(_) | Message::Token(_) | Message::Label(_) => None,
        });
        let expected = self.distinct(|message| match message {
            Message::Token(token) => Some(shown_text(token)),
            Message::Label(label) => Some(label.to_owned()),
            Message::Found(_) | Message::Forbidden(_) => None,
        });
        let unexpected = if forbidden.is_empty() { found.into_iter().take(1).collect() } else { forbidden };
        let parts: Vec<String> = [("unexpected", unexpected), ("expecting", expected)]
            .into_iter()
            .filter(|(_, these)| !these.is_empty())
            .map(|(word, these)| format!("{word} {}", alternatives(&these)))
            .collect();
        if parts.is_empty() { "unknown parse error".to_owned() } else { parts.join(" ") }
    }

    fn distinct(&self, text: impl Fn(Message) -> Option<String>) -> Vec<String> {
        let mut texts = Vec::new();
        for found in self.messages.iter().filter_map(|message| text(*message)) {
            if !texts.contains(&found) {
                texts.push(found);
            }
        }
        texts
    }
}

/// A parser that did not fit.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) trouble: Trouble,
    /// Input was taken before it failed, so that alternatives are not tried any more.
    pub(super) consumed: bool,
    /// A limit was met: nothing else is tried, whatever the grammar allows.
    pub(super) is_final: bool,
}

/// `a, b or c`
fn alternatives(these: &[String]) -> String {
    match these {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// Haskell's `show` of a text.
fn shown_text(text: &str) -> String {
    let inside: String = text.chars().map(|c| if c == '"' { "\\\"".to_owned() } else { escaped(c) }).collect();
    format!("\"{inside}\"")
}

/// Haskell's `show` of a character.
fn shown_char(c: char) -> String {
    if c == '\'' { "'\\''".to_owned() } else { format!("'{}'", escaped(c)) }
}

fn escaped(c: char) -> String {
    const CONTROLS: [&str; 32] = [
        "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "a", "b", "t", "n", "v", "f", "r", "SO", "SI", "DLE", "DC1", "DC2",
        "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC", "FS", "GS", "RS", "US",
    ];
    match c {
        '\\' => "\\\\".to_owned(),
        '\u{7f}' => "\\DEL".to_owned(),
        ' '..='~' => c.to_string(),
        _ => match CONTROLS.get(c as usize) {
            Some(name) => format!("\\{name}"),
            None => format!("\\{}", u32::from(c)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(messages: &[Message]) -> String {
        Trouble::new(0, messages.to_vec()).text()
    }

    #[test]
    fn says_what_parsec_says() {
        use Message::{Forbidden, Found, Label, Token};
        for (messages, expected) in [
            (vec![], "unknown parse error"),
            (vec![Found(None)], "unexpected end of input"),
            (vec![Found(Some('a')), Token("b"), Found(Some('c')), Token("b")], r#"unexpected "a" expecting "b""#),
            (
                vec![Token("->"), Found(Some('x')), Label("digit"), Label("letter")],
                r#"unexpected "x" expecting "->", digit or letter"#,
            ),
            (vec![Found(Some('x')), Label("end of input"), Forbidden('x')], "unexpected 'x' expecting end of input"),
            (vec![Found(None), Token("\\"), Token("\"")], r#"unexpected end of input expecting "\\" or "\"""#),
        ] {
            assert_eq!(text(&messages), expected);
        }
    }

    #[test]
    fn shows_characters_as_haskell_does() {
        for (c, as_char, as_text) in [
            ('a', "'a'", r#""a""#),
            ('"', "'\"'", r#""\"""#),
            ('\'', "'\\''", r#""'""#),
            ('\\', "'\\\\'", r#""\\""#),
            ('\n', "'\\n'", r#""\n""#),
            ('\u{1b}', "'\\ESC'", r#""\ESC""#),
            ('é', "'\\233'", r#""\233""#),
            ('…', "'\\8230'", r#""\8230""#),
        ] {
            assert_eq!((shown_char(c).as_str(), shown_text(&c.to_string()).as_str()), (as_char, as_text));
        }
    }

    #[test]
    fn the_furthest_position_wins() {
        let at = |position, label| Trouble::new(position, vec![Message::Label(label)]);
        assert_eq!(at(1, "a").merge(at(2, "b")).text(), "expecting b");
        assert_eq!(at(2, "a").merge(at(1, "b")).text(), "expecting a");
        assert_eq!(at(2, "a").merge(at(2, "b")).text(), "expecting a or b");
        assert_eq!(Trouble::new(9, vec![]).merge(at(1, "b")).text(), "expecting b");
        assert_eq!(at(1, "a").merge(Trouble::new(9, vec![])).text(), "expecting a");
    }

    #[test]
    fn counts_lines_and_columns() {
        let at = |input: &str, position| {
            let failure = Failure { trouble: Trouble::new(position, vec![]), consumed: false, is_final: false };
            let error = ParseError::new("x", 3, input, &failure);
            (error.line, error.column)
        };
        assert_eq!(at("é!", 2), (1, 5));
        assert_eq!(at("a\nbc", 3), (2, 2));
        assert_eq!(at("\ta", 1), (1, 9));
    }
}
