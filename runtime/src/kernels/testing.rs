//! What the tests of the kernels share: an arena that shows what
//! was touched, and the plainest possible reference.

use super::Step;
use crate::memory::Memory;
use crate::simd::Isa;
use crate::step::{Activation, Blocked, Halo, LANES, Plain, Residual, ResidualOrder, Section};
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

/// A value that no kernel computes and that spoils every sum it gets into.
const UNTOUCHED: u32 = 0x7fc1_2345;

/// Deterministic numbers between -1 and 1.
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    pub(super) fn take(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.next()).collect()
    }

    /// `out` filters of `taps` weights, so small that sums are about one.
    pub(super) fn take_filters(&mut self, out: usize, taps: usize) -> Vec<f32> {
        let scale = (taps as f32).sqrt().recip();
        (0..out * taps).map(|_| self.next() * scale).collect()
    }
}

/// An arena under construction. Fresh memory is [`UNTOUCHED`].
#[derive(Clone)]
pub(super) struct Arena {
    pub(super) values: Vec<f32>,
}

impl Arena {
    pub(super) fn new() -> Self {
        Self { values: Vec::new() }
    }

    /// Appends `len` elements and a gap; gives their byte position.
    pub(super) fn reserve(&mut self, len: usize) -> usize {
        let start = self.values.len().next_multiple_of(16) + 16;
        self.values.resize(start + len + 16, f32::from_bits(UNTOUCHED));
        start * 4
    }

    pub(super) fn tensor(&mut self, shape: [usize; 4], halo: Halo) -> Blocked {
        let storage = Blocked::new(shape, halo, 0).storage();
        Blocked::new(shape, halo, self.reserve(storage / 4))
    }

    /// A tensor with numbers in every lane, zeros in its halo.
    pub(super) fn random_tensor(
        &mut self,
        shape: [usize; 4],
        halo: Halo,
        numbers: &mut Numbers,
    ) -> Blocked {
        let tensor = self.tensor(shape, halo);
        let (start, end) = tensor.extent();
        self.values[start / 4..end / 4].fill(0.0);
        for (n, block, y) in rows(&tensor) {
            let start = position(&tensor, n, block * LANES, y as isize, 0);
            for value in &mut self.values[start..][..tensor.width * LANES] {
                *value = numbers.next();
            }
        }
        tensor
    }

    /// A row-major tensor.
    pub(super) fn plain(&mut self, len: usize) -> Plain {
        Plain { offset: self.reserve(len), len }
    }

    /// A row-major tensor of numbers between -1 and 1.
    pub(super) fn random_plain(&mut self, len: usize, numbers: &mut Numbers) -> Plain {
        let plain = self.plain(len);
        self.values[plain.offset / 4..][..len].copy_from_slice(&numbers.take(len));
        plain
    }

    /// The elements of a row-major tensor.
    pub(super) fn elements(&self, plain: &Plain) -> &[f32] {
        &self.values[plain.offset / 4..][..plain.len]
    }

    /// Checks that a row-major output holds what `expected` gives for each
    /// index and that nothing else differs from `before`.
    pub(super) fn check_plain(
        &self,
        before: &[f32],
        output: &Plain,
        expected: impl Fn(usize) -> f64,
    ) {
        let reference: Vec<f64> = (0..output.len).map(expected).collect();
        let largest = reference.iter().filter(|value| value.is_finite());
        let largest = largest.fold(1.0f64, |a, b| b.abs().max(a));
        for (i, (&actual, value)) in self.elements(output).iter().zip(reference).enumerate() {
            let actual = f64::from(actual);
            let same = actual == value || (actual.is_nan() && value.is_nan());
            let near = (actual - value).abs() <= 5e-6 * largest;
            assert!(same || near, "element {i}: {actual}, not {value}");
        }
        let inside = output.offset / 4..output.offset / 4 + output.len;
        for (place, (after, before)) in self.values.iter().zip(before).enumerate() {
            let untouched = after.to_bits() == before.to_bits();
            assert!(untouched || inside.contains(&place), "{place} is none of the output's");
        }
    }

    pub(super) fn pointer(&mut self) -> *mut u8 {
        self.values.as_mut_ptr().cast()
    }

    /// Value of element `(n, c, y, x)`; zero outside the picture.
    pub(super) fn get(&self, tensor: &Blocked, [n, c]: [usize; 2], y: isize, x: isize) -> f64 {
        let inside =
            (0..tensor.height as isize).contains(&y) && (0..tensor.width as isize).contains(&x);
        if inside { self.values[position(tensor, n, c, y, x)].into() } else { 0.0 }
    }

