//! The pieces of a template as a tree.

use std::iter::Peekable;
use std::vec::IntoIter;

use serde_json::Value;

use super::TemplateError;
use super::function::Function;
use super::lex::{Piece, Token};

/// How deep blocks and parentheses nest: reading and filling recurse as deep.
const MAX_DEPTH: usize = 40;

#[derive(Debug, Clone)]
pub(super) enum Node {
    Text(String),
    Value(Pipe),
    If { condition: Pipe, then: Vec<Node>, otherwise: Vec<Node> },
    With { value: Pipe, then: Vec<Node>, otherwise: Vec<Node> },
    Range { over: Pipe, each: Vec<Node>, otherwise: Vec<Node> },
    Break,
    Continue,
}

#[derive(Debug, Clone)]
pub(super) struct Pipe {
    pub(super) line: usize,
    /// The variables that take the value; two only in `range $key, $value := …`.
    pub(super) variables: Vec<String>,
    /// `=` rather than `:=`.
    pub(super) assigns: bool,
    pub(super) commands: Vec<Command>,
}

#[derive(Debug, Clone)]
pub(super) enum Command {
    Call(Function, Vec<Operand>),
    Value(Operand),
}

#[derive(Debug, Clone)]
pub(super) enum Operand {
    Field(Vec<String>),
    Variable(String, Vec<String>),
    Literal(Value),
    Group(Box<Pipe>, Vec<String>),
}

pub(super) fn parse(pieces: Vec<Piece>) -> Result<Vec<Node>, TemplateError> {
    let mut parser = Parser { pieces: pieces.into_iter(), depth: 0, ranges: 0 };
    let (nodes, end) = parser.list()?;
    match end {
        Stop::Source => Ok(nodes),
        Stop::End(line) => Err(TemplateError::new(line, "{{ end }} closes nothing; remove it")),
        Stop::Else(line, _) => Err(TemplateError::new(line, "{{ else }} belongs to no if, with or range; remove it")),
    }
}

struct Parser {
    pieces: IntoIter<Piece>,
    depth: usize,
    ranges: usize,
}

/// What ended a list of nodes.
enum Stop {
    Source,
    End(usize),
    /// With the tokens after `else`.
    Else(usize, Vec<Token>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    If,
    With,
    Range,
}

impl Parser {
    fn list(&mut self) -> Result<(Vec<Node>, Stop), TemplateError> {
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let (line, mut tokens) = match piece {
                Piece::Text(text) => {
                    nodes.push(Node::Text(text));
                    continue;
                }
                Piece::Action { line, tokens } => (line, tokens),
            };
            let keyword = match tokens.first() {
                Some(Token::Word(word)) => word.clone(),
                _ => String::new(),
            };
            match keyword.as_str() {
                "if" | "with" | "range" => {
                    tokens.remove(0);
                    let block = block_of(&keyword);
                    nodes.push(self.block(block, line, tokens)?);
                }
                "end" => return Ok((nodes, Stop::End(line))),
                "else" => {
                    tokens.remove(0);
                    return Ok((nodes, Stop::Else(line, tokens)));
                }
                "break" | "continue" => {
                    if self.ranges == 0 {
                        return Err(TemplateError::new(
                            line,
                            format!("{{{{ {keyword} }}}} stands outside of a range; remove it"),
                        ));
                    }
                    nodes.push(if keyword == "break" { Node::Break } else { Node::Continue });
                }
                "define" | "template" | "block" => {
                    return Err(TemplateError::new(
                        line,
                        format!("{keyword} isn't supported; write its content where it is used"),
                    ));
                }
                _ => nodes.push(Node::Value(pipe(line, tokens, 1)?)),
            }
        }
        Ok((nodes, Stop::Source))
    }

    fn block(&mut self, block: Block, line: usize, tokens: Vec<Token>) -> Result<Node, TemplateError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(TemplateError::new(
                line,
                format!("blocks nest deeper than {MAX_DEPTH}; write fewer of them into one another"),
            ));
        }
        let head = pipe(line, tokens, if block == Block::Range { 2 } else { 1 })?;
        self.ranges += usize::from(block == Block::Range);
        let (then, end) = self.list()?;
        self.ranges -= usize::from(block == Block::Range);
        let otherwise = match end {
            Stop::End(_) => Vec::new(),
            Stop::Source => return Err(unclosed(line)),
            Stop::Else(_, tokens) if tokens.is_empty() => match self.list()? {
                (nodes, Stop::End(_)) => nodes,
                (_, Stop::Source) => return Err(unclosed(line)),
                (_, Stop::Else(line, _)) => return Err(TemplateError::new(line, "a second {{ else }}; remove one of the two")),
            },
            // Shares its `end` with the block that it continues.
            Stop::Else(line, mut tokens) => match tokens.remove(0) {
                Token::Word(word) if word == "if" || word == "with" => vec![self.block(block_of(&word), line, tokens)?],
                _ => return Err(TemplateError::new(line, "after else comes nothing, if or with")),
            },
        };
        self.depth -= 1;
        Ok(match block {
            Block::If => Node::If { condition: head, then, otherwise },
            Block::With => Node::With { value: head, then, otherwise },
            Block::Range => Node::Range { over: head, each: then, otherwise },
        })
    }
}

fn block_of(keyword: &str) -> Block {
    match keyword {
        "if" => Block::If,
        "with" => Block::With,
        _ => Block::Range,
    }
}

