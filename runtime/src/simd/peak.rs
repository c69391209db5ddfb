//! What the processor can do at most.

use super::vector::MOST_LANES;
use super::{Isa, Vector, shells};

/// Independent chains: two units with a latency of four or five need eight to
/// ten, and twelve leave registers for the factors on every instruction set.
const CHAINS: usize = 12;

shells! {
    /// Runs `rounds` times [`CHAINS`] independent multiply-adds and gives
    /// something that depends on all of them.
    fn multiply_add(rounds: usize) -> f32 = multiply_add_body;
}

#[inline(always)]
unsafe fn multiply_add_body<V: Vector>(rounds: usize) -> f32 {
    // SAFETY: the caller vouches for the instruction set.
    let (factor, addend) =
        unsafe { (V::splat(core::hint::black_box(0.999)), V::splat(core::hint::black_box(1e-3))) };
    let mut chains = [addend; CHAINS];
    for _ in 0..rounds {
        for chain in &mut chains {
            *chain = chain.fma(factor, addend);
        }
    }
    // Stored as kernels store them: where the vectors are plain arrays, stores
    // are what makes the compiler keep their elements together.
    let mut results = [0.0; CHAINS * MOST_LANES];
    for (i, chain) in chains.into_iter().enumerate() {
        // SAFETY: there is room for all lanes.
        unsafe { chain.store(results.as_mut_ptr().add(i * V::LANES)) };
    }
    core::hint::black_box(&results).iter().sum()
}

/// Most floating-point operations a second, in GFLOP/s (a multiply-add counts
/// two), that one thread reaches with `isa`: the best of many runs of a tenth
/// of a millisecond, so that it takes a few milliseconds in all.
///
/// # Panics
///
/// If the processor lacks `isa`.
#[must_use]
pub fn measure_fma_peak(isa: Isa) -> f64 {
    use std::time::Instant;
    assert!(isa.is_available(), "this processor lacks {isa}");
    const ROUNDS: usize = 50_000;
    let best = (0..40)
        .map(|_| {
            let start = Instant::now();
            // SAFETY: availability was checked above.
            core::hint::black_box(unsafe { multiply_add(isa, core::hint::black_box(ROUNDS)) });
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    (2 * CHAINS * lanes(isa) * ROUNDS) as f64 / best / 1e9
}

const fn lanes(isa: Isa) -> usize {
    match isa {
        Isa::Scalar | Isa::Neon => 4,
        Isa::Avx2 => 8,
        Isa::Avx512 => 16,
    }
}
