//! The vectors of every instruction set against f64.

use super::{Isa, Vector, math, shells};
use crate::step::{Activation, Section};
use alloc::vec::Vec;

shells! {
    /// Applies `activation` to 16 values.
    fn activate(activation: &Activation, slopes: &[f32; 16], data: &mut [f32; 16]) = activate_body;
}

#[inline(always)]
unsafe fn activate_body<V: Vector>(
    activation: &Activation,
    slopes: &[f32; 16],
    data: &mut [f32; 16],
) {
    for i in (0..16).step_by(V::LANES) {
        unsafe {
            let slopes = V::load(slopes.as_ptr().add(i));
            let x = V::load(data.as_ptr().add(i));
            math::activate(activation, slopes, x).store(data.as_mut_ptr().add(i));
        }
    }
}

shells! {
    /// Exponential of 16 values.
    fn exp(data: &mut [f32; 16]) = exp_body;
}

#[inline(always)]
unsafe fn exp_body<V: Vector>(data: &mut [f32; 16]) {
    for i in (0..16).step_by(V::LANES) {
        unsafe { math::exp(V::load(data.as_ptr().add(i))).store(data.as_mut_ptr().add(i)) }
    }
}

shells! {
    /// Sum of the first `LANES` values, which are copied on the
    /// way in ragged and halved form.
    fn reduce(data: &[f32; 16], first: usize) -> (usize, f32) = reduce_body;
}

#[inline(always)]
unsafe fn reduce_body<V: Vector>(data: &[f32; 16], first: usize) -> (usize, f32) {
    let first = first.min(V::LANES);
    let mut copy = [0.0; 16];
    let v = unsafe {
        let v = V::load_first(data.as_ptr(), first, -7.0);
        v.store_halves(copy.as_mut_ptr(), copy.as_mut_ptr().add(8));
        let v = V::load_halves(copy.as_ptr(), copy.as_ptr().add(8));
        v.store_first(copy.as_mut_ptr(), first);
        v
    };
    assert_eq!(copy[..first], data[..first]);
    (V::LANES, v.reduce_sum())
}

#[test]
fn exponential_is_good_to_a_few_units_in_the_last_place() {
    for isa in Isa::available() {
        let mut worst = 0.0f64;
        for i in -8660..=8872 {
            let x = i as f32 / 100.0;
            let mut data = [x; 16];
            unsafe { exp(isa, &mut data) };
            let expected = f64::from(x).exp();
            worst = worst.max((f64::from(data[3]) - expected).abs() / expected);
        }
        assert!(worst < 2e-7, "{isa}: {worst:e}");
    }
}

#[test]
fn exponential_saturates_and_keeps_nan() {
    for isa in Isa::available() {
        let mut data = [-1e30; 16];
        (data[0], data[1], data[2], data[3], data[4]) =
            (f32::NAN, f32::INFINITY, 89.0, f32::NEG_INFINITY, 0.0);
        unsafe { exp(isa, &mut data) };
        assert!(data[0].is_nan(), "{isa}");
        assert_eq!(data[1..6], [f32::INFINITY, f32::INFINITY, 0.0, 1.0, 0.0], "{isa}");
    }
}

fn reference(activation: &Activation, slope: f64, x: f64) -> f64 {
    match *activation {
        Activation::Identity => x,
        Activation::Relu => x.max(0.0),
        Activation::LeakyRelu { slope } => x.max(0.0) + f64::from(slope) * x.min(0.0),
        Activation::ChannelRelu { .. } => x.max(0.0) + slope * x.min(0.0),
        Activation::Clip { low, high } => x.max(low.into()).min(high.into()),
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::HardSigmoid { alpha, beta } => {
            (f64::from(alpha) * x + f64::from(beta)).clamp(0.0, 1.0)
        }
        Activation::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::Tanh => x.tanh(),
    }
}

#[test]
fn activations_agree_with_their_definitions() {
    let activations = [
        Activation::Identity,
        Activation::Relu,
        Activation::LeakyRelu { slope: 0.1 },
        Activation::ChannelRelu { slopes: Section { offset: 0, len: 16 } },
        Activation::Clip { low: -1.0, high: 6.0 },
        Activation::Sigmoid,
        Activation::HardSigmoid { alpha: 0.2, beta: 0.5 },
        Activation::HardSwish,
        Activation::Silu,
        Activation::Tanh,
    ];
    let slopes: [f32; 16] = core::array::from_fn(|i| i as f32 / 10.0 - 0.5);
    let mut inputs: Vec<f32> = (-3000..3000).map(|i| i as f32 / 100.0).collect();
    inputs.extend([1e-6, -1e-6, 1e-30, 0.62499, 0.62501, -0.625, 100.0, -80.0]);
    for isa in Isa::available() {
        for activation in &activations {
            // The sums of the two hard functions cancel near their corners.
            let absolute = match activation {
                Activation::HardSigmoid { .. } | Activation::HardSwish => 1e-6,
                _ => 1e-37,
            };
            for inputs in inputs.as_chunks::<16>().0 {
                let mut data = *inputs;
                unsafe { activate(isa, activation, &slopes, &mut data) };
                for i in 0..16 {
                    let (x, y) = (f64::from(inputs[i]), f64::from(data[i]));
                    let expected = reference(activation, slopes[i].into(), x);
                    let error = (y - expected).abs();
                    assert!(
                        error <= 4e-7 * expected.abs() + absolute,
                        "{isa} {activation:?} of {x}: {y}, not {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn activations_keep_nan() {
    let activations =
        [Activation::Relu, Activation::Clip { low: 0.0, high: 6.0 }, Activation::Sigmoid];
    for isa in Isa::available() {
        for activation in activations {
            let mut data = [f32::NAN; 16];
            unsafe { activate(isa, &activation, &[0.0; 16], &mut data) };
            assert!(data[0].is_nan(), "{isa} {activation:?}");
        }
    }
}

#[test]
fn lanes_are_reduced_and_moved_whole_and_in_part() {
    let data: [f32; 16] = core::array::from_fn(|i| (i as f32 - 3.0) * 1.5);
    for isa in Isa::available() {
        for first in 1..=16 {
            let (lanes, sum) = unsafe { reduce(isa, &data, first) };
            let kept: Vec<f32> =
                (0..lanes).map(|i| if i < first { data[i] } else { -7.0 }).collect();
            assert_eq!(sum, kept.iter().sum(), "{isa}");
        }
    }
}

#[test]
fn the_best_is_detected_last() {
    assert!(Isa::detect().is_available());
    assert_eq!(Isa::available().next(), Some(Isa::Scalar));
}

#[cfg(feature = "std")]
#[test]
fn peak_is_a_plausible_number() {
    for isa in Isa::available() {
        let peak = super::measure_fma_peak(isa);
        assert!((1e-3..1e4).contains(&peak), "{isa}: {peak} GFLOP/s");
    }
}
