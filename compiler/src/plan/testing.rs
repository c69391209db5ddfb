//! Plans of graphs that tests write as text.

use super::{Plan, plan};
use crate::error::Error;
use crate::ir::text::parse;
use crate::ops::Graph;
use crate::passes::{PassOptions, run};

/// The graph of a text, without the line that names it.
fn graph(text: &str) -> Graph {
    parse(&format!("graph test\n{text}")).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The plan of a graph as it is written.
#[track_caller]
pub(crate) fn planned(text: &str) -> Plan {
    plan(&graph(text)).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The plan of a graph that the passes have gone over.
#[track_caller]
pub(crate) fn compiled(text: &str) -> Plan {
    let mut graph = graph(text);
    run(&mut graph, &PassOptions::default()).unwrap();
    plan(&graph).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Why there is no plan.
#[track_caller]
pub(crate) fn refusal(text: &str) -> Error {
    match plan(&graph(text)) {
        Ok(_) => panic!("was planned:\n{text}"),
        Err(error) => error,
    }
}

/// The steps: the node, the kernel, and the shape and form of what it writes.
pub(crate) fn steps(plan: &Plan) -> Vec<String> {
    let steps = plan.steps.iter().map(|step| {
        format!("{}: {} -> {}", step.name, step.kernel.label(), step.kernel.result().0)
    });
    steps.collect()
}

/// A line of random weights and one of a convolution with them, of this
/// window, with the padding that keeps the picture's size.
pub(crate) fn conv(name: &str, x: &str, [outputs, inputs, window]: [usize; 3]) -> String {
    let pad = window / 2;
    format!(
        "{name}.w = constant f32[{outputs},{inputs},{window},{window}] random({outputs})
         {name} = Conv({x}, {name}.w) {{ pads = [{pad}, {pad}, {pad}, {pad}] }}\n"
    )
}
