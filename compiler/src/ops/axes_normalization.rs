//! Normalisation over dimensions of choice, without parameters.

use super::floats::check_float;
use super::reading::{axes, axis, check, operand_type};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Operand, Parsed, Signature, TensorType, required};
use crate::operation::{self, Norm};
use crate::step::RANK;

/// `LpNormalization` and `MeanVarianceNormalization`, of one operand.
#[derive(Clone, Debug, PartialEq)]
pub struct AxesNormalization {
    /// Dimensions that a run of values extends over.
    pub axes: Vec<usize>,
    /// What it is divided by.
    pub norm: Norm,
}

impl Definition for AxesNormalization {
    const NAMES: &'static [&'static str] = &["LpNormalization", "MeanVarianceNormalization"];

    fn name(&self) -> &'static str {
        match self.norm {
            Norm::Absolute | Norm::Euclidean => "LpNormalization",
            Norm::Deviation => "MeanVarianceNormalization",
        }
    }

    fn attributes(&self) -> Attributes {
        let axes: Vec<i64> = self.axes.iter().map(|&axis| axis as i64).collect();
        let exponent = match self.norm {
            Norm::Absolute => 1,
            Norm::Euclidean => 2,
            Norm::Deviation => return Attributes::default().with("axes", Attribute::Ints(axes)),
        };
        Attributes::default()
            .with("axis", Attribute::Int(axes.first().copied().unwrap_or_default()))
            .with("p", Attribute::Int(exponent))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let attributes = signature.attributes;
        let rank = operand_type(signature, 0, "input")?.rank();
        if signature.operator == "MeanVarianceNormalization" {
            check(signature, &["axes"], 1)?;
            let given = attributes.ints("axes")?.cloned().unwrap_or_else(|| vec![0, 2, 3]);
            let axes = axes(&given, rank)?;
            return Ok(Parsed::first(Self { axes, norm: Norm::Deviation }, 1));
        }
        check(signature, &["axis", "p"], 1)?;
        let norm = match attributes.int_or("p", 2)? {
            1 => Norm::Absolute,
            2 => Norm::Euclidean,
            p => return Err(Error::malformed(format!("attribute `p` should be 1 or 2, not {p}"))),
        };
        let axes = vec![axis(attributes.int_or("axis", -1)?, rank)?];
        Ok(Parsed::first(Self { axes, norm }, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "input")?.tensor_type;
        check_float(input)?;
        Ok(vec![input.clone()])
    }

    fn operation(&self) -> Option<AnyOperation> {
        let mut axes = [false; RANK];
        for &axis in &self.axes {
            *axes.get_mut(axis)? = true;
        }
        Some(operation::AxesNormalization { axes, norm: self.norm }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn matrix() -> Tensor {
        Tensor::new(&[2, 2], vec![3.0f32, 0.0, -4.0, 0.0]).unwrap()
    }

    #[test]
    fn divides_by_the_norm() {
        let case = || Case::new("LpNormalization", 22).operand(matrix());
        assert_eq!(case().int("axis", 0).f32s().1, [0.6, 0.0, -0.8, 0.0]);
        assert_eq!(case().f32s().1, [1.0, 0.0, -1.0, 0.0]);
        assert_eq!(case().int("axis", 0).int("p", 1).f32s().1, [3.0 / 7.0, 0.0, -4.0 / 7.0, 0.0]);
        case().int("p", 3).refused(ErrorKind::Malformed, "1 or 2");
    }

    #[test]
    fn divides_by_the_deviation() {
        let case = Case::new("MeanVarianceNormalization", 13).operand(matrix());
        assert_eq!(case.ints("axes", &[0]).f32s().1, [1.0, 0.0, -1.0, 0.0]);
        let flat = Case::new("MeanVarianceNormalization", 13).operand(matrix());
        flat.refused(ErrorKind::Shape, "axis 2");
    }
}
