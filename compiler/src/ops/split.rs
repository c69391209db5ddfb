//! Splitting along a dimension.

use super::reading::{
    axis, check, inferred, integers, operand_type, size, writes_attributes,
};
use super::rearrange::{rearranged, strides};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, Operand, Parsed, Signature, Tensor, TensorType, required,
};
use crate::operation::{GeneralSplit, PARTS, SplitSizes};

/// `Split` of one operand; sizes are known when it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The dimension that is split.
    pub axis: usize,
    /// Size of each output along it.
    pub sizes: Vec<usize>,
}

/// The first operator set in which the sizes are an operand.
pub(super) const OPERAND_SINCE: u32 = 13;
/// The first operator set with `num_outputs`, where parts may be unequal.
pub(super) const COUNT_SINCE: u32 = 18;

impl Definition for Split {
    const NAMES: &'static [&'static str] = &["Split"];

    fn reads(signature: &Signature<'_>) -> bool {
        !super::RuntimeSplit::reads(signature)
    }

    fn name(&self) -> &'static str {
        "Split"
    }

    fn attributes(&self) -> Attributes {
        let sizes = self.sizes.iter().map(|&size| size as i64).collect();
        Attributes::default()
            .with("axis", Attribute::Int(self.axis as i64))
            .with("split", Attribute::Ints(sizes))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let mut attributes = vec!["axis"];
        if writes_attributes(signature, OPERAND_SINCE) {
            attributes.push("split");
        }
        if signature.opset >= COUNT_SINCE {
            attributes.push("num_outputs");
        }
        check(signature, &attributes, if signature.opset < OPERAND_SINCE { 1 } else { 2 })?;
        let operand = operand_type(signature, 0, "input")?;
        let axis = axis(signature.attributes.int_or("axis", 0)?, operand.rank())?;
        let count = signature.attributes.int("num_outputs")?;
        let sizes = match (integers(signature, "split", 1, OPERAND_SINCE)?, count) {
            (Some(_), Some(_)) => {
                return Err(Error::malformed("both `split` and `num_outputs` are given"));
            }
            (Some(given), None) => {
                given.iter().map(|&given| size(given, "the size of a part")).collect()
            }
            (None, count) => equal(signature, operand, axis, count.copied()),
        }?;
        if sizes.len() < signature.outputs.len() {
            return Err(Error::malformed(format!(
                "there are {} outputs, but {} parts",
                signature.outputs.len(),
                sizes.len()
            )));
        }
        Ok(Parsed::first(Self { axis, sizes }, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let operand = required(operands, 0, "input")?.tensor_type;
        operand.elements()?;
        let length = self.sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size));
        let whole = operand.shape.get(self.axis);
        if length.map(Dim::Fixed).as_ref() != whole {
            return Err(Error::shape(format!(
                "parts of sizes {:?} do not make up axis {} of {operand}",
                self.sizes, self.axis
            )));
        }
        let part = |&size: &usize| {
            let mut part = operand.clone();
            part.shape[self.axis] = Dim::Fixed(size);
            part
        };
        Ok(self.sizes.iter().map(part).collect())
    }

    fn operation(&self) -> Option<AnyOperation> {
        let mut sizes = [0; PARTS];
        sizes.get_mut(..self.sizes.len())?.copy_from_slice(&self.sizes);
        Some(GeneralSplit { axis: self.axis, sizes: SplitSizes::Fixed { sizes } }.into())
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let types = inferred(self, operands)?;
        let operand = required(operands, 0, "input")?;
        let strides = strides(operand.shape());
        let mut start = 0;
        let mut parts = Vec::with_capacity(types.len());
        for part in types {
            let shape = part.sizes()?;
            let offset = |dimension: usize, index: usize| {
                let index = if dimension == self.axis { start + index } else { index };
                Some(index * strides[dimension])
            };
            parts.push(rearranged(operand, &shape, 0.0, offset)?);
            start += shape[self.axis];
        }
        Ok(parts)
    }
}

