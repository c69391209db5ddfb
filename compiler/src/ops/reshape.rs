//! The same elements under another shape.

use super::{AnyOperation, Definition};
use super::reading::{
    NEWEST, all_known, axes, axis, check, inferred, integers, one, operand_type, writes_attributes,
};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Fact, Operand, Parsed, Signature, Tensor, TensorType, required,
};
use crate::operation::{GeneralReshape, ReshapeTarget};
use crate::step::RANK;
use std::borrow::Cow;

/// `Reshape`, `Flatten`, `Squeeze`, `Unsqueeze` of one operand; the shape is
/// known when it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reshape {
    /// Shape of the result.
    pub shape: Vec<usize>,
}

/// The first operator set in which axes are operands.
const AXES_SINCE: u32 = 13;

impl Definition for Reshape {
    const NAMES: &'static [&'static str] = &["Reshape", "Flatten", "Squeeze", "Unsqueeze"];

    fn reads(signature: &Signature<'_>) -> bool {
        all_known(signature)
    }

    fn name(&self) -> &'static str {
        "Reshape"
    }

    fn attributes(&self) -> Attributes {
        let shape = self.shape.iter().map(|&size| size as i64).collect();
        Attributes::default().with("shape", Attribute::Ints(shape))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let shape = match signature.operator {
            "Flatten" => flattened(signature)?,
            "Squeeze" => squeezed(signature)?,
            "Unsqueeze" => unsqueezed(signature)?,
            _ => reshaped(signature)?,
        };
        Ok(Parsed::first(Self { shape }, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let operand = required(operands, 0, "data")?.tensor_type;
        operand.sizes()?;
        let reshaped = TensorType::fixed(operand.element, &self.shape);
        if operand.elements()? != reshaped.elements()? {
            return Err(Error::shape(format!(
                "{operand} has {} elements, but shape {:?} has {}",
                operand.elements()?,
                self.shape,
                reshaped.elements()?
            )));
        }
        one(reshaped)
    }

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        operands.first()?.as_ref()?.facts().map(Cow::into_owned)
    }

    fn operation(&self) -> Option<AnyOperation> {
        let rank = self.shape.len();
        let mut sizes = [0; RANK];
        sizes.get_mut(..rank)?.copy_from_slice(&self.shape);
        let target = ReshapeTarget::Fixed { sizes, rank };
        Some(GeneralReshape { target }.into())
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        inferred(self, operands)?;
        Ok(vec![required(operands, 0, "data")?.clone().reshaped(&self.shape)?])
    }
}

fn reshaped(signature: &Signature<'_>) -> Result<Vec<usize>> {
    // The text form writes a shape as it is.
    let text = signature.opset == NEWEST;
    let attributes: &[&str] = match signature.opset {
        NEWEST => &["allowzero", "shape"],
        14.. => &["allowzero"],
        _ => &[],
    };
    check(signature, attributes, 2)?;
    let operand = operand_type(signature, 0, "data")?;
    let zero_is_zero = signature.attributes.flag("allowzero")?
        || (text && signature.attributes.ints("shape")?.is_some());
    let shape = integers(signature, "shape", 1, 0)?
        .ok_or_else(|| Error::malformed("operand 1 (shape) is missing"))?;
    resolved(operand, &shape, zero_is_zero)
}

/// The sizes that a requested shape stands for: 0 is the operand's size in
/// that place, -1 what is left.
fn resolved(operand: &TensorType, shape: &[i64], zero_is_zero: bool) -> Result<Vec<usize>> {
    let sizes = operand.sizes()?;
    let wrong = |why: &str| Error::shape(format!("{operand} does not fit shape {shape:?}: {why}"));
    let mut open = None;
    let mut resolved = Vec::with_capacity(shape.len());
    for (dimension, &size) in shape.iter().enumerate() {
        resolved.push(match size {
            -1 if open.replace(dimension).is_some() => return Err(wrong("-1 is there twice")),
            -1 => 1,
            0 if !zero_is_zero => *sizes
                .get(dimension)
                .ok_or_else(|| wrong("0 keeps a dimension that the operand does not have"))?,
            size => usize::try_from(size).map_err(|_| wrong("sizes are not negative"))?,
        });
    }
    let total = operand.elements()?;
    let known = TensorType::fixed(operand.element, &resolved).elements()?;
    match open {
        None if total == known => {}
        None => return Err(wrong(&format!("{total} elements are not {known}"))),
        Some(_) if known == 0 => return Err(wrong("-1 beside a size of 0 could be anything")),
        Some(dimension) if total % known == 0 => resolved[dimension] = total / known,
        Some(_) => {
            return Err(wrong(&format!("{total} elements are not a multiple of {known}")));
        }
    }
    Ok(resolved)
}

