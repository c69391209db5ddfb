//! Pooling over windows of any number of dimensions, and what else
//! [`super::Pool`] does not do: norms, indices, integers, sizes known later.

use super::pool::check_automatic_padding;
use super::reading::{check, operand_type};
use super::sliding::{counts, kernel_shape, padded, pictures, read, write};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, ElementType, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::{self, Pooling, SlidingAxis};

/// A `MaxPool` or `AveragePool` that [`super::Pool`] does not read, or an
/// `LpPool`.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneralPool {
    /// What is taken of a window.
    pub kind: Pooling,
    /// How windows slide along each dimension.
    pub axes: Vec<SlidingAxis>,
    /// Whether the last window of a row may stand out.
    pub ceil: bool,
    /// Whether the indices of the largest values are the second result.
    pub indices: bool,
}

/// The exponent of a norm. The first operator set wrote it as a float.
pub(super) fn exponent(signature: &Signature<'_>) -> Result<f32> {
    let p = signature.attributes.int_or("p", 2)?;
    match (1..=1 << 10).contains(&p) {
        true => Ok(p as f32),
        false => Err(Error::malformed(format!("expected attribute `p` from 1 to 1024, found {p}"))),
    }
}

impl GeneralPool {
    /// What the node takes of its windows, and the attributes that it may have.
    fn read_kind(signature: &Signature<'_>) -> Result<(Pooling, Vec<&'static str>)> {
        let mut known = vec!["auto_pad", "kernel_shape", "pads", "strides"];
        let since = |opset, names: &[&'static str]| match signature.opset >= opset {
            true => names.to_vec(),
            false => Vec::new(),
        };
        let attributes = signature.attributes;
        let kind = match signature.operator {
            "MaxPool" => {
                known.extend(since(8, &["storage_order"]));
                known.extend(since(10, &["ceil_mode", "dilations"]));
                Pooling::Max { column_major: attributes.flag("storage_order")? }
            }
            "AveragePool" => {
                known.push("count_include_pad");
                known.extend(since(10, &["ceil_mode"]));
                known.extend(since(19, &["dilations"]));
                Pooling::Average { include_pad: attributes.flag("count_include_pad")? }
            }
            _ => {
                known.push("p");
                known.extend(since(18, &["ceil_mode", "dilations"]));
                Pooling::Norm { p: exponent(signature)? }
            }
        };
        Ok((kind, known))
    }

    /// Whether the operator is computed on such elements.
    fn takes(&self, element: ElementType) -> bool {
        let bytes = matches!(element, ElementType::I8 | ElementType::U8);
        element.is_float() || (bytes && matches!(self.kind, Pooling::Max { .. }))
    }
}

impl Definition for GeneralPool {
    const NAMES: &'static [&'static str] = &["MaxPool", "AveragePool", "LpPool"];

    fn reads(signature: &Signature<'_>) -> bool {
        signature.operator == "LpPool" || !super::Pool::reads(signature)
    }

    fn name(&self) -> &'static str {
        match self.kind {
            Pooling::Max { .. } => "MaxPool",
            Pooling::Average { .. } => "AveragePool",
            Pooling::Norm { .. } => "LpPool",
        }
    }

    fn attributes(&self) -> Attributes {
        let (name, value) = match self.kind {
            Pooling::Max { column_major } => ("storage_order", column_major.into()),
            Pooling::Average { include_pad } => ("count_include_pad", include_pad.into()),
            Pooling::Norm { p } => ("p", p as i64),
        };
        write(&self.axes, Attributes::default())
            .with("ceil_mode", Attribute::Int(self.ceil.into()))
            .with(name, Attribute::Int(value))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let (kind, known) = Self::read_kind(signature)?;
        check(signature, &known, 1)?;
        let sizes = pictures(operand_type(signature, 0, "input")?)?;
        let axes = read(signature, &kernel_shape(signature, sizes.len())?, sizes)?;
        let ceil = signature.attributes.flag("ceil_mode")?;
        check_automatic_padding(signature, &axes, sizes, ceil)?;
        let is_maximum = matches!(kind, Pooling::Max { .. });
        let indices = is_maximum && signature.outputs.get(1) == Some(&true);
        Ok(Parsed::first(Self { kind, axes, ceil, indices }, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "input")?.tensor_type;
        if !self.takes(input.element) {
            let name = self.name();
            return Err(Error::unsupported(format!("`{name}` of {} is not defined", input.element)));
        }
        let sizes = pictures(input)?;
        if sizes.len() != self.axes.len() {
            let dimensions = self.axes.len();
            return Err(Error::shape(format!("expected {dimensions} dimensions, found {input}")));
        }
        let counts = counts(&self.axes, sizes, self.ceil)?;
        let empty = |((axis, size), count): ((&SlidingAxis, &Dim), &Dim)| {
            let known = size.fixed().zip(count.fixed());
            known.is_some_and(|(size, count)| !all_cover(axis, size, count))
        };
        let is_norm = matches!(self.kind, Pooling::Norm { .. });
        if !is_norm && self.axes.iter().zip(sizes).zip(&counts).any(empty) {
            return Err(Error::unsupported(format!(
                "padding around {input} leaves windows that cover padding alone, which has no \
                 largest value and no mean"
            )));
        }
        let mut result = input.clone();
        result.shape.splice(2.., counts);
        result.elements()?;
        let indices = TensorType { element: ElementType::I64, shape: result.shape.clone() };
        Ok(if self.indices { vec![result, indices] } else { vec![result] })
    }

    fn operation(&self) -> Option<AnyOperation> {
        let axes = padded(&self.axes, SlidingAxis::POINT).ok()?;
        let (kind, dimensions, ceil) = (self.kind, self.axes.len(), self.ceil);
        Some(operation::GeneralPool { kind, axes, dimensions, ceil }.into())
    }
}

