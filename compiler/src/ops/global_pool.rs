//! Pooling of whole planes.

use super::{AnyOperation, Definition};
use super::floats::{check_float, rounded, widened};
use super::pool::larger;
use super::reading::check;
use crate::error::{Error, Result};
use crate::ir::{Attributes, Dim, Operand, Parsed, Signature, Tensor, TensorType, required};
use crate::operation::{self, Pooling};

/// `GlobalAveragePool`, `GlobalMaxPool`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalPool {
    /// What is taken.
    pub kind: GlobalPoolKind,
}

/// What a [`GlobalPool`] takes of a plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GlobalPoolKind {
    /// The mean.
    Average,
    /// The largest value.
    Max,
}

impl Definition for GlobalPool {
    const NAMES: &'static [&'static str] = &["GlobalAveragePool", "GlobalMaxPool"];

    fn name(&self) -> &'static str {
        match self.kind {
            GlobalPoolKind::Average => "GlobalAveragePool",
            GlobalPoolKind::Max => "GlobalMaxPool",
        }
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &[], 1)?;
        let kind = match signature.operator {
            "GlobalMaxPool" => GlobalPoolKind::Max,
            _ => GlobalPoolKind::Average,
        };
        Ok(Parsed::first(Self { kind }, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "input")?.tensor_type;
        check_float(input)?;
        if input.rank() < 3 || input.shape[2..].contains(&Dim::Fixed(0)) {
            return Err(Error::shape(format!("expected planes to pool over, found {input}")));
        }
        let mut result = input.clone();
        result.shape[2..].fill(Dim::Fixed(1));
        Ok(vec![result])
    }

    fn operation(&self) -> Option<AnyOperation> {
        let kind = match self.kind {
            GlobalPoolKind::Average => Pooling::Average { include_pad: false },
            GlobalPoolKind::Max => Pooling::Max { column_major: false },
        };
        Some(operation::GeneralGlobalPool { kind }.into())
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let types = super::reading::inferred(self, operands)?;
        let shape = required(&[types.first()], 0, "result")?.sizes()?;
        let input = required(operands, 0, "input")?;
        let plane: usize = input.shape()[2..].iter().product();
        let values = widened(input)?;
        let pooled = values.chunks_exact(plane).map(|plane| match self.kind {
            GlobalPoolKind::Average => plane.iter().sum::<f64>() / plane.len() as f64,
            GlobalPoolKind::Max => plane.iter().copied().fold(f64::NEG_INFINITY, larger),
        });
        Ok(vec![rounded(input.element(), &shape, pooled.collect())?])
    }
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;
    use crate::ops::testing::Case;

    #[test]
    fn planes_become_single_values() {
        let case = |name| Case::new(name, 13).counting(&[1, 2, 2, 2]);
        assert_eq!(case("GlobalAveragePool").f32s(), (vec![1, 2, 1, 1], vec![1.5, 5.5]));
        assert_eq!(case("GlobalMaxPool").f32s(), (vec![1, 2, 1, 1], vec![3.0, 7.0]));
    }

    #[test]
    fn there_must_be_planes() {
        let case = |shape: &[usize]| Case::new("GlobalMaxPool", 13).counting(shape);
        case(&[1, 2]).refused(ErrorKind::Shape, "planes");
        case(&[1, 2, 0]).refused(ErrorKind::Shape, "planes");
    }
}
