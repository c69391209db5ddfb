//! Resampling where sizes or scales are known only at run time.

use super::counts::vector;
use super::floats::widened;
use super::reading::{axes, check, one, operand_type};
use super::resize::read::{WRITTEN, choice, interpolation, old_interpolation};
use super::resize::{COORDINATES, ROUNDINGS};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, Fact, Operand, Parsed, ParsedOperand, Signature, Tensor,
    TensorType, required,
};
use crate::operation::{AspectPolicy, Coordinates, GeneralResize, Interpolation, ResizeTarget};
use crate::step::RANK;

/// `Resize`, and `Upsample` of older operator sets, where sizes or scales are
/// known only at run time; otherwise see [`super::Resize`]. Operands: data,
/// region, scales, sizes; the region is only there where it is looked at, and
/// either scales or sizes are.
#[derive(Clone, Debug, PartialEq)]
pub struct RuntimeResize {
    /// How values between pixels are made.
    pub interpolation: Interpolation,
    /// Where a result lies between the pixels.
    pub coordinates: Coordinates,
    /// Whether pixels outside the picture count nothing.
    pub exclude_outside: bool,
    /// The result where [`Coordinates::CropAndResize`] looks outside.
    pub extrapolation: f32,
    /// The dimensions that the operands are of.
    pub axes: Vec<usize>,
    /// Which of the sizes is met.
    pub policy: AspectPolicy,
}

const POLICIES: [(&str, AspectPolicy); 3] = [
    ("stretch", AspectPolicy::Stretch),
    ("not_larger", AspectPolicy::NotLarger),
    ("not_smaller", AspectPolicy::NotSmaller),
];

fn name_of<T: PartialEq>(value: T, among: &[(&'static str, T)]) -> Attribute {
    let named = among.iter().find(|(_, other)| *other == value);
    Attribute::String(named.map_or("", |(name, _)| *name).to_owned())
}

impl Definition for RuntimeResize {
    const NAMES: &'static [&'static str] = &["RuntimeResize", "Resize", "Upsample"];

    fn reads(signature: &Signature<'_>) -> bool {
        let mut operands = signature.operands.iter();
        let data = operands.next().copied().flatten();
        signature.operator == "RuntimeResize"
            || data.is_some_and(|data| !data.tensor_type.is_fixed())
            || operands.flatten().any(|operand| operand.value.is_none())
    }

    fn name(&self) -> &'static str {
        "RuntimeResize"
    }

    fn attributes(&self) -> Attributes {
        let flag = |flag: bool| Attribute::Int(flag.into());
        let axes = self.axes.iter().map(|&axis| axis as i64).collect();
        let attributes = Attributes::default()
            .with("coordinate_transformation_mode", name_of(self.coordinates, &COORDINATES))
            .with("exclude_outside", flag(self.exclude_outside))
            .with("extrapolation_value", Attribute::Float(self.extrapolation))
            .with("axes", Attribute::Ints(axes))
            .with("keep_aspect_ratio_policy", name_of(self.policy, &POLICIES));
        let mode = |mode: &str| Attribute::String(mode.to_owned());
        match self.interpolation {
            Interpolation::Nearest { rounding } => attributes
                .with("mode", mode("nearest"))
                .with("nearest_mode", name_of(rounding, &ROUNDINGS)),
            Interpolation::Linear { antialias } => {
                attributes.with("mode", mode("linear")).with("antialias", flag(antialias))
            }
            Interpolation::Cubic { a, antialias } => attributes
                .with("mode", mode("cubic"))
                .with("cubic_coeff_a", Attribute::Float(a))
                .with("antialias", flag(antialias)),
        }
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let rank = operand_type(signature, 0, "input")?.rank();
        match (signature.operator, signature.opset) {
            ("Upsample", _) | ("Resize", ..11) => upsample(signature, rank),
            _ => resize(signature, rank),
        }
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "input")?.tensor_type;
        let optional = |slot: usize| operands.get(slot).copied().flatten();
        let sizes = match (optional(2), optional(3)) {
            (Some(scales), None) => self.scaled(data, scales)?,
            (None, Some(sizes)) => self.sized(sizes)?,
            _ => return Err(Error::malformed("expected either scales or sizes")),
        };
        let mut resized = data.clone();
        for (&axis, size) in self.axes.iter().zip(sizes) {
            let dim = resized.shape.get_mut(axis);
            *dim.ok_or_else(|| Error::shape(format!("there is no axis {axis} in {data}")))? = size;
        }
        one(resized)
    }

    fn operation(&self) -> Option<AnyOperation> {
        let mut axes = [0; RANK];
        axes.get_mut(..self.axes.len())?.copy_from_slice(&self.axes);
        let (count, policy) = (self.axes.len(), self.policy);
        let operation = GeneralResize {
            interpolation: self.interpolation,
            coordinates: self.coordinates,
            exclude_outside: self.exclude_outside,
            extrapolation: self.extrapolation,
            target: ResizeTarget::Operands { axes, count, policy },
        };
        Some(operation.into())
    }
}

