//! Pictures looked at where a grid says.

use super::floats::check_float;
use super::reading::{check, one};
use super::resize::read::choice;
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::{GeneralGridSample, GridInterpolation, GridPadding};

/// `GridSample` of pictures with one to three spatial dimensions. Operands:
/// pictures, grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GridSample {
    /// How values between pixels are made.
    pub interpolation: GridInterpolation,
    /// What is outside the picture.
    pub padding: GridPadding,
    /// Whether -1 and 1 are the middles of the outermost pixels, rather than
    /// their outer borders.
    pub align_corners: bool,
}

const INTERPOLATIONS: [(&str, GridInterpolation); 5] = [
    ("nearest", GridInterpolation::Nearest),
    ("linear", GridInterpolation::Linear),
    ("cubic", GridInterpolation::Cubic),
    // As operator set 16 calls them.
    ("bilinear", GridInterpolation::Linear),
    ("bicubic", GridInterpolation::Cubic),
];

const PADDINGS: [(&str, GridPadding); 3] = [
    ("zeros", GridPadding::Zeros),
    ("border", GridPadding::Border),
    ("reflection", GridPadding::Reflection),
];

impl Definition for GridSample {
    const NAMES: &'static [&'static str] = &["GridSample"];

    fn name(&self) -> &'static str {
        "GridSample"
    }

    fn attributes(&self) -> Attributes {
        let text = |text: Option<&str>| Attribute::String(text.unwrap_or_default().to_owned());
        let mode = INTERPOLATIONS.iter().find(|(_, mode)| *mode == self.interpolation);
        let padding = PADDINGS.iter().find(|(_, padding)| *padding == self.padding);
        Attributes::default()
            .with("mode", text(mode.map(|(name, _)| *name)))
            .with("padding_mode", text(padding.map(|(name, _)| *name)))
            .with("align_corners", Attribute::Int(self.align_corners.into()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["align_corners", "mode", "padding_mode"], 2)?;
        let operator = Self {
            interpolation: choice(signature, "mode", "linear", &INTERPOLATIONS)?,
            padding: choice(signature, "padding_mode", "zeros", &PADDINGS)?,
            align_corners: signature.attributes.flag("align_corners")?,
        };
        Ok(Parsed::first(operator, 2))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let pictures = required(operands, 0, "X")?.tensor_type;
        let grid = required(operands, 1, "grid")?.tensor_type;
        check_float(grid)?;
        let wrong = || Error::shape(format!("the grid {grid} does not fit pictures {pictures}"));
        let ([batch, channels, spatial @ ..], [of, places @ .., Dim::Fixed(rank)]) =
            (pictures.shape.as_slice(), grid.shape.as_slice())
        else {
            return Err(wrong());
        };
        if [spatial.len(), places.len()] != [*rank; 2] || *rank == 0 {
            return Err(wrong());
        }
        if *rank > 3 {
            return Err(Error::unsupported(format!(
                "pictures have at most three spatial dimensions, found {pictures}"
            )));
        }
        let batch = match (batch, of) {
            (Dim::Fixed(a), Dim::Fixed(b)) if a != b => return Err(wrong()),
            (Dim::Fixed(_), _) => batch,
            (Dim::Bounded { .. }, _) => of,
        };
        let mut shape = vec![batch.clone(), channels.clone()];
        shape.extend(places.iter().cloned());
        one(TensorType { element: pictures.element, shape })
    }

    fn operation(&self) -> Option<AnyOperation> {
        let Self { interpolation, padding, align_corners } = *self;
        Some(GeneralGridSample { interpolation, padding, align_corners }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    /// A row of pixels 0, 1, 2, 3 looked at these places.
    fn row(places: &[f32], mode: &str, padding: &str, align_corners: i64) -> Vec<f32> {
        let grid = Tensor::new(&[1, places.len(), 1], places.to_vec()).unwrap();
        let case = Case::new("GridSample", 22).counting(&[1, 1, 4]).operand(grid);
        let case = case.string("mode", mode).string("padding_mode", padding);
        case.int("align_corners", align_corners).f32s().1
    }

    #[test]
    fn places_lie_between_pixels() {
        let places = [-1.0, -0.75, 0.0, 0.5, 1.0, 2.0];
        assert_eq!(row(&places, "linear", "zeros", 0), [0.0, 0.0, 1.5, 2.5, 1.5, 0.0]);
        assert_eq!(row(&places, "linear", "border", 0), [0.0, 0.0, 1.5, 2.5, 3.0, 3.0]);
        assert_eq!(row(&places, "linear", "reflection", 0), [0.0, 0.0, 1.5, 2.5, 3.0, 1.5]);
        assert_eq!(row(&[-1.0, 1.0, 3.0], "linear", "reflection", 1), [0.0, 3.0, 0.0]);
        assert_eq!(row(&places, "nearest", "zeros", 0), [0.0, 0.0, 2.0, 2.0, 0.0, 0.0]);
        assert_eq!(row(&[0.0], "cubic", "zeros", 1), [1.5]);
    }

    #[test]
    fn places_that_are_no_numbers_do_no_harm() {
        for padding in ["zeros", "border", "reflection"] {
            for mode in ["nearest", "linear", "cubic"] {
                let places = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN];
                assert_eq!(row(&places, mode, padding, 0).len(), 5);
            }
        }
    }

    #[test]
    fn the_last_dimension_comes_first() {
        let grid = Tensor::new(&[1, 1, 2, 2], vec![1.0f64, -1.0, -1.0, 1.0]).unwrap();
        let case = Case::new("GridSample", 16).counting(&[1, 2, 2, 3]).operand(grid);
        let case = case.int("align_corners", 1).string("mode", "bilinear");
        assert_eq!(case.f32s(), (vec![1, 2, 1, 2], vec![2.0, 3.0, 8.0, 9.0]));
        let other = Tensor::new(&[2, 1, 2, 2], vec![0.0f64; 8]).unwrap();
        let case = Case::new("GridSample", 16).counting(&[1, 2, 2, 3]).operand(other);
        case.refused(ErrorKind::Shape, "does not fit");
    }
}
