//! Rotary position embedding.

use super::floats::{check_float, check_same_element};
use super::reading::{check, size};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Operand, Parsed, Signature, TensorType, required};
use crate::operation;

/// `RotaryEmbedding`. Operands: x, cosines, sines, positions (may be empty).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RotaryEmbedding {
    /// Heads, where they have no dimension of their own.
    pub heads: usize,
    /// Values of a head that are rotated; 0 for all.
    pub rotated: usize,
    /// Whether neighbours are rotated together.
    pub interleaved: bool,
}

impl Definition for RotaryEmbedding {
    const NAMES: &'static [&'static str] = &["RotaryEmbedding"];

    fn name(&self) -> &'static str {
        "RotaryEmbedding"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
            .with("num_heads", Attribute::Int(self.heads as i64))
            .with("rotary_embedding_dim", Attribute::Int(self.rotated as i64))
            .with("interleaved", Attribute::Int(self.interleaved.into()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["num_heads", "rotary_embedding_dim", "interleaved"], 4)?;
        let attributes = signature.attributes;
        let embedding = Self {
            heads: size(attributes.int_or("num_heads", 0)?, "num_heads")?,
            rotated: size(attributes.int_or("rotary_embedding_dim", 0)?, "rotary_embedding_dim")?,
            interleaved: attributes.flag("interleaved")?,
        };
        Ok(Parsed::as_written(embedding, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "X")?.tensor_type;
        check_float(input)?;
        if !matches!((input.rank(), self.heads), (4, _) | (3, 1..)) {
            return Err(Error::shape(format!(
                "expected [batch, heads, length, size], or [batch, length, width] of so many heads, \
                 found {input}"
            )));
        }
        for (slot, what) in [(1, "cos_cache"), (2, "sin_cache")] {
            check_same_element(input, required(operands, slot, what)?.tensor_type)?;
        }
        Ok(vec![input.clone()])
    }

    fn operation(&self) -> Option<AnyOperation> {
        let Self { heads, rotated, interleaved } = *self;
        Some(operation::RotaryEmbedding { heads, rotated, interleaved }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn case() -> Case {
        let table = |values: [f32; 4]| Tensor::new(&[2, 2], values.to_vec()).unwrap();
        Case::new("RotaryEmbedding", 23)
            .counting(&[1, 1, 1, 4])
            .operand(table([1.0, 1.0, 0.0, 0.0]))
            .operand(table([0.0, 0.0, 1.0, 1.0]))
    }

    fn at(position: i64) -> Case {
        case().operand(Tensor::new(&[1, 1], vec![position]).unwrap())
    }

    #[test]
    fn pairs_are_rotated() {
        assert_eq!(at(0).f32s().1, [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(at(1).f32s().1, [-2.0, -3.0, 0.0, 1.0]);
        assert_eq!(at(1).int("interleaved", 1).f32s().1, [-1.0, 0.0, -3.0, 2.0]);
    }

    #[test]
    fn positions_outside_of_the_tables_are_refused() {
        at(2).refused(ErrorKind::Shape, "outside");
        at(-1).refused(ErrorKind::Shape, "negative");
        at(0).int("rotary_embedding_dim", 3).refused(ErrorKind::Shape, "no pairs");
        at(0).int("rotary_embedding_dim", 2).refused(ErrorKind::Shape, "for each pair");
    }
}