    /// Checks that the output holds what `expected` gives for
    /// `([picture, channel], row, column)`, that its other lanes are finite,
    /// that its halo is zero and that nothing else differs from `before`.
    pub(super) fn check_output(
        &self,
        before: &[f32],
        output: &Blocked,
        mut expected: impl FnMut([usize; 2], usize, usize) -> f64,
    ) {
        let mut others = self.values.clone();
        let reference: Vec<_> = elements(output)
            .map(|([n, c], y, x)| {
                let value = (c < output.channels).then(|| expected([n, c], y, x));
                (position(output, n, c, y as isize, x as isize), value)
            })
            .collect();
        let largest =
            reference.iter().filter_map(|(_, value)| *value).fold(1.0, |a, b| b.abs().max(a));
        for (place, value) in reference {
            let actual = f64::from(self.values[place]);
            match value {
                Some(value) => assert!(
                    (actual - value).abs() <= 5e-6 * largest,
                    "element {place}: {actual}, not {value}"
                ),
                None => assert!(actual.is_finite(), "lane {place} past the last channel"),
            }
            others[place] = before[place];
        }
        for place in halo_places(output) {
            assert_eq!(self.values[place].to_bits(), 0, "halo at {place}");
            others[place] = before[place];
        }
        for (place, (after, before)) in others.iter().zip(before).enumerate() {
            assert_eq!(after.to_bits(), before.to_bits(), "{place} is none of the output's");
        }
    }
}

/// Checks a step and runs it on every instruction set, its pieces one by one
/// and backwards, each time on a copy of the arena; `judge` gets the arena
/// before and after.
pub(super) fn run_pieces(
    step: &impl Step,
    arena: &mut Arena,
    weights: &[f32],
    judge: impl Fn(&Arena, &Arena),
) {
    // SAFETY: every f32 is four bytes.
    let weights =
        unsafe { core::slice::from_raw_parts(weights.as_ptr().cast::<u8>(), 4 * weights.len()) };
    for isa in Isa::available() {
        let mut after = arena.clone();
        let bytes = 4 * after.values.len();
        // SAFETY: as above, and any bytes are f32.
        let memory = unsafe { core::slice::from_raw_parts_mut(after.pointer(), bytes) };
        let memory = Memory::new(memory, weights);
        step.check(&memory);
        for piece in (0..step.pieces(isa)).rev() {
            // SAFETY: checked for this memory; the set is available.
            unsafe { step.run(&memory, isa, piece..piece + 1) };
        }
        judge(arena, &after);
    }
}

/// Weights under construction.
pub(super) struct Weights {
    pub(super) values: Vec<f32>,
}

impl Weights {
    pub(super) fn new() -> Self {
        Self { values: Vec::new() }
    }

    pub(super) fn push(&mut self, values: &[f32]) -> Section {
        let offset = self.values.len() * 4;
        self.values.extend_from_slice(values);
        self.values.resize(self.values.len().next_multiple_of(16), 0.0);
        Section { offset, len: values.len() }
    }

    /// One value a channel, padded with zeros to a multiple of 16.
    pub(super) fn push_channels(&mut self, values: &[f32]) -> Section {
        let mut padded = values.to_vec();
        padded.resize(values.len().next_multiple_of(16), 0.0);
        self.push(&padded)
    }

    pub(super) fn pointer(&self) -> *const u8 {
        self.values.as_ptr().cast()
    }
}

fn rows(tensor: &Blocked) -> impl Iterator<Item = (usize, usize, usize)> {
    let (blocks, height) = (tensor.blocks(), tensor.height);
    (0..tensor.batch)
        .flat_map(move |n| (0..blocks).flat_map(move |b| (0..height).map(move |y| (n, b, y))))
}

/// Every element of the interior, lanes past the last channel included.
fn elements(tensor: &Blocked) -> impl Iterator<Item = ([usize; 2], usize, usize)> {
    let width = tensor.width;
    rows(tensor).flat_map(move |(n, b, y)| {
        (0..LANES).flat_map(move |lane| (0..width).map(move |x| ([n, b * LANES + lane], y, x)))
    })
}

fn position(tensor: &Blocked, n: usize, c: usize, y: isize, x: isize) -> usize {
    let start = tensor.origin / 4 + n * tensor.batch_stride + c / LANES * tensor.plane_stride;
    let offset = y * tensor.row_stride as isize + x * LANES as isize;
    (start as isize + offset) as usize + c % LANES
}

