//! Resampling: one dimension after the other.

use super::Lowering;
use crate::error::Result;
use crate::ir::{ElementType, Value};
use crate::ops::{Resize, Taps};
use crate::step::{self, Axis, Filter, Halo};

impl Lowering<'_> {
    pub(super) fn resize(&mut self, resize: &Resize, input: Value, result: Value) -> Result<()> {
        let sizes = self.sizes(input)?;
        self.sizes(result)?;
        let changed: Vec<usize> = (0..sizes.len())
            .filter(|&dimension| !resize.keeps(dimension, sizes[dimension]))
            .collect();
        match changed.as_slice() {
            [] => self.alias(input, result),
            &[first, ..] if sizes.len() == 4 && first >= 2 && self.has_blocked(input) => {
                self.resize_blocked(resize, &changed, input, result)
            }
            _ => self.resize_plain(resize, &changed, input, result),
        }
    }

    fn resize_blocked(
        &mut self,
        resize: &Resize,
        changed: &[usize],
        value: Value,
        result: Value,
    ) -> Result<()> {
        let mut shape = self.picture(value)?;
        let mut input = self.blocked(value, Halo::default())?;
        for (i, &dimension) in changed.iter().enumerate() {
            let taps = resize.taps(dimension, shape[dimension]);
            let filter = self.filter(&taps);
            shape[dimension] = taps.len();
            let last = i + 1 == changed.len();
            let output =
                if last { self.new_blocked(result)? } else { self.tensors.add_blocked(shape) };
            let source = input;
            let axis = if dimension == 2 { Axis::Rows } else { Axis::Columns };
            self.push(&[source.into()], output, move |p| {
                let (input, output) = (p.blocked(source), p.blocked(output));
                step::BlockedResample { input, output, axis, filter }.into()
            });
            input = output;
        }
        Ok(())
    }

    fn resize_plain(
        &mut self,
        resize: &Resize,
        changed: &[usize],
        value: Value,
        result: Value,
    ) -> Result<()> {
        let mut shape = self.sizes(value)?;
        let mut input = self.plain(value)?;
        for (i, &dimension) in changed.iter().enumerate() {
            let size = shape[dimension];
            let taps = resize.taps(dimension, size);
            let filter = self.filter(&taps);
            let results = taps.len();
            shape[dimension] = results;
            let outer = shape[..dimension].iter().product();
            let inner = shape[dimension + 1..].iter().product();
            let last = i + 1 == changed.len();
            let output = if last {
                self.new_plain(result)?
            } else {
                self.tensors.add_plain(shape.iter().product(), ElementType::F32)
            };
            let source = input;
            self.push(&[source.into()], output, move |p| {
                let (input, output) = (p.plain(source), p.plain(output));
                step::Resample { input, output, outer, size, results, inner, filter }.into()
            });
            input = output;
        }
        Ok(())
    }

    /// The tables of a dimension, in the weights.
    fn filter(&mut self, taps: &[Taps]) -> Filter {
        let terms = taps.iter().map(|taps| taps.terms.len()).max().unwrap_or(0).max(1);
        let (mut pixels, mut weights) = (Vec::new(), Vec::new());
        for Taps { terms: given, .. } in taps {
            for i in 0..terms {
                let (pixel, weight) = given.get(i).copied().unwrap_or((0, 0.0));
                pixels.push(f32::from_bits(pixel as u32));
                weights.push(weight as f32);
            }
        }
        let constants: Vec<f32> = taps.iter().map(|taps| taps.constant as f32).collect();
        Filter {
            terms,
            pixels: self.weights.push(&pixels),
            weights: self.weights.push(&weights),
            constants: self.weights.push(&constants),
        }
    }
}
