//! Concatenations of concatenations.

use super::patch::{Link, Patch};
use super::{Miss, Outcome, Pass};
use crate::ir::{NodeId, Value};
use crate::ops::{Graph, Op};

pub(super) const PASS: Pass = Pass {
    name: "merge-concats",
    about: "Joins at once what is joined step by step along the same axis.",
    rules: &[concat_of_concat],
    sweeps: false,
};

/// `concat(concat(a, b), c) = concat(a, b, c)`
fn concat_of_concat(graph: &Graph, node: NodeId) -> Outcome {
    let Some(Op::Concat(concat)) = graph.operator(node) else { return Err(Miss::NoPattern) };
    let inner = |value: Value| {
        graph.operator(value.node) == Some(&Op::Concat(*concat))
            && graph.only_consumer(value).is_some()
    };
    let parts: Vec<Value> = graph.operands(node).into_iter().flatten().collect();
    let mut nodes: Vec<NodeId> =
        parts.iter().filter(|&&part| inner(part)).map(|part| part.node).collect();
    Miss::unless(!nodes.is_empty())?;
    nodes.push(node);
    let operands = parts
        .into_iter()
        .flat_map(|part| match inner(part) {
            true => graph.operands(part.node).into_iter().flatten().collect(),
            false => vec![part],
        })
        .map(|part| Some(Link::Old(part)))
        .collect();
    Ok(Patch::operator_for(&nodes, "joined at once", *concat, operands))
}

#[cfg(test)]
mod tests {
    use super::PASS;
    use crate::passes::testing::{ignores, rewrites};

    const PARTS: &str = "a = input f32[1,2]\nb = input f32[1,3]\nc = input f32[1,1]\n";

    #[test]
    fn nested_concatenations_are_one() {
        let report = rewrites(
            &PASS,
            &format!(
                "{PARTS}u = Concat(a, b) {{ axis = 1 }}
                v = Concat(c, u) {{ axis = 1 }}
                w = Concat(v, a) {{ axis = -1 }}
                output w"
            ),
            &format!("{PARTS}w = Concat(c, a, b, a) {{ axis = 1 }}\noutput w"),
        );
        assert_eq!(report.rewrites[0].nodes, ["u", "v"]);
        assert_eq!(report.rewrites[1].nodes, ["v", "w"]);
    }

    #[test]
    fn what_others_read_and_other_axes_stay() {
        ignores(
            &PASS,
            &format!(
                "{PARTS}u = Concat(a, b) {{ axis = 1 }}
                v = Concat(c, u) {{ axis = 1 }}
                output v
                output u"
            ),
        );
        ignores(
            &PASS,
            &format!(
                "{PARTS}u = Concat(a, a) {{ axis = 0 }}
                v = Concat(u, u) {{ axis = 1 }}
                output v"
            ),
        );
    }
}
