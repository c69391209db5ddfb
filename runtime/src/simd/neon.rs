//! 128-bit vectors of 64-bit ARM, where they are always present.

use super::vector::{Vector, operators};
use core::arch::aarch64::*;

/// Four lanes of NEON.
#[derive(Clone, Copy)]
pub(crate) struct Neon(float32x4_t);

operators!(Neon, vaddq_f32, vsubq_f32, vmulq_f32, vdivq_f32);

// SAFETY of the blocks below: NEON is part of the architecture; the caller of
// `load` and `store` vouches for the memory.
impl Vector for Neon {
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self(unsafe { vdupq_n_f32(value) })
    }

    #[inline(always)]
    unsafe fn load(source: *const f32) -> Self {
        Self(unsafe { vld1q_f32(source) })
    }

    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        unsafe { vst1q_f32(target, self.0) }
    }

    #[inline(always)]
    fn fma(self, factor: Self, addend: Self) -> Self {
        Self(unsafe { vfmaq_f32(addend.0, self.0, factor.0) })
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.select_greater(other, self, other)
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        other.select_greater(self, self, other)
    }

    #[inline(always)]
    fn select_greater(self, other: Self, yes: Self, no: Self) -> Self {
        Self(unsafe { vbslq_f32(vcgtq_f32(self.0, other.0), yes.0, no.0) })
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(unsafe { vsqrtq_f32(self.0) })
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self(unsafe { vabsq_f32(self.0) })
    }

    #[inline(always)]
    fn copy_sign(self, sign: Self) -> Self {
        Self(unsafe { vbslq_f32(vdupq_n_u32(1 << 31), sign.0, self.0) })
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        Self(unsafe {
            let exponent = vshlq_n_u32::<23>(vreinterpretq_u32_f32(self.0));
            let one = vreinterpretq_u32_f32(vdupq_n_f32(1.0));
            vreinterpretq_f32_u32(vaddq_u32(exponent, one))
        })
    }

    #[inline(always)]
    fn reduce_sum(self) -> f32 {
        unsafe { vaddvq_f32(self.0) }
    }
}
