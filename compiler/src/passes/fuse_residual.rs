//! Addition of a tensor into the store of the convolution that computes the
//! other.

use super::patch::{Link, Patch};
use super::pattern::{conv_of, name, operand, output, read_only_by};
use super::{Miss, Outcome, Pass};
use crate::ir::{NodeId, Value};
use crate::ops::{Activation, Binary, Conv, Epilogue, Graph, Op};
use crate::step::{BinaryOperation, ResidualOrder};

pub(super) const PASS: Pass = Pass {
    name: "fuse-residual",
    about: "Lets a convolution add another tensor, as residual connections do, to its result \
            before it stores it.",
    rules: &[fuse_residual],
    sweeps: false,
};

/// `activation(conv(x) + y) = conv with residual (x, y)`, and
/// `activation(conv(x)) + y` likewise
fn fuse_residual(graph: &Graph, node: NodeId) -> Outcome {
    let Some(&Op::Binary(Binary { operation: BinaryOperation::Add, activation })) =
        graph.operator(node)
    else {
        return Err(Miss::NoPattern);
    };
    let (left, right) = (operand(graph, node, 0)?, operand(graph, node, 1)?);
    // Of two convolutions the later one adds: the other has its result ready.
    let mut orders = [(left, right), (right, left)];
    orders.sort_by_key(|(sum, _)| std::cmp::Reverse(graph.node(sum.node).position));
    let mut refused = Miss::NoPattern;
    for (sum, addend) in orders {
        match added_by(graph, node, sum, addend, activation) {
            Ok(epilogue) => return Ok(patch(graph, node, sum.node, addend, epilogue)),
            Err(Miss::NoPattern) => {}
            Err(why) => refused = why,
        }
    }
    Err(refused)
}

/// The epilogue with which the convolution that computes `sum` adds `addend`.
fn added_by(
    graph: &Graph,
    node: NodeId,
    sum: Value,
    addend: Value,
    after: Activation,
) -> Result<Epilogue, Miss> {
    let conv = conv_of(graph, sum).ok_or(Miss::NoPattern)?;
    let layer = || name(graph, sum.node);
    // Nothing but the addition reads the convolution: `addend` cannot depend
    // on it.
    read_only_by(graph, sum, node)?;
    Miss::refuse_unless(sum != addend, || format!("{} is added to itself", layer()))?;
    Miss::refuse_unless(graph.type_of(sum) == graph.type_of(addend), || {
        format!("{} is broadcast to the result of {}", name(graph, addend.node), layer())
    })?;
    Miss::refuse_unless(conv.epilogue.residual.is_none(), || {
        format!("{} adds another tensor already", layer())
    })?;
    let before = conv.epilogue.activation;
    match (before, after) {
        (Activation::Identity, activation) => {
            Ok(Epilogue { residual: Some(ResidualOrder::BeforeActivation), activation })
        }
        (activation, Activation::Identity) => {
            Ok(Epilogue { residual: Some(ResidualOrder::AfterActivation), activation })
        }
        (before, after) => Err(Miss::Refused(format!(
            "{} applies {} before the addition, and {} comes after it",
            layer(),
            before.spelling(),
            after.spelling()
        ))),
    }
}

fn patch(graph: &Graph, node: NodeId, layer: NodeId, addend: Value, epilogue: Epilogue) -> Patch {
    let what = format!("added while {} stores", name(graph, layer));
    let mut patch = Patch::new(&[layer, node], what);
    let Some(conv) = conv_of(graph, output(layer)) else { return patch };
    let mut operands = Link::operands(graph, layer);
    Link::fill(&mut operands, Conv::RESIDUAL, addend.into());
    let conv = patch.operator(layer, Conv { epilogue, ..conv.clone() }, operands);
    patch.replace(node, conv);
    patch
}

#[cfg(test)]
mod tests {
    use super::PASS;
    use crate::passes::testing::{ignores, refuses, rewrites};

    const LAYER: &str = "x = input f32[1,2,4,4]
        r = input f32[1,2,4,4]
        w = constant f32[2,2,1,1] [1, -2, 3, -4]\n";

    #[test]
    fn a_tensor_is_added_before_or_after_the_activation() {
        let report = rewrites(
            &PASS,
            &format!("{LAYER}y = Conv(x, w)\nz = Add(y, r) {{ activation = \"Relu\" }}\noutput z"),
            &format!(
                "{LAYER}y = Conv(x, w, _, r) {{ residual = \"before\", activation = \"Relu\" }}
                output z = y"
            ),
        );
        assert_eq!(report.rewrites[0].what, "added while `y` stores");
        rewrites(
            &PASS,
            &format!("{LAYER}y = Conv(x, w) {{ activation = \"Tanh\" }}\nz = Add(r, y)\noutput z"),
            &format!(
                "{LAYER}y = Conv(x, w, _, r) {{ residual = \"after\", activation = \"Tanh\" }}
                output z = y"
            ),
        );
    }

    #[test]
    fn the_later_of_two_convolutions_adds() {
        for sum in ["a, b", "b, a"] {
            rewrites(
                &PASS,
                &format!("{LAYER}a = Conv(x, w)\nb = Conv(r, w)\nz = Add({sum})\noutput z"),
                &format!(
                    "{LAYER}a = Conv(x, w)\nb = Conv(r, w, _, a) {{ residual = \"before\" }}
                    output z = b"
                ),
            );
        }
    }

    #[test]
    fn the_earlier_one_adds_where_the_later_one_cannot() {
        rewrites(
            &PASS,
            &format!("{LAYER}a = Conv(x, w)\nb = Conv(r, w)\nz = Add(a, b)\noutput z\noutput b"),
            &format!(
                "{LAYER}b = Conv(r, w)\na = Conv(x, w, _, b) {{ residual = \"before\" }}
                output z = a\noutput b"
            ),
        );
    }

    #[test]
    fn an_input_of_the_convolution_may_be_added() {
        rewrites(
            &PASS,
            &format!("{LAYER}u = Neg(r)\ny = Conv(u, w)\nz = Add(y, u)\noutput z"),
            &format!(
                "{LAYER}u = Neg(r)\ny = Conv(u, w, _, u) {{ residual = \"before\" }}
                output z = y"
            ),
        );
    }

    #[test]
    fn near_misses_say_why() {
        let refused = |nodes: &str, why: &str| {
            refuses(&PASS, &format!("{LAYER}{nodes}"), &[("z", why)]);
        };
        refused(
            "y = Conv(x, w)\nz = Add(y, r)\noutput z\noutput y",
            "the result of `y` is also an output of the network",
        );
        refused("y = Conv(x, w)\nz = Add(y, y)\noutput z", "`y` is added to itself");
        refused(
            "y = Conv(x, w)\nu = GlobalAveragePool(r)\nz = Add(y, u)\noutput z",
            "`u` is broadcast to the result of `y`",
        );
        refused(
            "y = Conv(x, w, _, x) { residual = \"before\" }\nz = Add(y, r)\noutput z",
            "`y` adds another tensor already",
        );
        refused(
            "y = Conv(x, w) { activation = \"Tanh\" }
             z = Add(y, r) { activation = \"Relu\" }\noutput z",
            "`y` applies Tanh before the addition, and Relu comes after it",
        );
    }

    #[test]
    fn other_sums_are_ignored() {
        ignores(&PASS, &format!("{LAYER}z = Add(x, r)\noutput z"));
        ignores(&PASS, &format!("{LAYER}y = Conv(x, w)\nz = Sub(y, r)\noutput z"));
    }
}
