//! Fills a template, within bounds.

#![expect(clippy::ptr_arg, reason = "a clone of what is borrowed from the data costs nothing, of a value everything")]

use std::borrow::Cow;

use serde_json::Value;

use super::function::{Function, is_true, kind, member, written};
use super::html::Place;
use super::parse::{Command, Node, Operand, Pipe};
use super::{Output, TemplateError};

/// Nodes and calls, and the bytes that they make.
const MAX_STEPS: usize = 100_000;
const MAX_BYTES: usize = 2 * 1024 * 1024;

pub(super) fn run(nodes: &[Node], data: &Value, output: Output) -> Result<String, TemplateError> {
    let data = Cow::Borrowed(data);
    let mut run = Run {
        variables: vec![("$".to_owned(), data.clone())],
        place: Place::default(),
        text: String::new(),
        output,
        steps: 0,
        bytes: 0,
        line: 1,
    };
    run.list(nodes, &data)?;
    Ok(run.text)
}

struct Run<'a> {
    variables: Vec<(String, Cow<'a, Value>)>,
    place: Place,
    text: String,
    output: Output,
    steps: usize,
    bytes: usize,
    line: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Node,
    Break,
    Continue,
}

impl<'a> Run<'a> {
    fn list(&mut self, nodes: &'a [Node], dot: &Cow<'a, Value>) -> Result<Next, TemplateError> {
        let variables = self.variables.len();
        for node in nodes {
            let next = self.node(node, dot)?;
            if next != Next::Node {
                self.variables.truncate(variables);
                return Ok(next);
            }
        }
        self.variables.truncate(variables);
        Ok(Next::Node)
    }

    fn node(&mut self, node: &'a Node, dot: &Cow<'a, Value>) -> Result<Next, TemplateError> {
        match node {
            Node::Text(text) => {
                self.spend(text.len())?;
                if self.output == Output::Html {
                    self.place.literal(text);
                }
                self.text.push_str(text);
            }
            Node::Value(pipe) => {
                let value = self.pipe(pipe, dot)?;
                if pipe.variables.is_empty() {
                    self.write(pipe, &value)?;
                } else {
                    self.set(pipe, 0, value)?;
                }
            }
            Node::If { condition, then, otherwise } => {
                return self.scoped(
                    condition,
                    dot,
                    |run, value| {
                        if is_true(&value) { run.list(then, dot) } else { run.list(otherwise, dot) }
                    },
                );
            }
            Node::With { value, then, otherwise } => {
                return self.scoped(
                    value,
                    dot,
                    |run, value| {
                        if is_true(&value) { run.list(then, &value) } else { run.list(otherwise, dot) }
                    },
                );
            }
            Node::Range { over, each, otherwise } => {
                let variables = self.variables.len();
                let value = self.pipe(over, dot)?;
                let next = self.range(over, value, each, otherwise, dot);
                self.variables.truncate(variables);
                return next;
            }
            Node::Break => return Ok(Next::Break),
            Node::Continue => return Ok(Next::Continue),
        }
        Ok(Next::Node)
    }

