//! Batch normalisation in inference mode (Ioffe and Szegedy 2015).

use super::floats::{check_float, check_same_element, rounded, widened};
use super::reading::check;
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Operand, Parsed, Signature, Tensor, TensorType, required};
use crate::operation::GeneralBatchNormalization;

/// `BatchNormalization`: `scale * (x - mean) / sqrt(variance + epsilon) + bias`
/// a channel. Operands: x, scale, bias, mean, variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNormalization {
    /// Added to the variance.
    pub epsilon: f32,
}

impl Definition for BatchNormalization {
    const NAMES: &'static [&'static str] = &["BatchNormalization"];

    fn name(&self) -> &'static str {
        "BatchNormalization"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default().with("epsilon", Attribute::Float(self.epsilon))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let known: &[&str] = match signature.opset {
            ..9 => &["epsilon", "momentum", "spatial"],
            9..14 => &["epsilon", "momentum"],
            14.. => &["epsilon", "momentum", "training_mode"],
        };
        check(signature, known, 5)?;
        let training = signature.attributes.flag("training_mode")?
            || signature.outputs.iter().skip(1).any(|&used| used);
        if training {
            return Err(Error::unsupported("batch normalization in training mode")
                .help("export the model in inference (eval) mode"));
        }
        if signature.attributes.int_or("spatial", 1)? == 0 {
            return Err(Error::unsupported("expected attribute `spatial` to be 1, found 0"));
        }
        let epsilon = signature.attributes.float_or("epsilon", 1e-5)?;
        if !epsilon.is_finite() || epsilon < 0.0 {
            return Err(Error::malformed(format!(
                "expected attribute `epsilon` to be a small positive number, found {epsilon}"
            )));
        }
        Ok(Parsed::as_written(Self { epsilon }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "input")?.tensor_type;
        check_float(input)?;
        for (slot, what) in [(1, "scale"), (2, "bias"), (3, "mean"), (4, "variance")] {
            check_channels(input, required(operands, slot, what)?.tensor_type, what)?;
        }
        Ok(vec![input.clone()])
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(GeneralBatchNormalization { epsilon: self.epsilon }.into())
    }
}

/// Refuses parameters that are not one value a channel of the input.
pub(super) fn check_channels(input: &TensorType, found: &TensorType, what: &str) -> Result<()> {
    check_same_element(input, found)?;
    match (input.shape.get(1), found.shape.as_slice()) {
        (Some(channels), [length]) if channels == length => Ok(()),
        (Some(channels), _) => Err(Error::shape(format!(
            "expected operand `{what}` of {channels} values, one a channel, found {found}"
        ))),
        (None, _) => Err(Error::shape(format!("expected [batch, channels, ..], found {input}"))),
    }
}

/// Applies a function of channel and value to a tensor `[batch, channels, ..]`.
pub(super) fn by_channel(input: &Tensor, apply: impl Fn(usize, f64) -> f64) -> Result<Tensor> {
    let [_, channels, plane @ ..] = input.shape() else {
        return Err(Error::shape("expected a tensor [batch, channels, ..]"));
    };
    let plane: usize = plane.iter().product();
    let values = widened(input)?;
    let values = values
        .iter()
        .enumerate()
        .map(|(i, &x)| apply(i / plane.max(1) % (*channels).max(1), x))
        .collect();
    rounded(input.element(), input.shape(), values)
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn case(opset: u32) -> Case {
        let vector = |values: [f32; 2]| Tensor::vector(values.to_vec());
        Case::new("BatchNormalization", opset)
            .operand(Tensor::new(&[1, 2, 2], vec![1.0f32, 3.0, 5.0, 9.0]).unwrap())
            .operand(vector([2.0, 3.0]))
            .operand(vector([10.0, 20.0]))
            .operand(vector([1.0, 5.0]))
            .operand(vector([4.0, 16.0]))
            .with("epsilon", crate::ir::Attribute::Float(0.0))
    }

    #[test]
    fn normalises_each_channel() {
        for opset in [7, 9, 14, 15] {
            assert_eq!(case(opset).f32s(), (vec![1, 2, 2], vec![10.0, 12.0, 20.0, 23.0]));
        }
    }

    #[test]
    fn training_is_refused() {
        case(15).int("training_mode", 1).refused(ErrorKind::Unsupported, "training");
        case(9).outputs(3).refused(ErrorKind::Unsupported, "training");
        case(7).int("spatial", 0).refused(ErrorKind::Unsupported, "spatial");
        let epsilon = crate::ir::Attribute::Float(-1.0);
        case(9).with("epsilon", epsilon).refused(ErrorKind::Malformed, "found -1");
        case(9).int("spatial", 1).refused(ErrorKind::Malformed, "unknown attribute");
    }

    #[test]
    fn parameters_are_one_a_channel() {
        Case::new("BatchNormalization", 15)
            .counting(&[1, 3])
            .counting(&[2])
            .counting(&[3])
            .counting(&[3])
            .counting(&[3])
            .refused(ErrorKind::Shape, "expected operand `scale` of 3 values");
    }
}
