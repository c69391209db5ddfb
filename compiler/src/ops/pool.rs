//! Pooling over windows of two spatial dimensions.

use super::Definition;
use super::conv::picture;
use super::floats::{check_float, rounded, widened};
use super::reading::{NEWEST, check, operand_type};
use super::windows::{Windows, array};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Operand, Parsed, Signature, Tensor, TensorType, required};

/// `MaxPool`, `AveragePool`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// What is taken of a window.
    pub kind: PoolKind,
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Rows and columns between windows.
    pub strides: [usize; 2],
    /// Padding above, to the left, below and to the right.
    pub pads: [usize; 4],
    /// Rows and columns between pixels of a window.
    pub dilations: [usize; 2],
    /// Whether the last window of a row may stand out.
    pub ceil: bool,
}

/// What a [`Pool`] takes of its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// The largest value.
    Max,
    /// The mean; whether padding counts as zeros (`count_include_pad`) or not
    /// at all.
    Average {
        /// Whether it counts.
        include_pad: bool,
    },
}

impl Pool {
    const fn windows(&self) -> Windows {
        let Self { kernel, strides, pads, dilations, .. } = *self;
        Windows { kernel, strides, pads, dilations }
    }

    /// Pixels of a window at this place that lie inside the picture or its
    /// padding; a window that stands out with `ceil` has fewer.
    fn padded_pixels(&self, place: [usize; 2], picture: [usize; 2]) -> usize {
        [0, 1]
            .map(|axis| {
                let end = picture[axis] + self.pads[axis] + self.pads[2 + axis];
                let position = |k| place[axis] * self.strides[axis] + k * self.dilations[axis];
                (0..self.kernel[axis]).filter(|&k| position(k) < end).count()
            })
            .iter()
            .product()
    }
}

impl Definition for Pool {
    const NAMES: &'static [&'static str] = &["MaxPool", "AveragePool"];

    fn name(&self) -> &'static str {
        match self.kind {
            PoolKind::Max => "MaxPool",
            PoolKind::Average { .. } => "AveragePool",
        }
    }

    fn attributes(&self) -> Attributes {
        let ints = |values: &[usize]| Attribute::Ints(values.iter().map(|&v| v as i64).collect());
        let mut attributes = Attributes::default()
            .with("kernel_shape", ints(&self.kernel))
            .with("strides", ints(&self.strides))
            .with("pads", ints(&self.pads))
            .with("dilations", ints(&self.dilations))
            .with("ceil_mode", Attribute::Int(self.ceil.into()));
        if let PoolKind::Average { include_pad } = self.kind {
            attributes.insert("count_include_pad", Attribute::Int(include_pad.into()));
        }
        attributes
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let mut known = vec!["auto_pad", "kernel_shape", "pads", "strides"];
        let since = |opset: u32| signature.opset >= opset || signature.opset == NEWEST;
        let kind = if signature.operator == "MaxPool" {
            known.push("storage_order");
            if since(10) {
                known.extend(["ceil_mode", "dilations"]);
            }
            if signature.outputs.get(1).is_some_and(|&used| used) {
                return Err(Error::unsupported("the output `Indices` is not supported"));
            }
            PoolKind::Max
        } else {
            known.push("count_include_pad");
            if since(10) {
                known.push("ceil_mode");
            }
            if since(19) {
                known.push("dilations");
            }
            PoolKind::Average { include_pad: signature.attributes.flag("count_include_pad")? }
        };
        check(signature, &known, 1)?;
        let [_, _, height, width] = picture(operand_type(signature, 0, "input")?)?;
        let kernel = signature
            .attributes
            .ints("kernel_shape")?
            .ok_or_else(|| Error::malformed("attribute `kernel_shape` is missing"))?;
        let kernel = array(kernel, "kernel_shape", 1)?;
        let windows = Windows::read(signature, kernel, [height, width])?;
        let Windows { strides, pads, dilations, .. } = windows;
        let ceil = signature.attributes.flag("ceil_mode")?;
        Ok(Parsed::first(Self { kind, kernel, strides, pads, dilations, ceil }, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "input")?.tensor_type;
        check_float(input)?;
        let [batch, channels, height, width] = picture(input)?;
        let windows = self.windows();
        // A window of padding alone has no largest value and no mean.
        for axis in [0, 1] {
            if self.pads[axis].max(self.pads[2 + axis]) >= windows.extent(axis) {
                return Err(Error::shape(format!(
                    "padding {:?} is as large as the window {:?}",
                    self.pads, self.kernel
                )));
            }
        }
        let [rows, columns] = windows.count([height, width], self.ceil)?;
        let result = TensorType::fixed(input.element, &[batch, channels, rows, columns]);
        result.elements()?;
        Ok(vec![result])
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let types = super::reading::inferred(self, operands)?;
        let shape @ [batch, channels, rows, columns] =
            required(&[types.first()], 0, "result")?.picture()?;
        let input = required(operands, 0, "input")?;
        let [_, _, height, width] = input.tensor_type().picture()?;
        let values = widened(input)?;
        let windows = self.windows();
        let mut results = Vec::with_capacity(shape.iter().product());
        for plane in 0..batch * channels {
            let plane = &values[plane * height * width..][..height * width];
            for pixel in 0..rows * columns {
                let place = [pixel / columns, pixel % columns];
                let covered = windows.inside(place, [height, width]);
                let covered = covered.map(|(_, [y, x])| plane[y * width + x]);
                results.push(match self.kind {
                    PoolKind::Max => covered.fold(f64::NEG_INFINITY, larger),
                    PoolKind::Average { include_pad } => {
                        let (sum, count) =
                            covered.fold((0.0, 0), |(sum, count), x| (sum + x, count + 1));
                        let padded = || self.padded_pixels(place, [height, width]);
                        sum / if include_pad { padded() } else { count } as f64
                    }
                });
            }
        }
        Ok(vec![rounded(input.element(), &shape, results)?])
    }
}

