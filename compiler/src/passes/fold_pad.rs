//! Padding as a node of its own becomes the border of the layer behind it.

use super::patch::{Link, Patch};
use super::pattern::{activation_of, name, operand};
use super::recognize_activations::range;
use super::{Miss, Outcome, Pass};
use crate::ir::{NodeId, Value};
use crate::ops::{Conv, Graph, Op, Pad, PadMode, Pool, PoolKind};

pub(super) const PASS: Pass = Pass {
    name: "fold-pad",
    about: "Lets convolution and pooling pad by themselves.",
    rules: &[into_conv, into_pool],
    sweeps: false,
};

/// `conv(pad(x, 0)) = conv(x)` with more padding
fn into_conv(graph: &Graph, node: NodeId) -> Outcome {
    let Some(Op::Conv(conv)) = graph.operator(node) else { return Err(Miss::NoPattern) };
    Miss::unless(conv.prologue.is_none())?;
    let border = Border::before(graph, node)?;
    Miss::refuse_unless(border.value == 0.0, || {
        format!("{} pads with {}, and a convolution with 0", name(graph, border.node), border.value)
    })?;
    let mut operands = Link::operands(graph, node);
    Link::fill(&mut operands, Conv::INPUT, border.x.into());
    let conv = Conv { pads: border.beside(conv.pads)?, ..conv.clone() };
    Ok(Patch::operator_for(
        &[border.node, node],
        "padding is part of the convolution",
        conv,
        operands,
    ))
}

/// `pool(pad(x)) = pool(x)` with more padding
fn into_pool(graph: &Graph, node: NodeId) -> Outcome {
    let Some(Op::Pool(pool)) = graph.operator(node) else { return Err(Miss::NoPattern) };
    let border = Border::before(graph, node)?;
    let pads = border.beside(pool.pads)?;
    Miss::refuse_unless(!pool.ceil, || {
        "a last window that stands out counts from the padded picture".to_owned()
    })?;
    let kind = match pool.kind {
        PoolKind::Max => border.under_maximum(graph, pool, pads)?,
        PoolKind::Average { include_pad } => border.in_mean(graph, include_pad, pool)?,
    };
    let pool = Pool { pads, kind, ..*pool };
    let operands = vec![Some(border.x.into())];
    Ok(Patch::operator_for(&[border.node, node], "padding is part of the pooling", pool, operands))
}

/// Constant padding around pictures.
struct Border {
    node: NodeId,
    /// What is padded.
    x: Value,
    /// What it is padded with.
    value: f64,
    /// Above, to the left, below and to the right.
    pads: [usize; 4],
}

impl Border {
    /// The padding of a layer's input.
    fn before(graph: &Graph, layer: NodeId) -> Result<Self, Miss> {
        let padded = operand(graph, layer, 0)?;
        let Some(Op::Pad(Pad { mode, pads })) = graph.operator(padded.node) else {
            return Err(Miss::NoPattern);
        };
        let padding = || name(graph, padded.node);
        let PadMode::Constant { value } = *mode else {
            return Err(Miss::Refused(format!("{} pads with pixels of the picture", padding())));
        };
        let &[batch, channels, rows, columns] = pads.as_slice() else {
            return Err(Miss::NoPattern);
        };
        Miss::refuse_unless([batch, channels] == [(0, 0); 2], || {
            format!("{} adds channels or pictures", padding())
        })?;
        let pads = [rows.0, columns.0, rows.1, columns.1];
        let pads = pads.map(usize::try_from).into_iter().collect::<Result<Vec<_>, _>>();
        let pads = pads.map_err(|_| Miss::Refused(format!("{} also cuts off", padding())))?;
        let pads = <[usize; 4]>::try_from(pads).map_err(|_| Miss::NoPattern)?;
        Ok(Self { node: padded.node, x: operand(graph, padded.node, 0)?, value, pads })
    }

    /// Together with a layer's own padding.
    fn beside(&self, own: [usize; 4]) -> Result<[usize; 4], Miss> {
        let mut sum = own;
        for (sum, more) in sum.iter_mut().zip(self.pads) {
            *sum = sum.checked_add(more).ok_or(Miss::NoPattern)?;
        }
        Ok(sum)
    }

    /// Max pooling looks only at the picture: padding has to be no larger than
    /// anything in it, and no window may see padding only.
    fn under_maximum(
        &self,
        graph: &Graph,
        pool: &Pool,
        pads: [usize; 4],
    ) -> Result<PoolKind, Miss> {
        let lowest = activation_of(graph, self.x)
            .map_or(f32::NEG_INFINITY, |(activation, _)| range(activation).0);
        Miss::refuse_unless(self.value <= f64::from(lowest), || {
            format!(
                "{} pads with {}, which may be larger than what is in the picture",
                name(graph, self.node),
                self.value
            )
        })?;
        let [top, left, bottom, right] = pads;
        let inside = top.max(bottom) < pool.kernel[0] && left.max(right) < pool.kernel[1];
        Miss::refuse_unless(inside && pool.dilations == [1, 1], || {
            "some windows might see nothing but padding".to_owned()
        })?;
        Ok(PoolKind::Max)
    }

    /// Zeros around the picture count in the mean; the pooling's own padding
    /// has to count, too.
    fn in_mean(&self, graph: &Graph, include_pad: bool, pool: &Pool) -> Result<PoolKind, Miss> {
        Miss::refuse_unless(self.value == 0.0, || {
            format!("{} pads with {}, not with 0", name(graph, self.node), self.value)
        })?;
        Miss::refuse_unless(include_pad || pool.pads == [0; 4], || {
            format!(
                "the padding of {} counts in the mean, the pooling's own does not",
                name(graph, self.node)
            )
        })?;
        Ok(PoolKind::Average { include_pad: true })
    }
}

