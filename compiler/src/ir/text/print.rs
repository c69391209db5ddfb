//! A graph as text.

use super::element::Element;
use crate::error::Result;
use crate::ir::{
    Attribute, Attributes, Data, Graph, GraphOutput, Kind, NodeId, Operator, Tensor, TensorType,
    Value,
};
use crate::with_data;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Most values of a constant that are listed.
const LISTED: usize = 16;

/// Longest name that is printed.
const NAME: usize = 64;

/// The graph in the text form of [this module](super). Equal text means equal
/// graphs, up to names that are no simple words.
///
/// # Errors
/// [`crate::ErrorKind::Malformed`] where nodes read each other in a circle.
pub fn print<O: Operator>(graph: &Graph<O>) -> Result<String> {
    printed(graph, hash)
}

/// As [`print()`], with `..` for the values of large constants: the graph without
/// its weights.
///
/// # Errors
/// As [`print()`].
pub fn outline<O: Operator>(graph: &Graph<O>) -> Result<String> {
    printed(graph, |_| "..".to_owned())
}

fn printed<O: Operator>(graph: &Graph<O>, large: fn(&Tensor) -> String) -> Result<String> {
    let order = graph.order()?;
    let names = names(graph, &order);
    let value = |value: Value| match value.output {
        0 => names[&value.node].clone(),
        output => format!("{}:{output}", names[&value.node]),
    };
    let mut text = format!("graph {}\n", quoted_unless_simple(&graph.name));
    for node in order {
        let types = &graph.node(node).outputs;
        let outputs = (0..types.len()).map(|output| value(Value { node, output }));
        let outputs = outputs.collect::<Vec<_>>().join(", ");
        let shown = types.iter().map(TensorType::to_string).collect::<Vec<_>>().join(", ");
        let line = match &graph.node(node).kind {
            Kind::Input => format!("{outputs} = input {shown}"),
            Kind::Constant(tensor) => {
                format!("{outputs} = constant {shown} {}", values(tensor, large))
            }
            Kind::Operator(operator) => {
                let operands = graph.operands(node).into_iter();
                let operands = operands.map(|operand| operand.map_or("_".to_owned(), value));
                let operands = operands.collect::<Vec<_>>().join(", ");
                let attributes = attributes(&operator.attributes());
                format!("{outputs} = {}({operands}){attributes} -> {shown}", operator.name())
            }
        };
        text.push_str(&line);
        text.push('\n');
    }
    for GraphOutput { name, value: source } in graph.outputs() {
        let source = value(*source);
        if *name == source {
            let _ = writeln!(text, "output {source}");
        } else {
            let _ = writeln!(text, "output {} = {source}", quoted_unless_simple(name));
        }
    }
    Ok(text)
}

/// What each node is called.
fn names<O: Operator>(graph: &Graph<O>, order: &[NodeId]) -> BTreeMap<NodeId, String> {
    let mut seen = BTreeSet::new();
    let mut repeated = BTreeSet::new();
    for &node in order {
        let name = graph.node(node).name.as_str();
        if !seen.insert(name) {
            repeated.insert(name);
        }
    }
    let name = |(place, &node): (usize, &NodeId)| {
        let name = graph.node(node).name.as_str();
        let usable = is_simple(name) && !repeated.contains(name);
        (node, if usable { name.to_owned() } else { format!("%{place}") })
    };
    order.iter().enumerate().map(name).collect()
}

fn is_simple(name: &str) -> bool {
    let word = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_./".contains(&b));
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '/');
    word && starts && name.len() <= NAME && !["_", "graph", "output"].contains(&name)
}

fn quoted_unless_simple(name: &str) -> String {
    if is_simple(name) { name.to_owned() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.extend(c.escape_unicode()),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn attributes(attributes: &Attributes) -> String {
    let shown: Vec<_> =
        attributes.iter().map(|(name, value)| format!("{name} = {}", attribute(value))).collect();
    if shown.is_empty() { String::new() } else { format!(" {{ {} }}", shown.join(", ")) }
}

fn attribute(attribute: &Attribute) -> String {
    fn list<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
        format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(", "))
    }
    match attribute {
        Attribute::Int(value) => value.to_string(),
        Attribute::Float(value) => format!("{value:?}"),
        Attribute::String(value) => quoted(value),
        Attribute::Ints(values) => list(values, i64::to_string),
        Attribute::Floats(values) => list(values, |value| format!("{value:?}")),
        Attribute::Strings(values) => list(values, |value| quoted(value)),
        Attribute::Tensor(tensor) => {
            format!("{} {}", tensor.tensor_type(), values(tensor, hash))
        }
    }
}

fn values(tensor: &Tensor, large: fn(&Tensor) -> String) -> String {
    fn text<T: Element>(values: &[T]) -> Option<String> {
        if values.len() <= LISTED {
            let values = values.iter().map(|value| value.text()).collect::<Vec<_>>();
            return Some(format!("[{}]", values.join(", ")));
        }
        let first = *values.first()?;
        let same = values.iter().all(|value| value.bits() == first.bits());
        same.then(|| format!("fill({})", first.text()))
    }
    with_data!(tensor.data(), values => text(values)).unwrap_or_else(|| large(tensor))
}

/// The FNV-1a hash (Fowler, Noll, Vo) of the values.
fn hash(tensor: &Tensor) -> String {
    fn fnv<T: Element>(values: &[T]) -> u64 {
        values.iter().fold(0xcbf2_9ce4_8422_2325, |hash, value| {
            (hash ^ value.bits()).wrapping_mul(0x0100_0000_01b3)
        })
    }
    let data: &Data = tensor.data();
    format!("hash({:016x})", with_data!(data, values => fnv(values)))
}
