//! Kernels and memory for networks compiled by `cnnc`.
#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[macro_use]
mod description;
pub mod kernels;
pub mod simd;
pub mod step;

pub use simd::Isa;
