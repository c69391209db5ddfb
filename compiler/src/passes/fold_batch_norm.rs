//! Batch normalisation, and scale and shift in any spelling, into the weights
//! of the convolution or matrix product before it.

use super::patch::{Link, Patch};
use super::pattern::{
    Affine, Match, affine, affine_operand, channel_values, constant_weights, name, narrow, operand,
    read_only_by,
};
use super::{Miss, Outcome, Pass};
use crate::error::{Error, Result};
use crate::ir::{Data, NodeId, Operator, Tensor, Value};
use crate::ops::{Activation, Conv, ConvTranspose, Gemm, Graph, Op};

pub(super) const PASS: Pass = Pass {
    name: "fold-batch-norm",
    about: "Multiplies the scale of a batch normalization, or of a chain of Mul, Div, Add and \
            Sub, into the weights of the convolution or matrix product before it.",
    rules: &[after_conv, after_conv_transpose, after_gemm],
    sweeps: false,
};

/// `conv(x, w) + b`, times `s`, plus `t`  =  `conv(x, s * w) + (s * b + t)`
fn after_conv(graph: &Graph, node: NodeId) -> Outcome {
    let x = affine_operand(graph, node)?;
    let Some(Op::Conv(conv)) = graph.operator(x.node) else { return Err(Miss::NoPattern) };
    Miss::unless(conv.epilogue.activation == Activation::Identity)?;
    Miss::unless(conv.epilogue.residual.is_none())?;
    let affine = affine(graph, node)?;
    let weights = constant_weights(graph, x.node, Conv::WEIGHTS)?;
    let bias = offset(graph, x.node, Conv::BIAS, 1.0, &affine)?;
    read_only_by(graph, x, node)?;

    let mut patch = Patch::new(&[x.node, node], folded(graph, node, x.node));
    let layer = &graph.node(x.node).name;
    let mut operands = Link::operands(graph, x.node);
    let bias = patch.constant(format!("{layer}.bias"), narrow(&bias));
    Link::fill(&mut operands, Conv::BIAS, bias);
    if !affine.only_shifts() {
        let weights = scaled(&mut patch, layer, weights, affine.scale, Outputs::First);
        Link::fill(&mut operands, Conv::WEIGHTS, weights);
    }
    let conv = patch.operator(x.node, conv.clone(), operands);
    patch.replace(node, conv);
    Ok(patch)
}

/// The same for a transposed convolution.
fn after_conv_transpose(graph: &Graph, node: NodeId) -> Outcome {
    let x = affine_operand(graph, node)?;
    let Some(Op::ConvTranspose(conv)) = graph.operator(x.node) else {
        return Err(Miss::NoPattern);
    };
    Miss::unless(conv.activation == Activation::Identity)?;
    let affine = affine(graph, node)?;
    let weights = constant_weights(graph, x.node, ConvTranspose::WEIGHTS)?;
    let bias = offset(graph, x.node, ConvTranspose::BIAS, 1.0, &affine)?;
    read_only_by(graph, x, node)?;

    let mut patch = Patch::new(&[x.node, node], folded(graph, node, x.node));
    let layer = &graph.node(x.node).name;
    let mut operands = Link::operands(graph, x.node);
    let bias = patch.constant(format!("{layer}.bias"), narrow(&bias));
    Link::fill(&mut operands, ConvTranspose::BIAS, bias);
    if !affine.only_shifts() {
        let outputs = Outputs::Second { groups: conv.groups };
        let weights = scaled(&mut patch, layer, weights, affine.scale, outputs);
        Link::fill(&mut operands, ConvTranspose::WEIGHTS, weights);
    }
    let conv = patch.operator(x.node, conv.clone(), operands);
    patch.replace(node, conv);
    Ok(patch)
}

/// `alpha * a * b + beta * c`, times `s`, plus `t`  =
/// `alpha * a * (s * b) + (s * beta * c + t)`
fn after_gemm(graph: &Graph, node: NodeId) -> Outcome {
    let x = affine_operand(graph, node)?;
    let Some(Op::Gemm(gemm)) = graph.operator(x.node) else { return Err(Miss::NoPattern) };
    Miss::unless(gemm.activation == Activation::Identity)?;
    let affine = affine(graph, node)?;
    let weights = constant_weights(graph, x.node, 1)?;
    let c = offset(graph, x.node, 2, gemm.beta, &affine)?;
    read_only_by(graph, x, node)?;

    let mut patch = Patch::new(&[x.node, node], folded(graph, node, x.node));
    let layer = &graph.node(x.node).name;
    let a = operand(graph, x.node, 0)?;
    let c = patch.constant(format!("{layer}.bias"), narrow(&c));
    let outputs = if gemm.transpose_b { Outputs::First } else { Outputs::Last };
    let b = if affine.only_shifts() {
        weights.into()
    } else {
        scaled(&mut patch, layer, weights, affine.scale, outputs)
    };
    let gemm = Gemm { beta: 1.0, ..*gemm };
    let gemm = patch.operator(x.node, gemm, vec![Some(a.into()), Some(b), Some(c)]);
    patch.replace(node, gemm);
    Ok(patch)
}