fn flattened(signature: &Signature<'_>) -> Result<Vec<usize>> {
    check(signature, &["axis"], 1)?;
    let operand = operand_type(signature, 0, "input")?;
    let sizes = operand.sizes()?;
    // Here the axis lies between dimensions: there is one place more.
    let given = signature.attributes.int_or("axis", 1)?;
    let axis = match usize::try_from(given) {
        Ok(last) if last == sizes.len() => last,
        _ => axis(given, sizes.len())?,
    };
    let product = |sizes: &[usize]| TensorType::fixed(operand.element, sizes).elements();
    Ok(vec![product(&sizes[..axis])?, product(&sizes[axis..])?])
}

/// The attribute or operand `axes`.
pub(super) fn given_axes(signature: &Signature<'_>) -> Result<Option<Vec<i64>>> {
    let attributes: &[&str] =
        if writes_attributes(signature, AXES_SINCE) { &["axes"] } else { &[] };
    check(signature, attributes, if signature.opset < AXES_SINCE { 1 } else { 2 })?;
    integers(signature, "axes", 1, AXES_SINCE)
}

fn squeezed(signature: &Signature<'_>) -> Result<Vec<usize>> {
    let given = given_axes(signature)?;
    let operand = operand_type(signature, 0, "data")?;
    let sizes = operand.sizes()?;
    let Some(given) = given else {
        return Ok(sizes.into_iter().filter(|&size| size != 1).collect());
    };
    if given.is_empty() && sizes.contains(&1) {
        // ONNX Runtime squeezes all then, ONNX's own reference none.
        return Err(Error::unsupported("empty `axes` mean different things to different tools")
            .help("name the axes, or leave `axes` out to remove every dimension of size 1"));
    }
    let mut removed = vec![false; sizes.len()];
    for axis in axes(&given, sizes.len())? {
        if sizes[axis] != 1 {
            return Err(Error::shape(format!(
                "axis {axis} of {operand} should have size 1 to be removed"
            )));
        }
        removed[axis] = true;
    }
    let kept = sizes.into_iter().zip(removed).filter(|(_, removed)| !removed);
    Ok(kept.map(|(size, _)| size).collect())
}

fn unsqueezed(signature: &Signature<'_>) -> Result<Vec<usize>> {
    let given = given_axes(signature)?.ok_or_else(|| Error::malformed("`axes` are missing"))?;
    let sizes = operand_type(signature, 0, "data")?.sizes()?;
    let rank = sizes.len() + given.len();
    let mut inserted = vec![false; rank];
    for axis in axes(&given, rank)? {
        inserted[axis] = true;
    }
    let mut sizes = sizes.into_iter();
    let next = |inserted: bool| if inserted { Some(1) } else { sizes.next() };
    Ok(inserted.into_iter().filter_map(next).collect())
}

#[cfg(test)]
mod tests {
    use super::super::testing::Case;
    use crate::error::ErrorKind;

    fn reshape(from: &[usize], to: &[i64]) -> Case {
        Case::new("Reshape", 14).counting(from).list(to).unknown(1)
    }

    #[track_caller]
    fn becomes(case: &Case, shape: &[usize]) {
        let value = case.value();
        let count = value.len();
        assert_eq!(value.shape(), shape);
        assert_eq!(value.f32s().unwrap(), (0..count).map(|i| i as f32).collect::<Vec<_>>());
        assert_eq!(case.read().unwrap().1.len(), 1);
    }

    #[test]
    fn reshapes() {
        becomes(&reshape(&[2, 3, 4], &[4, 6]), &[4, 6]);
        becomes(&reshape(&[2, 3, 4], &[0, -1]), &[2, 12]);
        becomes(&reshape(&[2, 3, 4], &[-1, 0, 2, 1]), &[4, 3, 2, 1]);
        becomes(&reshape(&[1, 1], &[]), &[]);
        becomes(&reshape(&[], &[1]), &[1]);
        becomes(&reshape(&[0, 3], &[3, -1]), &[3, 0]);
        becomes(&reshape(&[0, 3], &[0, 7]), &[0, 7]);
        becomes(&reshape(&[0, 3], &[3, 0]).int("allowzero", 1), &[3, 0]);
        becomes(&Case::new("Reshape", 7).counting(&[4]).list(&[2, 2]), &[2, 2]);
    }

