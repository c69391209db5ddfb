//! Padding.

use super::Definition;
use super::cast::{Convert, converted};
use super::reading::{
    axes, check, constant, inferred, integers, one, operand_type, writes_attributes,
};
use super::rearrange::{rearranged, strides};
use crate::error::{Error, Result, printable};
use crate::ir::{
    Attribute, Attributes, Data, ElementType, Operand, Parsed, Signature, Tensor, TensorType,
    required,
};

/// `Pad` of one operand; pads and value are known when it is read.
///
/// Negative pads first remove elements; the others then extend what is left.
#[derive(Clone, Debug, PartialEq)]
pub struct Pad {
    /// Where the new elements come from.
    pub mode: PadMode,
    /// Elements before and after, a dimension each; negative ones remove.
    pub pads: Vec<(i64, i64)>,
}

/// Where the new elements of a [`Pad`] come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PadMode {
    /// This value.
    Constant {
        /// The value, exact in f64 for every element type up to 32 bits.
        value: f64,
    },
    /// Mirrored, without repeating the border.
    Reflect,
    /// The border repeated.
    Edge,
    /// From the other side.
    Wrap,
}

/// The first operator set in which pads and value are operands.
const OPERANDS_SINCE: u32 = 11;

impl Definition for Pad {
    const NAMES: &'static [&'static str] = &["Pad"];

    fn name(&self) -> &'static str {
        "Pad"
    }

    fn attributes(&self) -> Attributes {
        let before = self.pads.iter().map(|(before, _)| *before);
        let pads = before.chain(self.pads.iter().map(|(_, after)| *after)).collect();
        let attributes = Attributes::default().with("pads", Attribute::Ints(pads));
        let mode = match self.mode {
            PadMode::Constant { value } => {
                return attributes.with("value", value_attribute(value));
            }
            PadMode::Reflect => "reflect",
            PadMode::Edge => "edge",
            PadMode::Wrap => "wrap",
        };
        attributes.with("mode", Attribute::String(mode.to_owned()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        if writes_attributes(signature, OPERANDS_SINCE) {
            check(signature, &["mode", "pads", "value"], 4)?;
        } else {
            check(signature, &["mode"], 4)?;
        }
        let operand = operand_type(signature, 0, "data")?;
        let mode = match signature.attributes.string_or("mode", "constant")? {
            "constant" => PadMode::Constant { value: value(signature, operand.element)? },
            "reflect" => PadMode::Reflect,
            "edge" => PadMode::Edge,
            "wrap" => PadMode::Wrap,
            other => {
                return Err(Error::malformed(format!(
                    "attribute `mode` should be `constant`, `reflect`, `edge` or `wrap`, \
                     but is `{}`",
                    printable(other)
                )));
            }
        };
        let given = integers(signature, "pads", 1, OPERANDS_SINCE)?
            .ok_or_else(|| Error::malformed("`pads` are missing"))?;
        let axes = match integers(signature, "axes", 3, OPERANDS_SINCE)? {
            Some(given) => axes(&given, operand.rank())?,
            None => (0..operand.rank()).collect(),
        };
        if given.len() != 2 * axes.len() {
            return Err(Error::malformed(format!(
                "expected {} pads, before and after each of {} dimensions, found {}",
                2 * axes.len(),
                axes.len(),
                given.len()
            )));
        }
        let mut pads = vec![(0, 0); operand.rank()];
        let (before, after) = given.split_at(axes.len());
        for ((&axis, &before), &after) in axes.iter().zip(before).zip(after) {
            pads[axis] = (before, after);
        }
        Ok(Parsed::first(Self { mode, pads }, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let operand = required(operands, 0, "data")?.tensor_type;
        let sizes = operand.sizes()?;
        if sizes.len() != self.pads.len() {
            return Err(Error::shape(format!(
                "expected pads of {} dimensions for {operand}, found {}",
                sizes.len(),
                self.pads.len()
            )));
        }
        let sizes = sizes.iter().zip(&self.pads).enumerate();
        let shape = sizes
            .map(|(axis, (&size, &pads))| {
                self.padded(size, pads).ok_or_else(|| {
                    Error::shape(format!(
                        "pads {} and {} do not fit axis {axis} of {operand}",
                        pads.0, pads.1
                    ))
                })
            })
            .collect::<Result<Vec<_>>>()?;
        one(TensorType::fixed(operand.element, &shape))
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let types = inferred(self, operands)?;
        let shape = types.first().map_or_else(|| Ok(Vec::new()), TensorType::sizes)?;
        let operand = required(operands, 0, "data")?;
        let strides = strides(operand.shape());
        let fill = match self.mode {
            PadMode::Constant { value } => value,
            PadMode::Reflect | PadMode::Edge | PadMode::Wrap => 0.0,
        };
        let offset = |dimension: usize, index: usize| {
            let source = self.source(operand.shape()[dimension], self.pads[dimension], index)?;
            Some(source * strides[dimension])
        };
        Ok(vec![rearranged(operand, &shape, fill, offset)?])
    }
}

impl Pad {
    /// The padded size of a dimension; `None` where the pads do not fit.
    fn padded(&self, size: usize, (before, after): (i64, i64)) -> Option<usize> {
        let size = i64::try_from(size).ok()?;
        let padded = size.checked_add(before)?.checked_add(after)?;
        let left = size.checked_add(before.min(0))?.checked_add(after.min(0))?;
        let borrows = before > 0 || after > 0;
        match self.mode {
            PadMode::Constant { .. } => {}
            PadMode::Reflect | PadMode::Edge | PadMode::Wrap if borrows && left < 1 => return None,
            PadMode::Reflect | PadMode::Edge | PadMode::Wrap => {}
        }
        usize::try_from(padded).ok()
    }

    /// The index before padding of an index after, along one dimension; `None`
    /// outside. Numbers have passed [`Pad::padded`].
    fn source(&self, size: usize, (before, after): (i64, i64), index: usize) -> Option<usize> {
        let size = size as i64;
        let first = (-before).max(0);
        let left = size - first - (-after).max(0);
        let index = index as i64 - before.max(0);
        let source = match self.mode {
            PadMode::Constant { .. } => {
                // More may be removed on one side than there is: then what is
                // left lies in the other side's padding.
                let source = index + first;
                (0..size.min(size - (-after).max(0))).contains(&source).then_some(source)?
            }
            PadMode::Edge => first + index.clamp(0, left - 1),
            PadMode::Wrap => first + index.rem_euclid(left),
            PadMode::Reflect if left == 1 => first,
            PadMode::Reflect => {
                let period = 2 * (left - 1);
                let position = index.rem_euclid(period);
                first + position.min(period - position)
            }
        };
        usize::try_from(source).ok()
    }
}

/// The value of constant padding, which must be exact in f64.
fn value(signature: &Signature<'_>, element: ElementType) -> Result<f64> {
    let given = match signature.attributes.iter().find(|(name, _)| *name == "value") {
        Some((_, Attribute::Float(value))) => return Ok(f64::from(*value)),
        Some((_, Attribute::Int(value))) => Some(Tensor::scalar(*value)),
        Some((_, Attribute::Tensor(value))) => Some(Tensor::clone(value)),
        Some((_, _)) => return Err(Error::malformed("attribute `value` should be a float")),
        None if signature.opset < OPERANDS_SINCE => None,
        None => constant(signature, 2, "constant_value")?.cloned(),
    };
    let Some(given) = given else { return Ok(0.0) };
    let wide = converted(given.data(), ElementType::F64);
    let (Data::F64(values), 1) = (&wide, given.len()) else {
        return Err(Error::shape(format!(
            "the value of padding should be one number, but is {}",
            given.tensor_type()
        )));
    };
    let exact = converted(&wide, given.element()) == *given.data() || given.element().is_float();
    if !exact {
        return Err(Error::unsupported("padding with an integer beyond 2^53 is not supported"));
    }
    let _ = element;
    values.first().copied().ok_or_else(|| Error::internal("a value of no elements"))
}

/// The shortest attribute that holds the value exactly.
fn value_attribute(value: f64) -> Attribute {
    let narrow = value as f32;
    let whole: i64 = value.convert();
    if f64::from(narrow) == value || value.is_nan() {
        Attribute::Float(narrow)
    } else if whole as f64 == value {
        Attribute::Int(whole)
    } else {
        Attribute::Tensor(Tensor::scalar(value).into())
    }
}