fn folded(graph: &Graph, node: NodeId, layer: NodeId) -> String {
    let operator = graph.operator(node).map(Operator::name).unwrap_or_default();
    format!("{operator} folded into the weights of {}", name(graph, layer))
}

/// What is added to the result, one value a channel: the layer's own offset
/// times `factor`, scaled and shifted.
fn offset(
    graph: &Graph,
    layer: NodeId,
    slot: usize,
    factor: f32,
    affine: &Affine,
) -> Match<Vec<f64>> {
    let mut offset = affine.shift.clone();
    let Some(own) = graph.operand(layer, slot) else { return Ok(offset) };
    let own = graph.constant(own).ok_or_else(|| {
        Miss::Refused(format!("the offset of {} is computed at run time", name(graph, layer)))
    })?;
    // A vector is one value a channel of rows, but not of pictures.
    let own = channel_values(own, &[1, offset.len()]).ok_or_else(|| {
        Miss::Refused(format!("the offset of {} differs from row to row", name(graph, layer)))
    })?;
    for ((offset, own), scale) in offset.iter_mut().zip(own).zip(&affine.scale) {
        *offset += scale * f64::from(factor) * f64::from(own);
    }
    Ok(offset)
}

/// Where the outputs are among the dimensions of weights.
#[derive(Clone, Copy, Debug)]
enum Outputs {
    /// `[outputs, ..]`.
    First,
    /// `[.., outputs]`.
    Last,
    /// `[inputs, outputs / groups, ..]`, inputs and outputs in as many runs.
    Second { groups: usize },
}

/// The weights with each output's multiplied by its factor.
fn scaled(
    patch: &mut Patch,
    layer: &str,
    weights: Value,
    scale: Vec<f64>,
    outputs: Outputs,
) -> Link {
    patch.changed(format!("{layer}.weights"), weights, move |tensor| {
        let inputs = tensor.shape().first().copied().unwrap_or(1);
        let values = f32s_mut(tensor)?;
        let count = scale.len().max(1);
        match outputs {
            Outputs::First => {
                let each = (values.len() / count).max(1);
                for (values, scale) in values.chunks_exact_mut(each).zip(&scale) {
                    multiply(values, std::iter::repeat(scale));
                }
            }
            Outputs::Last => {
                for values in values.chunks_exact_mut(count) {
                    multiply(values, scale.iter());
                }
            }
            Outputs::Second { groups } => {
                let groups = groups.max(1);
                let scale = scale.chunks_exact((count / groups).max(1));
                let each = (values.len() / inputs.max(1) / (count / groups).max(1)).max(1);
                let factors = scale
                    .flat_map(|scale| scale.iter().cycle().take(scale.len() * (inputs / groups)));
                for (values, scale) in values.chunks_exact_mut(each).zip(factors) {
                    multiply(values, std::iter::repeat(scale));
                }
            }
        }
        Ok(())
    })
}

fn multiply<'s>(values: &mut [f32], factors: impl Iterator<Item = &'s f64>) {
    for (value, factor) in values.iter_mut().zip(factors) {
        *value = (f64::from(*value) * factor) as f32;
    }
}

/// The values of weights, to change.
pub(super) fn f32s_mut(tensor: &mut Tensor) -> Result<&mut Vec<f32>> {
    match tensor.data_mut() {
        Data::F32(values) => Ok(values),
        other => Err(Error::shape(format!("expected f32 weights, found {}", other.element()))),
    }
}

#[cfg(test)]
mod tests {
    use super::PASS;
    use crate::passes::testing::{ignores, refuses, rewrites};

    #[test]
    fn batch_norm_goes_into_weights_and_bias() {
        let report = rewrites(
            &PASS,
            "x = input f32[1,3,6,6]
             w = constant f32[4,3,3,3] random(1)
             y = Conv(x, w)
             scale = constant f32[4] [1, 2, -3, 0]
             bias = constant f32[4] [0.5, 0, 0, 7]
             mean = constant f32[4] [1, 2, 0, 1]
             variance = constant f32[4] [1, 0.25, 4, 1]
             z = BatchNormalization(y, scale, bias, mean, variance) { epsilon = 0.0 }
             output z",
            "x = input f32[1,3,6,6]
             y.bias = constant f32[4] [-0.5, -8, 0, 7]
             y.weights = constant f32[4,3,3,3] ..
             y = Conv(x, y.weights, y.bias)
             output z = y",
        );
        assert_eq!(report.rewrites[0].nodes, ["y", "z"]);
        assert_eq!(report.rewrites[0].what, "BatchNormalization folded into the weights of `y`");
    }

