//! Padding.

use super::cast::{Convert, converted};
use super::reading::{
    all_known, axes, check, constant, inferred, integers, list, one, operand_type, writes_attributes,
};
use super::rearrange::{rearranged, strides};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result, printable};
use crate::ir::{
    Attribute, Attributes, Data, ElementType, Operand, Parsed, Signature, Tensor, TensorType,
    required,
};
use crate::operation::{GeneralPad, PadSizes, PadSource};
use crate::step::RANK;

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
pub(super) const OPERANDS_SINCE: u32 = 11;
/// The first operator set in which pads may be of some axes only.
pub(super) const AXES_SINCE: u32 = 18;

impl Definition for Pad {
    const NAMES: &'static [&'static str] = &["Pad"];

    fn reads(signature: &Signature<'_>) -> bool {
        all_known(signature)
    }

    fn name(&self) -> &'static str {
        "Pad"
    }

    fn attributes(&self) -> Attributes {
        let before = self.pads.iter().map(|(before, _)| *before);
        let pads = before.chain(self.pads.iter().map(|(_, after)| *after)).collect();
        let attributes = Attributes::default().with("pads", Attribute::Ints(pads));
        if let PadMode::Constant { value } = self.mode {
            return attributes.with("value", value_attribute(value));
        }
        attributes.with("mode", Attribute::String(self.mode.name().to_owned()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let attributes: &[&str] = if writes_attributes(signature, OPERANDS_SINCE) {
            &["mode", "pads", "value"]
        } else {
            &["mode"]
        };
        let operands = match signature.opset {
            ..OPERANDS_SINCE => 1,
            OPERANDS_SINCE..AXES_SINCE => 3,
            AXES_SINCE.. => 4,
        };
        check(signature, attributes, operands)?;
        let operand = operand_type(signature, 0, "data")?;
        let mode = match PadMode::read(signature)? {
            PadMode::Constant { .. } => {
                PadMode::Constant { value: value(signature, operand.element)? }
            }
            mode => mode,
        };
        let given = integers(signature, "pads", 1, OPERANDS_SINCE)?
            .ok_or_else(|| Error::malformed("`pads` are missing"))?;
        let axes = match constant(signature, 3, "axes")? {
            Some(given) => axes(&list(given, "axes")?, operand.rank())?,
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

    fn operation(&self) -> Option<AnyOperation> {
        let (mut before, mut after) = ([0; RANK], [0; RANK]);
        for (dimension, pads) in self.pads.iter().enumerate() {
            *before.get_mut(dimension)? = isize::try_from(pads.0).ok()?;
            *after.get_mut(dimension)? = isize::try_from(pads.1).ok()?;
        }
        let sizes = PadSizes::Fixed { before, after };
        Some(GeneralPad { source: self.mode.source(), sizes }.into())
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

impl PadMode {
    /// The mode of a node, for constants with the value 0.
    pub(super) fn read(signature: &Signature<'_>) -> Result<Self> {
        match signature.attributes.string_or("mode", "constant")? {
            "constant" => Ok(Self::Constant { value: 0.0 }),
            "reflect" => Ok(Self::Reflect),
            "edge" => Ok(Self::Edge),
            "wrap" => Ok(Self::Wrap),
            other => Err(Error::malformed(format!(
                "attribute `mode` should be `constant`, `reflect`, `edge` or `wrap`, \
                 but is `{}`",
                printable(other)
            ))),
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Constant { .. } => "constant",
            Self::Reflect => "reflect",
            Self::Edge => "edge",
            Self::Wrap => "wrap",
        }
    }

    /// As the operation knows it.
    pub(super) const fn source(self) -> PadSource {
        match self {
            Self::Constant { value } => PadSource::Constant { value },
            Self::Reflect => PadSource::Reflect,
            Self::Edge => PadSource::Edge,
            Self::Wrap => PadSource::Wrap,
        }
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
        let position = (index as i64).saturating_sub(before);
        // What is left of the dimension where pads are negative.
        let first = before.saturating_neg().max(0);
        let last = (size - 1).saturating_add(after.min(0));
        let source = match self.mode {
            PadMode::Constant { .. } => {
                return usize::try_from(position).ok().filter(|_| position < size);
            }
            PadMode::Edge => position.clamp(first, last),
            PadMode::Wrap => first + (position - first).rem_euclid(last - first + 1),
            PadMode::Reflect if first == last => first,
            PadMode::Reflect => {
                let period = 2 * (last - first);
                let distance = (position - first).rem_euclid(period);
                first + distance.min(period - distance)
            }
        };
        usize::try_from(source).ok()
    }
}

/// The value of constant padding, which must be exact in f64.
fn value(signature: &Signature<'_>, element: ElementType) -> Result<f64> {
    let attribute = signature.attributes.iter().find(|(name, _)| *name == "value");
    let given = match attribute.map(|(_, attribute)| attribute) {
        Some(Attribute::Float(value)) => return Ok(f64::from(*value)),
        Some(Attribute::Int(value)) => &Tensor::scalar(*value),
        Some(Attribute::Tensor(value)) => value,
        Some(_) => return Err(Error::malformed("attribute `value` should be a float")),
        None if signature.opset < OPERANDS_SINCE => return Ok(0.0),
        None => match constant(signature, 2, "constant_value")? {
            None => return Ok(0.0),
            Some(value) if value.element() == element => value,
            Some(value) => {
                return Err(Error::shape(format!(
                    "the value of padding should be {element}, but is {}",
                    value.tensor_type()
                )));
            }
        },
    };
    let wide = converted(given.data(), ElementType::F64);
    let exact = given.element().is_float() || converted(&wide, given.element()) == *given.data();
    match wide {
        Data::F64(wide) if wide.len() == 1 && exact => Ok(wide[0]),
        _ if given.len() == 1 => {
            Err(Error::unsupported("padding with an integer beyond 2^53 is not supported"))
        }
        _ => Err(Error::shape(format!(
            "the value of padding should be one number, but is {}",
            given.tensor_type()
        ))),
    }
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

#[cfg(test)]
mod tests {
    use super::super::testing::Case;
    use super::*;
    use crate::error::ErrorKind;

    fn pad(mode: &str, size: usize, before: i64, after: i64) -> Case {
        Case::new("Pad", 19).string("mode", mode).counting(&[size]).list(&[before, after]).unknown(1)
    }

    fn padded(mode: &str, size: usize, before: i64, after: i64) -> Vec<f32> {
        pad(mode, size, before, after).f32s().1
    }

    // Values of ONNX Runtime 1.32 and, where that refuses, numpy.
    #[test]
    fn one_dimension() {
        assert_eq!(padded("constant", 2, 1, 2), [0.0, 0.0, 1.0, 0.0, 0.0]);
        assert_eq!(padded("constant", 4, -1, 2), [1.0, 2.0, 3.0, 0.0, 0.0]);
        assert_eq!(padded("constant", 4, -5, 2), [0.0]);
        assert_eq!(padded("constant", 4, 3, -6), [0.0]);
        assert_eq!(padded("constant", 2, -1, -1), [0.0; 0]);
        assert_eq!(padded("constant", 0, 1, 0), [0.0]);
        assert_eq!(padded("reflect", 4, 2, 1), [2.0, 1.0, 0.0, 1.0, 2.0, 3.0, 2.0]);
        assert_eq!(padded("reflect", 4, -1, 2), [1.0, 2.0, 3.0, 2.0, 1.0]);
        assert_eq!(padded("reflect", 4, 2, -1), [2.0, 1.0, 0.0, 1.0, 2.0]);
        let twice = [1.0, 2.0, 3.0, 2.0, 1.0, 0.0, 1.0, 2.0, 3.0, 2.0];
        assert_eq!(padded("reflect", 4, 5, 1), twice);
        assert_eq!(padded("reflect", 1, 2, 1), [0.0; 4]);
        assert_eq!(padded("edge", 3, 2, 1), [0.0, 0.0, 0.0, 1.0, 2.0, 2.0]);
        assert_eq!(padded("edge", 4, -1, 2), [1.0, 2.0, 3.0, 3.0, 3.0]);
        assert_eq!(padded("wrap", 3, 2, 1), [1.0, 2.0, 0.0, 1.0, 2.0, 0.0]);
        assert_eq!(padded("wrap", 4, -1, 4), [1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0]);
        assert_eq!(padded("wrap", 4, 2, -1), [1.0, 2.0, 0.0, 1.0, 2.0]);
    }

    #[test]
    fn every_operator_set() {
        let expected = (vec![2, 3], vec![0.5, 0.0, 1.0, 0.5, 2.0, 3.0]);
        let old = Case::new("Pad", 2)
            .ints("pads", &[0, 1, 0, 0])
            .with("value", Attribute::Float(0.5))
            .counting(&[2, 2]);
        assert_eq!(old.f32s(), expected);
        let value = Tensor::scalar(0.5f32);
        let new = Case::new("Pad", 11).counting(&[2, 2]).list(&[0, 1, 0, 0]).operand(value.clone());
        assert_eq!(new.f32s(), expected);
        let one_axis = Case::new("Pad", 18).counting(&[2, 2]).list(&[1, 0]).operand(value);
        assert_eq!(one_axis.operand(Tensor::vector(vec![-1i32])).f32s(), expected);
    }

    #[test]
    fn values_of_every_type() {
        let case = |operand: Tensor, value: Tensor| {
            Case::new("Pad", 13).operand(operand).list(&[1, 0]).operand(value)
        };
        let odd = i64::from(i32::MAX) * 3;
        let integers = case(Tensor::vector(vec![1i64]), Tensor::scalar(odd)).value();
        assert_eq!(integers, Tensor::vector(vec![odd, 1]));
        let exact = case(Tensor::vector(vec![1.0f64]), Tensor::vector(vec![0.1f64])).value();
        assert_eq!(exact, Tensor::vector(vec![0.1, 1.0]));
        let booleans = case(Tensor::vector(vec![false]), Tensor::scalar(true)).value();
        assert_eq!(booleans, Tensor::vector(vec![true, false]));
        let infinite = case(Tensor::vector(vec![1.0f32]), Tensor::scalar(f32::NEG_INFINITY));
        assert_eq!(infinite.value(), Tensor::vector(vec![f32::NEG_INFINITY, 1.0]));
        let beyond = Tensor::scalar((1i64 << 53) + 1);
        case(Tensor::vector(vec![1i64]), beyond).refused(ErrorKind::Unsupported, "2^53");
        case(Tensor::vector(vec![1i64]), Tensor::scalar(1i32)).refused(ErrorKind::Shape, "i32");
        let two = Tensor::vector(vec![1.0f32, 2.0]);
        case(two.clone(), two).refused(ErrorKind::Shape, "one number");
    }

    #[test]
    fn the_operation_is_the_same() {
        let pads = [
            [0, 0, 0, 0], [1, 2, 2, 1], [-1, 2, 1, -1], [2, -1, -1, 3], [-1, 0, -1, -2],
            [5, 0, 0, 7],
        ];
        for mode in ["constant", "reflect", "edge", "wrap"] {
            for pads in pads {
                let case = Case::new("Pad", 19).string("mode", mode).counting(&[3, 4]).list(&pads);
                let (operator, operands) = case.read().unwrap();
                let operands: Vec<_> = operands.iter().map(Option::as_ref).collect();
                let expected = case.value();
                let operation = operator.operation().unwrap();
                let found = operation.evaluate(&operands, &[expected.tensor_type()]).unwrap();
                assert_eq!(found, [expected], "{mode} {pads:?}");
            }
        }
    }

    #[test]
    fn errors() {
        pad("mirror", 2, 1, 1).refused(ErrorKind::Malformed, "but is `mirror`");
        pad("constant", 2, -2, -1).refused(ErrorKind::Shape, "do not fit axis 0");
        for mode in ["reflect", "edge", "wrap"] {
            pad(mode, 0, 1, 0).refused(ErrorKind::Shape, "do not fit");
            pad(mode, 2, -2, 1).refused(ErrorKind::Shape, "do not fit");
            pad(mode, 2, i64::MAX, i64::MIN).refused(ErrorKind::Shape, "do not fit");
        }
        pad("constant", 2, i64::MAX, i64::MAX).refused(ErrorKind::Shape, "do not fit");
        pad("constant", 2, 1 << 50, 0).refused(ErrorKind::Shape, "too many elements");
        assert_eq!(padded("constant", 2, i64::MIN, i64::MAX), [0.0]);
        // Strides of an empty tensor may be beyond any number.
        let empty = Tensor::new(&[0, 3, 1 << 62, 8], Vec::<u8>::new()).unwrap();
        let huge = Case::new("Pad", 13).operand(empty);
        let cropped = huge.list(&[1, 0, 0, 0, 0, 0, 1 - (1 << 62), 0]).value();
        assert_eq!(cropped, Tensor::new(&[1, 3, 1, 8], vec![0u8; 24]).unwrap());
        let odd = Case::new("Pad", 13).counting(&[2]).list(&[1]);
        odd.refused(ErrorKind::Malformed, "expected 2 pads");
        let twice = Case::new("Pad", 18).counting(&[2]).list(&[1; 4]).absent().list(&[0, -1]);
        twice.refused(ErrorKind::Malformed, "given twice");
        Case::new("Pad", 13).counting(&[2]).refused(ErrorKind::Malformed, "`pads` are missing");
        let old = Case::new("Pad", 10).counting(&[2]).list(&[1, 1]);
        old.refused(ErrorKind::Malformed, "at most 1 operands");
    }
}
