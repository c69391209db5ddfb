//! Local response normalisation (Krizhevsky et al. 2012, section 3.3).

use super::floats::check_float;
use super::reading::check;
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Operand, Parsed, Signature, TensorType, required};
use crate::operation::GeneralLocalResponse;

/// `LRN`: `x / (bias + alpha / size * sum of squares of neighbours)^beta`
/// across channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalResponse {
    /// Channels in a window.
    pub size: usize,
    /// Weight of the mean of squares.
    pub alpha: f32,
    /// Exponent.
    pub beta: f32,
    /// Offset.
    pub bias: f32,
}

impl Definition for LocalResponse {
    const NAMES: &'static [&'static str] = &["LRN"];

    fn name(&self) -> &'static str {
        "LRN"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
            .with("size", Attribute::Int(self.size as i64))
            .with("alpha", Attribute::Float(self.alpha))
            .with("beta", Attribute::Float(self.beta))
            .with("bias", Attribute::Float(self.bias))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["size", "alpha", "beta", "bias"], 1)?;
        let attributes = signature.attributes;
        let size = attributes.int_or("size", 0)?;
        let size = u32::try_from(size).ok().filter(|&size| size > 0).ok_or_else(|| {
            Error::malformed(format!("expected attribute `size` to be positive, found {size}"))
        })?;
        let lrn = Self {
            size: size as usize,
            alpha: attributes.float_or("alpha", 1e-4)?,
            beta: attributes.float_or("beta", 0.75)?,
            bias: attributes.float_or("bias", 1.0)?,
        };
        Ok(Parsed::first(lrn, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "input")?.tensor_type;
        check_float(input)?;
        if input.rank() < 2 {
            return Err(Error::shape(format!("expected [batch, channels, ..], found {input}")));
        }
        Ok(vec![input.clone()])
    }

    fn operation(&self) -> Option<AnyOperation> {
        let Self { size, alpha, beta, bias } = *self;
        Some(GeneralLocalResponse { size, alpha, beta, bias }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    #[test]
    fn divides_by_the_neighbours() {
        let case = |size| {
            Case::new("LRN", 13)
                .operand(Tensor::new(&[1, 3, 1], vec![1.0f32, 2.0, 3.0]).unwrap())
                .int("size", size)
                .with("alpha", Attribute::Float(size as f32))
                .with("beta", Attribute::Float(1.0))
                .with("bias", Attribute::Float(1.0))
        };
        assert_eq!(case(3).f32s().1, [1.0 / 6.0, 2.0 / 15.0, 3.0 / 14.0]);
        // An even window reaches one channel further on.
        assert_eq!(case(2).f32s().1, [1.0 / 6.0, 2.0 / 14.0, 3.0 / 10.0]);
    }

    #[test]
    fn the_size_is_required() {
        Case::new("LRN", 13).counting(&[1, 3]).refused(ErrorKind::Malformed, "positive");
    }
}