impl RuntimeResize {
    /// Sizes of the axes by scales.
    fn scaled(&self, data: &TensorType, scales: Operand<'_>) -> Result<Vec<Dim>> {
        self.check_count(scales.tensor_type, "scales")?;
        let Some(scales) = scales.value else { return Ok(vec![Dim::open(); self.axes.len()]) };
        let scales = widened(scales)?;
        let dims = self.axes.iter().map(|&axis| data.shape.get(axis).cloned());
        let sizes = dims.zip(scales.iter()).map(|(dim, &scale)| {
            // The product in f32, as the operation computes it.
            let size = |size: usize| (size as f32 * scale as f32).floor() as usize;
            match dim {
                Some(Dim::Fixed(fixed)) => Dim::Fixed(size(fixed)),
                Some(dim) if scale == 1.0 => dim,
                Some(Dim::Bounded { max, .. }) => Dim::fresh(size(max)),
                None => Dim::open(),
            }
        });
        Ok(sizes.collect())
    }

    /// Sizes of the axes as they are asked for.
    fn sized(&self, sizes: Operand<'_>) -> Result<Vec<Dim>> {
        self.check_count(sizes.tensor_type, "sizes")?;
        let facts = vector(sizes, "sizes")?.unwrap_or_default();
        let sizes = (0..self.axes.len()).map(|i| {
            let fact = facts.get(i).unwrap_or(&Fact::ANYTHING);
            match (self.policy, usize::try_from(fact.high)) {
                (AspectPolicy::Stretch, _) => fact.dim(),
                (AspectPolicy::NotLarger, Ok(most)) if fact.high < i64::MAX => Ok(Dim::fresh(most)),
                (AspectPolicy::NotLarger | AspectPolicy::NotSmaller, _) => Ok(Dim::open()),
            }
        });
        sizes.collect()
    }

    fn check_count(&self, found: &TensorType, what: &str) -> Result<()> {
        match found.shape.as_slice() {
            [Dim::Fixed(count)] if *count == self.axes.len() => Ok(()),
            _ => Err(Error::shape(format!(
                "expected {} values in `{what}`, found {found}",
                self.axes.len()
            ))),
        }
    }
}

/// Whether an operand is there; empty ones stand for absent ones, too.
fn given(signature: &Signature<'_>, slot: usize) -> Option<ParsedOperand> {
    let operand = signature.operands.get(slot).copied().flatten()?;
    (!operand.tensor_type.shape.contains(&Dim::Fixed(0))).then_some(ParsedOperand::Given(slot))
}

