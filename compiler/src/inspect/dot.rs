//! Graphs in the language of Graphviz.

use crate::error::{Result, printable};
use crate::ir::{Kind, Operator, Value};
use crate::ops::Graph;
use std::fmt::Write as _;

/// A graph as a cluster with this title; constants are left out.
///
/// # Errors
/// Where the graph has circles.
pub fn cluster(graph: &Graph, title: &str) -> Result<String> {
    let mut text = format!("  subgraph \"cluster_{title}\" {{\n    label = \"{title}\";\n");
    let id = |value: Value| format!("\"{title} {}\"", value.node.index());
    for node in graph.order()? {
        let value = Value { node, output: 0 };
        let shown = graph.node(node);
        let (label, shape) = match &shown.kind {
            Kind::Constant(_) => continue,
            Kind::Input => ("input".to_owned(), "oval"),
            Kind::Operator(operator) => (operator.name(), "box"),
        };
        let types: Vec<_> = shown.outputs.iter().map(ToString::to_string).collect();
        let _ = writeln!(
            text,
            "    {} [shape = {shape}, label = \"{}\\n{}\\n{}\"];",
            id(value),
            quoted(&label),
            quoted(&printable(&shown.name)),
            quoted(&types.join(", "))
        );
        for operand in graph.operands(node).into_iter().flatten() {
            if graph.constant(operand).is_none() {
                let _ = writeln!(text, "    {} -> {};", id(operand), id(value));
            }
        }
    }
    for output in graph.outputs() {
        let name = quoted(&printable(&output.name));
        let _ = writeln!(text, "    \"{title} output {name}\" [shape = oval, label = \"{name}\"];");
        let _ = writeln!(text, "    {} -> \"{title} output {name}\";", id(output.value));
    }
    text.push_str("  }\n");
    Ok(text)
}

/// A document of several clusters.
#[must_use]
pub fn document(clusters: &[String]) -> String {
    format!("digraph {{\n  node [fontname = \"sans-serif\"];\n{}}}\n", clusters.concat())
}

/// Text between quotation marks.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::TensorType;
    use crate::ops::{Activation, Op};

    #[test]
    fn names_cannot_leave_their_quotes() {
        let mut graph = Graph::new("g");
        let x = graph.add_input("x\"]; evil", TensorType::f32(&[1]));
        let y = graph.add_operator("a\\", Op::from(Activation::Relu), &[Some(x)]).unwrap();
        graph.add_output("y", y);
        let text = document(&[cluster(&graph, "before").unwrap()]);
        assert!(text.contains("Relu\\na\\\\\\\\\\nf32[1]"), "{text}");
        assert!(text.contains("input\\nx\\\\\\\"]; evil\\nf32[1]"), "{text}");
        assert!(text.contains("\"before 0\" -> \"before 1\";"), "{text}");
    }
}
