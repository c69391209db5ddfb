//! Convolution whose taps are moved by numbers.

use super::conv::with_kernel;
use super::region::floor;
use super::sliding::SlidingAxis;
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::step::RANK;

description! {
    /// `DeformConv` over two dimensions (Zhu et al., Deformable ConvNets v2,
    /// 2019). Operands: data `[batch, channels, height, width]`, weights
    /// `[out, channels / groups, kh, kw]`, moves
    /// `[batch, offset_groups * kh * kw * 2, rows, columns]`, a bias `[out]` or
    /// none, and factors `[batch, offset_groups * kh * kw, rows, columns]` or
    /// none.
    pub struct DeformConv {
        /// How the kernel slides along rows and columns; its size is that of
        /// the weights.
        pub axes: [SlidingAxis; 2],
        /// Independent runs of channels.
        pub groups: usize,
        /// Runs of channels whose taps move together.
        pub offset_groups: usize,
    }
}

/// The operands' elements and sizes.
struct Job<'a, T> {
    axes: [SlidingAxis; 2],
    data: &'a [T],
    weights: &'a [T],
    moves: &'a [T],
    factors: Option<&'a [T]>,
    /// Channels, rows and columns of the data.
    channels: usize,
    size: [usize; 2],
    /// Channels of the result and input channels of each.
    out: usize,
    depth: usize,
    /// Channels that move together.
    together: usize,
    /// Rows and columns of the result.
    places: [usize; 2],
}

impl<T: Native> Job<'_, T> {
    /// Pixel of a plane; zero outside.
    fn pixel(&self, plane: &[T], y: i64, x: i64) -> f64 {
        let inside = |at: i64, size: usize| usize::try_from(at).ok().filter(|&at| at < size);
        let pixel = inside(y, self.size[0]).zip(inside(x, self.size[1]));
        pixel.map_or(0.0, |(y, x)| plane[y * self.size[1] + x].to_f64())
    }

    /// Value between pixels.
    fn sample(&self, plane: &[T], [y, x]: [f64; 2]) -> f64 {
        let near = y > -1.0 && y < self.size[0] as f64 && x > -1.0 && x < self.size[1] as f64;
        if !near {
            return 0.0;
        }
        let (top, left) = (floor(y), floor(x));
        let (down, right) = (y - top as f64, x - left as f64);
        let row = |row: i64| {
            self.pixel(plane, row, left) * (1.0 - right) + self.pixel(plane, row, left + 1) * right
        };
        row(top) * (1.0 - down) + row(top + 1) * down
    }

    /// Adds what a pixel of the result is made of to the sums of all channels.
    fn sum(&self, picture: usize, place: [usize; 2], sums: &mut [u64]) {
        let [kernel_rows, kernel_columns] = self.axes.map(|axis| axis.kernel);
        let taps = kernel_rows * kernel_columns;
        let offset_groups = self.channels / self.together.max(1);
        let [rows, columns] = self.places;
        let moved = |values: &[T], plane: usize| {
            values[(plane * rows + place[0]) * columns + place[1]].to_f64()
        };
        let start = |axis: usize, tap: usize| {
            let SlidingAxis { stride, dilation, pad, .. } = self.axes[axis];
            (place[axis] * stride + tap * dilation) as f64 - pad as f64
        };
        for channel in 0..self.channels {
            let plane = self.size[0] * self.size[1];
            let plane = &self.data[(picture * self.channels + channel) * plane..][..plane];
            let group = picture * offset_groups + channel / self.together;
            let outs = self.out / (self.channels / self.depth);
            let first = channel / self.depth * outs;
            for tap in 0..taps {
                let index = group * taps + tap;
                let y = start(0, tap / kernel_columns) + moved(self.moves, 2 * index);
                let x = start(1, tap % kernel_columns) + moved(self.moves, 2 * index + 1);
                let factor = self.factors.map_or(1.0, |factors| moved(factors, index));
                let value = factor * self.sample(plane, [y, x]);
                let weight = |out: usize| (out * self.depth + channel % self.depth) * taps + tap;
                for (out, sum) in (first..).zip(&mut sums[first..first + outs]) {
                    let product = self.weights[weight(out)].to_f64() * value;
                    *sum = (f64::from_bits(*sum) + product).to_bits();
                }
            }
        }
    }
}

impl Operation for DeformConv {
    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        inputs.get(1).and_then(|weights| weights.first()).copied().unwrap_or(0)
    }

    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        scratch: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), Some(weights), Some(moves), rest @ ..] = inputs else {
            return Err(Failure("expected pictures, weights and moves"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let (&[batch, channels, height, width], &[out, depth, kh, kw]) =
            (data.sizes(), weights.sizes())
        else {
            return Err(Failure("expected pictures and weights of two dimensions"));
        };
        let (groups, offset_groups) = (self.groups, self.offset_groups);
        let mut axes = [SlidingAxis::POINT; RANK];
        axes[..2].copy_from_slice(&self.axes);
        let axes = with_kernel(&axes, &[kh, kw]);
        let axes = [axes[0], axes[1]];
        let count = |axis: usize, size| axes[axis].count(size, false);
        let places = count(0, height).zip(count(1, width));
        let (rows, columns) = places.ok_or(Failure("a window is larger than the picture"))?;
        let taps = kh.saturating_mul(kw).saturating_mul(offset_groups);
        let fits = groups > 0
            && offset_groups > 0
            && depth > 0
            && depth.checked_mul(groups) == Some(channels)
            && out.is_multiple_of(groups)
            && channels.is_multiple_of(offset_groups)
            && moves.sizes() == [batch, taps.saturating_mul(2), rows, columns];
        let bias = rest.first().copied().flatten();
        let factors = rest.get(1).copied().flatten();
        let optional = bias.is_none_or(|bias| bias.sizes() == [out])
            && factors.is_none_or(|factors| factors.sizes() == [batch, taps, rows, columns]);
        if !fits || !optional {
            return Err(Failure("the operands of a convolution do not fit its pictures"));
        }
        let sums = scratch.get_mut(..out).ok_or(Failure("there is too little scratch memory"))?;
        with_type!(data.element(), T: floats => {
            let job = Job {
                axes,
                data: data.values::<T>()?,
                weights: weights.values::<T>()?,
                moves: moves.values::<T>()?,
                factors: factors.map(|factors| factors.values::<T>()).transpose()?,
                channels,
                size: [height, width],
                out,
                depth,
                together: channels / offset_groups,
                places: [rows, columns],
            };
            let bias = bias.map(|bias| bias.values::<T>()).transpose()?;
            let results = output.resize::<T>(&[batch, out, rows, columns])?;
            let plane = rows * columns;
            for pixel in 0..batch * plane {
                let (picture, place) = (pixel / plane, pixel % plane);
                sums.fill(0);
                job.sum(picture, [place / columns, place % columns], sums);
                for (channel, sum) in sums.iter().enumerate() {
                    let bias = bias.map_or(0.0, |bias| bias[channel].to_f64());
                    let result = T::from_f64(f64::from_bits(*sum) + bias);
                    results[(picture * out + channel) * plane + place] = result;
                }
            }
        });
        Ok(())
    }
}
