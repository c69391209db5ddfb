//! One way to write a kernel for every instruction set.
//!
//! A kernel's body is a generic function over a `Vector`, marked
//! `#[inline(always)]` and nothing else. The macro `shells!` makes one
//! function for each [`Isa`] from it, compiled with that set's instructions,
//! and one that chooses. The instructions must be enabled at the outermost
//! function: the compiler refuses `#[inline(always)]` together with
//! `#[target_feature]`, and a body that is inlined into a function without the
//! feature falls back to one call an operation.

mod denormals;
mod detect;
pub mod math;
#[cfg(feature = "std")]
mod peak;
mod scalar;
mod shells;
mod vector;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
pub(crate) use denormals::Denormals;
pub use detect::Isa;
#[cfg(target_arch = "aarch64")]
pub(crate) use neon::Neon;
#[cfg(feature = "std")]
pub use peak::measure_fma_peak;
pub(crate) use scalar::Scalar;
pub(crate) use shells::shells;
pub(crate) use vector::{MOST_LANES, Vector};

#[cfg(test)]
mod tests;
