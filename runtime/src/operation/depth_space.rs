//! Channels that become pixels, and pixels that become channels.

use super::dimensions::{Dimensions, strides};
use super::strided::gather;
use super::{Failure, Input, Operation, Output, with_type};

description! {
    /// `DepthToSpace` or `SpaceToDepth`. Operand: `[batch, channels, height,
    /// width]`. Result: the same elements; a block of pixels on one side is as
    /// many channels on the other.
    pub struct DepthSpace {
        /// Height and width of a block.
        pub block: usize,
        /// The way.
        pub direction: DepthSpaceDirection,
    }
}

description! {
    /// What a [`DepthSpace`] makes of what.
    pub enum DepthSpaceDirection {
        /// Channels become pixels; a pixel of the block is the slower half of
        /// a channel's number.
        ToSpaceDepthFirst,
        /// Channels become pixels; a pixel of the block is the faster half of
        /// a channel's number.
        ToSpaceColumnFirst,
        /// Pixels become channels; a pixel of the block is the slower half of a
        /// channel's number.
        ToDepthBlockFirst,
        /// Pixels become channels; a pixel of the block is the faster half of a
        /// channel's number.
        ToDepthColumnFirst,
    }
}

impl Operation for DepthSpace {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data)] = inputs else { return Err(Failure("expected one operand")) };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let &[batch, channels, height, width] = data.sizes() else {
            return Err(Failure("expected pictures, [batch, channels, height, width]"));
        };
        let block = self.block;
        let area = block.checked_mul(block).ok_or(Failure("a block is too large"))?;
        // The operand and the result with the dimensions of a block on their own.
        let uneven = Failure("the sizes are not multiples of the block");
        let divided = |size: usize, by: usize| match size.checked_rem(by) {
            Some(0) => Ok(size / by),
            _ => Err(uneven),
        };
        let (split, order, sizes) = match self.direction {
            DepthSpaceDirection::ToDepthBlockFirst | DepthSpaceDirection::ToDepthColumnFirst => {
                let (height, width) = (divided(height, block)?, divided(width, block)?);
                let split = [batch, channels, height, block, width, block];
                let channels = channels.saturating_mul(area);
                let order = match self.direction {
                    DepthSpaceDirection::ToDepthBlockFirst => [0, 3, 5, 1, 2, 4],
                    _ => [0, 1, 3, 5, 2, 4],
                };
                (split, order, [batch, channels, height, width])
            }
            direction => {
                let depth = divided(channels, area)?;
                let sizes =
                    [batch, depth, height.saturating_mul(block), width.saturating_mul(block)];
                if direction == DepthSpaceDirection::ToSpaceDepthFirst {
                    ([batch, block, block, depth, height, width], [0, 3, 4, 1, 5, 2], sizes)
                } else {
                    ([batch, depth, block, block, height, width], [0, 1, 4, 2, 5, 3], sizes)
                }
            }
        };
        let from = strides(&split)?;
        let mut strides = Dimensions::new(&from)?;
        let mut parts = split;
        for (place, &axis) in order.iter().enumerate() {
            (parts[place], strides[place]) = (split[axis], from[axis]);
        }
        with_type!(data.element(), T => {
            let result = output.resize::<T>(&sizes)?;
            gather(data.values::<T>()?, 0, &parts, &strides, result)
        })
    }
}
