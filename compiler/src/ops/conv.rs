//! Convolution over two spatial dimensions.

use super::floats::{check_float, check_same_element, rounded, widened};
use super::reading::{NEWEST, check, operand_type};
use super::windows::{Windows, array};
use super::{Activation, AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, ElementType, Operand, Parsed, Signature, Tensor, TensorType, required};
use crate::operation;
use crate::step::ResidualOrder;

/// `Conv`, and what passes have folded into it.
///
/// Computes `activation(conv(prologue(x), weights) + bias)`, with the residual
/// added before or after the activation.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv {
    /// Rows and columns between output pixels.
    pub strides: [usize; 2],
    /// Zeros above, to the left, below and to the right.
    pub pads: [usize; 4],
    /// Rows and columns between taps.
    pub dilations: [usize; 2],
    /// Independent runs of channels.
    pub groups: usize,
    /// Folded from before: `activation(x * scale[c] + shift[c])`.
    pub prologue: Option<Prologue>,
    /// Folded from behind.
    pub epilogue: Epilogue,
}

/// A per-channel scale and shift (in slots [`Conv::SCALE`] and
/// [`Conv::SHIFT`]) and an activation applied to the input before padding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prologue {
    /// Applied after the shift.
    pub activation: Activation,
}

/// What is applied to a result before it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Epilogue {
    /// Whether and when the tensor in slot [`Conv::RESIDUAL`] is added.
    pub residual: Option<ResidualOrder>,
    /// The activation. [`Activation::ChannelRelu`] takes its slopes `[channels]`
    /// from slot [`Conv::SLOPES`].
    pub activation: Activation,
}

impl Conv {
    /// Slot of the input.
    pub const INPUT: usize = 0;
    /// Slot of the weights `[out, in / groups, kh, kw]`.
    pub const WEIGHTS: usize = 1;
    /// Slot of the bias `[out]`; may be empty.
    pub const BIAS: usize = 2;
    /// Slot of the residual.
    pub const RESIDUAL: usize = 3;
    /// Slot of the slopes of [`Activation::ChannelRelu`], one an output channel.
    pub const SLOPES: usize = 4;
    /// Slot of the prologue's scale, one an input channel.
    pub const SCALE: usize = 5;
    /// Slot of the prologue's shift, one an input channel.
    pub const SHIFT: usize = 6;

    /// Slots in all.
    const SLOTS: usize = 7;

    const fn windows(&self, kernel: [usize; 2]) -> Windows {
        Windows { kernel, strides: self.strides, pads: self.pads, dilations: self.dilations }
    }

    /// Multiply-adds for a result of this type.
    pub(super) fn multiply_adds(weights: &TensorType, result: &TensorType) -> u64 {
        of_each(weights, result)
    }
}

/// Multiply-adds where each of these elements meets all weights but those of
/// the other channels.
pub(super) fn of_each(weights: &TensorType, elements: &TensorType) -> u64 {
    let (Ok(elements), Some((_, weights))) = (elements.elements(), weights.shape.split_first())
    else {
        return 0;
    };
    let weights = weights.iter().map(|dim| dim.max() as u64).fold(1, u64::saturating_mul);
    (elements as u64).saturating_mul(weights)
}

/// Whether a node's first operand is f32 pictures of two dimensions and known
/// sizes: what there are kernels for, into which passes fold what is around.
pub(super) fn reads_pictures(signature: &Signature<'_>) -> bool {
    let data = signature.operands.first().copied().flatten().map(|data| data.tensor_type);
    let is_f32 = data.is_none_or(|data| data.element == ElementType::F32);
    is_f32 && data.is_none_or(|data| data.rank() == 4 && data.is_fixed())
}

/// The number of groups that a node gives.
pub(super) fn groups(signature: &Signature<'_>) -> Result<usize> {
    let groups = signature.attributes.int_or("group", 1)?;
    usize::try_from(groups).ok().filter(|&groups| groups > 0).ok_or_else(|| {
        Error::malformed(format!("expected attribute `group` to be positive, found {groups}"))
    })
}