    #[test]
    fn small_weights_show_which_channel_is_scaled() {
        rewrites(
            &PASS,
            "x = input f32[2,4,3,3]
             w = constant f32[4,2,1,1] [1, 2, 3, 4, 5, 6, 7, 8]
             b = constant f32[4] [1, 1, 1, 1]
             y = Conv(x, w, b) { group = 2 }
             s = constant f32[4,1,1] [1, 10, 100, 1000]
             z = Mul(y, s)
             output z",
            "x = input f32[2,4,3,3]
             y.bias = constant f32[4] [1, 10, 100, 1000]
             y.weights = constant f32[4,2,1,1] [1, 2, 30, 40, 500, 600, 7000, 8000]
             y = Conv(x, y.weights, y.bias) { group = 2 }
             output z = y",
        );
    }

    #[test]
    fn a_transposed_convolution_has_its_outputs_second() {
        rewrites(
            &PASS,
            "x = input f32[2,4,3,3]
             w = constant f32[4,2,1,1] [1, 2, 3, 4, 5, 6, 7, 8]
             b = constant f32[4] [1, 1, 1, 1]
             y = ConvTranspose(x, w, b) { group = 2, strides = [2, 2] }
             s = constant f32[4,1,1] [1, 10, 100, 1000]
             z = Mul(y, s)
             output z",
            "x = input f32[2,4,3,3]
             y.bias = constant f32[4] [1, 10, 100, 1000]
             y.weights = constant f32[4,2,1,1] [1, 20, 3, 40, 500, 6000, 700, 8000]
             y = ConvTranspose(x, y.weights, y.bias) { group = 2, strides = [2, 2] }
             output z = y",
        );
        rewrites(
            &PASS,
            "x = input f32[1,4,3,3]
             w = constant f32[4,3,2,3] random(1)
             y = ConvTranspose(x, w) { group = 2, strides = [2, 1] }
             scale = constant f32[6] [1, 2, -3, 0, 4, 1]
             bias = constant f32[6] [0.5, 0, 0, 7, 0, 0]
             mean = constant f32[6] [1, 2, 0, 1, 0, 0]
             variance = constant f32[6] [1, 0.25, 4, 1, 1, 1]
             z = BatchNormalization(y, scale, bias, mean, variance) { epsilon = 0.0 }
             output z",
            "x = input f32[1,4,3,3]
             y.bias = constant f32[6] [-0.5, -8, 0, 7, 0, 0]
             y.weights = constant f32[4,3,2,3] ..
             y = ConvTranspose(x, y.weights, y.bias) { group = 2, strides = [2, 1] }
             output z = y",
        );
    }

    #[test]
    fn chains_in_any_spelling_go_the_same_way() {
        rewrites(
            &PASS,
            "x = input f32[1,3,4,4]
             w = constant f32[2,3,1,1] [1, 2, 3, 4, 5, 6]
             b = constant f32[2] [1, 2]
             y = Conv(x, w, b)
             c1 = constant f32[1,2,1,1] [1, -1]
             y1 = Sub(y, c1)
             c2 = constant f32[] [2]
             y2 = Div(y1, c2)
             c3 = constant f32[2,1,1] [3, 5]
             y3 = Mul(c3, y2)
             c4 = constant f32[1] [10]
             y4 = Sub(c4, y3)
             c5 = constant f32[2,1,1] [1, 2]
             y5 = Add(c5, y4)
             output y5",
            "x = input f32[1,3,4,4]
             y.weights = constant f32[2,3,1,1] [-1.5, -3, -4.5, -10, -12.5, -15]
             y.bias = constant f32[2] [11, 4.5]
             y = Conv(x, y.weights, y.bias)
             output y5 = y",
        );
    }

    #[test]
    fn an_offset_of_a_fully_connected_layer_is_added_to_its_bias() {
        rewrites(
            &PASS,
            "x = input f32[3,2]
             w = constant f32[2,2] [1, 2, 3, 4]
             y = Gemm(x, w) { transB = 1, beta = 2.0 }
             c = constant f32[1,2] [5, 6]
             z = Add(y, c)
             output z",
            "x = input f32[3,2]
             w = constant f32[2,2] [1, 2, 3, 4]
             y.bias = constant f32[2] [5, 6]
             y = Gemm(x, w, y.bias) { transB = 1 }
             output z = y",
        );
    }

