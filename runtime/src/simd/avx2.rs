//! 256-bit vectors of x86-64.

use super::vector::{Vector, operators};
use core::arch::x86_64::*;

/// Eight lanes of AVX2 with FMA.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(__m256);

operators!(Avx2, _mm256_add_ps, _mm256_sub_ps, _mm256_mul_ps, _mm256_div_ps);

// SAFETY of the blocks below: a value of the type, or the caller of an unsafe
// function, proves that the instructions exist; the caller of `load` and
// `store` vouches for the memory.
impl Vector for Avx2 {
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self(unsafe { _mm256_set1_ps(value) })
    }

    #[inline(always)]
    unsafe fn load(source: *const f32) -> Self {
        Self(unsafe { _mm256_loadu_ps(source) })
    }

    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        unsafe { _mm256_storeu_ps(target, self.0) }
    }

    #[inline(always)]
    unsafe fn load_first(source: *const f32, count: usize, fill: f32) -> Self {
        Self(unsafe {
            let mask = first(count);
            let values = _mm256_maskload_ps(source, mask);
            _mm256_blendv_ps(_mm256_set1_ps(fill), values, _mm256_castsi256_ps(mask))
        })
    }

    #[inline(always)]
    unsafe fn store_first(self, target: *mut f32, count: usize) {
        unsafe { _mm256_maskstore_ps(target, first(count), self.0) }
    }

    #[inline(always)]
    unsafe fn transpose_8x8(
        source: impl Fn(usize) -> *const f32,
        target: impl Fn(usize) -> *mut f32,
    ) {
        unsafe { transpose_8x8(source, target) }
    }

    #[inline(always)]
    fn fma(self, factor: Self, addend: Self) -> Self {
        Self(unsafe { _mm256_fmadd_ps(self.0, factor.0, addend.0) })
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(unsafe { _mm256_max_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(unsafe { _mm256_min_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn select_greater(self, other: Self, yes: Self, no: Self) -> Self {
        Self(unsafe {
            let greater = _mm256_cmp_ps::<_CMP_GT_OQ>(self.0, other.0);
            _mm256_blendv_ps(no.0, yes.0, greater)
        })
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(unsafe { _mm256_sqrt_ps(self.0) })
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self(unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), self.0) })
    }

    #[inline(always)]
    fn copy_sign(self, sign: Self) -> Self {
        Self(unsafe {
            let mask = _mm256_set1_ps(-0.0);
            _mm256_or_ps(_mm256_andnot_ps(mask, self.0), _mm256_and_ps(mask, sign.0))
        })
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        Self(unsafe {
            let exponent = _mm256_slli_epi32::<23>(_mm256_castps_si256(self.0));
            let one = _mm256_castps_si256(_mm256_set1_ps(1.0));
            _mm256_castsi256_ps(_mm256_add_epi32(exponent, one))
        })
    }

    #[inline(always)]
    fn reduce_sum(self) -> f32 {
        unsafe {
            let four =
                _mm_add_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }
}

/// The mask of the first lanes.
///
/// # Safety
///
/// At most eight; the processor has AVX2.
#[inline(always)]
unsafe fn first(count: usize) -> __m256i {
    const LANES: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    // SAFETY: the caller vouches for the count.
    unsafe { _mm256_loadu_si256(LANES.as_ptr().add(8 - count).cast()) }
}

/// Eight loads of halves a half matrix, so that no step crosses the halves of a
/// vector.
///
/// # Safety
///
/// As [`Vector::transpose_8x8`]; the processor has AVX2.
#[inline(always)]
pub(super) unsafe fn transpose_8x8(
    source: impl Fn(usize) -> *const f32,
    target: impl Fn(usize) -> *mut f32,
) {
    for column in [0, 4] {
        // SAFETY: the caller vouches for the addresses and the instructions.
        unsafe {
            let rows = |row: usize| {
                let first = _mm_loadu_ps(source(row).add(column));
                let second = _mm_loadu_ps(source(row + 4).add(column));
                _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(first), second)
            };
            let (r0, r1, r2, r3) = (rows(0), rows(1), rows(2), rows(3));
            let (t0, t1) = (_mm256_unpacklo_ps(r0, r1), _mm256_unpackhi_ps(r0, r1));
            let (t2, t3) = (_mm256_unpacklo_ps(r2, r3), _mm256_unpackhi_ps(r2, r3));
            _mm256_storeu_ps(target(column), _mm256_shuffle_ps::<0x44>(t0, t2));
            _mm256_storeu_ps(target(column + 1), _mm256_shuffle_ps::<0xee>(t0, t2));
            _mm256_storeu_ps(target(column + 2), _mm256_shuffle_ps::<0x44>(t1, t3));
            _mm256_storeu_ps(target(column + 3), _mm256_shuffle_ps::<0xee>(t1, t3));
        }
    }
}
