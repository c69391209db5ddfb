//! The same elements under another shape.

use super::Definition;
use super::reading::{
    NEWEST, axes, axis, check, inferred, integers, one, operand_type, writes_attributes,
};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Operand, Parsed, Signature, Tensor, TensorType, required,
};

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
    let axis = if given < 0 { axis(given, sizes.len())? } else { axis(given, sizes.len() + 1)? };
    let product = |sizes: &[usize]| TensorType::fixed(operand.element, sizes).elements();
    Ok(vec![product(&sizes[..axis])?, product(&sizes[axis..])?])
}

/// The attribute or operand `axes`.
fn given_axes(signature: &Signature<'_>) -> Result<Option<Vec<i64>>> {
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