/// Indices of the halo.
pub(super) fn halo_places(tensor: &Blocked) -> Vec<usize> {
    let halo = tensor.halo;
    let (height, width) = (tensor.height as isize, tensor.width as isize);
    let mut places = vec![];
    for n in 0..tensor.batch {
        for c in 0..tensor.blocks() * LANES {
            for y in -(halo.top as isize)..height + halo.bottom as isize {
                for x in -(halo.left as isize)..width + halo.right as isize {
                    if !(0..height).contains(&y) || !(0..width).contains(&x) {
                        places.push(position(tensor, n, c, y, x));
                    }
                }
            }
        }
    }
    places
}

/// An activation applied in f64; `slope` is that of the channel.
pub(super) fn activate(activation: &Activation, slope: f64, x: f64) -> f64 {
    match *activation {
        Activation::Identity => x,
        Activation::Relu => x.max(0.0),
        Activation::LeakyRelu { slope } => x.max(0.0) + f64::from(slope) * x.min(0.0),
        Activation::ChannelRelu { .. } => x.max(0.0) + slope * x.min(0.0),
        Activation::Clip { low, high } => x.clamp(low.into(), high.into()),
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::HardSigmoid { alpha, beta } => {
            (f64::from(alpha) * x + f64::from(beta)).clamp(0.0, 1.0)
        }
        Activation::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::Tanh => x.tanh(),
    }
}

/// Any activation; the slopes of one with slopes are to be filled in.
pub(super) fn activations() -> impl Strategy<Value = Activation> {
    prop_oneof![
        Just(Activation::Identity),
        Just(Activation::Relu),
        Just(Activation::LeakyRelu { slope: 0.1 }),
        Just(Activation::ChannelRelu { slopes: Section { offset: 0, len: 0 } }),
        Just(Activation::Clip { low: -0.5, high: 0.75 }),
        Just(Activation::Sigmoid),
        Just(Activation::HardSigmoid { alpha: 0.2, beta: 0.5 }),
        Just(Activation::HardSwish),
        Just(Activation::Silu),
        Just(Activation::Tanh),
    ]
}

/// What happens to a sum before it is stored, and its reference.
pub(super) struct Store {
    pub(super) bias: Section,
    pub(super) activation: Activation,
    pub(super) residual: Option<Residual>,
    biases: Vec<f32>,
    slopes: Vec<f32>,
}

impl Store {
    /// Makes bias, slopes and a residual for an output of this shape.
    pub(super) fn new(
        shape: [usize; 4],
        activation: Activation,
        order: Option<ResidualOrder>,
        arena: &mut Arena,
        weights: &mut Weights,
        numbers: &mut Numbers,
    ) -> Self {
        let biases = numbers.take(shape[1]);
        let slopes = numbers.take(shape[1]);
        let activation = match activation {
            Activation::ChannelRelu { .. } => {
                Activation::ChannelRelu { slopes: weights.push_channels(&slopes) }
            }
            other => other,
        };
        let halo = Halo { top: 1, ..Halo::default() };
        let residual =
            order.map(|order| Residual { view: arena.random_tensor(shape, halo, numbers), order });
        Self { bias: weights.push_channels(&biases), activation, residual, biases, slopes }
    }

    /// What `sum` becomes as element `(n, c, y, x)`.
    pub(super) fn apply(
        &self,
        arena: &Arena,
        [n, c]: [usize; 2],
        y: usize,
        x: usize,
        sum: f64,
    ) -> f64 {
        let sum = sum + f64::from(self.biases[c]);
        let activate = |x| activate(&self.activation, self.slopes[c].into(), x);
        match &self.residual {
            None => activate(sum),
            Some(residual) => {
                let added = arena.get(&residual.view, [n, c], y as isize, x as isize);
                match residual.order {
                    ResidualOrder::BeforeActivation => activate(sum + added),
                    ResidualOrder::AfterActivation => activate(sum) + added,
                }
            }
        }
    }
}

/// Channel counts around the sizes of blocks and groups.
pub(super) fn channels() -> impl Strategy<Value = usize> {
    prop::sample::select(vec![1, 7, 8, 9, 15, 16, 17, 24, 33, 40, 64])
}

pub(super) fn halos() -> impl Strategy<Value = Halo> {
    prop_oneof![
        Just(Halo::default()),
        (0..3usize, 0..3usize, 0..3usize, 0..3usize).prop_map(|(top, left, bottom, right)| Halo {
            top,
            left,
            bottom,
            right
        }),
    ]
}

pub(super) fn orders() -> impl Strategy<Value = Option<ResidualOrder>> {
    prop::sample::select(vec![
        None,
        Some(ResidualOrder::BeforeActivation),
        Some(ResidualOrder::AfterActivation),
    ])
}
