//! Movement of data.

use super::Lowering;
use super::elementwise::{broadcast_strides, leading, row_major_strides};
use crate::error::{Error, Result};
use crate::ir::{ElementType, Value, required};
use crate::ops::{Pad, PadMode, SliceRange, Split};
use crate::plan::tensor::{BlockedId, PlainId};
use crate::step::{self, Halo};

/// A copy between row-major tensors, dimension by dimension.
#[derive(Default)]
struct Copy {
    sizes: Vec<usize>,
    input_start: usize,
    input_strides: Vec<isize>,
    output_start: usize,
    output_strides: Vec<isize>,
}

/// Most indices of a gather that are copied slice by slice: each is a step.
const MOST_SLICES: usize = 16;

impl Lowering<'_> {
    fn copy(
        &mut self,
        what: Option<&str>,
        input: PlainId,
        output: PlainId,
        copy: &Copy,
    ) -> Result<()> {
        let sizes = leading(&copy.sizes, 1)?;
        let input_strides = leading(&copy.input_strides, 0)?;
        let output_strides = leading(&copy.output_strides, 0)?;
        let (input_start, output_start) = (copy.input_start, copy.output_start);
        let build = move |p: &crate::plan::tensor::Placement<'_>| {
            step::StridedCopy {
                input: p.plain(input),
                output: p.plain(output),
                element: ElementType::F32.size(),
                sizes,
                input_start,
                input_strides,
                output_start,
                output_strides,
            }
            .into()
        };
        match what {
            None => self.push(&[input.into()], output, build),
            Some(what) => self.convert(what, &[input.into()], output, build),
        }
        Ok(())
    }

    pub(super) fn transpose(
        &mut self,
        permutation: &[usize],
        input: Value,
        result: Value,
    ) -> Result<()> {
        let copy = transposition(&self.sizes(input)?, permutation)?;
        let input = self.plain(input)?;
        let output = self.new_plain(result)?;
        self.copy(None, input, output, &copy)
    }

    /// A matrix with rows and columns exchanged.
    pub(super) fn transposed(&mut self, matrix: Value) -> Result<PlainId> {
        let sizes = self.sizes(matrix)?;
        let copy = transposition(&sizes, &[1, 0])?;
        let input = self.plain(matrix)?;
        let output = self.tensors.add_plain(sizes.iter().product(), ElementType::F32);
        self.copy(Some("transposition"), input, output, &copy)?;
        Ok(output)
    }

    pub(super) fn slice(
        &mut self,
        ranges: &[SliceRange],
        input: Value,
        result: Value,
    ) -> Result<()> {
        let strides = row_major_strides(&self.sizes(input)?);
        let sizes = self.sizes(result)?;
        let output_strides = signed(&row_major_strides(&sizes));
        let input = self.plain(input)?;
        let output = self.new_plain(result)?;
        let input_start =
            ranges.iter().zip(&strides).map(|(range, stride)| range.start * stride).sum();
        let input_strides = ranges
            .iter()
            .zip(&strides)
            .map(|(range, &stride)| stride as isize * range.step as isize)
            .collect();
        self.copy(
            None,
            input,
            output,
            &Copy { sizes, input_start, input_strides, output_strides, ..Copy::default() },
        )
    }

    pub(super) fn split(&mut self, split: &Split, input: Value, result: Value) -> Result<()> {
        let strides = row_major_strides(&self.sizes(input)?);
        let source = self.plain(input)?;
        let mut first = 0;
        for (output, size) in split.sizes.iter().enumerate() {
            let part = Value { node: result.node, output };
            let sizes = self.sizes(part)?;
            let target = self.new_plain(part)?;
            self.copy(
                None,
                source,
                target,
                &Copy {
                    output_strides: signed(&row_major_strides(&sizes)),
                    sizes,
                    input_start: first * strides[split.axis],
                    input_strides: signed(&strides),
                    ..Copy::default()
                },
            )?;
            first += size;
        }
        Ok(())
    }

    pub(super) fn expand(&mut self, input: Value, result: Value) -> Result<()> {
        let sizes = self.sizes(result)?;
        let broadcast = broadcast_strides(&self.sizes(input)?, &sizes)?;
        let input_strides = signed(&broadcast[broadcast.len() - sizes.len()..]);
        let input = self.plain(input)?;
        let output = self.new_plain(result)?;
        let output_strides = signed(&row_major_strides(&sizes));
        self.copy(
            None,
            input,
            output,
            &Copy { sizes, input_strides, output_strides, ..Copy::default() },
        )
    }

    /// Gather by one constant index is a slice; by several, a slice each.
    pub(super) fn gather(
        &mut self,
        axis: usize,
        operands: &[Option<Value>],
        result: Value,
    ) -> Result<()> {
        let input = required(operands, 0, "data")?;
        let indices = required(operands, 1, "indices")?;
        let indices = self
            .graph
            .constant(indices)
            .ok_or_else(|| {
                Error::unsupported("indices that are computed at run time are not compiled")
            })?
            .integers()?;
        if indices.len() > MOST_SLICES {
            return Err(Error::unsupported(format!("{} indices are no few slices", indices.len())));
        }
        let sizes = self.sizes(input)?;
        self.sizes(result)?;
        let strides = row_major_strides(&sizes);
        let inner = strides[axis];
        let outer: usize = sizes[..axis].iter().product();
        let source = self.plain(input)?;
        let target = self.new_plain(result)?;
        let count = indices.len();
        for (position, index) in indices.into_iter().enumerate() {
            let index = if index < 0 { index + sizes[axis] as i64 } else { index };
            let index = usize::try_from(index).ok().filter(|&index| index < sizes[axis]);
            let index = index.ok_or_else(|| Error::shape("an index is outside its dimension"))?;
            self.copy(
                None,
                source,
                target,
                &Copy {
                    sizes: vec![outer, inner],
                    input_start: index * inner,
                    input_strides: signed(&[sizes[axis] * inner, 1]),
                    output_start: position * inner,
                    output_strides: signed(&[count * inner, 1]),
                },
            )?;
        }
        Ok(())
    }

    pub(super) fn pad(&mut self, pad: &Pad, input: Value, result: Value) -> Result<()> {
        let PadMode::Constant { value } = pad.mode else {
            return Err(Error::unsupported("only padding with a constant is compiled"));
        };
        let (input_sizes, sizes) = (self.sizes(input)?, self.sizes(result)?);
        let (input_strides, strides) = (row_major_strides(&input_sizes), row_major_strides(&sizes));
        let mut copy = Copy {
            input_strides: signed(&input_strides),
            output_strides: signed(&strides),
            ..Copy::default()
        };
        for (i, &(before, after)) in pad.pads.iter().enumerate() {
            let clip =
                |amount: i64| usize::try_from(amount.min(0).unsigned_abs()).unwrap_or(usize::MAX);
            let kept = input_sizes[i].saturating_sub(clip(before)).saturating_sub(clip(after));
            copy.sizes.push(kept);
            copy.input_start += clip(before).min(input_sizes[i]) * input_strides[i];
            copy.output_start += usize::try_from(before.max(0)).unwrap_or(0) * strides[i];
        }
        let source = self.plain(input)?;
        let output = self.new_plain(result)?;
        let constant = self.weights.push(&[value as f32]);
        self.convert("padding", &[], output, move |p| {
            step::Fill { output: p.plain(output), source: constant }.into()
        });
        self.copy(None, source, output, &copy)
    }

    pub(super) fn concat(
        &mut self,
        axis: usize,
        operands: &[Option<Value>],
        result: Value,
    ) -> Result<()> {
        let parts: Vec<Value> = operands.iter().copied().flatten().collect();
        let pictures = axis == 1 && self.sizes(result)?.len() == 4;
        if pictures && parts.iter().any(|&part| self.has_blocked(part)) {
            return self.channel_concat(&parts, result);
        }
        let sizes = self.sizes(result)?;
        let strides = signed(&row_major_strides(&sizes));
        let mut first = 0;
        let output = self.new_plain(result)?;
        for part in parts {
            let part_sizes = self.sizes(part)?;
            let input = self.plain(part)?;
            let step = part_sizes[axis];
            self.copy(
                None,
                input,
                output,
                &Copy {
                    input_strides: signed(&row_major_strides(&part_sizes)),
                    sizes: part_sizes,
                    output_start: first * strides[axis] as usize,
                    output_strides: strides.clone(),
                    ..Copy::default()
                },
            )?;
            first += step;
        }
        Ok(())
    }

    /// Concatenation of channels: parts are written in place by whoever
    /// computes them; one that has a place already, or that starts in the
    /// middle of a block, is copied.
    ///
    /// A dense block (Huang et al. 2017) joins the same tensors again and
    /// again, each time with one more: what was joined before becomes the first
    /// channels of the longer list.
    fn channel_concat(&mut self, parts: &[Value], result: Value) -> Result<()> {
        let whole = self.new_blocked(result)?;
        let known = self
            .concatenations
            .iter()
            .filter(|(joined, _)| parts.starts_with(joined))
            .max_by_key(|(joined, _)| joined.len())
            .cloned();
        let mut channels = 0;
        let mut rest = parts;
        if let Some((joined, id)) = known
            && self.tensors.place_inside(id, whole, 0)
        {
            rest = &parts[joined.len()..];
            for &part in &joined {
                channels += self.picture(part)?[1];
            }
        }
        let mut reads = Vec::new();
        for &part in rest {
            let id = self.blocked(part, Halo::default())?;
            reads.push(id);
            if !self.tensors.place_inside(id, whole, channels) {
                self.copy_channels(id, whole, channels);
            }
            channels += self.picture(part)?[1];
        }
        self.concatenations.push((parts.to_vec(), whole));
        Ok(())
    }

    fn copy_channels(&mut self, part: BlockedId, whole: BlockedId, first: usize) {
        self.push(&[part.into()], whole, move |p| {
            step::BlockedCopy { input: p.blocked(part), output: p.blocked(whole), first }.into()
        });
    }
}

fn signed(strides: &[usize]) -> Vec<isize> {
    strides.iter().map(|&stride| stride as isize).collect()
}

fn transposition(sizes: &[usize], permutation: &[usize]) -> Result<Copy> {
    if permutation.len() != sizes.len() || permutation.iter().any(|&axis| axis >= sizes.len()) {
        return Err(Error::internal("a permutation does not fit its tensor"));
    }
    let strides = row_major_strides(sizes);
    let turned: Vec<usize> = permutation.iter().map(|&axis| sizes[axis]).collect();
    Ok(Copy {
        input_strides: permutation.iter().map(|&axis| strides[axis] as isize).collect(),
        output_strides: signed(&row_major_strides(&turned)),
        sizes: turned,
        ..Copy::default()
    })
}