fn unclosed(line: usize) -> TemplateError {
    TemplateError::new(line, "this block isn't closed; write {{ end }} after it")
}

type Tokens = Peekable<IntoIter<Token>>;

fn pipe(line: usize, tokens: Vec<Token>, most_variables: usize) -> Result<Pipe, TemplateError> {
    let (variables, assigns, rest) = declaration(tokens);
    if variables.len() > most_variables {
        return Err(TemplateError::new(line, "two variables are for range alone: {{ range $index, $element := … }}"));
    }
    let mut tokens = rest.into_iter().peekable();
    let commands = commands(line, &mut tokens, 0)?;
    match tokens.next() {
        None => Ok(Pipe { line, variables, assigns, commands }),
        Some(Token::Close(_)) => Err(TemplateError::new(line, "a ) without its (; remove it")),
        Some(_) => Err(TemplateError::new(line, "a variable takes its value at the start alone: {{ $name := … }}")),
    }
}

/// `$a :=`, `$a =` or `$a, $b :=` at the start.
fn declaration(mut tokens: Vec<Token>) -> (Vec<String>, bool, Vec<Token>) {
    let variable = |token: &Token| match token {
        Token::Variable(name, fields) if fields.is_empty() => Some(name.clone()),
        _ => None,
    };
    let count = if matches!(tokens.get(1), Some(Token::Comma)) { 2 } else { 1 };
    let assigns = match tokens.get(2 * count - 1) {
        Some(Token::Declare) => false,
        Some(Token::Assign) => true,
        _ => return (Vec::new(), false, tokens),
    };
    let names: Option<Vec<String>> = tokens.iter().step_by(2).take(count).map(variable).collect();
    match names {
        Some(names) => {
            let rest = tokens.split_off(2 * count);
            (names, assigns, rest)
        }
        None => (Vec::new(), false, tokens),
    }
}

/// Commands until the end or a `)`, which stays.
fn commands(line: usize, tokens: &mut Tokens, depth: usize) -> Result<Vec<Command>, TemplateError> {
    if depth > MAX_DEPTH {
        return Err(TemplateError::new(line, format!("parentheses nest deeper than {MAX_DEPTH}; use variables")));
    }
    let mut commands = Vec::new();
    loop {
        let command = command(line, tokens, depth)?;
        if !commands.is_empty() && matches!(command, Command::Value(_)) {
            return Err(TemplateError::new(line, "after | comes a function, such as printf"));
        }
        commands.push(command);
        if tokens.next_if(|token| *token == Token::Pipe).is_none() {
            return Ok(commands);
        }
    }
}

fn command(line: usize, tokens: &mut Tokens, depth: usize) -> Result<Command, TemplateError> {
    let function = match tokens.peek() {
        Some(Token::Word(word)) if !matches!(word.as_str(), "true" | "false" | "nil") => {
            let function = Function::named(word).ok_or_else(|| {
                TemplateError::new(
                    line,
                    format!(
                        "there is no function {word:?}; a value starts with a dot (.{word}), functions are {}",
                        Function::NAMES
                    ),
                )
            })?;
            tokens.next();
            Some(function)
        }
        _ => None,
    };
    let mut operands = Vec::new();
    while let Some(operand) = operand(line, tokens, depth)? {
        operands.push(operand);
    }
    match function {
        Some(function) => Ok(Command::Call(function, operands)),
        None if operands.len() > 1 => {
            Err(TemplateError::new(line, "two values beside one another; write a function before them or a | between them"))
        }
        None => operands.pop().map(Command::Value).ok_or_else(|| TemplateError::new(line, "a value is missing")),
    }
}

fn operand(line: usize, tokens: &mut Tokens, depth: usize) -> Result<Option<Operand>, TemplateError> {
    let Some(token) =
        tokens.next_if(|token| !matches!(token, Token::Close(_) | Token::Pipe | Token::Declare | Token::Assign | Token::Comma))
    else {
        return Ok(None);
    };
    Ok(Some(match token {
        Token::Field(fields) => Operand::Field(fields),
        Token::Variable(name, fields) => Operand::Variable(name, fields),
        Token::Text(text) => Operand::Literal(Value::String(text)),
        Token::Integer(number) => Operand::Literal(number.into()),
        Token::Float(number) => Operand::Literal(number.into()),
        Token::Word(word) => match word.as_str() {
            "true" => Operand::Literal(Value::Bool(true)),
            "false" => Operand::Literal(Value::Bool(false)),
            "nil" => Operand::Literal(Value::Null),
            _ => {
                let function = Function::named(&word)
                    .ok_or_else(|| TemplateError::new(line, format!("{word:?} is neither a value (.{word}) nor a function")))?;
                let call = Command::Call(function, Vec::new());
                Operand::Group(Box::new(Pipe { line, variables: Vec::new(), assigns: false, commands: vec![call] }), Vec::new())
            }
        },
        Token::Open => {
            let commands = commands(line, tokens, depth + 1)?;
            match tokens.next() {
                Some(Token::Close(fields)) => {
                    Operand::Group(Box::new(Pipe { line, variables: Vec::new(), assigns: false, commands }), fields)
                }
                _ => return Err(TemplateError::new(line, "a ( isn't closed; write ) after it")),
            }
        }
        Token::Close(_) | Token::Pipe | Token::Declare | Token::Assign | Token::Comma => return Ok(None),
    }))
}
