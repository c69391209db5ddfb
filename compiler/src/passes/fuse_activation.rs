//! Activations into the store of what computes their operand.

use super::patch::{Link, Patch};
use super::pattern::{
    binary, channel_values, name, operand, output, read_only_by, sizes_with_channels,
};
use super::recognize_activations::composed;
use super::{Miss, Outcome, Pass};
use crate::ir::{ElementType, NodeId, Tensor};
use crate::ops::{Activation, Binary, Conv, ConvTranspose, Epilogue, Gemm, Graph, Op, ScaleShift};
use crate::step::{BinaryOperation, ResidualOrder};

pub(super) const PASS: Pass = Pass {
    name: "fuse-activation",
    about: "Lets convolutions, matrix products, scale and shift, and sums and products apply the \
            activation behind them before they store.",
    rules: &[fuse_activation, fuse_parametric_relu],
    sweeps: false,
};

/// `activation(layer(x)) = layer with activation (x)`
fn fuse_activation(graph: &Graph, node: NodeId) -> Outcome {
    let Some(&Op::Activation(activation)) = graph.operator(node) else {
        return Err(Miss::NoPattern);
    };
    fuse(graph, node, operand(graph, node, 0)?.node, activation, None)
}

/// `prelu(layer(x), slopes) = layer with activation (x, slopes)`, with a slope
/// a channel
fn fuse_parametric_relu(graph: &Graph, node: NodeId) -> Outcome {
    let (x, slopes) =
        binary(graph, node, BinaryOperation::ParametricRelu).ok_or(Miss::NoPattern)?;
    let slot = match graph.operator(x.node) {
        Some(Op::Conv(_)) => Conv::SLOPES,
        Some(Op::ConvTranspose(_)) => ConvTranspose::SLOPES,
        Some(Op::ScaleShift(_)) => 3,
        _ => return Err(Miss::NoPattern),
    };
    let slopes = graph
        .constant(slopes)
        .ok_or_else(|| Miss::Refused("the slopes are computed at run time".to_owned()))?;
    let sizes = sizes_with_channels(graph.type_of(x)).ok_or(Miss::NoPattern)?;
    let values = channel_values(slopes, &sizes).ok_or_else(|| {
        Miss::Refused(format!("slopes {} are not one a channel", slopes.tensor_type()))
    })?;
    let slopes = Some((slot, Tensor::vector(values)));
    fuse(graph, node, x.node, Activation::ChannelRelu, slopes)
}

/// Lets `layer` apply the activation that `node` is; `slopes` go to a slot.
fn fuse(
    graph: &Graph,
    node: NodeId,
    layer: NodeId,
    activation: Activation,
    slopes: Option<(usize, Tensor)>,
) -> Outcome {
    // Only kernels apply activations, and they know the sizes of tensors.
    Miss::unless(graph.type_of(output(layer)).is_fixed())?;
    let operator = with_activation(graph, layer, activation)?;
    read_only_by(graph, output(layer), node)?;
    let what = format!("{} applied while {} stores", activation.spelling(), name(graph, layer));
    let mut patch = Patch::new(&[layer, node], what);
    let mut operands = Link::operands(graph, layer);
    if let Some((slot, slopes)) = slopes {
        let slopes = patch.constant(format!("{}.slopes", graph.node(layer).name), slopes);
        Link::fill(&mut operands, slot, slopes);
    }
    let layer = patch.operator(layer, operator, operands);
    patch.replace(node, layer);
    Ok(patch)
}

