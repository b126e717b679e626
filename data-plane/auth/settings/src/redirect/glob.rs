//! Patterns of addresses: `*` and `?` stop at `.` and `/`, `**` does not; `[a-z]`, `[!a-z]`, `{one,two}`, `\` takes
//! the next character as it is. Alternatives are written out when a pattern is read, so that matching one never branches.

use thiserror::Error;

/// More alternatives than this in one pattern are a mistake, or an attempt to make matching slow.
const MAX_ALTERNATIVES: usize = 256;
const MAX_LENGTH: usize = 2048;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum GlobError {
    #[error("`[` has no `]`")]
    ClassNotClosed,
    #[error("`[…]` names no character, or a range that runs backwards")]
    ClassEmpty,
    #[error("`{{` has no `}}`")]
    AlternativesNotClosed,
    #[error("`\\` stands at the end")]
    EscapeAtEnd,
    #[error("it has more than {MAX_ALTERNATIVES} alternatives")]
    TooManyAlternatives,
    #[error("it is longer than {MAX_LENGTH} characters")]
    TooLong,
}

/// One pattern without alternatives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Glob {
    tokens: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Char(char),
    /// `?`
    One,
    /// `*`
    Run,
    /// `**`
    Any,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Token {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Char(own) => *own == c,
            Self::One | Self::Run => c != '.' && c != '/',
            Self::Any => true,
            Self::Class { negated, ranges } => ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *negated,
        }
    }
}

impl Glob {
    /// The pattern as globs, one for each of its alternatives.
    pub(super) fn parse(pattern: &str) -> Result<Vec<Self>, GlobError> {
        if pattern.len() > MAX_LENGTH {
            return Err(GlobError::TooLong);
        }
        Parser { rest: pattern.chars().peekable(), inside: 0 }.sequence()
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        // reached[i]: the tokens so far match the first i characters.
        let mut reached = vec![false; text.len() + 1];
        reached[0] = true;
        for token in &self.tokens {
            match token {
                Token::Run | Token::Any => {
                    for i in 0..text.len() {
                        reached[i + 1] |= reached[i] && token.takes(text[i]);
                    }
                }
                Token::Char(_) | Token::One | Token::Class { .. } => {
                    for i in (0..text.len()).rev() {
                        reached[i + 1] = reached[i] && token.takes(text[i]);
                    }
                    reached[0] = false;
                }
            }
        }
        reached[text.len()]
    }

    /// The part between `://` and the next `/`.
    pub(super) fn authority(&self) -> Option<Self> {
        let separator = [Token::Char(':'), Token::Char('/'), Token::Char('/')];
        let start = self.tokens.windows(3).position(|window| window == separator)? + 3;
        let tokens = self.tokens[start..].iter().take_while(|token| **token != Token::Char('/')).cloned().collect();
        Some(Self { tokens })
    }

    /// The host that this authority names without a wildcard.
    pub(super) fn literal_host(&self) -> Option<String> {
        let literal: String = self
            .tokens
            .iter()
            .map_while(|token| match token {
                Token::Char(c) => Some(*c),
                Token::One | Token::Run | Token::Any | Token::Class { .. } => None,
            })
            .collect();
        let whole = literal.chars().count() == self.tokens.len();
        let end = match literal.find(']') {
            Some(bracket) if literal.starts_with('[') => Some(bracket + 1),
            _ => literal.find(':'),
        };
        match end {
            Some(end) => Some(literal[..end].to_owned()),
            None => whole.then_some(literal),
        }
    }
}

struct Parser<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    /// How many `{` are open.
    inside: usize,
}

