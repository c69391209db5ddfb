//! Operators off the hot path, each in its plainest form.
//!
//! Convolutions and what surrounds them have kernels of their own
//! ([`crate::step`]). All other operators - the index arithmetic, gathers and
//! selections of a detection tail, element types other than f32, sizes that are
//! known only when the network runs - are [`Operation`]s: plain data that knows
//! how to compute results from operands of any type and size. This module is
//! compiled into the runtime, which runs operations as steps, and into the
//! compiler, which folds constants with them, so that what an operator means is
//! written down once.
//!
//! An operation allocates nothing: results have room for the most elements that
//! the compiler proved possible, and whatever else it needs it asks for with
//! [`Operation::scratch`].
//!
//! # Adding one
//!
//! An operation is a struct declared with `description!`, with fixed-size
//! arrays where the operator has lists, in a file of this folder:
//!
//! ```
//! use cnnc_runtime::operation::{Failure, Input, Native, Operation, Output, with_type};
//!
//! /// Every element and its negation, side by side: `[n]` to `[n, 2]`.
//! #[derive(Clone, Copy, Debug, PartialEq)]
//! struct Mirror;
//!
//! impl Operation for Mirror {
//!     fn run(
//!         &self,
//!         inputs: &[Option<Input<'_>>],
//!         outputs: &mut [Output<'_>],
//!         _: &mut [u64],
//!     ) -> Result<(), Failure> {
//!         let [Some(input)] = inputs else { return Err(Failure("mirror takes one operand")) };
//!         let [output] = outputs else { return Err(Failure("mirror has one result")) };
//!         with_type!(input.element(), T => {
//!             let values = input.values::<T>()?;
//!             let mirrored = output.resize::<T>(&[values.len(), 2])?;
//!             for (pair, &value) in mirrored.chunks_exact_mut(2).zip(values) {
//!                 pair[0] = value;
//!                 pair[1] = T::from_f64(-value.to_f64());
//!             }
//!         });
//!         Ok(())
//!     }
//! }
//! ```

mod accumulate;
mod determinant;
mod einsum;
mod element;
mod operands;
mod product;
mod top_k;
mod view;
mod walk;

with_reals! {
    mod attention;
    mod axes_normalization;
    mod channel_normalization;
    mod class_loss;
    mod integer_product;
    mod layer_normalization;
    mod linear_attention;
    mod moments;
    mod quantize;
    mod recurrent;
    mod reduce;
    mod rotary_embedding;
    mod signal_weights;
    mod spectrum;

    pub use attention::{Attention, Scores};
    pub use axes_normalization::{AxesNormalization, Norm};
    pub use channel_normalization::{
        GeneralBatchNormalization, GeneralLocalResponse, GroupNormalization,
    };
    pub use class_loss::{ClassLoss, Total};
    pub use integer_product::IntegerProduct;
    pub use layer_normalization::LayerNormalization;
    pub use linear_attention::LinearAttention;
    pub use quantize::Quantization;
    pub use recurrent::{Cell, Curve, Direction, GateActivation, Recurrent};
    pub use reduce::{GeneralReduce, Reduction};
    pub use rotary_embedding::RotaryEmbedding;
    pub use signal_weights::{MelWeights, WindowFunction};
    pub use spectrum::{Fourier, ShortTimeFourier};
}

pub use determinant::Determinant;
pub use einsum::Einsum;
pub use element::{ElementType, Native, Truth, with_type};
pub use product::GeneralProduct;
pub use top_k::TopK;
pub use view::{Failure, Input, Output, Values, ValuesMut};

use core::fmt::Debug;

/// An operator in its plainest form.
pub trait Operation: Copy + Debug + PartialEq + Sync {
    /// Words of scratch memory that [`Operation::run`] needs for operands of
    /// at most these sizes; an empty list stands for an operand that is absent.
    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        let _ = inputs;
        0
    }

    /// Computes the results, setting their sizes. `outputs` know their element
    /// types and have room for what the compiler inferred; all of them are
    /// there, also those that nobody reads. What is in `scratch` at the start
    /// is arbitrary.
    ///
    /// # Errors
    /// Where the operands make no sense, which only their values can cause:
    /// an index that is out of range, sizes that do not match.
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        scratch: &mut [u64],
    ) -> Result<(), Failure>;
}
