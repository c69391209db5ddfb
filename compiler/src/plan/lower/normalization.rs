//! Normalisation.

use super::Lowering;
use crate::error::{Error, Result};
use crate::ir::{Value, required};
use crate::ops::{LocalResponse, ScaleShift, Softmax};
use crate::step::{self, Halo};

impl Lowering<'_> {
    pub(super) fn scale_shift(
        &mut self,
        scale_shift: &ScaleShift,
        operands: &[Option<Value>],
        result: Value,
    ) -> Result<()> {
        let input = required(operands, 0, "input")?;
        let [_, channels, _, _] = self.picture(input)?;
        let scale = self.channels_section(operands.get(1).copied().flatten(), channels)?;
        let shift = self.channels_section(operands.get(2).copied().flatten(), channels)?;
        let slopes = operands.get(3).copied().flatten();
        let activation = self.store_activation(scale_shift.activation, slopes, channels)?;
        let input = self.blocked(input, Halo::default())?;
        let output = self.new_blocked(result)?;
        self.push(&[input.into()], output, move |p| {
            let (input, output) = (p.blocked(input), p.blocked(output));
            step::ScaleShift { input, output, scale, shift, activation }.into()
        });
        Ok(())
    }

    pub(super) fn local_response(
        &mut self,
        lrn: &LocalResponse,
        input: Value,
        result: Value,
    ) -> Result<()> {
        let sizes = self.sizes(input)?;
        let [batch, channels, plane @ ..] = sizes.as_slice() else {
            return Err(Error::shape("expected a tensor [batch, channels, ..]"));
        };
        let (batch, channels, plane) = (*batch, *channels, plane.iter().product());
        let LocalResponse { size, alpha, beta, bias } = *lrn;
        let input = self.plain(input)?;
        let output = self.new_plain(result)?;
        self.push(&[input.into()], output, move |p| {
            let (input, output) = (p.plain(input), p.plain(output));
            step::LocalResponse { input, output, batch, channels, plane, size, alpha, beta, bias }
                .into()
        });
        Ok(())
    }

    pub(super) fn softmax(&mut self, softmax: &Softmax, input: Value, result: Value) -> Result<()> {
        let sizes = self.sizes(input)?;
        let (before, from) = sizes.split_at(softmax.axis.min(sizes.len()));
        let outer = before.iter().product();
        let (axis, inner) = match from {
            [] => (1, 1),
            from if softmax.through_end => (from.iter().product(), 1),
            [axis, after @ ..] => (*axis, after.iter().product()),
        };
        let logarithm = softmax.logarithm;
        let input = self.plain(input)?;
        let output = self.new_plain(result)?;
        self.push(&[input.into()], output, move |p| {
            let (input, output) = (p.plain(input), p.plain(output));
            step::Softmax { input, output, outer, axis, inner, logarithm }.into()
        });
        Ok(())
    }
}
