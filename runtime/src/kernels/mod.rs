//! The kernels.
//!
//! A kernel is a [`Step`]: a description from [`crate::step`] that can check
//! itself against the memory it is given and run in pieces.

pub mod conv;

mod batch_dense;
mod binary;
mod blocked;
mod bounds;
mod channels;
mod copy;
mod dense;
mod elementwise;
mod extent;
mod general;
mod global_average;
mod halo;
mod local_response;
mod matmul;
mod pack;
mod place;
mod pool;
mod regions;
mod resample;
mod scalar;
mod slopes;
mod softmax;
#[cfg(all(test, feature = "std"))]
mod speed;
mod strips;
#[cfg(test)]
mod testing;
mod unary;
mod walk;

pub use general::General;

use crate::memory::Memory;
use crate::simd::Isa;
use core::ops::Range;

/// A step that can be run.
///
/// # Soundness
///
/// Kernels work on raw pointers. What makes that sound behind the safe
/// [`crate::Run::step`] is that it calls [`Step::check`] with the very memory
/// that the step then runs on, and that each implementation checks everything
/// that its pointer arithmetic relies on.
pub trait Step: Sync {
    /// Panics when an operand lies outside the memory, or when the numbers of
    /// the description contradict each other.
    fn check(&self, memory: &Memory<'_>);

    /// Into how many independent pieces the work falls. They write disjoint
    /// places and may run at the same time.
    fn pieces(&self, isa: Isa) -> usize;

    /// Runs some of the pieces.
    ///
    /// # Safety
    ///
    /// [`Step::check`] has passed for this memory, the pieces are below
    /// [`Step::pieces`], the processor has `isa`, and nothing but other pieces
    /// of this step uses the memory meanwhile.
    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>);

    /// Does what is left to do where the step does not run: sizes that it would
    /// have found are 0.
    ///
    /// # Safety
    ///
    /// As for [`Step::run`].
    unsafe fn skip(&self, memory: &Memory<'_>) {
        let _ = memory;
    }
}
