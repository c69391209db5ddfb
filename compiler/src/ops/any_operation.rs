//! The operations that operators are computed with where no kernel serves.

use crate::emit::{Emit, Places};
use crate::error::{Error, Result};
use crate::ir::{Data, ElementType, Tensor, TensorType};
use crate::operation::{self, Failure, Input, Operation, Output, Truth, Values, ValuesMut};
use proc_macro2::TokenStream;

macro_rules! operations {
    ($($name:ident,)*) => {
        /// One of the operations of [`crate::operation`].
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[allow(missing_docs)]
        pub enum AnyOperation {
            $($name(operation::$name),)*
        }

        $(impl From<operation::$name> for AnyOperation {
            fn from(operation: operation::$name) -> Self {
                Self::$name(operation)
            }
        })*

        impl AnyOperation {
            /// The name of the operation's type.
            #[must_use]
            pub const fn type_name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)*
                }
            }
        }

        impl Operation for AnyOperation {
            fn scratch(&self, inputs: &[&[usize]]) -> usize {
                match self {
                    $(Self::$name(operation) => operation.scratch(inputs),)*
                }
            }

            fn run(
                &self,
                inputs: &[Option<Input<'_>>],
                outputs: &mut [Output<'_>],
                scratch: &mut [u64],
            ) -> core::result::Result<(), Failure> {
                match self {
                    $(Self::$name(operation) => operation.run(inputs, outputs, scratch),)*
                }
            }
        }

        impl Emit for AnyOperation {
            fn emit(&self, places: &Places) -> TokenStream {
                match self {
                    $(Self::$name(operation) => operation.emit(places),)*
                }
            }
        }
    };
}

operations! {
    ArgExtreme,
    Attention,
    AxesNormalization,
    BitConversion,
    CausalConv,
    ClassLoss,
    Compress,
    ConstantOfShape,
    CopyElements,
    Cumulative,
    DeformConv,
    DepthSpace,
    Determinant,
    Einsum,
    ElementConversion,
    ElementwiseArithmetic,
    ElementwiseBits,
    ElementwiseClip,
    ElementwiseComparison,
    ElementwiseFold,
    ElementwiseFunction,
    ElementwiseNot,
    ElementwisePredicate,
    ElementwiseSelect,
    EyeLike,
    Fourier,
    GatherElements,
    GatherNd,
    GeneralAffineGrid,
    GeneralBatchNormalization,
    GeneralColumnToImage,
    GeneralConcat,
    GeneralConv,
    GeneralConvTranspose,
    GeneralExpand,
    GeneralGather,
    GeneralGlobalPool,
    GeneralGridSample,
    GeneralLocalResponse,
    GeneralMaxRoiPool,
    GeneralPad,
    GeneralPool,
    GeneralProduct,
    GeneralReduce,
    GeneralReshape,
    GeneralResize,
    GeneralRoiAlign,
    GeneralSlice,
    GeneralSoftmax,
    GeneralSplit,
    GeneralTranspose,
    GroupNormalization,
    IntegerConv,
    IntegerProduct,
    KeepAll,
    LayerNormalization,
    LinearAttention,
    MaxUnpool,
    MelWeights,
    NonMaxSuppression,
    NonZero,
    OneHot,
    Progression,
    Quantization,
    QuantizedConv,
    Recurrent,
    ReverseSequence,
    RotaryEmbedding,
    ScatterElements,
    ScatterNd,
    Select,
    ShapeOf,
    ShortTimeFourier,
    SizeOf,
    TensorScatter,
    Tile,
    TopK,
    Trilu,
    Unique,
    WindowFunction,
}

impl AnyOperation {
    /// The results for known operands, of at most these types.
    ///
    /// # Errors
    /// Where the operands make no sense, or the results are too large to hold.
    pub fn evaluate(
        &self,
        operands: &[Option<&Tensor>],
        types: &[TensorType],
    ) -> Result<Vec<Tensor>> {
        let failed = |failure: Failure| Error::shape(failure.to_string());
        let truths: Vec<Vec<Truth>> =
            operands.iter().map(|o| o.map_or_else(Vec::new, truths)).collect();
        let inputs = operands.iter().zip(&truths).map(|(operand, truths)| {
            let input = |tensor| Input::new(values(tensor, truths), Tensor::shape(tensor));
            operand.map(input).transpose().map_err(failed)
        });
        let inputs = inputs.collect::<Result<Vec<_>>>()?;
        let sizes: Vec<&[usize]> =
            inputs.iter().map(|input| input.as_ref().map_or(&[][..], Input::sizes)).collect();
        let mut scratch = reserved(self.scratch(&sizes))?;
        let rooms = types.iter().map(Room::new).collect::<Result<Vec<_>>>();
        let mut rooms = rooms?;
        let outputs = rooms.iter_mut().zip(types);
        let outputs = outputs.map(|(room, t)| Output::new(room.values(), t.rank()).map_err(failed));
        let mut outputs = outputs.collect::<Result<Vec<_>>>()?;
        self.run(&inputs, &mut outputs, &mut scratch).map_err(failed)?;
        let sizes: Vec<Vec<usize>> = outputs.iter().map(|o| o.sizes().to_vec()).collect();
        drop(outputs);
        let results = rooms.into_iter().zip(sizes).zip(types);
        results
            .map(|((room, sizes), inferred)| {
                let result = room.filled(&sizes)?;
                match inferred.admits(&result.tensor_type()) {
                    true => Ok(result),
                    false => Err(Error::internal(format!(
                        "{inferred} was inferred, but the result is {}",
                        result.tensor_type()
                    ))),
                }
            })
            .collect()
    }
}

