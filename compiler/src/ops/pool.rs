//! Pooling over windows of two spatial dimensions.

use super::{AnyOperation, Definition};
use super::conv::reads_pictures;
use super::floats::{check_float, rounded, widened};
use super::reading::{check, operand_type};
use super::windows::{Windows, array};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Dim, Operand, Parsed, Signature, Tensor, TensorType, required};
use crate::operation::{self, Pooling, SlidingAxis};

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
        let along = |axis: usize| {
            let end = picture[axis] + self.pads[axis] + self.pads[2 + axis];
            self.windows().taps_until(axis, place[axis], end)
        };
        along(0) * along(1)
    }
}

/// Refuses `auto_pad` where tools disagree on what it means.
pub(super) fn check_automatic_padding(
    signature: &Signature<'_>,
    axes: &[SlidingAxis],
    sizes: &[Dim],
    ceil: bool,
) -> Result<()> {
    let rounded = |(axis, size): (&SlidingAxis, &Dim)| {
        axis.count(size.max(), true) != axis.count(size.max(), false)
    };
    let disputed = match signature.attributes.string_or("auto_pad", "NOTSET")? {
        // The text of the specification and ONNX's own reference round down;
        // ONNX's shape inference and ONNX Runtime round up.
        "VALID" if ceil && axes.iter().zip(sizes).any(rounded) => "ceil_mode",
        // ONNX Runtime pads as if there were no dilations.
        "SAME_UPPER" | "SAME_LOWER"
            if axes.iter().any(|axis| axis.dilation > 1 && axis.kernel > 1) =>
        {
            "dilations"
        }
        _ => return Ok(()),
    };
    Err(Error::unsupported(format!(
        "`{disputed}` with `auto_pad` means different things to different tools"
    ))
    .help("export the model with `pads` instead"))
}

