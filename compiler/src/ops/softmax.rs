//! Softmax and its logarithm.

use super::floats::{check_float, rounded, widened};
use super::reading::{NEWEST, axis, check, one, operand_type};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Operand, Parsed, Signature, Tensor, TensorType, required};
use crate::operation::{GeneralSoftmax, SoftmaxFunction};

/// `Softmax`, `LogSoftmax`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax {
    /// The dimension that sums to one.
    pub axis: usize,
    /// Whether all dimensions from `axis` on sum to one together, as in
    /// operator sets before 13.
    pub through_end: bool,
    /// Whether the logarithm is taken.
    pub logarithm: bool,
}

impl Softmax {
    /// Sizes before, along and after what sums to one.
    #[must_use]
    pub fn split(&self, sizes: &[usize]) -> [usize; 3] {
        let (before, from) = sizes.split_at(self.axis.min(sizes.len()));
        let product = |sizes: &[usize]| sizes.iter().product();
        match from {
            [along, after @ ..] if !self.through_end => [product(before), *along, product(after)],
            from => [product(before), product(from), 1],
        }
    }
}

impl Definition for Softmax {
    const NAMES: &'static [&'static str] = &["Softmax", "LogSoftmax"];

    fn name(&self) -> &'static str {
        if self.logarithm { "LogSoftmax" } else { "Softmax" }
    }

    fn attributes(&self) -> Attributes {
        competition_attributes(self.axis, self.through_end)
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let (axis, through_end) = competition(signature)?;
        let logarithm = signature.operator == "LogSoftmax";
        Ok(Parsed::first(Self { axis, through_end, logarithm }, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "input")?.tensor_type;
        check_float(input)?;
        if self.axis > input.rank() {
            return Err(Error::shape(format!("there is no axis {} in {input}", self.axis)));
        }
        one(input.clone())
    }

    fn operation(&self) -> Option<AnyOperation> {
        let function = match self.logarithm {
            true => SoftmaxFunction::LogSoftmax,
            false => SoftmaxFunction::Softmax,
        };
        let Self { axis, through_end, .. } = *self;
        Some(GeneralSoftmax { axis, through_end, function }.into())
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        super::reading::inferred(self, operands)?;
        let input = required(operands, 0, "input")?;
        let [outer, along, inner] = self.split(input.shape());
        let mut values = widened(input)?.into_owned();
        for run in 0..outer * inner {
            let start = run / inner * along * inner + run % inner;
            let places = || (0..along).map(|i| start + i * inner);
            let largest = places().map(|i| values[i]).fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = places().map(|i| (values[i] - largest).exp()).sum();
            for i in places() {
                let shifted = values[i] - largest;
                values[i] = if self.logarithm { shifted - sum.ln() } else { shifted.exp() / sum };
            }
        }
        Ok(vec![rounded(input.element(), input.shape(), values)?])
    }
}

/// Along which axis elements compete, and whether along all after it too.
pub(super) fn competition(signature: &Signature<'_>) -> Result<(usize, bool)> {
    let known: &[&str] =
        if signature.opset == NEWEST { &["axis", "through_end"] } else { &["axis"] };
    check(signature, known, 1)?;
    let rank = operand_type(signature, 0, "input")?.rank();
    let older = signature.opset < 13;
    let through_end = older || signature.attributes.flag("through_end")?;
    let given = signature.attributes.int_or("axis", if older { 1 } else { -1 })?;
    // Flattening to a matrix may also put everything before the cut.
    let axis = match usize::try_from(given) {
        Ok(last) if through_end && last == rank => rank,
        _ => axis(given, rank)?,
    };
    Ok((axis, through_end))
}

/// The attributes that say the same.
pub(super) fn competition_attributes(axis: usize, through_end: bool) -> Attributes {
    let attributes = Attributes::default().with("axis", Attribute::Int(axis as i64));
    match through_end {
        true => attributes.with("through_end", Attribute::Int(1)),
        false => attributes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::ops::testing::Case;

    fn case(name: &'static str, opset: u32) -> Case {
        let values = vec![0.0f32, 0.0, 1000.0, 1000.0, 0.0, 0.0, 0.0, 0.0];
        Case::new(name, opset).operand(Tensor::new(&[1, 2, 2, 2], values).unwrap())
    }

    #[test]
    fn older_sets_sum_through_the_end() {
        let (_, values) = case("Softmax", 11).f32s();
        assert_eq!(values, [0.0, 0.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0]);
        let (_, values) = case("Softmax", 13).int("axis", 2).f32s();
        assert_eq!(values, [0.0, 0.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5]);
        let (_, values) = case("Softmax", 13).f32s();
        assert_eq!(values, [0.5; 8]);
        assert_eq!(Case::new("Softmax", 7).counting(&[3]).f32s().1, [1.0; 3]);
        assert_eq!(Case::new("LogSoftmax", 11).counting(&[3]).int("axis", 0).f32s().0, [3]);
        Case::new("Softmax", 13).counting(&[3]).int("axis", 1).refused(ErrorKind::Shape, "range");
        Case::new("Softmax", 11).counting(&[3]).int("axis", 2).refused(ErrorKind::Shape, "range");
    }

    #[test]
    fn the_logarithm_does_not_underflow() {
        let (_, values) = case("LogSoftmax", 13).int("axis", -2).f32s();
        assert_eq!(values[..2], [-1000.0, -1000.0]);
        case("LogSoftmax", 13).int("axis", 4).refused(ErrorKind::Shape, "out of range");
    }
}
