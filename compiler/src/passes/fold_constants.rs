//! Computation of what does not depend on the network's inputs.

use super::{Miss, Outcome, Pass};
use crate::ir::{NodeId, fold};
use crate::ops::Graph;
use crate::passes::patch::Patch;

pub(super) const PASS: Pass = Pass {
    name: "fold-constants",
    about: "Computes now what depends on constants, or on shapes, only.",
    rules: &[fold_constants],
    sweeps: false,
};

/// `f(constants) = constant`
fn fold_constants(graph: &Graph, node: NodeId) -> Outcome {
    let tensors = fold(graph, node)?.ok_or(Miss::NoPattern)?;
    let mut patch = Patch::new(&[node], "computed: it does not depend on the data");
    for (output, tensor) in tensors.into_iter().enumerate() {
        let constant = patch.constant(graph.node(node).name.clone(), tensor);
        patch.replace_output(node, output, constant);
    }
    Ok(patch)
}

#[cfg(test)]
mod tests {
    use super::PASS;
    use crate::passes::testing::{graph, ignores, rewrites, text};

    #[test]
    fn what_depends_on_constants_or_shapes_is_computed() {
        let report = rewrites(
            &PASS,
            "x = input f32[2,3]
             a = constant f32[3] [1, 2, 3]
             b = constant f32[] [10]
             ab = Mul(a, b)
             y = Add(x, ab)
             output y",
            "x = input f32[2,3]
             ab = constant f32[3] [10, 20, 30]
             y = Add(x, ab)
             output y",
        );
        assert_eq!(report.rewrites[0].nodes, ["ab"]);
        ignores(&PASS, "x = input f32[2]\ny = Relu(x)\noutput y");
    }

    #[test]
    fn every_output_of_a_node_becomes_a_constant() {
        rewrites(
            &PASS,
            "x = input f32[2]
             c = constant f32[4] [1, 2, 3, 4]
             s, s:1 = Split(c) { axis = 0, split = [2, 2] }
             y = Sub(x, s)
             z = Add(y, s:1)
             output z",
            "x = input f32[2]
             %1 = constant f32[2] [1, 2]
             %2 = constant f32[2] [3, 4]
             y = Sub(x, %1)
             z = Add(y, %2)
             output z",
        );
    }

    #[test]
    fn a_shape_is_known_where_its_tensor_is_not() {
        let mut folded = graph(
            "x = input f32[2,3,5]
             s = Shape(x)
             output s",
        );
        PASS.run(&mut folded).unwrap();
        let after = "x = input f32[2,3,5]\ns = constant i64[3] [2, 3, 5]\noutput s";
        assert_eq!(text(&folded), after);
    }
}
