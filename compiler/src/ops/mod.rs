//! The operators: one file each.
//!
//! An operator is a small typed struct that implements [`Definition`]: how it
//! is read from every version of the operator set, the types of its outputs,
//! and the reference evaluation. A line in the registry below makes it part of
//! [`Op`]. What ONNX spells in several ways is one thing here: `Flatten`,
//! `Squeeze` and `Unsqueeze` are read as [`Reshape`], `auto_pad` as numbers,
//! attributes that became operands in later versions as operands.
//!
//! # Adding an operator
//!
//! `Trilu` keeps a triangle of a matrix. Its file here, `trilu.rs`, says how
//! a node is read and what comes out:
//!
//! ```ignore
//! pub struct Trilu {
//!     pub upper: bool,
//! }
//!
//! impl Definition for Trilu {
//!     // What model files call it; each name also stands in README.md.
//!     const NAMES: &'static [&'static str] = &["Trilu"];
//!
//!     fn name(&self) -> &'static str {
//!         "Trilu"
//!     }
//!
//!     // For the text form of a graph; `parse` reads it back.
//!     fn attributes(&self) -> Attributes {
//!         Attributes::default().with("upper", Attribute::Int(self.upper.into()))
//!     }
//!
//!     // Every version of the operator set becomes the same struct. What is
//!     // unknown or makes no sense is refused here.
//!     fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
//!         check(signature, &["upper"], 2)?;
//!         let upper = signature.attributes.int_or("upper", 1)? != 0;
//!         Ok(Parsed::as_written(Self { upper }, signature))
//!     }
//!
//!     // Types of the outputs. A dimension that is found at run time keeps its
//!     // name where its size stays the same.
//!     fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
//!         one(required(operands, 0, "input")?.tensor_type.clone())
//!     }
//!
//!     // What it computes, for operands of any type and size.
//!     fn operation(&self) -> Option<AnyOperation> {
//!         Some(operation::Trilu { upper: self.upper }.into())
//!     }
//! }
//! ```
//!
//! 1. A line in the registry below, `trilu::Trilu`.
//! 2. The operation: a file in [`crate::operation`], which is compiled into both
//!    crates, and its line in `any_operation.rs`. It computes constants here and
//!    runs as a step of the compiled network. [`crate::operation`] shows one.
//! 3. Tests beside both; [`crate::evaluate()`](crate::evaluate::evaluate) and the
//!    tests of `tests/conformance` follow by themselves.
//!
//! An operator that carries sizes from one node to another implements
//! [`Definition::facts`], too. One that is worth a kernel gets an arm in
//! `plan/lower`, which falls back to the operation where the kernel does not
//! serve. Where operands decide sizes, one operator reads nodes whose sizes are
//! known and another the rest: [`Definition::reads`].

use crate::error::{Error, Result};
use crate::ir::{self, Attributes, Fact, Operand, Operator, Parsed, Signature, Tensor, TensorType};
use std::fmt::Debug;

/// A graph of these operators.
pub type Graph = ir::Graph<Op>;

/// What an operator's file provides.
pub trait Definition: Clone + Debug + PartialEq + Into<Op> {
    /// The names in model files that this operator is read from.
    const NAMES: &'static [&'static str];

    /// Whether this is how the node is compiled, where several operators read
    /// nodes of the same name: one for sizes that are known, one for others.
    fn reads(signature: &Signature<'_>) -> bool {
        let _ = signature;
        true
    }

    /// The name that the text form prints, one of [`Definition::NAMES`] or a
    /// name of our own.
    fn name(&self) -> &'static str;

    /// The attributes that the text form prints; see [`Operator::attributes`].
    fn attributes(&self) -> Attributes;

    /// See [`Operator::parse`].
    ///
    /// # Errors
    /// Where the attributes make no sense.
    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>>;

    /// See [`Operator::infer`].
    ///
    /// # Errors
    /// Where the operands do not fit.
    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>>;

    /// See [`Operator::facts`]; for the first output, which is all that such
    /// operators have.
    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        let _ = operands;
        None
    }

    /// The operator in its plainest form, for operands of any type and size:
    /// what computes it where no kernel serves.
    fn operation(&self) -> Option<AnyOperation> {
        None
    }

    /// See [`Operator::evaluate`]. Follows from [`Definition::operation`] where
    /// there is one.
    ///
    /// # Errors
    /// Where the operands do not fit.
    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let operation = self.operation().ok_or_else(|| {
            Error::internal("an operator needs an operation or an evaluation of its own")
        })?;
        operation.evaluate(operands, &reading::inferred(self, operands)?)
    }

    /// See [`Operator::evaluate_types`].
    ///
    /// # Errors
    /// Where the operands do not fit.
    fn evaluate_types(&self, operands: &[Option<Operand<'_>>]) -> Result<Option<Vec<Tensor>>> {
        let _ = operands;
        Ok(None)
    }
}

mod any_operation;
mod broadcasting;
mod cost;
mod counts;
mod floats;
mod indices;
mod interval;
mod reading;

mod rearrange;
mod sliding;
#[cfg(test)]
mod testing;
mod windows;