/// The operator of a layer, with one more activation.
fn with_activation(graph: &Graph, layer: NodeId, activation: Activation) -> Result<Op, Miss> {
    Miss::unless(graph.type_of(output(layer)).element == ElementType::F32)?;
    let after = |before: Activation| {
        composed(before, activation).ok_or_else(|| {
            Miss::Refused(format!("{} applies {} already", name(graph, layer), before.spelling()))
        })
    };
    let by_channel = activation == Activation::ChannelRelu;
    match graph.operator(layer) {
        Some(Op::Conv(conv)) => {
            let Epilogue { residual, activation: before } = conv.epilogue;
            Miss::refuse_unless(residual != Some(ResidualOrder::AfterActivation), || {
                format!("{} adds another tensor after its activation", name(graph, layer))
            })?;
            let epilogue = Epilogue { residual, activation: after(before)? };
            Ok(Conv { epilogue, ..conv.clone() }.into())
        }
        Some(Op::ConvTranspose(conv)) => {
            Ok(ConvTranspose { activation: after(conv.activation)?, ..conv.clone() }.into())
        }
        Some(Op::ScaleShift(ScaleShift { activation: before })) => {
            Ok(ScaleShift { activation: after(*before)? }.into())
        }
        Some(Op::Gemm(gemm)) if !by_channel => {
            Ok(Gemm { activation: after(gemm.activation)?, ..*gemm }.into())
        }
        Some(Op::Binary(binary)) if !by_channel => {
            Ok(Binary { activation: after(binary.activation)?, ..*binary }.into())
        }
        _ => Err(Miss::NoPattern),
    }
}

#[cfg(test)]
mod tests {
    use super::PASS;
    use crate::passes::testing::{ignores, refuses, rewrites};

    const CONV: &str = "x = input f32[1,2,4,4]
        w = constant f32[3,2,1,1] [1, -2, 3, -4, 5, -6]\n";

    #[test]
    fn every_activation_goes_into_the_store_of_a_convolution() {
        for (activation, spelling) in [
            ("Relu(y)", "Relu"),
            ("LeakyRelu(y) { alpha = 0.5 }", "LeakyRelu(0.5)"),
            ("Clip(y) { min = 0.0, max = 6.0 }", "Clip(0.0, 6.0)"),
            ("Sigmoid(y)", "Sigmoid"),
            ("HardSigmoid(y) { alpha = 0.25, beta = 0.5 }", "HardSigmoid(0.25, 0.5)"),
            ("HardSwish(y)", "HardSwish"),
            ("Swish(y)", "Swish"),
            ("Tanh(y)", "Tanh"),
        ] {
            let report = rewrites(
                &PASS,
                &format!("{CONV}y = Conv(x, w)\nz = {activation}\noutput z"),
                &format!("{CONV}y = Conv(x, w) {{ activation = \"{spelling}\" }}\noutput z = y"),
            );
            let what = format!("{spelling} applied while `y` stores");
            assert_eq!(report.rewrites[0].what, what);
        }
    }

    #[test]
    fn products_sums_and_scales_apply_it_too() {
        let inputs = "a = input f32[2,3]\nb = input f32[2,3]\n";
        rewrites(
            &PASS,
            &format!("{inputs}y = Add(a, b)\nz = Relu(y)\noutput z"),
            &format!("{inputs}y = Add(a, b) {{ activation = \"Relu\" }}\noutput z = y"),
        );
        rewrites(
            &PASS,
            &format!("{inputs}y = Gemm(a, b) {{ transB = 1 }}\nz = Sigmoid(y)\noutput z"),
            &format!(
                "{inputs}y = Gemm(a, b) {{ transB = 1, activation = \"Sigmoid\" }}\noutput z = y"
            ),
        );
        let inputs = "x = input f32[1,2,3,3]\ns = constant f32[2] [1, 2]\n";
        rewrites(
            &PASS,
            &format!("{inputs}y = ScaleShift(x, s, s)\nz = Relu(y)\noutput z"),
            &format!("{inputs}y = ScaleShift(x, s, s) {{ activation = \"Relu\" }}\noutput z = y"),
        );
    }