/// Parts of equal sizes; since `num_outputs` exists, the last one may be
/// smaller.
fn equal(
    signature: &Signature<'_>,
    operand: &TensorType,
    axis: usize,
    count: Option<i64>,
) -> Result<Vec<usize>> {
    let outputs = signature.outputs.len();
    if let Some(count) = count.filter(|&count| usize::try_from(count) != Ok(outputs)) {
        return Err(Error::malformed(format!(
            "`num_outputs` is {count}, but there are {outputs} outputs"
        )));
    }
    let length = operand.sizes()?[axis];
    let part = if outputs == 0 { 0 } else { length.div_ceil(outputs) };
    let last = length.checked_sub(part.saturating_mul(outputs.saturating_sub(1)));
    match last {
        Some(last) if outputs > 0 && (last == part || signature.opset >= COUNT_SINCE) => {
            let mut sizes = vec![part; outputs];
            sizes[outputs - 1] = last;
            Ok(sizes)
        }
        _ => Err(Error::shape(format!(
            "axis {axis} of {operand} does not split into {outputs} equal parts"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Case;
    use crate::error::ErrorKind;

    fn parts(case: &Case) -> Vec<Vec<f32>> {
        case.evaluate().unwrap().iter().map(|part| part.f32s().unwrap().to_vec()).collect()
    }

    #[test]
    fn given_sizes() {
        let expected = [vec![0.0, 3.0], vec![1.0, 2.0, 4.0, 5.0]];
        let old = Case::new("Split", 11).int("axis", -1).ints("split", &[1, 2]).outputs(2);
        assert_eq!(parts(&old.counting(&[2, 3])), expected);
        let new = Case::new("Split", 13).int("axis", 1).counting(&[2, 3]).list(&[1, 2]).outputs(2);
        assert_eq!(parts(&new.clone().unknown(1)), expected);
        assert_eq!(parts(&new.unknown(2)), expected);
        let empty = Case::new("Split", 18).counting(&[2]).list(&[0, 2]).outputs(2);
        assert_eq!(parts(&empty), [vec![], vec![0.0, 1.0]]);
    }

    #[test]
    fn equal_sizes() {
        let equal = |opset, size: usize, outputs| {
            Case::new("Split", opset).counting(&[size]).outputs(outputs)
        };
        assert_eq!(parts(&equal(7, 4, 2)), [[0.0, 1.0], [2.0, 3.0]]);
        equal(13, 5, 2).refused(ErrorKind::Shape, "does not split into 2 equal parts");
        // As ONNX Runtime, which refuses a last part of less than nothing.
        let uneven = equal(18, 7, 4).int("num_outputs", 4);
        assert_eq!(parts(&uneven), [vec![0.0, 1.0], vec![2.0, 3.0], vec![4.0, 5.0], vec![6.0]]);
        equal(18, 7, 5).int("num_outputs", 5).refused(ErrorKind::Shape, "5 equal parts");
        let wrong = equal(18, 7, 2).int("num_outputs", i64::MAX);
        wrong.refused(ErrorKind::Malformed, "but there are 2 outputs");
        equal(18, 7, 0).refused(ErrorKind::Shape, "0 equal parts");
    }

    #[test]
    fn errors() {
        let split = |sizes: &[i64]| {
            Case::new("Split", 13).counting(&[3]).list(sizes).outputs(sizes.len())
        };
        split(&[1, 1]).refused(ErrorKind::Shape, "do not make up axis 0 of f32[3]");
        split(&[4, -1]).refused(ErrorKind::Malformed, "negative");
        split(&[i64::MAX; 3]).refused(ErrorKind::Shape, "do not make up");
        split(&[1, 2]).outputs(3).refused(ErrorKind::Malformed, "3 outputs, but 2 parts");
        split(&[3]).int("axis", 1).refused(ErrorKind::Shape, "axis 1 is out of range");
        let both = Case::new("Split", 18).counting(&[3]).list(&[3]).int("num_outputs", 1);
        both.refused(ErrorKind::Malformed, "both `split` and `num_outputs`");
        let early = Case::new("Split", 13).counting(&[3]).int("num_outputs", 1);
        early.refused(ErrorKind::Malformed, "unknown attribute `num_outputs`");
    }
}
