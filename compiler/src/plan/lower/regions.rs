//! Pooling of regions of interest.

use super::Lowering;
use crate::error::{Error, Result};
use crate::ir::{Dim, Value, required};
use crate::ops::{MaxRoiPool, RoiAlign};
use crate::plan::tensor::TensorId;
use crate::step::{self, Halo};

impl Lowering<'_> {
    pub(super) fn max_roi_pool(
        &mut self,
        pool: &MaxRoiPool,
        operands: &[Option<Value>],
        result: Value,
    ) -> Result<()> {
        if !step::MaxRoiPool::takes(pool.pooled) {
            return Err(no_kernel());
        }
        let pictures = required(operands, 0, "pictures")?;
        let regions = required(operands, 1, "regions")?;
        self.picture(pictures)?;
        let (count, most) = self.regions(regions)?;
        let input = self.blocked(pictures, Halo::default())?;
        let corners = self.plain(regions)?;
        let output = self.new_tensor(result)?;
        let mut reads = vec![input.into(), corners.into()];
        reads.extend(count.map(TensorId::from));
        let MaxRoiPool { pooled, scale } = *pool;
        self.push(&reads, output, move |p| {
            step::MaxRoiPool {
                input: p.blocked(input),
                corners: p.plain(corners),
                output: p.plain(output),
                regions: most,
                count: count.map(|id| p.plain(id).offset),
                pooled,
                scale,
            }
            .into()
        });
        Ok(())
    }

    pub(super) fn roi_align(
        &mut self,
        align: &RoiAlign,
        operands: &[Option<Value>],
        result: Value,
    ) -> Result<()> {
        let pictures = required(operands, 0, "pictures")?;
        let corners = required(operands, 1, "regions")?;
        let indices = required(operands, 2, "pictures of the regions")?;
        let [.., height, width] = self.picture(pictures)?;
        if align.maximum || !step::RoiAlign::takes([height, width], align.pooled) {
            return Err(no_kernel());
        }
        let (count, most) = self.regions(corners)?;
        let input = self.blocked(pictures, Halo::default())?;
        let corners = self.plain(corners)?;
        let indices = self.plain(indices)?;
        let output = self.new_tensor(result)?;
        let mut reads = vec![input.into(), corners.into(), indices.into()];
        reads.extend(count.map(TensorId::from));
        let RoiAlign { pooled, scale, samples, half_pixel, .. } = *align;
        self.push(&reads, output, move |p| {
            step::RoiAlign {
                input: p.blocked(input),
                corners: p.plain(corners),
                pictures: p.plain(indices),
                output: p.plain(output),
                regions: most,
                count: count.map(|id| p.plain(id).offset),
                pooled,
                scale,
                samples,
                half_pixel,
            }
            .into()
        });
        Ok(())
    }

    /// Where the number of regions is, and the most that there are.
    fn regions(&self, regions: Value) -> Result<(Option<super::PlainId>, usize)> {
        let count = self.graph.type_of(regions).shape.first().cloned().unwrap_or(Dim::Fixed(0));
        Ok((self.known_extent(&count)?.count(), count.max()))
    }
}

fn no_kernel() -> Error {
    Error::unsupported("no kernel pools regions into so many bins")
}