/// Most elements of a result: a small file must not fill the memory.
const MAX_ELEMENTS: usize = 1 << 31;

/// Elements of their default, where there is memory for so many.
fn reserved<T: Clone + Default>(count: usize) -> Result<Vec<T>> {
    let too_large = || Error::unsupported("a value of the network is too large to compute");
    let mut values = Vec::new();
    if count > MAX_ELEMENTS {
        return Err(too_large());
    }
    values.try_reserve_exact(count).map_err(|_| too_large())?;
    values.resize(count, T::default());
    Ok(values)
}

/// The truth values of a tensor that has such, as operations see them.
fn truths(tensor: &Tensor) -> Vec<Truth> {
    match tensor.data() {
        Data::Bool(values) => values.iter().map(|&value| value.into()).collect(),
        _ => Vec::new(),
    }
}

fn values<'a>(tensor: &'a Tensor, truths: &'a [Truth]) -> Values<'a> {
    match tensor.data() {
        Data::F32(values) => Values::F32(values),
        Data::F64(values) => Values::F64(values),
        Data::I8(values) => Values::I8(values),
        Data::I16(values) => Values::I16(values),
        Data::I32(values) => Values::I32(values),
        Data::I64(values) => Values::I64(values),
        Data::U8(values) => Values::U8(values),
        Data::U16(values) => Values::U16(values),
        Data::U32(values) => Values::U32(values),
        Data::U64(values) => Values::U64(values),
        Data::Bool(_) => Values::Bool(truths),
    }
}

/// Room for a result.
enum Room {
    Numbers(Data),
    Truths(Vec<Truth>),
}

impl Room {
    fn new(inferred: &TensorType) -> Result<Self> {
        let count = inferred.elements()?;
        Ok(match inferred.element {
            ElementType::F32 => Self::Numbers(Data::F32(reserved(count)?)),
            ElementType::F64 => Self::Numbers(Data::F64(reserved(count)?)),
            ElementType::I8 => Self::Numbers(Data::I8(reserved(count)?)),
            ElementType::I16 => Self::Numbers(Data::I16(reserved(count)?)),
            ElementType::I32 => Self::Numbers(Data::I32(reserved(count)?)),
            ElementType::I64 => Self::Numbers(Data::I64(reserved(count)?)),
            ElementType::U8 => Self::Numbers(Data::U8(reserved(count)?)),
            ElementType::U16 => Self::Numbers(Data::U16(reserved(count)?)),
            ElementType::U32 => Self::Numbers(Data::U32(reserved(count)?)),
            ElementType::U64 => Self::Numbers(Data::U64(reserved(count)?)),
            ElementType::Bool => Self::Truths(reserved(count)?),
        })
    }

    fn values(&mut self) -> ValuesMut<'_> {
        match self {
            Self::Numbers(Data::F32(values)) => ValuesMut::F32(values),
            Self::Numbers(Data::F64(values)) => ValuesMut::F64(values),
            Self::Numbers(Data::I8(values)) => ValuesMut::I8(values),
            Self::Numbers(Data::I16(values)) => ValuesMut::I16(values),
            Self::Numbers(Data::I32(values)) => ValuesMut::I32(values),
            Self::Numbers(Data::I64(values)) => ValuesMut::I64(values),
            Self::Numbers(Data::U8(values)) => ValuesMut::U8(values),
            Self::Numbers(Data::U16(values)) => ValuesMut::U16(values),
            Self::Numbers(Data::U32(values)) => ValuesMut::U32(values),
            Self::Numbers(Data::U64(values)) => ValuesMut::U64(values),
            Self::Numbers(Data::Bool(_)) => ValuesMut::Bool(&mut []),
            Self::Truths(values) => ValuesMut::Bool(values),
        }
    }

    /// The result, of these sizes.
    fn filled(self, sizes: &[usize]) -> Result<Tensor> {
        let count = TensorType::fixed(ElementType::U8, sizes).elements()?;
        let data = match self {
            Self::Truths(values) => {
                Data::Bool(values.into_iter().take(count).map(Truth::get).collect())
            }
            Self::Numbers(mut data) => {
                crate::with_data!(&mut data, values => values.truncate(count));
                data
            }
        };
        Tensor::new(sizes, data)
    }
}