    #[test]
    fn reshape_errors() {
        reshape(&[2, 3], &[4, 2]).refused(ErrorKind::Shape, "6 elements are not 8");
        reshape(&[2, 3], &[-1, 4]).refused(ErrorKind::Shape, "not a multiple of 4");
        reshape(&[2, 3], &[-1, -1]).refused(ErrorKind::Shape, "twice");
        reshape(&[2, 3], &[-2, 3]).refused(ErrorKind::Shape, "not negative");
        reshape(&[2, 3], &[2, 3, 0]).refused(ErrorKind::Shape, "does not have");
        reshape(&[0, 3], &[0, -1]).refused(ErrorKind::Shape, "could be anything");
        let zero = reshape(&[0, 3], &[0, -1]).int("allowzero", 1);
        zero.refused(ErrorKind::Shape, "could be anything");
        reshape(&[2], &[i64::MAX, i64::MAX]).refused(ErrorKind::Shape, "too many elements");
        let unknown = reshape(&[2], &[2]).unknown(2);
        unknown.ints("shape", &[2]).refused(ErrorKind::Malformed, "unknown attribute `shape`");
        let old = Case::new("Reshape", 13).int("allowzero", 1).counting(&[2]).list(&[2]);
        old.refused(ErrorKind::Malformed, "unknown attribute `allowzero`");
        Case::new("Reshape", 13).counting(&[2]).refused(ErrorKind::Malformed, "shape");
    }

    #[test]
    fn flattens() {
        let flatten = |shape: &[usize], axis| Case::new("Flatten", 11).int("axis", axis).counting(shape);
        becomes(&Case::new("Flatten", 7).counting(&[2, 3, 4]), &[2, 12]);
        becomes(&flatten(&[2, 3, 4], 0), &[1, 24]);
        becomes(&flatten(&[2, 3, 4], 3), &[24, 1]);
        becomes(&flatten(&[2, 3, 4], -1), &[6, 4]);
        becomes(&flatten(&[], 0), &[1, 1]);
        flatten(&[2, 3], 3).refused(ErrorKind::Shape, "axis 3 is out of range");
        flatten(&[2, 3], -3).refused(ErrorKind::Shape, "axis -3 is out of range");
    }

    #[test]
    fn squeezes() {
        let squeeze = |axes: &[i64]| Case::new("Squeeze", 13).counting(&[1, 3, 1]).list(axes);
        becomes(&squeeze(&[0]), &[3, 1]);
        becomes(&squeeze(&[-1, 0]), &[3]);
        becomes(&Case::new("Squeeze", 21).counting(&[1, 3, 1]), &[3]);
        becomes(&Case::new("Squeeze", 7).counting(&[1, 3, 1]).ints("axes", &[2]), &[1, 3]);
        squeeze(&[1]).refused(ErrorKind::Shape, "axis 1 of f32[1,3,1] should have size 1");
        squeeze(&[3]).refused(ErrorKind::Shape, "axis 3 is out of range");
        squeeze(&[0, -3]).refused(ErrorKind::Malformed, "axis -3 is given twice");
        squeeze(&[]).refused(ErrorKind::Unsupported, "empty `axes`");
        becomes(&Case::new("Squeeze", 13).counting(&[3]).list(&[]), &[3]);
        squeeze(&[0]).unknown(2).refused(ErrorKind::Unsupported, "operand `axes` depends");
        squeeze(&[0]).ints("axes", &[0]).refused(ErrorKind::Malformed, "unknown attribute");
    }

    #[test]
    fn unsqueezes() {
        let unsqueeze = |axes: &[i64]| Case::new("Unsqueeze", 13).counting(&[3, 4]).list(axes);
        becomes(&unsqueeze(&[0, 3]), &[1, 3, 4, 1]);
        becomes(&unsqueeze(&[-1, 1]), &[3, 1, 4, 1]);
        becomes(&Case::new("Unsqueeze", 11).counting(&[]).ints("axes", &[0]), &[1]);
        unsqueeze(&[0, 0]).refused(ErrorKind::Malformed, "given twice");
        unsqueeze(&[3]).refused(ErrorKind::Shape, "axis 3 is out of range");
        let missing = Case::new("Unsqueeze", 13).counting(&[3]);
        missing.refused(ErrorKind::Malformed, "`axes` are missing");
    }
}
