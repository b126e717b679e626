//! The source of a template as pieces: text, and actions as tokens.

use super::TemplateError;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Action { line: usize, tokens: Vec<Token> },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// `.a.b`; none for `.` alone.
    Field(Vec<String>),
    /// `$name.a.b`, with the dollar sign.
    Variable(String, Vec<String>),
    Word(String),
    Text(String),
    Integer(i64),
    Float(f64),
    Open,
    /// `)`, and the fields that follow at once.
    Close(Vec<String>),
    Pipe,
    Declare,
    Assign,
    Comma,
}

pub(super) fn lex(source: &str) -> Result<Vec<Piece>, TemplateError> {
    let mut pieces = Vec::new();
    let mut at = Cursor { rest: source, line: 1 };
    let mut trim_start = false;
    loop {
        let start = at.rest.find("{{");
        let mut text = at.take(start.unwrap_or(at.rest.len()));
        if trim_start {
            text = text.trim_start();
        }
        if start.is_none() {
            push_text(&mut pieces, text);
            return Ok(pieces);
        }
        let line = at.line;
        at.take(2);
        if at.rest.starts_with('-') && at.rest[1..].starts_with([' ', '\t', '\r', '\n']) {
            at.take(1);
            text = text.trim_end();
        }
        push_text(&mut pieces, text);
        let tokens = if at.rest.trim_start().starts_with("/*") {
            at.skip_spaces();
            let Some(end) = at.rest.find("*/") else {
                return Err(TemplateError::new(line, "a comment isn't closed; write {{/* … */}}"));
            };
            at.take(end + 2);
            None
        } else {
            Some(Vec::new())
        };
        let (tokens, trim) = action(&mut at, tokens, line)?;
        trim_start = trim;
        if let Some(tokens) = tokens {
            if tokens.is_empty() {
                return Err(TemplateError::new(line, "an action is empty; write a value such as {{ .ConfirmationURL }}"));
            }
            pieces.push(Piece::Action { line, tokens });
        }
    }
}

/// The tokens until `}}`, and whether the text after it loses its leading spaces. Without tokens: a comment's end.
fn action(at: &mut Cursor<'_>, mut tokens: Option<Vec<Token>>, line: usize) -> Result<(Option<Vec<Token>>, bool), TemplateError> {
    loop {
        let spaced = at.skip_spaces();
        if at.rest.starts_with("}}") {
            at.take(2);
            return Ok((tokens, false));
        }
        if spaced && at.rest.starts_with("-}}") {
            at.take(3);
            return Ok((tokens, true));
        }
        if at.rest.is_empty() {
            return Err(TemplateError::new(line, "an action isn't closed; write }} after it"));
        }
        match &mut tokens {
            Some(tokens) => tokens.push(token(at)?),
            None => return Err(TemplateError::new(line, "a comment stands alone; write {{/* … */}} with nothing beside it")),
        }
    }
}

fn token(at: &mut Cursor<'_>) -> Result<Token, TemplateError> {
    let line = at.line;
    let first = at.rest.chars().next().unwrap_or(' ');
    let second = at.rest[first.len_utf8()..].chars().next().unwrap_or(' ');
    Ok(match first {
        '(' => at.one(Token::Open),
        ')' => {
            at.take(1);
            Token::Close(if at.rest.starts_with('.') { fields(at) } else { Vec::new() })
        }
        '|' => at.one(Token::Pipe),
        ',' => at.one(Token::Comma),
        '=' => at.one(Token::Assign),
        ':' if second == '=' => {
            at.take(2);
            Token::Declare
        }
        '$' => {
            at.take(1);
            let name = format!("${}", at.word());
            Token::Variable(name, fields(at))
        }
        '"' | '`' => Token::Text(string(at, first)?),
        '\'' => character(at)?,
        '.' if !second.is_ascii_digit() => {
            let fields = fields(at);
            if fields.is_empty() {
                at.take(1);
            }
            Token::Field(fields)
        }
        _ if first.is_ascii_digit() || (matches!(first, '+' | '-' | '.') && (second.is_ascii_digit() || second == '.')) => {
            number(at)?
        }
        _ if first.is_alphabetic() || first == '_' => Token::Word(at.word().to_owned()),
        _ => return Err(TemplateError::new(line, format!("the character {first:?} has no meaning here; remove it or quote it"))),
    })
}