/// Whether each of `count` windows covers a pixel of the picture.
fn all_cover(axis: &SlidingAxis, size: usize, count: usize) -> bool {
    // Taps that are no further apart than the picture is long do not step over
    // it, so only smaller pictures need a closer look.
    let longer_than_padding = axis.pad.max(axis.pad_end) < axis.extent();
    longer_than_padding
        && (axis.dilation <= size
            || (0..count).all(|place| !axis.taps(place, size).is_empty()))
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    #[test]
    fn one_and_three_dimensions() {
        let line = Case::new("AveragePool", 11).counting(&[1, 1, 5]).ints("kernel_shape", &[2]);
        assert_eq!(line.ints("strides", &[2]).f32s(), (vec![1, 1, 2], vec![0.5, 2.5]));
        let cube = Case::new("MaxPool", 11).counting(&[1, 1, 2, 2, 3]);
        let cube = cube.ints("kernel_shape", &[2, 1, 2]);
        assert_eq!(cube.f32s(), (vec![1, 1, 1, 2, 2], vec![7.0, 8.0, 10.0, 11.0]));
    }

    #[test]
    fn padding_counts_where_it_is_asked_for() {
        let case = |include| {
            Case::new("AveragePool", 11)
                .counting(&[1, 1, 4])
                .ints("kernel_shape", &[3])
                .ints("pads", &[1, 1])
                .ints("strides", &[2])
                .int("ceil_mode", 1)
                .int("count_include_pad", include)
        };
        assert_eq!(case(0).f32s().1, [0.5, 2.0, 3.0]);
        assert_eq!(case(1).f32s().1, [1.0 / 3.0, 2.0, 1.5]);
    }

    #[test]
    fn the_largest_values_have_indices() {
        let data = Tensor::new(&[1, 2, 2, 2], vec![1.0f32, 4.0, 4.0, 2.0, 0.0, 0.0, 7.0, f32::NAN]);
        let case = |order| {
            let case = Case::new("MaxPool", 12).operand(data.clone().unwrap()).outputs(2);
            case.ints("kernel_shape", &[2, 2]).int("storage_order", order).evaluate().unwrap()
        };
        let values = case(0);
        assert_eq!(values[0].f32s().unwrap()[0], 4.0);
        assert!(values[0].f32s().unwrap()[1].is_nan());
        // Of equal values the first one counts.
        assert_eq!(values[1].integers().unwrap(), [1, 7]);
        assert_eq!(case(1)[1].integers().unwrap(), [2, 7]);
    }

    #[test]
    fn bytes_have_largest_values() {
        let data = Tensor::new(&[1, 1, 3], vec![-100i8, -128, -7]).unwrap();
        let case = Case::new("MaxPool", 12).operand(data).ints("kernel_shape", &[2]);
        assert_eq!(case.clone().value().integers().unwrap(), [-100, -7]);
        let words = Tensor::new(&[1, 1, 3], vec![1i32; 3]).unwrap();
        let case = Case::new("MaxPool", 12).operand(words).ints("kernel_shape", &[2]);
        case.refused(ErrorKind::Unsupported, "i32 is not defined");
    }

    #[test]
    fn norms_of_windows() {
        let case = |p| {
            let case = Case::new("LpPool", 11).counting(&[1, 1, 1, 4]).int("p", p);
            case.ints("kernel_shape", &[1, 2]).ints("strides", &[1, 3]).ints("pads", &[0, 0, 0, 1])
        };
        assert_eq!(case(1).f32s().1, [1.0, 3.0]);
        let shifted = Tensor::new(&[1, 1, 2], vec![3.0f32, -4.0]).unwrap();
        let shifted = Case::new("LpPool", 18).operand(shifted).ints("kernel_shape", &[2]);
        assert_eq!(shifted.clone().f32s().1, [5.0]);
        assert_eq!(shifted.int("p", 3).f32s().1, [91f32.cbrt()]);
        case(0).refused(ErrorKind::Malformed, "from 1");
    }

    #[test]
    fn huge_windows_cost_no_more_than_the_picture() {
        const HUGE: i64 = 1 << 20;
        let case = Case::new("MaxPool", 12)
            .counting(&[1, 1, 1, 2, 2])
            .ints("kernel_shape", &[HUGE, HUGE, HUGE])
            .ints("strides", &[HUGE, HUGE, HUGE])
            .ints("pads", &[HUGE - 1; 6]);
        assert_eq!(case.f32s(), (vec![1, 1, 1, 2, 2], vec![0.0, 1.0, 2.0, 3.0]));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let line = || Case::new("MaxPool", 12).counting(&[1, 1, 4]);
        line().refused(ErrorKind::Malformed, "kernel_shape");
        line().ints("kernel_shape", &[1, 1]).refused(ErrorKind::Unsupported, "1 integers");
        line().ints("kernel_shape", &[5]).refused(ErrorKind::Shape, "larger");
        let padded = line().ints("kernel_shape", &[2]).ints("pads", &[2, 0]);
        padded.refused(ErrorKind::Unsupported, "padding alone");
        Case::new("MaxPool", 12).counting(&[1, 4]).refused(ErrorKind::Shape, "3 to 8");
    }
}