    #[test]
    fn batch_norm_behind_a_fully_connected_layer_scales_its_outputs() {
        let norm = "scale = constant f32[2] [2, 10]
             bias = constant f32[2] [1, 0]
             mean = constant f32[2] [0, 0]
             variance = constant f32[2] [1, 1]
             z = BatchNormalization(y, scale, bias, mean, variance) { epsilon = 0.0 }
             output z";
        let result = |weights: &str, transposed: u8| {
            format!(
                "x = input f32[2,3]
                 y.bias = constant f32[2] [1.5, 2.5]
                 y.weights = constant {weights}
                 y = Gemm(x, y.weights, y.bias) {{ alpha = 2.0, transB = {transposed} }}
                 output z = y"
            )
        };
        let layer = |weights: &str, transposed: u8| {
            format!(
                "x = input f32[2,3]
                 w = constant {weights}
                 c = constant f32[1] [0.5]
                 y = Gemm(x, w, c) {{ alpha = 2.0, beta = 0.5, transB = {transposed} }}
                 {norm}"
            )
        };
        rewrites(
            &PASS,
            &layer("f32[3,2] [1, 2, 3, 4, 5, 6]", 0),
            &result("f32[3,2] [2, 20, 6, 40, 10, 60]", 0),
        );
        rewrites(
            &PASS,
            &layer("f32[2,3] [1, 2, 3, 4, 5, 6]", 1),
            &result("f32[2,3] [2, 4, 6, 40, 50, 60]", 1),
        );
    }

    #[test]
    fn shared_weights_are_not_changed() {
        rewrites(
            &PASS,
            "x = input f32[1,2,4,4]
             w = constant f32[2,2,1,1] [1, 2, 3, 4]
             y = Conv(x, w)
             c = constant f32[] [2]
             z = Mul(y, c)
             other = Conv(x, w)
             output z
             output other",
            "x = input f32[1,2,4,4]
             w = constant f32[2,2,1,1] [1, 2, 3, 4]
             y.bias = constant f32[2] [0, 0]
             y.weights = constant f32[2,2,1,1] [2, 4, 6, 8]
             y = Conv(x, y.weights, y.bias)
             other = Conv(x, w)
             output z = y
             output other",
        );
    }

    #[test]
    fn a_layer_whose_result_is_read_elsewhere_keeps_its_weights() {
        let layer = "x = input f32[1,2,4,4]
             w = constant f32[2,2,1,1] [1, 2, 3, 4]
             y = Conv(x, w)
             c = constant f32[] [2]
             z = Mul(y, c)
             output z\n";
        let twice = format!("{layer} u = Relu(y)\n output u");
        refuses(&PASS, &twice, &[("z", "the result of `y` has 2 readers")]);
        let output = format!("{layer} output y");
        let why = "the result of `y` is also an output of the network";
        refuses(&PASS, &output, &[("z", why)]);
    }

    #[test]
    fn what_is_not_known_now_stays() {
        refuses(
            &PASS,
            "x = input f32[1,2,4,4]
             w = input f32[2,2,1,1]
             y = Conv(x, w)
             c = constant f32[] [2]
             z = Mul(y, c)
             output z",
            &[("z", "the weights of `y` are computed at run time")],
        );
        refuses(
            &PASS,
            "x = input f32[2,3]
             w = constant f32[3,2] [1, 2, 3, 4, 5, 6]
             c = constant f32[2,1] [1, 2]
             y = Gemm(x, w, c)
             s = constant f32[] [2]
             z = Mul(y, s)
             output z",
            &[("z", "the offset of `y` differs from row to row")],
        );
    }

    #[test]
    fn a_variance_that_makes_no_sense_is_left_to_the_program() {
        refuses(
            &PASS,
            "x = input f32[1,2,4,4]
             w = constant f32[2,2,1,1] [1, 2, 3, 4]
             y = Conv(x, w)
             one = constant f32[2] [1, 1]
             variance = constant f32[2] [1, -1]
             z = BatchNormalization(y, one, one, one, variance) { epsilon = 0.0 }
             output z",
            &[("z", "channel 1 is scaled or shifted by what is no finite number")],
        );
    }

    #[test]
    fn constants_along_other_dimensions_are_no_scale() {
        let layer = |constant: &str| {
            format!(
                "x = input f32[1,4,4,4]
                 w = constant f32[4,4,1,1] random(1)
                 y = Conv(x, w)
                 c = constant {constant} random(2)
                 z = Mul(y, c)
                 output z"
            )
        };
        ignores(&PASS, &layer("f32[4]"));
        ignores(&PASS, &layer("f32[1,1,4,1]"));
        ignores(&PASS, &layer("f32[2,4,1,1]"));
        ignores(&PASS, &layer("f32[1,4,4,4]"));
        ignores(&PASS, &layer("f32[1,1,4,1,1]"));
    }

    #[test]
    fn an_activation_between_ends_the_chain() {
        ignores(
            &PASS,
            "x = input f32[1,2,4,4]
             w = constant f32[2,2,1,1] [1, 2, 3, 4]
             y = Conv(x, w) { activation = \"Relu\" }
             c = constant f32[] [2]
             z = Mul(y, c)
             output z",
        );
    }
}
