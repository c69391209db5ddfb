//! Scale, shift and activation into the load of the convolution behind them:
//! the order of DenseNet (Huang et al. 2017) and of pre-activation ResNets (He
//! et al. 2016).

use super::patch::{Link, Patch};
use super::pattern::{name, operand, read_only_by};
use super::{Miss, Outcome, Pass};
use crate::ir::NodeId;
use crate::ops::{Activation, Conv, Graph, Op, Prologue};

pub(super) const PASS: Pass = Pass {
    name: "fuse-prologue",
    about: "Lets a convolution scale, shift and activate its input by itself.",
    rules: &[fuse_prologue],
    sweeps: false,
};

/// `conv(activation(x * s + t)) = conv with prologue (x)`
fn fuse_prologue(graph: &Graph, node: NodeId) -> Outcome {
    let Some(Op::Conv(conv)) = graph.operator(node) else { return Err(Miss::NoPattern) };
    Miss::unless(conv.prologue.is_none())?;
    let input = operand(graph, node, Conv::INPUT)?;
    let Some(Op::ScaleShift(scale_shift)) = graph.operator(input.node) else {
        return Err(Miss::NoPattern);
    };
    let activation = scale_shift.activation;
    Miss::refuse_unless(activation != Activation::ChannelRelu, || {
        format!("{} applies a slope a channel", name(graph, input.node))
    })?;
    read_only_by(graph, input, node)?;

    let mut operands = Link::operands(graph, node);
    Link::fill(&mut operands, Conv::INPUT, operand(graph, input.node, 0)?.into());
    Link::fill(&mut operands, Conv::SCALE, operand(graph, input.node, 1)?.into());
    Link::fill(&mut operands, Conv::SHIFT, operand(graph, input.node, 2)?.into());
    let what = format!("{} applied while {} loads", name(graph, input.node), name(graph, node));
    let conv = Conv { prologue: Some(Prologue { activation }), ..conv.clone() };
    Ok(Patch::operator_for(&[input.node, node], what, conv, operands))
}

#[cfg(test)]
mod tests {
    use super::PASS;
    use crate::passes::testing::{refuses, rewrites};

    fn layer(activation: &str) -> String {
        format!(
            "x = input f32[1,2,4,4]
             s = constant f32[2] [1, -2]
             t = constant f32[2] [0.5, 0]
             n = ScaleShift(x, s, t) {{ activation = \"{activation}\" }}
             w = constant f32[3,2,3,3] random(1)
             y = Conv(n, w) {{ pads = [1, 1, 1, 1] }}
             output y\n"
        )
    }

    #[test]
    fn the_convolution_prepares_its_input() {
        let report = rewrites(
            &PASS,
            &layer("Relu"),
            "x = input f32[1,2,4,4]
             s = constant f32[2] [1, -2]
             t = constant f32[2] [0.5, 0]
             w = constant f32[3,2,3,3] ..
             y = Conv(x, w, _, _, _, s, t) { pads = [1, 1, 1, 1], prologue = \"Relu\" }
             output y",
        );
        assert_eq!(report.rewrites[0].what, "`n` applied while `y` loads");
    }

    #[test]
    fn what_others_read_is_computed_once() {
        let twice = format!("{} output n", layer("Relu"));
        let why = "the result of `n` is also an output of the network";
        refuses(&PASS, &twice, &[("y", why)]);
        let twice = format!("{} m = Relu(n)\noutput m", layer("Identity"));
        refuses(&PASS, &twice, &[("y", "the result of `n` has 2 readers")]);
    }

    #[test]
    fn slopes_have_no_place_in_a_prologue() {
        refuses(
            &PASS,
            "x = input f32[1,2,4,4]
             s = constant f32[2] [1, -2]
             n = ScaleShift(x, s, s, s) { activation = \"ChannelRelu\" }
             w = constant f32[3,2,3,3] random(1)
             y = Conv(n, w)
             output y",
            &[("y", "`n` applies a slope a channel")],
        );
    }
}
