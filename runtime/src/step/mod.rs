//! Descriptions of the steps that a compiled network consists of.
//!
//! A step is plain data: where its operands lie in the arena and in the
//! weights, and every number that the kernel needs. The compiler plans steps
//! and prints them as constants into the generated source; the kernels of the
//! runtime read them. This module is compiled into both crates from the same
//! files, so that a layout or a packing order is written down exactly once.
//!
//! # Units
//!
//! Positions in the arena and in the weights are in **bytes** and multiples of
//! [`ALIGNMENT`]; strides and lengths are in **elements**.

mod activation;
mod blob;
mod conv;
mod conv_transpose;
mod data;
mod dense;
mod general;
mod layout;
mod normalization;
mod pointwise;
mod pool;
mod regions;
mod resample;

pub use activation::Activation;
pub use blob::{Header, read_header, seal};
pub use conv::{Blocking, Conv, DepthwiseConv, PadPlanes, PlanarConv, Residual, ResidualOrder};
pub use conv::{pack_conv_weights, pack_depthwise_weights, pack_planar_weights};
pub use conv_transpose::{
    ConvTranspose, DepthwiseConvTranspose, Phase, PhaseColumns, TransposedAxis,
};
pub use conv_transpose::{pack_transposed_depthwise_weights, pack_transposed_weights};
pub use data::{BlockedCopy, Fill, Pack, StridedCopy, Unpack};
pub use dense::{BatchDense, Dense, MatMul, pack_dense_weights};
pub use general::{Array, Extent, Guard, Space};
pub use layout::{ALIGNMENT, Blocked, GROUP, Halo, LANES, Plain, RANK, Section};
pub use normalization::{LocalResponse, ScaleShift, Softmax};
pub use pointwise::{Binary, BinaryOperation, BlockedBinary, BlockedUnary, Unary, UnaryFunction};
pub use pool::{GlobalAverage, Pool, PoolKind};
pub use regions::{MOST_BINS, MOST_TAPS, MaxRoiPool, RoiAlign};
pub use resample::{Axis, BlockedResample, Filter, Resample};