fn resize(signature: &Signature<'_>, rank: usize) -> Result<Parsed<RuntimeResize>> {
    check(signature, if signature.opset < 18 { &WRITTEN[..6] } else { &WRITTEN }, 4)?;
    let attributes = signature.attributes;
    let coordinates =
        choice(signature, "coordinate_transformation_mode", "half_pixel", &COORDINATES)?;
    let (scales, sizes) = (given(signature, 2), given(signature, 3));
    if scales.is_some() == sizes.is_some() {
        return Err(Error::malformed("expected either scales or sizes"));
    }
    let region = given(signature, 1).filter(|_| coordinates == Coordinates::CropAndResize);
    if region.is_none() && coordinates == Coordinates::CropAndResize {
        return Err(Error::malformed("tf_crop_and_resize needs the operand `roi`"));
    }
    let operator = RuntimeResize {
        interpolation: interpolation(signature)?,
        coordinates,
        exclude_outside: attributes.flag("exclude_outside")?,
        extrapolation: attributes.float_or("extrapolation_value", 0.0)?,
        axes: match attributes.ints("axes")? {
            Some(given) => axes(given, rank)?,
            None => (0..rank).collect(),
        },
        policy: choice(signature, "keep_aspect_ratio_policy", "stretch", &POLICIES)?,
    };
    let operands = vec![Some(ParsedOperand::Given(0)), region, scales, sizes];
    Ok(Parsed { operator, operands })
}

/// Before operator set 11 places are `x / scale`, and the pixel before them is
/// the nearest.
fn upsample(signature: &Signature<'_>, rank: usize) -> Result<Parsed<RuntimeResize>> {
    let scales = if signature.operator == "Upsample" && signature.opset < 9 {
        check(signature, &["mode", "scales"], 1)?;
        let scales = signature.attributes.floats("scales")?.cloned();
        scales.map(|scales| ParsedOperand::Constant(Tensor::vector(scales)))
    } else {
        check(signature, &["mode"], 2)?;
        given(signature, 1)
    };
    let scales = scales.ok_or_else(|| Error::malformed("the scales are missing"))?;
    let operator = RuntimeResize {
        interpolation: old_interpolation(signature)?,
        coordinates: Coordinates::Asymmetric,
        exclude_outside: false,
        extrapolation: 0.0,
        axes: (0..rank).collect(),
        policy: AspectPolicy::Stretch,
    };
    let operands = vec![Some(ParsedOperand::Given(0)), None, Some(scales)];
    Ok(Parsed { operator, operands })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::ops::testing::Case;

    fn resize() -> Case {
        let case = Case::new("Resize", 18).counting(&[1, 1, 2, 2]).absent();
        case.string("coordinate_transformation_mode", "asymmetric").string("nearest_mode", "floor")
    }

    #[test]
    fn scales_and_sizes_are_read_when_it_runs() {
        let rows = vec![0.0, 0.0, 1.0, 2.0, 2.0, 3.0];
        let scales = resize().operand(Tensor::vector(vec![1.0f32, 1.0, 1.0, 1.5])).unknown(3);
        assert_eq!(scales.f32s(), (vec![1, 1, 2, 3], rows.clone()));
        let sizes = resize().absent().list(&[3]).ints("axes", &[-1]).unknown(4);
        assert_eq!(sizes.f32s(), (vec![1, 1, 2, 3], rows));
        let both = resize().absent().list(&[4, 6]).ints("axes", &[2, 3]).unknown(4);
        let both = both.string("keep_aspect_ratio_policy", "not_larger");
        assert_eq!(both.f32s().0, [1, 1, 4, 4]);
        resize().absent().list(&[4]).unknown(4).refused(ErrorKind::Shape, "expected 4 values");
        resize().unknown(1).absent().absent().refused(ErrorKind::Malformed, "scales or sizes");
    }

    #[test]
    fn a_batch_of_any_size_keeps_its_count() {
        let count = Dim::Bounded { symbol: "n".to_owned(), max: 100 };
        let mut data = TensorType::f32(&[1, 8, 14, 14]);
        data.shape[0] = count.clone();
        let scales = Tensor::vector(vec![1.0f32, 1.0, 2.0, 2.0]);
        let scales_type = scales.tensor_type();
        let operands =
            [Some(Operand::of_type(&data)), None, Some(Operand::new(&scales_type, Some(&scales)))];
        let parsed = resize().absent().list(&[1, 1, 2, 2]).unknown(4).read().unwrap();
        let crate::ops::Op::RuntimeResize(resize) = parsed.0 else { panic!("read as another") };
        let shape = resize.infer(&operands).unwrap()[0].shape.clone();
        assert_eq!(shape, [count, Dim::Fixed(8), Dim::Fixed(28), Dim::Fixed(28)]);
    }
}