/// The larger of two values; NaN wins.
pub(super) fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;
    use crate::ops::testing::Case;

    fn line(operator: &'static str, opset: u32, length: usize) -> Case {
        Case::new(operator, opset).counting(&[1, 1, 1, length])
    }

    #[test]
    fn windows_may_overlap_and_stand_out() {
        let case = |ceil| {
            line("MaxPool", 10, 6)
                .ints("kernel_shape", &[1, 3])
                .ints("strides", &[1, 2])
                .int("ceil_mode", ceil)
        };
        assert_eq!(case(0).f32s().1, [2.0, 4.0]);
        assert_eq!(case(1).f32s().1, [2.0, 4.0, 5.0]);
    }

    #[test]
    fn a_last_window_that_starts_in_the_padding_is_none() {
        let case = line("MaxPool", 12, 5)
            .ints("kernel_shape", &[1, 2])
            .ints("strides", &[1, 3])
            .ints("pads", &[0, 1, 0, 1])
            .int("ceil_mode", 1);
        assert_eq!(case.f32s().1, [0.0, 3.0]);
    }

    #[test]
    fn padding_counts_where_it_is_asked_for() {
        let case = |include| {
            line("AveragePool", 11, 4)
                .ints("kernel_shape", &[1, 3])
                .ints("pads", &[0, 1, 0, 1])
                .ints("strides", &[1, 2])
                .int("ceil_mode", 1)
                .int("count_include_pad", include)
        };
        // -, 0, 1 and 1, 2, 3 and, standing out by one, 3 and one zero.
        assert_eq!(case(0).f32s().1, [0.5, 2.0, 3.0]);
        assert_eq!(case(1).f32s().1, [1.0 / 3.0, 2.0, 1.5]);
    }

    #[test]
    fn dilations_skip_pixels() {
        let case = line("MaxPool", 10, 6).ints("kernel_shape", &[1, 2]).ints("dilations", &[1, 3]);
        assert_eq!(case.f32s().1, [3.0, 4.0, 5.0]);
        let case = case.f32s().0;
        assert_eq!(case, [1, 1, 1, 3]);
        line("AveragePool", 11, 6)
            .ints("kernel_shape", &[1, 2])
            .ints("dilations", &[1, 3])
            .refused(ErrorKind::Malformed, "unknown attribute `dilations`");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        line("MaxPool", 12, 4).refused(ErrorKind::Malformed, "kernel_shape");
        line("MaxPool", 12, 4).ints("kernel_shape", &[3]).refused(ErrorKind::Unsupported, "two spatial");
        line("MaxPool", 12, 4)
            .ints("kernel_shape", &[1, 2])
            .ints("pads", &[0, 2, 0, 0])
            .refused(ErrorKind::Shape, "as large as the window");
        line("MaxPool", 12, 4)
            .ints("kernel_shape", &[1, 2])
            .outputs(2)
            .refused(ErrorKind::Unsupported, "Indices");
    }
}