impl Parser<'_> {
    /// Up to the end, or up to the `,` or `}` that ends an alternative.
    fn sequence(&mut self) -> Result<Vec<Glob>, GlobError> {
        let mut globs = vec![Glob::default()];
        while let Some(&c) = self.rest.peek() {
            if self.inside > 0 && (c == ',' || c == '}') {
                break;
            }
            self.rest.next();
            let token = match c {
                '{' => {
                    globs = product(&globs, &self.alternatives()?)?;
                    continue;
                }
                '*' if self.rest.peek() == Some(&'*') => {
                    while self.rest.next_if_eq(&'*').is_some() {}
                    Token::Any
                }
                '*' => Token::Run,
                '?' => Token::One,
                '[' => self.class()?,
                '\\' => Token::Char(self.rest.next().ok_or(GlobError::EscapeAtEnd)?),
                other => Token::Char(other),
            };
            for glob in &mut globs {
                glob.tokens.push(token.clone());
            }
        }
        Ok(globs)
    }

    fn alternatives(&mut self) -> Result<Vec<Glob>, GlobError> {
        self.inside += 1;
        let mut all = Vec::new();
        loop {
            all.append(&mut self.sequence()?);
            if all.len() > MAX_ALTERNATIVES {
                return Err(GlobError::TooManyAlternatives);
            }
            match self.rest.next() {
                Some(',') => {}
                Some(_) => break,
                None => return Err(GlobError::AlternativesNotClosed),
            }
        }
        self.inside -= 1;
        Ok(all)
    }

    fn class(&mut self) -> Result<Token, GlobError> {
        let negated = self.rest.next_if_eq(&'!').is_some();
        let mut ranges = Vec::new();
        loop {
            let from = match self.rest.next().ok_or(GlobError::ClassNotClosed)? {
                ']' => break,
                '\\' => self.rest.next().ok_or(GlobError::EscapeAtEnd)?,
                other => other,
            };
            let to = match self.rest.next_if_eq(&'-') {
                None => from,
                Some(_) => match self.rest.next().ok_or(GlobError::ClassNotClosed)? {
                    ']' => {
                        ranges.extend([(from, from), ('-', '-')]);
                        break;
                    }
                    other => other,
                },
            };
            if to < from {
                return Err(GlobError::ClassEmpty);
            }
            ranges.push((from, to));
        }
        if ranges.is_empty() { Err(GlobError::ClassEmpty) } else { Ok(Token::Class { negated, ranges }) }
    }
}

fn product(left: &[Glob], right: &[Glob]) -> Result<Vec<Glob>, GlobError> {
    if left.len() * right.len() > MAX_ALTERNATIVES {
        return Err(GlobError::TooManyAlternatives);
    }
    Ok(left
        .iter()
        .flat_map(|l| right.iter().map(|r| Glob { tokens: l.tokens.iter().chain(&r.tokens).cloned().collect() }))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Glob::parse(pattern).unwrap().iter().any(|glob| glob.matches(text))
    }

    #[test]
    fn wildcards_stop_where_they_should() {
        let cases = [
            ("a*c", "abbbc", true),
            ("a*c", "ac", true),
            ("a*c", "ab.c", false),
            ("a*c", "ab/c", false),
            ("a**c", "ab./c", true),
            ("a***c", "ab./c", true),
            ("a?c", "abc", true),
            ("a?c", "a.c", false),
            ("a?c", "ac", false),
            ("a[bd]c", "adc", true),
            ("a[b-d]c", "aec", false),
            ("a[b-d]c", "acc", true),
            ("a[!b-d]c", "aec", true),
            ("a[!b-d]c", "abc", false),
            ("a[b-]c", "a-c", true),
            ("a{b,c?}d", "acxd", true),
            ("a{b,c?}d", "acd", false),
            ("a{b,{c,d}e}f", "adef", true),
            ("a{,b}c", "ac", true),
            (r"a\*c", "a*c", true),
            (r"a\*c", "abc", false),
            ("a,b}", "a,b}", true),
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("ü*", "üß", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_said() {
        let wide = "{a,b}".repeat(9);
        let cases = [
            ("a[bc", GlobError::ClassNotClosed),
            ("a[]", GlobError::ClassEmpty),
            ("a[d-b]", GlobError::ClassEmpty),
            ("a{b,c", GlobError::AlternativesNotClosed),
            (r"a\", GlobError::EscapeAtEnd),
            (wide.as_str(), GlobError::TooManyAlternatives),
        ];
        for (pattern, expected) in cases {
            assert_eq!(Glob::parse(pattern), Err(expected), "{pattern}");
        }
        assert_eq!(Glob::parse(&"a".repeat(MAX_LENGTH + 1)), Err(GlobError::TooLong));
    }

    #[test]
    fn many_wildcards_take_no_time() {
        assert!(!matches(&"*a".repeat(500), &"a".repeat(499)));
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_makes_it_panic(pattern in r"[a\[\]{},*?!\\./-]{0,40}", text in "[a./:]{0,20}") {
            if let Ok(globs) = Glob::parse(&pattern) {
                for glob in globs {
                    glob.matches(&text);
                }
            }
        }
    }
}