impl Definition for Conv {
    const NAMES: &'static [&'static str] = &["Conv"];

    /// Pictures of two dimensions and known sizes; all others are more general.
    fn reads(signature: &Signature<'_>) -> bool {
        reads_pictures(signature)
    }

    fn name(&self) -> &'static str {
        "Conv"
    }

    fn attributes(&self) -> Attributes {
        let ints = |values: &[usize]| Attribute::Ints(values.iter().map(|&v| v as i64).collect());
        let mut attributes = Attributes::default()
            .with("strides", ints(&self.strides))
            .with("pads", ints(&self.pads))
            .with("dilations", ints(&self.dilations))
            .with("group", Attribute::Int(self.groups as i64));
        if let Some(Prologue { activation }) = self.prologue {
            attributes.insert("prologue", Attribute::String(activation.spelling()));
        }
        if let Some(order) = self.epilogue.residual {
            let order = match order {
                ResidualOrder::BeforeActivation => "before",
                ResidualOrder::AfterActivation => "after",
            };
            attributes.insert("residual", Attribute::String(order.to_owned()));
        }
        self.epilogue.activation.write_attribute("activation", &mut attributes);
        attributes
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let written = ["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"];
        let private = ["activation", "prologue", "residual"];
        match signature.opset {
            NEWEST => check(signature, &[&written[..], &private].concat(), Self::SLOTS)?,
            _ => check(signature, &written, 3)?,
        }
        let [_, _, height, width] = operand_type(signature, Self::INPUT, "input")?.picture()?;
        let [_, _, kh, kw] = operand_type(signature, Self::WEIGHTS, "weights")?.picture()?;
        if let Some(kernel) = signature.attributes.ints("kernel_shape")?
            && array(kernel, "kernel_shape", 1)? != [kh, kw]
        {
            return Err(Error::shape(format!(
                "attribute `kernel_shape` is {kernel:?}, but the weights have {kh} rows and {kw} columns"
            )));
        }
        let windows = Windows::read(signature, [kh, kw], [height, width])?;
        let groups = groups(signature)?;
        let prologue = match signature.attributes.string("prologue")? {
            None => None,
            Some(text) => Some(Prologue { activation: Activation::from_spelling(text)? }),
        };
        let residual = match signature.attributes.string("residual")?.map(String::as_str) {
            None => None,
            Some("before") => Some(ResidualOrder::BeforeActivation),
            Some("after") => Some(ResidualOrder::AfterActivation),
            Some(_) => return Err(Error::malformed("attribute `residual` is before or after")),
        };
        let activation = Activation::from_attribute(signature, "activation")?;
        let Windows { strides, pads, dilations, .. } = windows;
        let epilogue = Epilogue { residual, activation };
        let conv = Self { strides, pads, dilations, groups, prologue, epilogue };
        Ok(Parsed::as_written(conv, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, Self::INPUT, "input")?.tensor_type;
        let weights = required(operands, Self::WEIGHTS, "weights")?.tensor_type;
        check_float(input)?;
        check_same_element(input, weights)?;
        let [batch, channels, height, width] = input.picture()?;
        let [out, depth, kh, kw] = weights.picture()?;
        if depth.checked_mul(self.groups) != Some(channels) || !out.is_multiple_of(self.groups) {
            return Err(Error::shape(format!(
                "expected weights for {channels} input channels in {} groups, found {weights}",
                self.groups
            )));
        }
        if kh == 0 || kw == 0 || depth == 0 {
            return Err(Error::shape(format!("the weights {weights} are empty")));
        }
        let [rows, columns] = self.windows([kh, kw]).count([height, width], false)?;
        let result = TensorType::fixed(input.element, &[batch, out, rows, columns]);
        result.elements()?;
        let vector = |len: usize| TensorType::fixed(input.element, &[len]);
        if operands.get(Self::BIAS).copied().flatten().is_some() {
            check_slot(operands, Self::BIAS, "bias", Some(vector(out)))?;
        }
        self.check_folded(operands, &result, vector(channels), vector(out))?;
        Ok(vec![result])
    }

    fn operation(&self) -> Option<AnyOperation> {
        if self.prologue.is_some() || self.epilogue != Epilogue::default() {
            return None;
        }
        let axes = self.windows([1, 1]).axes();
        Some(operation::GeneralConv { axes, dimensions: 2, groups: self.groups }.into())
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let types = super::reading::inferred(self, operands)?;
        let result = required(&[types.first()], 0, "result")?;
        let element = result.element;
        let shape @ [_, out, rows, columns] = result.picture()?;
        let input = self.prepared(operands)?;
        let weights = required(operands, Self::WEIGHTS, "weights")?;
        let [_, depth, kh, kw] = weights.tensor_type().picture()?;
        let [_, channels, height, width] =
            required(operands, Self::INPUT, "input")?.tensor_type().picture()?;
        let weights = widened(weights)?;
        let windows = self.windows([kh, kw]);
        let mut sums = Vec::with_capacity(shape.iter().product());
        let planes = (0..shape[0]).flat_map(|n| (0..out).map(move |o| (n, o)));
        for (n, o) in planes {
            let filter = &weights[o * depth * kh * kw..][..depth * kh * kw];
            let first = o / (out / self.groups) * depth;
            let start = (n * channels + first) * height * width;
            let planes = &input[start..][..depth * height * width];
            for pixel in 0..rows * columns {
                let place = [pixel / columns, pixel % columns];
                let mut sum = 0.0;
                for (tap, [y, x]) in windows.inside(place, [height, width]) {
                    let pixels = planes[y * width + x..].iter().step_by(height * width);
                    let taps = filter[tap..].iter().step_by(kh * kw);
                    sum += pixels.zip(taps).map(|(x, w)| x * w).sum::<f64>();
                }
                sums.push(sum);
            }
        }
        self.finish(&mut sums, shape, operands)?;
        Ok(vec![rounded(element, &shape, sums)?])
    }
}

