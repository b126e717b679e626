//! Where in HTML a value stands, and its escaping for that place, as Go's `html/template` does it.
//!
//! The place is followed along the template's own text while it is filled. Values never change it: they are escaped
//! so that they stay where they were put.

/// What stands for a value that is not safe where it stands; the word by which users of Go know it.
const REFUSED: &str = "ZgotmplZ";

#[derive(Debug, Default)]
pub(super) struct Place {
    state: State,
    /// The element whose tag was opened last.
    element: String,
    closing: bool,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Text,
    /// After `<`, `</` and `<!`; the latter with the number of dashes.
    Open,
    OpenClosing,
    OpenSpecial(u8),
    /// With the dashes before, of which two and a `>` end it; and whether it just began.
    Comment {
        dashes: u8,
        first: bool,
    },
    /// A doctype, an instruction, or a mail client's condition: until `>`.
    Special,
    TagName,
    BeforeName,
    Name(String),
    AfterName(Attribute),
    BeforeValue(Attribute),
    Value(Value),
    /// The content of script, style, title or textarea, with the last characters.
    Raw {
        tail: String,
    },
}

#[derive(Debug)]
struct Value {
    attribute: Attribute,
    quote: Option<char>,
    started: bool,
    /// After `?` or `#` of the template's own text.
    query: bool,
    tail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attribute {
    Plain,
    Url,
    Style,
    Script,
    /// `srcdoc`, which is HTML in itself.
    Document,
}

/// Enough for `</textarea` and for `url("`.
const TAIL: usize = 10;

impl Place {
    pub(super) fn literal(&mut self, text: &str) {
        for c in text.chars() {
            self.character(c);
        }
    }

    fn character(&mut self, c: char) {
        let state = std::mem::take(&mut self.state);
        self.state = match state {
            State::Text if c == '<' => State::Open,
            State::Text => State::Text,
            State::Open => match c {
                '/' => State::OpenClosing,
                '!' => State::OpenSpecial(0),
                '?' => State::Special,
                '<' => State::Open,
                c if c.is_ascii_alphabetic() => self.tag(c, false),
                _ => State::Text,
            },
            State::OpenClosing if c.is_ascii_alphabetic() => self.tag(c, true),
            State::OpenClosing if c == '>' => State::Text,
            State::OpenClosing => State::Special,
            State::OpenSpecial(0) if c == '-' => State::OpenSpecial(1),
            State::OpenSpecial(1) if c == '-' => State::Comment { dashes: 2, first: true },
            State::OpenSpecial(_) => special(c),
            State::Comment { first: true, .. } if c == '[' => State::Special,
            State::Comment { dashes, .. } => match c {
                '>' if dashes >= 2 => State::Text,
                '-' => State::Comment { dashes: dashes.saturating_add(1), first: false },
                _ => State::Comment { dashes: 0, first: false },
            },
            State::Special => special(c),
            State::TagName => match c {
                '>' => self.tag_end(),
                '/' => State::BeforeName,
                c if c.is_ascii_whitespace() => State::BeforeName,
                c => {
                    self.element.push(c.to_ascii_lowercase());
                    State::TagName
                }
            },
            State::BeforeName => match c {
                '>' => self.tag_end(),
                '/' => State::BeforeName,
                c if c.is_ascii_whitespace() => State::BeforeName,
                c => State::Name(c.to_lowercase().to_string()),
            },
            State::Name(mut name) => match c {
                '>' => self.tag_end(),
                '/' => State::BeforeName,
                '=' => State::BeforeValue(attribute(&name)),
                c if c.is_ascii_whitespace() => State::AfterName(attribute(&name)),
                c => {
                    name.extend(c.to_lowercase());
                    State::Name(name)
                }
            },
            State::AfterName(attribute) => match c {
                '=' => State::BeforeValue(attribute),
                '>' => self.tag_end(),
                '/' => State::BeforeName,
                c if c.is_ascii_whitespace() => State::AfterName(attribute),
                c => State::Name(c.to_lowercase().to_string()),
            },
            State::BeforeValue(attribute) => match c {
                '"' | '\'' => State::Value(Value::new(attribute, Some(c))),
                '>' => self.tag_end(),
                c if c.is_ascii_whitespace() => State::BeforeValue(attribute),
                c => State::Value(Value::new(attribute, None).literal(c)),
            },
            State::Value(value) => match (value.quote, c) {
                (Some(quote), c) if c == quote => State::BeforeName,
                (None, '>') => self.tag_end(),
                (None, c) if c.is_ascii_whitespace() => State::BeforeName,
                _ => State::Value(value.literal(c)),
            },
            State::Raw { mut tail } => {
                push_tail(&mut tail, c);
                let ended = tail.rsplit_once("</").is_some_and(|(_, name)| name == self.element);
                if ended {
                    self.closing = true;
                    State::TagName
                } else {
                    State::Raw { tail }
                }
            }
        };
    }