impl Definition for Pool {
    const NAMES: &'static [&'static str] = &["MaxPool", "AveragePool"];

    /// Pictures of two dimensions and known sizes; all others are more general.
    fn reads(signature: &Signature<'_>) -> bool {
        let data = signature.operands.first().copied().flatten();
        let floats = data.is_none_or(|data| data.tensor_type.element.is_float());
        let one_result = signature.outputs.get(1) != Some(&true);
        floats && one_result && reads_pictures(signature)
    }

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
        let opset = signature.opset;
        let kind = if signature.operator == "MaxPool" {
            if opset >= 8 {
                known.push("storage_order");
            }
            if opset >= 10 {
                known.extend(["ceil_mode", "dilations"]);
            }
            PoolKind::Max
        } else {
            known.push("count_include_pad");
            if opset >= 10 {
                known.push("ceil_mode");
            }
            if opset >= 19 {
                known.push("dilations");
            }
            PoolKind::Average { include_pad: signature.attributes.flag("count_include_pad")? }
        };
        check(signature, &known, 1)?;
        let [_, _, height, width] = operand_type(signature, 0, "input")?.picture()?;
        let kernel = signature
            .attributes
            .ints("kernel_shape")?
            .ok_or_else(|| Error::malformed("attribute `kernel_shape` is missing"))?;
        let kernel = array(kernel, "kernel_shape", 1)?;
        let windows = Windows::read(signature, kernel, [height, width])?;
        let Windows { strides, pads, dilations, .. } = windows;
        let ceil = signature.attributes.flag("ceil_mode")?;
        let pool = Self { kind, kernel, strides, pads, dilations, ceil };
        let axes = [0, 1].map(|axis| pool.windows().axis(axis));
        check_automatic_padding(signature, &axes, &[height, width].map(Dim::Fixed), ceil)?;
        Ok(Parsed::first(pool, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "input")?.tensor_type;
        check_float(input)?;
        let [batch, channels, height, width] = input.picture()?;
        let windows = self.windows();
        let [rows, columns] = windows.count([height, width], self.ceil)?;
        for (axis, size, count) in [(0, height, rows), (1, width, columns)] {
            if !windows.all_cover(axis, size, count) {
                return Err(Error::unsupported(format!(
                    "padding {:?} around {input} leaves windows of {:?} pixels that cover \
                     padding alone, which has no largest value and no mean",
                    self.pads, self.kernel
                )));
            }
        }
        let result = TensorType::fixed(input.element, &[batch, channels, rows, columns]);
        result.elements()?;
        Ok(vec![result])
    }

    fn operation(&self) -> Option<AnyOperation> {
        let kind = match self.kind {
            PoolKind::Max => Pooling::Max { column_major: false },
            PoolKind::Average { include_pad } => Pooling::Average { include_pad },
        };
        let axes = self.windows().axes();
        Some(operation::GeneralPool { kind, axes, dimensions: 2, ceil: self.ceil }.into())
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
    fn automatic_padding_may_be_read_in_one_way_only() {
        let case = |mode: &str, length, kernel, stride| {
            line("AveragePool", 19, length)
                .ints("kernel_shape", &[1, kernel])
                .ints("strides", &[1, stride])
                .string("auto_pad", mode)
                .int("ceil_mode", 1)
        };
        assert_eq!(case("SAME_UPPER", 4, 3, 2).f32s().1, [1.0, 2.5]);
        assert_eq!(case("SAME_LOWER", 4, 3, 2).f32s().1, [0.5, 2.0]);
        assert_eq!(case("SAME_UPPER", 6, 1, 2).f32s().1, [0.0, 2.0, 4.0]);
        case("SAME_UPPER", 6, 1, 3).refused(ErrorKind::Unsupported, "different tools");
        assert_eq!(case("VALID", 5, 3, 2).f32s().1, [1.0, 3.0]);
        case("VALID", 6, 3, 2).refused(ErrorKind::Unsupported, "`ceil_mode` with `auto_pad`");
        let dilated = |kernel| case("SAME_UPPER", 5, kernel, 1).ints("dilations", &[1, 2]);
        dilated(2).refused(ErrorKind::Unsupported, "`dilations` with `auto_pad`");
        assert_eq!(dilated(1).f32s().1, [0.0, 1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn nan_is_the_largest_value() {
        let data = vec![1.0, f32::NAN, 0.0, 2.0];
        let data = crate::ir::Tensor::new(&[1, 1, 1, 4], data).unwrap();
        let case = Case::new("MaxPool", 12).operand(data).ints("kernel_shape", &[1, 2]);
        let values = case.f32s().1;
        assert!(values[0].is_nan() && values[1].is_nan() && values[2] == 2.0);
    }

    #[test]
    fn huge_windows_cost_no_more_than_the_picture() {
        const HUGE: i64 = 1 << 20;
        let case = Case::new("MaxPool", 12)
            .counting(&[1, 1, 2, 2])
            .ints("kernel_shape", &[HUGE, HUGE])
            .ints("strides", &[HUGE, HUGE])
            .ints("pads", &[HUGE - 1; 4]);
        assert_eq!(case.f32s(), (vec![1, 1, 2, 2], vec![0.0, 1.0, 2.0, 3.0]));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        line("MaxPool", 12, 4).refused(ErrorKind::Malformed, "kernel_shape");
        line("MaxPool", 12, 4).ints("kernel_shape", &[3]).refused(ErrorKind::Unsupported, "2 integers");
        line("MaxPool", 12, 4)
            .ints("kernel_shape", &[1, 2])
            .ints("pads", &[0, 2, 0, 0])
            .refused(ErrorKind::Unsupported, "cover padding alone");
        // Taps three apart step over a picture of two.
        line("MaxPool", 12, 2)
            .ints("kernel_shape", &[1, 2])
            .ints("dilations", &[1, 3])
            .ints("pads", &[0, 1, 0, 1])
            .refused(ErrorKind::Unsupported, "cover padding alone");
        line("MaxPool", 12, 0)
            .ints("kernel_shape", &[1, 2])
            .ints("pads", &[0, 1, 0, 1])
            .refused(ErrorKind::Unsupported, "cover padding alone");
    }
}