    #[test]
    fn a_slope_a_channel_becomes_an_operand() {
        for shape in ["3,1,1", "1,3,1,1"] {
            rewrites(
                &PASS,
                &format!(
                    "{CONV}y = Conv(x, w)\nc = constant f32[{shape}] [0.1, 0.2, 0.3]
                    z = PRelu(y, c)\noutput z"
                ),
                &format!(
                    "{CONV}y.slopes = constant f32[3] [0.1, 0.2, 0.3]
                    y = Conv(x, w, _, _, y.slopes) {{ activation = \"ChannelRelu\" }}
                    output z = y"
                ),
            );
        }
        rewrites(
            &PASS,
            "x = input f32[1,2,3,3]
             s = constant f32[2] [1, 2]
             y = ScaleShift(x, s, s)
             c = constant f32[2,1,1] [0.1, 0.2]
             z = PRelu(y, c)
             output z",
            "x = input f32[1,2,3,3]
             s = constant f32[2] [1, 2]
             y.slopes = constant f32[2] [0.1, 0.2]
             y = ScaleShift(x, s, s, y.slopes) { activation = \"ChannelRelu\" }
             output z = y",
        );
        refuses(
            &PASS,
            &format!(
                "{CONV}y = Conv(x, w)\nc = constant f32[4] [1, 2, 3, 4]\nz = PRelu(y, c)\noutput z"
            ),
            &[("z", "slopes f32[4] are not one a channel")],
        );
    }

    #[test]
    fn transposed_convolutions_apply_it_too() {
        let layer = "x = input f32[1,2,3,3]
            w = constant f32[2,3,1,1] [1, -2, 3, -4, 5, -6]\n";
        rewrites(
            &PASS,
            &format!(
                "{layer}y = ConvTranspose(x, w) {{ strides = [2, 2] }}\nz = Relu(y)\noutput z"
            ),
            &format!(
                "{layer}y = ConvTranspose(x, w) {{ strides = [2, 2], activation = \"Relu\" }}
                output z = y"
            ),
        );
        rewrites(
            &PASS,
            &format!(
                "{layer}y = ConvTranspose(x, w)\nc = constant f32[3,1,1] [0.1, 0.2, 0.3]
                z = PRelu(y, c)\noutput z"
            ),
            &format!(
                "{layer}y.slopes = constant f32[3] [0.1, 0.2, 0.3]
                y = ConvTranspose(x, w, _, y.slopes) {{ activation = \"ChannelRelu\" }}
                output z = y"
            ),
        );
    }

    #[test]
    fn two_activations_are_one_where_that_is_possible() {
        let layer = |first: &str, second: &str| {
            format!(
                "{CONV}y = Conv(x, w) {{ activation = \"{first}\" }}\nz = {second}(y)\noutput z"
            )
        };
        rewrites(
            &PASS,
            &layer("Clip(-inf, 6.0)", "Relu"),
            &format!("{CONV}y = Conv(x, w) {{ activation = \"Clip(0.0, 6.0)\" }}\noutput z = y"),
        );
        refuses(&PASS, &layer("Tanh", "Relu"), &[("z", "`y` applies Tanh already")]);
        refuses(&PASS, &layer("Relu", "Tanh"), &[("z", "`y` applies Relu already")]);
    }

    #[test]
    fn a_result_that_others_read_is_stored_as_it_is() {
        refuses(
            &PASS,
            &format!("{CONV}y = Conv(x, w)\nz = Relu(y)\nu = Neg(y)\noutput z\noutput u"),
            &[("z", "the result of `y` has 2 readers")],
        );
        refuses(
            &PASS,
            &format!("{CONV}y = Conv(x, w)\nz = Relu(y)\noutput z\noutput y"),
            &[("z", "the result of `y` is also an output of the network")],
        );
    }

    #[test]
    fn a_residual_is_added_before_the_activation_behind_it() {
        let conv = |attributes: &str| {
            format!("{CONV}r = input f32[1,3,4,4]\ny = Conv(x, w, _, r) {{ {attributes} }}\n")
        };
        rewrites(
            &PASS,
            &format!("{}z = Relu(y)\noutput z", conv("residual = \"before\"")),
            &format!("{}output z = y", conv("residual = \"before\", activation = \"Relu\"")),
        );
        refuses(
            &PASS,
            &format!(
                "{}z = Relu(y)\noutput z",
                conv("residual = \"after\", activation = \"Tanh\"")
            ),
            &[("z", "`y` adds another tensor after its activation")],
        );
    }

    #[test]
    fn what_has_no_store_of_its_own_is_ignored() {
        ignores(
            &PASS,
            "x = input f32[1,2,4,4]
             y = MaxPool(x) { kernel_shape = [2, 2] }
             z = Relu(y)
             output z",
        );
    }
}