#[cfg(test)]
mod tests {
    use super::PASS;
    use crate::passes::testing::{refuses, rewrites};

    /// A convolution of padded pictures.
    fn padded_conv(pad: &str) -> String {
        format!(
            "x = input f32[1,2,5,5]
             p = {pad}
             w = constant f32[3,2,3,3] random(1)
             y = Conv(p, w) {{ pads = [1, 0, 0, 1], strides = [2, 2] }}
             output y"
        )
    }

    #[test]
    fn zeros_around_the_input_are_padding_of_the_convolution() {
        let report = rewrites(
            &PASS,
            &padded_conv("Pad(x) { pads = [0, 0, 1, 2, 0, 0, 3, 4], value = 0.0 }"),
            "x = input f32[1,2,5,5]
             w = constant f32[3,2,3,3] ..
             y = Conv(x, w) { pads = [2, 2, 3, 5], strides = [2, 2] }
             output y",
        );
        assert_eq!(report.rewrites[0].nodes, ["p", "y"]);
    }

    #[test]
    fn other_padding_is_refused() {
        let refused = |pad: &str, why: &str| refuses(&PASS, &padded_conv(pad), &[("y", why)]);
        refused(
            "Pad(x) { pads = [0, 0, 1, 1, 0, 0, 1, 1], value = 1.5 }",
            "`p` pads with 1.5, and a convolution with 0",
        );
        refused(
            "Pad(x) { pads = [0, 0, 1, 1, 0, 0, 1, 1], mode = \"reflect\" }",
            "`p` pads with pixels of the picture",
        );
        refused("Pad(x) { pads = [0, 0, 1, 1, 0, 0, -1, 1], value = 0.0 }", "`p` also cuts off");
        refuses(
            &PASS,
            "x = input f32[1,2,5,5]
             p = Pad(x) { pads = [0, 1, 0, 0, 0, 0, 0, 0], value = 0.0 }
             w = constant f32[3,3,3,3] random(1)
             y = Conv(p, w)
             output y",
            &[("y", "`p` adds channels or pictures")],
        );
    }

    /// Pooling of padded results of an activation.
    fn padded_pool(activation: &str, value: &str, pool: &str) -> String {
        format!(
            "x = input f32[1,2,5,5]
             a = {activation}(x)
             p = Pad(a) {{ pads = [0, 0, 1, 1, 0, 0, 1, 1], value = {value} }}
             y = {pool}
             output y"
        )
    }

    fn pooled(activation: &str, pool: &str) -> String {
        format!("x = input f32[1,2,5,5]\na = {activation}(x)\ny = {pool}\noutput y")
    }

    #[test]
    fn a_border_below_everything_is_padding_of_a_maximum() {
        let inside = "MaxPool(p) { kernel_shape = [3, 3], strides = [2, 2] }";
        let result = "MaxPool(a) { kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [2, 2] }";
        rewrites(&PASS, &padded_pool("Tanh", "-inf", inside), &pooled("Tanh", result));
        rewrites(&PASS, &padded_pool("Relu", "0.0", inside), &pooled("Relu", result));
        rewrites(&PASS, &padded_pool("Tanh", "-1.5", inside), &pooled("Tanh", result));
        refuses(
            &PASS,
            &padded_pool("Tanh", "0.0", inside),
            &[("y", "`p` pads with 0, which may be larger than what is in the picture")],
        );
    }

    #[test]
    fn a_window_has_to_see_the_picture() {
        let why = "some windows might see nothing but padding";
        let narrow = "MaxPool(p) { kernel_shape = [1, 3] }";
        refuses(&PASS, &padded_pool("Relu", "0.0", narrow), &[("y", why)]);
        let dilated = "MaxPool(p) { kernel_shape = [2, 2], dilations = [2, 2] }";
        refuses(&PASS, &padded_pool("Relu", "0.0", dilated), &[("y", why)]);
        let ceil = "MaxPool(p) { kernel_shape = [2, 2], strides = [2, 2], ceil_mode = 1 }";
        let why = "a last window that stands out counts from the padded picture";
        refuses(&PASS, &padded_pool("Relu", "0.0", ceil), &[("y", why)]);
    }

    #[test]
    fn zeros_around_the_picture_count_in_a_mean() {
        let pool = |x: &str, attributes: &str| {
            format!("AveragePool({x}) {{ kernel_shape = [3, 3], {attributes} }}")
        };
        rewrites(
            &PASS,
            &padded_pool("Tanh", "0.0", &pool("p", "count_include_pad = 0")),
            &pooled("Tanh", &pool("a", "count_include_pad = 1, pads = [1, 1, 1, 1]")),
        );
        rewrites(
            &PASS,
            &padded_pool("Tanh", "0.0", &pool("p", "count_include_pad = 1, pads = [1, 0, 0, 0]")),
            &pooled("Tanh", &pool("a", "count_include_pad = 1, pads = [2, 1, 1, 1]")),
        );
        refuses(
            &PASS,
            &padded_pool("Tanh", "0.0", &pool("p", "count_include_pad = 0, pads = [1, 0, 0, 0]")),
            &[("y", "the padding of `p` counts in the mean, the pooling's own does not")],
        );
        refuses(
            &PASS,
            &padded_pool("Tanh", "1.0", &pool("p", "count_include_pad = 1")),
            &[("y", "`p` pads with 1, not with 0")],
        );
    }
}
