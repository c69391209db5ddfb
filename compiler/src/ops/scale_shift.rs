//! A scale, a shift and an activation a channel.

use super::batch_normalization::{by_channel, check_channels};
use super::floats::{check_float, widened};
use super::reading::{NEWEST, check};
use super::{Activation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attributes, Operand, Parsed, Signature, Tensor, TensorType, required};

/// `activation(x * scale[c] + shift[c])`: what becomes of a batch normalisation
/// that no convolution took in. Operands: x, scale `[channels]`, shift
/// `[channels]`, and for [`Activation::ChannelRelu`] slopes `[channels]`.
///
/// No model file spells it; passes make it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleShift {
    /// Applied after the shift.
    pub activation: Activation,
}

impl Definition for ScaleShift {
    const NAMES: &'static [&'static str] = &["ScaleShift"];

    fn name(&self) -> &'static str {
        "ScaleShift"
    }

    fn attributes(&self) -> Attributes {
        let mut attributes = Attributes::default();
        self.activation.write_attribute("activation", &mut attributes);
        attributes
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        if signature.opset != NEWEST {
            return Err(Error::unsupported("this operator is not supported"));
        }
        check(signature, &["activation"], 4)?;
        let activation = Activation::from_attribute(signature, "activation")?;
        Ok(Parsed::as_written(Self { activation }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "input")?.tensor_type;
        check_float(input)?;
        let slopes = [(1, "scale"), (2, "shift"), (3, "slopes")];
        let count = if self.activation == Activation::ChannelRelu { 3 } else { 2 };
        for &(slot, what) in &slopes[..count] {
            check_channels(input, required(operands, slot, what)?.tensor_type, what)?;
        }
        Ok(vec![input.clone()])
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        super::reading::inferred(self, operands)?;
        let scale = widened(required(operands, 1, "scale")?)?;
        let shift = widened(required(operands, 2, "shift")?)?;
        let slopes = operands.get(3).copied().flatten().map(widened).transpose()?;
        let slope = |c: usize| slopes.as_ref().map_or(1.0, |slopes| slopes[c]);
        let input = required(operands, 0, "input")?;
        Ok(vec![by_channel(input, |c, x| {
            self.activation.apply(x * scale[c] + shift[c], slope(c))
        })?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::ops::testing::Case;

    fn case(opset: u32) -> Case {
        Case::new("ScaleShift", opset)
            .operand(Tensor::new(&[1, 2, 1, 1], vec![1.0f32, 2.0]).unwrap())
            .operand(Tensor::vector(vec![2.0f32, -3.0]))
            .operand(Tensor::vector(vec![0.5f32, 1.0]))
    }

    #[test]
    fn scales_shifts_and_activates() {
        assert_eq!(case(NEWEST).f32s().1, [2.5, -5.0]);
        assert_eq!(case(NEWEST).string("activation", "Relu").f32s().1, [2.5, 0.0]);
        let slopes = case(NEWEST).operand(Tensor::vector(vec![9.0f32, 0.1]));
        assert_eq!(slopes.string("activation", "ChannelRelu").f32s().1, [2.5, -0.5]);
    }

    #[test]
    fn no_file_may_spell_it() {
        case(21).refused(ErrorKind::Unsupported, "not supported");
    }
}