    /// Variables that the head of a block declares live as long as the block.
    fn scoped(
        &mut self,
        head: &'a Pipe,
        dot: &Cow<'a, Value>,
        block: impl FnOnce(&mut Self, Cow<'a, Value>) -> Result<Next, TemplateError>,
    ) -> Result<Next, TemplateError> {
        let variables = self.variables.len();
        let value = self.pipe(head, dot)?;
        if !head.variables.is_empty() {
            self.set(head, 0, value.clone())?;
        }
        let next = block(self, value);
        self.variables.truncate(variables);
        next
    }

    fn range(
        &mut self,
        head: &'a Pipe,
        value: Cow<'a, Value>,
        each: &'a [Node],
        otherwise: &'a [Node],
        dot: &Cow<'a, Value>,
    ) -> Result<Next, TemplateError> {
        let elements: Box<dyn Iterator<Item = (Value, Cow<'a, Value>)> + 'a> = match value {
            Cow::Borrowed(Value::Array(list)) => {
                Box::new(list.iter().enumerate().map(|(at, element)| (at.into(), Cow::Borrowed(element))))
            }
            Cow::Owned(Value::Array(list)) => {
                Box::new(list.into_iter().enumerate().map(|(at, element)| (at.into(), Cow::Owned(element))))
            }
            Cow::Borrowed(Value::Object(map)) => {
                let mut members: Vec<_> = map.iter().collect();
                members.sort_by_key(|(key, _)| key.as_str());
                Box::new(members.into_iter().map(|(key, element)| (key.clone().into(), Cow::Borrowed(element))))
            }
            Cow::Owned(Value::Object(map)) => {
                let mut members: Vec<_> = map.into_iter().collect();
                members.sort_by(|(a, _), (b, _)| a.cmp(b));
                Box::new(members.into_iter().map(|(key, element)| (key.into(), Cow::Owned(element))))
            }
            ref number if number.is_number() => {
                let count = number.as_i64().unwrap_or(0);
                Box::new((0..count).map(|at| (at.into(), Cow::Owned(at.into()))))
            }
            ref nothing if nothing.is_null() => Box::new(std::iter::empty()),
            other => return Err(wrong(head, format!("range goes over a list or a map, not over {}", kind(&other)))),
        };
        let mut elements = elements.peekable();
        if elements.peek().is_none() {
            return self.list(otherwise, dot);
        }
        let variables = self.variables.len();
        for (key, element) in elements {
            self.spend(0)?;
            match head.variables.len() {
                0 => {}
                1 => self.set(head, 0, element.clone())?,
                _ => {
                    self.set(head, 0, Cow::Owned(key))?;
                    self.set(head, 1, element.clone())?;
                }
            }
            let next = self.list(each, &element)?;
            self.variables.truncate(variables);
            if next == Next::Break {
                break;
            }
        }
        Ok(Next::Node)
    }

    fn set(&mut self, pipe: &Pipe, at: usize, value: Cow<'a, Value>) -> Result<(), TemplateError> {
        let name = &pipe.variables[at];
        if !pipe.assigns {
            self.variables.push((name.clone(), value));
            return Ok(());
        }
        match self.variables.iter_mut().rev().find(|(known, _)| known == name) {
            Some((_, old)) => {
                *old = value;
                Ok(())
            }
            None => Err(wrong(pipe, format!("the variable {name} isn't declared; write {name} := …"))),
        }
    }

    fn pipe(&mut self, pipe: &'a Pipe, dot: &Cow<'a, Value>) -> Result<Cow<'a, Value>, TemplateError> {
        let mut value = None;
        self.line = pipe.line;
        for command in &pipe.commands {
            value = Some(match command {
                Command::Value(operand) => self.operand(pipe, operand, dot)?,
                Command::Call(function, operands) => self.call(pipe, *function, operands, value, dot)?,
            });
        }
        Ok(value.unwrap_or(Cow::Owned(Value::Null)))
    }

    fn call(
        &mut self,
        pipe: &'a Pipe,
        function: Function,
        operands: &'a [Operand],
        piped: Option<Cow<'a, Value>>,
        dot: &Cow<'a, Value>,
    ) -> Result<Cow<'a, Value>, TemplateError> {
        self.spend(0)?;
        let mut arguments = Vec::with_capacity(operands.len() + 1);
        for operand in operands {
            let value = self.operand(pipe, operand, dot)?;
            let decides = match function {
                Function::And => !is_true(&value),
                Function::Or => is_true(&value),
                _ => false,
            };
            if decides {
                return Ok(value);
            }
            arguments.push(value);
        }
        arguments.extend(piped);
        let value = function.call(arguments, self.output).map_err(|problem| wrong(pipe, problem))?;
        if let Cow::Owned(made) = &value {
            self.spend(size(made))?;
        }
        Ok(value)
    }

    fn operand(&mut self, pipe: &'a Pipe, operand: &'a Operand, dot: &Cow<'a, Value>) -> Result<Cow<'a, Value>, TemplateError> {
        self.spend(0)?;
        match operand {
            Operand::Literal(value) => Ok(Cow::Borrowed(value)),
            Operand::Field(fields) => self.fields(pipe, dot.clone(), fields),
            Operand::Variable(name, fields) => {
                let value = self.variables.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone());
                match value {
                    Some(value) => self.fields(pipe, value, fields),
                    None => Err(wrong(pipe, format!("the variable {name} isn't declared; write {name} := …"))),
                }
            }
            Operand::Group(group, fields) => {
                let value = self.pipe(group, dot)?;
                self.fields(pipe, value, fields)
            }
        }
    }

    /// What is missing is nothing, as deep as it is asked for.
    fn fields(&mut self, pipe: &Pipe, mut value: Cow<'a, Value>, fields: &[String]) -> Result<Cow<'a, Value>, TemplateError> {
        // What was made by a function is copied here, and counts.
        if let Cow::Owned(copied) = &value {
            self.spend(size(copied))?;
        }
        for field in fields {
            value = match &*value {
                Value::Null => return Ok(Cow::Owned(Value::Null)),
                Value::Object(_) => member(value, field).unwrap_or(Cow::Owned(Value::Null)),
                other => return Err(wrong(pipe, format!(".{field} is asked of {}, which has no fields", kind(other)))),
            };
        }
        Ok(value)
    }

    fn write(&mut self, pipe: &Pipe, value: &Value) -> Result<(), TemplateError> {
        self.spend(size(value))?;
        let written = written(value);
        let before = self.text.len();
        match self.output {
            Output::Text => self.text.push_str(&written),
            Output::Html => {
                let encoded = matches!(pipe.commands.last(), Some(Command::Call(Function::Urlquery, _)));
                self.place.value(&written, encoded, &mut self.text);
            }
        }
        self.spend(self.text.len() - before)
    }

    fn spend(&mut self, bytes: usize) -> Result<(), TemplateError> {
        self.steps += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.steps > MAX_STEPS {
            return Err(TemplateError::new(self.line, format!("filling takes more than {MAX_STEPS} steps; range over less")));
        }
        if self.bytes > MAX_BYTES {
            return Err(TemplateError::new(self.line, format!("filling makes more than {MAX_BYTES} bytes; write less")));
        }
        Ok(())
    }
}

fn wrong(pipe: &Pipe, problem: String) -> TemplateError {
    TemplateError::new(pipe.line, problem)
}

/// About how many bytes a value is when it is written or copied.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len(),
        Value::Array(list) => list.iter().map(|element| 8 + size(element)).sum(),
        Value::Object(map) => map.iter().map(|(key, element)| 8 + key.len() + size(element)).sum(),
    }
}