/// Refuses an operand that is not of the expected type, or that nothing asks
/// for.
pub(super) fn check_slot(
    operands: &[Option<Operand<'_>>],
    slot: usize,
    what: &str,
    expected: Option<TensorType>,
) -> Result<()> {
    let found = operands.get(slot).copied().flatten().map(|operand| operand.tensor_type);
    if found == expected.as_ref() {
        return Ok(());
    }
    let named = |tensor_type: Option<&TensorType>| {
        tensor_type.map_or("none".to_owned(), ToString::to_string)
    };
    let (expected, found) = (named(expected.as_ref()), named(found));
    Err(Error::shape(format!("expected as {what} {expected}, found {found}")))
}

impl Conv {
    /// Checks that the operands of what is folded in are there, and no others.
    fn check_folded(
        &self,
        operands: &[Option<Operand<'_>>],
        result: &TensorType,
        of_input: TensorType,
        of_result: TensorType,
    ) -> Result<()> {
        let Epilogue { residual, activation } = self.epilogue;
        let residual = residual.map(|_| result.clone());
        check_slot(operands, Self::RESIDUAL, "residual", residual)?;
        let slopes = (activation == Activation::ChannelRelu).then_some(of_result);
        check_slot(operands, Self::SLOPES, "slopes", slopes)?;
        let of_input = self.prologue.map(|_| of_input);
        check_slot(operands, Self::SCALE, "scale", of_input.clone())?;
        check_slot(operands, Self::SHIFT, "shift", of_input)?;
        self.prologue.map_or(Ok(()), |prologue| prologue.activation.check_needs_no_slopes())
    }

    /// The input with the prologue applied.
    fn prepared(&self, operands: &[Option<&Tensor>]) -> Result<Vec<f64>> {
        let input = required(operands, Self::INPUT, "input")?;
        let mut values = widened(input)?.into_owned();
        if let Some(Prologue { activation }) = self.prologue {
            let scale = widened(required(operands, Self::SCALE, "scale")?)?;
            let shift = widened(required(operands, Self::SHIFT, "shift")?)?;
            let [_, channels, height, width] = input.tensor_type().picture()?;
            for (plane, values) in values.chunks_exact_mut((height * width).max(1)).enumerate() {
                let (scale, shift) = (scale[plane % channels], shift[plane % channels]);
                for value in values {
                    *value = activation.apply(*value * scale + shift, 1.0);
                }
            }
        }
        Ok(values)
    }

    /// Adds bias and residual and applies the activation.
    fn finish(
        &self,
        sums: &mut [f64],
        [_, out, rows, columns]: [usize; 4],
        operands: &[Option<&Tensor>],
    ) -> Result<()> {
        let optional = |slot: usize| operands.get(slot).copied().flatten().map(widened).transpose();
        let (bias, slopes) = (optional(Self::BIAS)?, optional(Self::SLOPES)?);
        let residual = optional(Self::RESIDUAL)?.filter(|_| self.epilogue.residual.is_some());
        let Epilogue { residual: order, activation } = self.epilogue;
        for (i, sum) in sums.iter_mut().enumerate() {
            let channel = i / (rows * columns).max(1) % out.max(1);
            let added = residual.as_ref().map_or(0.0, |residual| residual[i]);
            let slope = slopes.as_ref().map_or(1.0, |slopes| slopes[channel]);
            let value = *sum + bias.as_ref().map_or(0.0, |bias| bias[channel]);
            *sum = match order {
                Some(ResidualOrder::BeforeActivation) => activation.apply(value + added, slope),
                Some(ResidualOrder::AfterActivation) => activation.apply(value, slope) + added,
                None => activation.apply(value, slope),
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::ops::testing::Case;

    fn ones(shape: &[usize]) -> Tensor {
        Tensor::new(shape, vec![1.0f32; shape.iter().product()]).unwrap()
    }

    #[test]
    fn padding_counts_as_zeros() {
        let case = Case::new("Conv", 11)
            .counting(&[1, 1, 3, 3])
            .operand(ones(&[1, 1, 3, 3]))
            .ints("pads", &[1, 1, 1, 1]);
        let sums = vec![8.0, 15.0, 12.0, 21.0, 36.0, 27.0, 20.0, 33.0, 24.0];
        assert_eq!(case.f32s(), (vec![1, 1, 3, 3], sums));
    }

    #[test]
    fn sides_strides_and_dilations_may_differ() {
        let case = Case::new("Conv", 22)
            .counting(&[1, 1, 5, 4])
            .operand(ones(&[1, 1, 2, 2]))
            .ints("pads", &[1, 0, 0, 2])
            .ints("strides", &[2, 1])
            .ints("dilations", &[3, 2]);
        // Rows -1 and 2, then 1 and 4; columns x and x + 2, those from 4 on zero.
        let sums = vec![18.0, 20.0, 10.0, 11.0, 44.0, 48.0, 24.0, 26.0];
        assert_eq!(case.f32s(), (vec![1, 1, 2, 4], sums));
    }

    #[test]
    fn automatic_padding_keeps_the_size() {
        let case = |mode| {
            Case::new("Conv", 11)
                .counting(&[1, 1, 1, 4])
                .operand(ones(&[1, 1, 1, 2]))
                .string("auto_pad", mode)
        };
        assert_eq!(case("SAME_UPPER").f32s().1, [1.0, 3.0, 5.0, 3.0]);
        assert_eq!(case("SAME_LOWER").f32s().1, [0.0, 1.0, 3.0, 5.0]);
        assert_eq!(case("VALID").f32s().1, [1.0, 3.0, 5.0]);
        case("SAME").refused(ErrorKind::Malformed, "found `SAME`");
    }

    #[test]
    fn groups_keep_to_their_channels() {
        let case = Case::new("Conv", 11)
            .counting(&[1, 4, 1, 1])
            .operand(ones(&[2, 2, 1, 1]))
            .operand(Tensor::vector(vec![100.0f32, 200.0]))
            .int("group", 2);
        assert_eq!(case.f32s().1, [101.0, 205.0]);
    }

    #[test]
    fn folded_parts_are_computed_in_their_order() {
        let case = |residual: &str| {
            Case::new("Conv", NEWEST)
                .operand(Tensor::new(&[1, 1, 1, 2], vec![-3.0f32, 1.0]).unwrap())
                .operand(ones(&[1, 1, 1, 1]))
                .operand(Tensor::vector(vec![-1.0f32]))
                .operand(Tensor::new(&[1, 1, 1, 2], vec![-5.0f32, 7.0]).unwrap())
                .operand(Tensor::vector(vec![0.5f32]))
                .operand(Tensor::vector(vec![2.0f32]))
                .operand(Tensor::vector(vec![1.0f32]))
                .string("prologue", "Relu")
                .string("activation", "ChannelRelu")
                .string("residual", residual)
        };
        // relu(2 x + 1) - 1 is -1 and 2.
        assert_eq!(case("before").f32s().1, [-3.0, 9.0]);
        assert_eq!(case("after").f32s().1, [-5.5, 9.0]);
    }

    #[test]
    fn folded_parts_have_their_operands_and_no_others() {
        let case = || {
            let case = Case::new("Conv", NEWEST).counting(&[1, 1, 1, 2]).operand(ones(&[1, 1, 1, 1]));
            case.absent()
        };
        let residual = || case().counting(&[1, 1, 1, 2]);
        assert_eq!(residual().string("residual", "before").f32s().1, [0.0, 2.0]);
        residual().refused(ErrorKind::Shape, "expected as residual none");
        let missing = case().string("residual", "before");
        missing.refused(ErrorKind::Shape, "expected as residual f32[1,1,1,2], found none");
        case().string("activation", "ChannelRelu").refused(ErrorKind::Shape, "as slopes f32[1]");
        case().string("prologue", "Relu").refused(ErrorKind::Shape, "as scale f32[1]");
        let scaled = case().absent().absent().counting(&[1]).counting(&[1]);
        scaled.string("prologue", "ChannelRelu").refused(ErrorKind::Malformed, "no slopes");
        case().string("residual", "never").refused(ErrorKind::Malformed, "before or after");
        case().string("activation", "Sine").refused(ErrorKind::Malformed, "no activation");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let case = |weights: &[usize]| Case::new("Conv", 11).counting(&[1, 4, 3, 3]).counting(weights);
        case(&[2, 3, 1, 1]).refused(ErrorKind::Shape, "4 input channels");
        case(&[2, 4, 4, 1]).refused(ErrorKind::Shape, "larger than the padded picture");
        let empty = Case::new("Conv", 11).counting(&[1, 0, 3, 3]).counting(&[2, 0, 2, 2]);
        empty.refused(ErrorKind::Shape, "are empty");
        case(&[3, 2, 1, 1]).int("group", 2).refused(ErrorKind::Shape, "in 2 groups");
        case(&[2, 4, 1, 1]).counting(&[3]).refused(ErrorKind::Shape, "expected as bias f32[2]");
        case(&[2, 4, 1, 1]).int("group", 0).refused(ErrorKind::Malformed, "positive");
        case(&[2, 4, 1, 1])
            .ints("kernel_shape", &[3, 3])
            .refused(ErrorKind::Shape, "kernel_shape");
        case(&[2, 4, 1, 1]).ints("strides", &[0, 1]).refused(ErrorKind::Malformed, "strides");
        case(&[2, 4, 1, 1]).ints("pads", &[-1, 0, 0, 0]).refused(ErrorKind::Malformed, "pads");
        case(&[2, 4, 1, 1]).string("activation", "Relu").refused(ErrorKind::Malformed, "unknown");
    }
}
