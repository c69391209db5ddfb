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
mod affine_grid;
mod arg_extreme;
mod bits;
mod broadcast;
mod clip;
mod column_to_image;
mod comparison;
mod compress;
mod concat;
mod constant_of_shape;
mod conv;
mod conv_transpose;
mod conversion;
mod copy;
mod cumulative;
mod deform_conv;
mod depth_space;
mod determinant;
mod dimensions;
mod einsum;
mod element;
mod elementwise_select;
mod eye_like;
mod gather_elements;
mod gather_nd;
mod general_expand;
mod general_gather;
mod indexing;
mod max_roi_pool;
mod max_unpool;
mod non_max_suppression;
mod non_zero;
mod one_hot;
mod operands;
mod order;
mod pad;
mod predicate;
mod product;
mod progression;
pub(crate) mod region;
mod reshape;
mod reverse_sequence;
mod roi_align;
mod scatter_elements;
mod scatter_nd;
mod scatter_reduction;
mod select;
mod shape_of;
mod slice;
mod sliding;
mod split;
mod strided;
mod tensor_scatter;
mod tile;
mod top_k;
mod transpose;
mod trilu;
mod unique;
mod view;
mod walk;

with_reals! {
    mod arithmetic;
    mod attention;
    mod axes_normalization;
    mod causal_conv;
    mod channel_normalization;
    mod class_loss;
    mod fold;
    mod function;
    mod grid_sample;
    mod integer_conv;
    mod integer_product;
    mod layer_normalization;
    mod linear_attention;
    mod moments;
    mod pool;
    mod quantize;
    mod recurrent;
    mod reduce;
    pub(crate) mod resize;
    mod rotary_embedding;
    mod signal_weights;
    mod softmax;
    mod spectrum;

    pub use arithmetic::{Arithmetic, ElementwiseArithmetic};
    pub use attention::{Attention, Scores};
    pub use axes_normalization::{AxesNormalization, Norm};
    pub use causal_conv::CausalConv;
    pub use channel_normalization::{GeneralBatchNormalization, GeneralLocalResponse, GroupNormalization};
    pub use class_loss::{ClassLoss, Total};
    pub use fold::{ElementwiseFold, FoldFunction};
    pub use function::{ElementFunction, ElementwiseFunction};
    pub use grid_sample::{GeneralGridSample, GridInterpolation, GridPadding};
    pub use integer_conv::{IntegerConv, QuantizedConv};
    pub use integer_product::IntegerProduct;
    pub use layer_normalization::LayerNormalization;
    pub use linear_attention::LinearAttention;
    pub use pool::{GeneralGlobalPool, GeneralPool, Pooling};
    pub use quantize::Quantization;
    pub use recurrent::{Cell, Curve, Direction, GateActivation, Recurrent};
    pub use reduce::{GeneralReduce, Reduction};
    pub use resize::{AspectPolicy, Coordinates, GeneralResize, Interpolation, ResizeTarget, Rounding};
    pub use rotary_embedding::RotaryEmbedding;
    pub use signal_weights::{MelWeights, WindowFunction};
    pub use softmax::{GeneralSoftmax, SoftmaxFunction};
    pub use spectrum::{Fourier, ShortTimeFourier};
}

pub use affine_grid::GeneralAffineGrid;
pub use arg_extreme::ArgExtreme;
pub use bits::{BitFunction, ElementwiseBits, ElementwiseNot};
pub use clip::ElementwiseClip;
pub use column_to_image::GeneralColumnToImage;
pub use comparison::{Comparison, ElementwiseComparison};
pub use compress::Compress;
pub use concat::GeneralConcat;
pub use constant_of_shape::ConstantOfShape;
pub use conv::GeneralConv;
pub use conv_transpose::GeneralConvTranspose;
pub use conversion::{BitConversion, ElementConversion, Precision};
pub use copy::{CopyElements, KeepAll};
pub use cumulative::Cumulative;
pub use deform_conv::DeformConv;
pub use depth_space::{DepthSpace, DepthSpaceDirection};
pub use determinant::Determinant;
pub use einsum::Einsum;
pub use element::{ElementType, Native, Truth, with_type};
pub use elementwise_select::ElementwiseSelect;
pub use eye_like::EyeLike;
pub use gather_elements::GatherElements;
pub use gather_nd::GatherNd;
pub use general_expand::GeneralExpand;
pub use general_gather::GeneralGather;
pub use max_roi_pool::GeneralMaxRoiPool;
pub use max_unpool::MaxUnpool;
pub use non_max_suppression::NonMaxSuppression;
pub use non_zero::NonZero;
pub use one_hot::OneHot;
pub use pad::{GeneralPad, PadSizes, PadSource};
pub use predicate::ElementwisePredicate;
pub use product::GeneralProduct;
pub use progression::Progression;
pub use reshape::{GeneralReshape, ReshapeTarget};
pub use reverse_sequence::ReverseSequence;
pub use roi_align::GeneralRoiAlign;
pub use scatter_elements::ScatterElements;
pub use scatter_nd::ScatterNd;
pub use scatter_reduction::ScatterReduction;
pub use select::Select;
pub use shape_of::{ShapeOf, SizeOf};
pub use slice::{GeneralSlice, SliceBounds};
pub use sliding::SlidingAxis;
pub use split::{GeneralSplit, PARTS, SplitSizes};
pub use tensor_scatter::TensorScatter;
pub use tile::Tile;
pub use top_k::TopK;
pub use transpose::GeneralTranspose;
pub use trilu::Trilu;
pub use unique::Unique;
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
