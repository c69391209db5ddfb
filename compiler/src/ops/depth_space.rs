//! Channels that become pixels, and pixels that become channels.

use super::reading::{check, one, operand_type, size};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result, printable};
use crate::ir::{
    Attribute, Attributes, Dim, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::{self, DepthSpaceDirection};

/// `DepthToSpace` and `SpaceToDepth` of `[batch, channels, height, width]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DepthSpace {
    /// Height and width of a block of pixels.
    pub block: usize,
    /// What becomes what.
    pub direction: DepthSpaceDirection,
}

impl Definition for DepthSpace {
    const NAMES: &'static [&'static str] = &["DepthToSpace", "SpaceToDepth"];

    fn name(&self) -> &'static str {
        match self.direction {
            DepthSpaceDirection::ToDepthBlockFirst | DepthSpaceDirection::ToDepthColumnFirst => {
                "SpaceToDepth"
            }
            DepthSpaceDirection::ToSpaceDepthFirst | DepthSpaceDirection::ToSpaceColumnFirst => {
                "DepthToSpace"
            }
        }
    }

    fn attributes(&self) -> Attributes {
        let attributes =
            Attributes::default().with("blocksize", Attribute::Int(self.block as i64));
        let mode = match self.direction {
            DepthSpaceDirection::ToSpaceDepthFirst | DepthSpaceDirection::ToDepthBlockFirst => {
                "DCR"
            }
            DepthSpaceDirection::ToSpaceColumnFirst | DepthSpaceDirection::ToDepthColumnFirst => {
                "CRD"
            }
        };
        attributes.with("mode", Attribute::String(mode.to_owned()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let to_depth = signature.operator == "SpaceToDepth";
        let since_modes = if to_depth { 28 } else { 11 };
        let attributes: &[&str] =
            if signature.opset < since_modes { &["blocksize"] } else { &["blocksize", "mode"] };
        check(signature, attributes, 1)?;
        let direction = match (signature.attributes.string_or("mode", "DCR")?, to_depth) {
            ("DCR", true) => DepthSpaceDirection::ToDepthBlockFirst,
            ("CRD", true) => DepthSpaceDirection::ToDepthColumnFirst,
            ("DCR", false) => DepthSpaceDirection::ToSpaceDepthFirst,
            ("CRD", false) => DepthSpaceDirection::ToSpaceColumnFirst,
            (other, _) => {
                return Err(Error::malformed(format!(
                    "attribute `mode` should be `DCR` or `CRD`, but is `{}`",
                    printable(other)
                )));
            }
        };
        let block = signature.attributes.int("blocksize")?;
        let block = block.ok_or_else(|| Error::malformed("attribute `blocksize` is missing"))?;
        let block = size(*block, "`blocksize`")?;
        // A block of more pixels fits no tensor that can be compiled.
        if !(1..=1 << 20).contains(&block) {
            return Err(Error::malformed(format!("a block of {block} pixels makes no sense")));
        }
        operand_type(signature, 0, "input")?;
        Ok(Parsed::as_written(Self { block, direction }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "input")?.tensor_type;
        let [batch, channels, height, width] = input.shape.as_slice() else {
            return Err(Error::shape(format!(
                "expected a tensor [batch, channels, height, width], found {input}"
            )));
        };
        let area = self.block * self.block;
        let divided = |dim: &Dim, by: usize| match dim {
            Dim::Fixed(size) if size % by != 0 => Err(Error::shape(format!(
                "a block of {0} x {0} does not divide the sizes of {input}",
                self.block
            ))),
            Dim::Fixed(size) => Ok(Dim::Fixed(size / by)),
            Dim::Bounded { .. } if by == 1 => Ok(dim.clone()),
            Dim::Bounded { max, .. } => Ok(Dim::fresh(max / by)),
        };
        let multiplied = |dim: &Dim, by: usize| match dim {
            Dim::Fixed(size) => Dim::Fixed(size.saturating_mul(by)),
            Dim::Bounded { .. } if by == 1 => dim.clone(),
            Dim::Bounded { max, .. } => Dim::fresh(max.saturating_mul(by)),
        };
        let shape = match self.direction {
            DepthSpaceDirection::ToDepthBlockFirst | DepthSpaceDirection::ToDepthColumnFirst => vec![
                batch.clone(),
                multiplied(channels, area),
                divided(height, self.block)?,
                divided(width, self.block)?,
            ],
            DepthSpaceDirection::ToSpaceDepthFirst | DepthSpaceDirection::ToSpaceColumnFirst => {
                vec![
                    batch.clone(),
                    divided(channels, area)?,
                    multiplied(height, self.block),
                    multiplied(width, self.block),
                ]
            }
        };
        one(TensorType { element: input.element, shape })
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(operation::DepthSpace { block: self.block, direction: self.direction }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ops::testing::Case;

    fn to_space(shape: &[usize], mode: &str) -> Case {
        Case::new("DepthToSpace", 13).int("blocksize", 2).string("mode", mode).counting(shape)
    }

    // Channels are numbered 0, 1, ..; each has one pixel.
    #[test]
    fn channels_become_pixels() {
        let (shape, values) = to_space(&[1, 8, 1, 1], "DCR").f32s();
        assert_eq!(shape, [1, 2, 2, 2]);
        assert_eq!(values, [0.0, 2.0, 4.0, 6.0, 1.0, 3.0, 5.0, 7.0]);
        let values = to_space(&[1, 8, 1, 1], "CRD").f32s().1;
        assert_eq!(values, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        let wide = to_space(&[1, 4, 1, 2], "CRD").f32s().1;
        assert_eq!(wide, [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]);
    }

    #[test]
    fn pixels_become_channels() {
        let case = Case::new("SpaceToDepth", 13).int("blocksize", 2).counting(&[1, 2, 2, 2]);
        let (shape, values) = case.f32s();
        assert_eq!(shape, [1, 8, 1, 1]);
        assert_eq!(values, [0.0, 4.0, 1.0, 5.0, 2.0, 6.0, 3.0, 7.0]);
        let case = Case::new("SpaceToDepth", 28).string("mode", "CRD").int("blocksize", 2);
        let values = case.counting(&[1, 2, 2, 2]).f32s().1;
        assert_eq!(values, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        let empty = Case::new("SpaceToDepth", 1).int("blocksize", 3).counting(&[1, 2, 0, 3]);
        assert_eq!(empty.f32s().0, [1, 18, 0, 1]);
    }

    #[test]
    fn errors() {
        to_space(&[1, 6, 1, 1], "DCR").refused(ErrorKind::Shape, "does not divide");
        to_space(&[8, 1, 1], "DCR").refused(ErrorKind::Shape, "height, width");
        to_space(&[1, 4, 1, 1], "RCD").refused(ErrorKind::Malformed, "but is `RCD`");
        let block = |block| Case::new("SpaceToDepth", 13).int("blocksize", block).counting(&[1; 4]);
        block(0).refused(ErrorKind::Malformed, "makes no sense");
        block(i64::MAX).refused(ErrorKind::Malformed, "makes no sense");
        block(-1).refused(ErrorKind::Malformed, "negative");
        block(2).refused(ErrorKind::Shape, "does not divide");
    }
}
