//! Pooling.

use super::Lowering;
use crate::error::{Error, Result};
use crate::ir::Value;
use crate::ops::{GlobalPoolKind, Pool, PoolKind};
use crate::step::{self, Halo};

impl Lowering<'_> {
    pub(super) fn pool(&mut self, pool: &Pool, input: Value, result: Value) -> Result<()> {
        if self.picture(input)?.contains(&0) || self.picture(result)?.contains(&0) {
            return Err(Error::unsupported("pooling of nothing is not compiled"));
        }
        let input = self.blocked(input, Halo::default())?;
        let output = self.new_blocked(result)?;
        let kind = match pool.kind {
            PoolKind::Max => step::PoolKind::Max,
            PoolKind::Average { include_pad: false } => step::PoolKind::AverageInside,
            PoolKind::Average { include_pad: true } => step::PoolKind::AveragePadded,
        };
        let Pool { kernel, strides: stride, dilations: dilation, pads, .. } = *pool;
        let [top, left, bottom, right] = pads;
        self.push(&[input.into()], output, move |p| {
            step::Pool {
                input: p.blocked(input),
                output: p.blocked(output),
                kind,
                kernel,
                stride,
                dilation,
                pad: [top, left],
                pad_end: [bottom, right],
            }
            .into()
        });
        Ok(())
    }

    pub(super) fn global_pool(
        &mut self,
        kind: GlobalPoolKind,
        value: Value,
        result: Value,
    ) -> Result<()> {
        let [_, _, height, width] = self.picture(value)?;
        if self.picture(value)?.contains(&0) {
            return Err(Error::unsupported("pooling of nothing is not compiled"));
        }
        match kind {
            GlobalPoolKind::Average => {
                let input = self.blocked(value, Halo::default())?;
                let output = self.new_plain(result)?;
                self.push(&[input.into()], output, move |p| {
                    step::GlobalAverage { input: p.blocked(input), output: p.plain(output) }.into()
                });
                Ok(())
            }
            GlobalPoolKind::Max => {
                let whole = Pool {
                    kind: PoolKind::Max,
                    kernel: [height, width],
                    strides: [1, 1],
                    pads: [0; 4],
                    dilations: [1, 1],
                    ceil: false,
                };
                self.pool(&whole, value, result)
            }
        }
    }
}