/// The registry: each line is a file of this folder and the operator in it.
macro_rules! operators {
    ($($module:ident::$operator:ident),* $(,)?) => {
        $(mod $module;)*
        $(pub use $module::$operator;)*

        /// An operator.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs)]
        pub enum Op {
            $($operator($operator),)*
        }

        $(impl From<$operator> for Op {
            fn from(operator: $operator) -> Self {
                Self::$operator(operator)
            }
        })*

        impl Op {
            /// See [`Definition::operation`].
            #[must_use]
            pub fn operation(&self) -> Option<AnyOperation> {
                match self {
                    $(Self::$operator(operator) => operator.operation(),)*
                }
            }

            /// The names of all operators that can be read.
            pub fn known_names() -> impl Iterator<Item = &'static str> {
                [$($operator::NAMES),*].into_iter().flatten().copied()
            }
        }

        impl Operator for Op {
            fn name(&self) -> String {
                match self {
                    $(Self::$operator(operator) => operator.name().to_owned(),)*
                }
            }

            fn attributes(&self) -> Attributes {
                match self {
                    $(Self::$operator(operator) => operator.attributes(),)*
                }
            }

            fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
                $(if $operator::NAMES.contains(&signature.operator)
                    && $operator::reads(signature)
                {
                    let Parsed { operator, operands } = $operator::parse(signature)?;
                    return Ok(Parsed { operator: operator.into(), operands });
                })*
                Err(Error::unsupported("this operator is not supported")
                    .operator(signature.operator))
            }

            fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
                match self {
                    $(Self::$operator(operator) => operator.infer(operands),)*
                }
            }

            fn facts(
                &self,
                operands: &[Option<Operand<'_>>],
                outputs: &[TensorType],
            ) -> Vec<Option<Vec<Fact>>> {
                let facts = match self {
                    $(Self::$operator(operator) => operator.facts(operands),)*
                };
                // Facts are of all elements or of none.
                let count = outputs.first().filter(|output| output.is_fixed());
                let count = count.and_then(|output| output.elements().ok());
                vec![facts.filter(|facts| Some(facts.len()) == count)]
            }

            fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
                match self {
                    $(Self::$operator(operator) => operator.evaluate(operands),)*
                }
            }

            fn evaluate_types(
                &self,
                operands: &[Option<Operand<'_>>],
            ) -> Result<Option<Vec<Tensor>>> {
                match self {
                    $(Self::$operator(operator) => operator.evaluate_types(operands),)*
                }
            }
        }
    };
}

operators! {
    activation::Activation,
    affine_grid::AffineGrid,
    arg_extreme::ArgExtreme,
    attention::Attention,
    axes_normalization::AxesNormalization,
    batch_normalization::BatchNormalization,
    binary::Binary,
    bit_cast::BitCast,
    bits::Bits,
    cast::Cast,
    causal_conv::CausalConv,
    center_crop_pad::CenterCropPad,
    class_loss::ClassLoss,
    clip::Clip,
    column_to_image::ColumnToImage,
    compare::Compare,
    compress::Compress,
    concat::Concat,
    constant::Constant,
    constant_of_shape::ConstantOfShape,
    conv::Conv,
    conv_transpose::ConvTranspose,
    cumulative::Cumulative,
    deform_conv::DeformConv,
    depth_space::DepthSpace,
    determinant::Determinant,
    dropout::Dropout,
    einsum::Einsum,
    elementwise_select::Where,
    expand::Expand,
    eye_like::EyeLike,
    function::Function,
    gather::Gather,
    gather_elements::GatherElements,
    gather_nd::GatherNd,
    gemm::Gemm,
    general_conv::GeneralConv,
    general_conv_transpose::GeneralConvTranspose,
    general_pool::GeneralPool,
    global_lp_pool::GlobalLpPool,
    global_pool::GlobalPool,
    grid_sample::GridSample,
    group_normalization::GroupNormalization,
    hardmax::Hardmax,
    identity::Identity,
    integer_conv::IntegerConv,
    integer_product::IntegerProduct,
    layer_normalization::LayerNormalization,
    linear_attention::LinearAttention,
    local_response::LocalResponse,
    matmul::MatMul,
    max_roi_pool::MaxRoiPool,
    max_unpool::MaxUnpool,
    modulo::Modulo,
    non_max_suppression::NonMaxSuppression,
    non_zero::NonZero,
    not::Not,
    one_hot::OneHot,
    pad::Pad,
    pool::Pool,
    predicate::Predicate,
    quantize::Quantize,
    quantized_conv::QuantizedConv,
    range::Range,
    recurrent::Recurrent,
    reduce::Reduce,
    reshape::Reshape,
    resize::Resize,
    reverse_sequence::ReverseSequence,
    roi_align::RoiAlign,
    rotary_embedding::RotaryEmbedding,
    runtime_expand::RuntimeExpand,
    runtime_pad::RuntimePad,
    runtime_reshape::RuntimeReshape,
    runtime_resize::RuntimeResize,
    runtime_slice::RuntimeSlice,
    runtime_split::RuntimeSplit,
    scale_shift::ScaleShift,
    scatter_elements::ScatterElements,
    scatter_nd::ScatterNd,
    select::Select,
    shape::Shape,
    signal_weights::SignalWeights,
    slice::Slice,
    softmax::Softmax,
    spectrum::Spectrum,
    split::Split,
    swiglu::SwiGlu,
    tensor_scatter::TensorScatter,
    tile::Tile,
    top_k::TopK,
    transpose::Transpose,
    trilu::Trilu,
    unary::Unary,
    unique::Unique,
    variadic::Variadic,
}

pub use any_operation::AnyOperation;
pub(crate) use cast::converted;
pub use conv::{Epilogue, Prologue};
pub use cost::multiply_adds;
pub use global_pool::GlobalPoolKind;
pub use pad::PadMode;
pub use pool::PoolKind;
pub use reduce::ReduceKind;
pub use resize::{Coordinates, Interpolation, Rounding, Taps};
pub use slice::SliceRange;