    fn tag(&mut self, first: char, closing: bool) -> State {
        self.element = first.to_ascii_lowercase().to_string();
        self.closing = closing;
        State::TagName
    }

    fn tag_end(&self) -> State {
        match self.element.as_str() {
            "script" | "style" | "title" | "textarea" if !self.closing => State::Raw { tail: String::new() },
            _ => State::Text,
        }
    }

    /// Writes a value where the text stands. `encoded` says that it is percent-encoded for a query already.
    pub(super) fn value(&mut self, value: &str, encoded: bool, into: &mut String) {
        let state = std::mem::take(&mut self.state);
        self.state = match state {
            State::Text | State::Comment { .. } | State::Special => {
                into.push_str(&escape(value));
                state
            }
            State::Raw { mut tail } => {
                let written = match self.element.as_str() {
                    "script" => escape_script(value),
                    "style" => style(value, &tail, encoded),
                    _ => escape(value),
                };
                push_tails(&mut tail, &written);
                into.push_str(&written);
                State::Raw { tail }
            }
            // A name of a tag is never a value's to choose.
            State::Open | State::OpenClosing | State::OpenSpecial(_) => {
                into.push_str(REFUSED);
                REFUSED.to_ascii_lowercase().clone_into(&mut self.element);
                State::TagName
            }
            State::TagName => {
                into.push_str(REFUSED);
                self.element.push_str(REFUSED);
                State::TagName
            }
            State::BeforeName | State::AfterName(_) => {
                let name = attribute_name(value, "");
                into.push_str(name);
                State::Name(name.to_lowercase())
            }
            State::Name(before) => {
                let name = attribute_name(value, &before);
                into.push_str(name);
                State::Name(before + &name.to_lowercase())
            }
            State::BeforeValue(attribute) => State::Value(Value::new(attribute, None).value(value, encoded, into)),
            State::Value(place) => State::Value(place.value(value, encoded, into)),
        };
    }
}

impl Value {
    fn new(attribute: Attribute, quote: Option<char>) -> Self {
        Self { attribute, quote, started: false, query: false, tail: String::new() }
    }

    fn literal(mut self, c: char) -> Self {
        self.started |= !c.is_ascii_whitespace();
        self.query |= matches!(c, '?' | '#');
        push_tail(&mut self.tail, c);
        self
    }

