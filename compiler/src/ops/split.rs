//! Splitting along a dimension.

use super::Definition;
use super::reading::{
    axis, check, inferred, integers, operand_type, size, writes_attributes,
};
use super::rearrange::{rearranged, strides};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, Operand, Parsed, Signature, Tensor, TensorType, required,
};

/// `Split` of one operand; sizes are known when it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The dimension that is split.
    pub axis: usize,
    /// Size of each output along it.
    pub sizes: Vec<usize>,
}

/// The first operator set in which the sizes are an operand.
const OPERAND_SINCE: u32 = 13;
/// The first operator set with `num_outputs`, where parts may be unequal.
const COUNT_SINCE: u32 = 18;

impl Definition for Split {
    const NAMES: &'static [&'static str] = &["Split"];

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