/// `.a.b`, as far as names follow the dots.
fn fields(at: &mut Cursor<'_>) -> Vec<String> {
    let mut fields = Vec::new();
    while at.rest.starts_with('.') && at.rest[1..].starts_with(|c: char| c.is_alphabetic() || c == '_') {
        at.take(1);
        fields.push(at.word().to_owned());
    }
    fields
}

fn string(at: &mut Cursor<'_>, quote: char) -> Result<String, TemplateError> {
    let line = at.line;
    at.take(1);
    let mut escaped = false;
    let end = at.rest.char_indices().find(|&(_, c)| {
        let ends = c == quote && !escaped;
        escaped = quote == '"' && c == '\\' && !escaped;
        ends
    });
    let Some((end, _)) = end else {
        return Err(TemplateError::new(line, format!("a text isn't closed; write {quote} at its end")));
    };
    let raw = at.take(end).to_owned();
    at.take(1);
    if quote == '`' {
        return Ok(raw);
    }
    if raw.contains('\n') {
        return Err(TemplateError::new(line, "a text in double quotes ends on its line; use `…` for more lines"));
    }
    unescape(&raw).ok_or_else(|| TemplateError::new(line, "an escape in a text is unknown; use \\\" \\\\ \\n \\t or \\u0041"))
}

fn unescape(raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        let digits = match chars.next()? {
            'n' => {
                text.push('\n');
                continue;
            }
            't' => {
                text.push('\t');
                continue;
            }
            'r' => {
                text.push('\r');
                continue;
            }
            c @ ('"' | '\\' | '\'') => {
                text.push(c);
                continue;
            }
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => return None,
        };
        let code: String = chars.by_ref().take(digits).collect();
        if code.len() != digits {
            return None;
        }
        text.push(char::from_u32(u32::from_str_radix(&code, 16).ok()?)?);
    }
    Some(text)
}

/// `'a'`: a character is its number.
fn character(at: &mut Cursor<'_>) -> Result<Token, TemplateError> {
    let line = at.line;
    let text = string(at, '\'')?;
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Ok(Token::Integer(i64::from(u32::from(c)))),
        _ => Err(TemplateError::new(line, "single quotes hold one character; use double quotes for a text")),
    }
}

fn number(at: &mut Cursor<'_>) -> Result<Token, TemplateError> {
    let line = at.line;
    let end =
        at.rest[1..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_')).map_or(at.rest.len(), |end| end + 1);
    let raw = at.take(end);
    let digits = raw.replace('_', "");
    let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    hex.map_or_else(|| digits.parse().ok(), |hex| i64::from_str_radix(hex, 16).ok())
        .map(Token::Integer)
        .or_else(|| digits.parse().ok().filter(|float: &f64| float.is_finite()).map(Token::Float))
        .ok_or_else(|| TemplateError::new(line, format!("{raw:?} is no number")))
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

struct Cursor<'s> {
    rest: &'s str,
    line: usize,
}

impl<'s> Cursor<'s> {
    fn take(&mut self, bytes: usize) -> &'s str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    fn one(&mut self, token: Token) -> Token {
        self.take(1);
        token
    }

    fn skip_spaces(&mut self) -> bool {
        let spaces = self.rest.len() - self.rest.trim_start().len();
        self.take(spaces);
        spaces > 0
    }

    fn word(&mut self) -> &'s str {
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(self.rest.len());
        self.take(end)
    }
}