    fn value(mut self, value: &str, encoded: bool, into: &mut String) -> Self {
        let safe = match self.attribute {
            Attribute::Plain => value.to_owned(),
            Attribute::Script => escape_script(value),
            Attribute::Style => style(value, &self.tail, encoded),
            Attribute::Document => escape(value),
            Attribute::Url if self.query && !encoded => percent_encode(value, false),
            Attribute::Url if !self.started && !has_safe_scheme(value) => format!("#{REFUSED}"),
            Attribute::Url => percent_encode(value, true),
        };
        let mut written = escape(&safe);
        if self.quote.is_none() {
            written = if written.is_empty() { REFUSED.to_owned() } else { escape_unquoted(&written) };
        }
        self.started |= !value.is_empty();
        push_tails(&mut self.tail, &written);
        into.push_str(&written);
        self
    }
}

fn special(c: char) -> State {
    if c == '>' { State::Text } else { State::Special }
}

fn push_tail(tail: &mut String, c: char) {
    if tail.chars().count() >= TAIL {
        tail.remove(0);
    }
    tail.push(c.to_ascii_lowercase());
}

fn push_tails(tail: &mut String, text: &str) {
    let skipped = text.chars().count().saturating_sub(TAIL);
    text.chars().skip(skipped).for_each(|c| push_tail(tail, c));
}

fn attribute(name: &str) -> Attribute {
    let (namespace, local) = name.split_once(':').unwrap_or(("", name));
    if namespace == "xmlns" {
        return Attribute::Url;
    }
    let local = local.strip_prefix("data-").unwrap_or(local);
    match local {
        "style" => Attribute::Style,
        "srcdoc" => Attribute::Document,
        "action" | "archive" | "background" | "cite" | "classid" | "codebase" | "data" | "formaction" | "href" | "icon"
        | "longdesc" | "manifest" | "ping" | "poster" | "profile" | "usemap" => Attribute::Url,
        _ if local.starts_with("on") => Attribute::Script,
        _ if local.contains("src") || local.contains("uri") || local.contains("url") => Attribute::Url,
        _ => Attribute::Plain,
    }
}

/// A value may name an attribute that means nothing but itself.
fn attribute_name<'v>(value: &'v str, before: &str) -> &'v str {
    let plain = !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let name = format!("{before}{value}").to_lowercase();
    if plain && attribute(&name) == Attribute::Plain { value } else { REFUSED }
}

pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            '+' => escaped.push_str("&#43;"),
            '\0' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// What would end a value without quotes, besides what [`escape`] covers.
fn escape_unquoted(escaped: &str) -> String {
    let mut text = String::with_capacity(escaped.len());
    for c in escaped.chars() {
        if c.is_whitespace() || matches!(c, '=' | '`') {
            text.push_str(&format!("&#{};", u32::from(c)));
        } else {
            text.push(c);
        }
    }
    text
}

/// Safe within a script's quotes and, unlike a value of JSON, outside of them too: nothing but words and escapes.
pub(super) fn escape_script(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut units = [0; 2];
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '.' | ',') {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut units) {
                escaped.push_str(&format!("\\u{unit:04X}"));
            }
        }
    }
    escaped
}

/// A value of a style: a word, a colour, a number; within `url(…)` an address.
fn style(value: &str, tail: &str, encoded: bool) -> String {
    let before = tail.trim_end_matches(['"', '\'', ' ']);
    if before.ends_with("url(") {
        return if has_safe_scheme(value) { percent_encode(value, true) } else { format!("#{REFUSED}") };
    }
    let lower = value.to_ascii_lowercase();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '#' | '.' | ',' | '%' | '-' | '_' | '!');
    if encoded
        || (value.chars().all(plain) && !lower.contains("expression") && !lower.contains("mozbinding") && !value.contains("--"))
    {
        value.to_owned()
    } else {
        REFUSED.to_owned()
    }
}

/// Relative, or of a scheme that runs nothing.
fn has_safe_scheme(url: &str) -> bool {
    match url.split_once(':') {
        Some((scheme, _)) if !scheme.contains(['/', '?', '#']) => {
            ["http", "https", "mailto"].iter().any(|safe| scheme.eq_ignore_ascii_case(safe))
        }
        _ => true,
    }
}

/// Percent-encodes what an address may not hold; with `whole` its own marks and what is encoded already stay.
fn percent_encode(text: &str, whole: bool) -> String {
    let bytes = text.as_bytes();
    let mut encoded = String::with_capacity(text.len());
    for (at, &byte) in bytes.iter().enumerate() {
        let digits = bytes.get(at + 1..at + 3).is_some_and(|next| next.iter().all(u8::is_ascii_hexdigit));
        let stays = match byte {
            b'-' | b'.' | b'_' | b'~' => true,
            b'%' => whole && digits,
            b'!' | b'#' | b'$' | b'&' | b'*' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'?' | b'@' | b'[' | b']' => whole,
            byte => byte.is_ascii_alphanumeric(),
        };
        if stays {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02x}"));
        }
    }
    encoded
}
