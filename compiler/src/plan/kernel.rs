//! The kernels that a plan can call.

use crate::emit::{Emit, Places};
use crate::ops::AnyOperation;
use crate::step;
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

macro_rules! kernels {
    ($($name:ident: $label:literal,)*) => {
        /// One call of a kernel: the step description that the generated code
        /// holds as a constant.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs)]
        pub enum Kernel {
            $($name(step::$name),)*
            General(General),
        }

        $(impl From<step::$name> for Kernel {
            fn from(step: step::$name) -> Self {
                Self::$name(step)
            }
        })*

        impl Kernel {
            /// The description's type.
            #[must_use]
            pub fn type_tokens(&self) -> TokenStream {
                let name = match self {
                    $(Self::$name(_) => stringify!($name),)*
                    Self::General(step) => return step.type_tokens(),
                };
                let name = format_ident!("{name}");
                quote!(#name)
            }

            /// What it does, for reports.
            #[must_use]
            pub const fn label(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $label,)*
                    Self::General(step) => step.operation.type_name(),
                }
            }
        }

        impl Emit for Kernel {
            fn emit(&self, places: &Places) -> TokenStream {
                match self {
                    $(Self::$name(step) => step.emit(places),)*
                    Self::General(step) => step.emit(places),
                }
            }
        }
    };
}

/// An operation as a step.
#[derive(Clone, Debug, PartialEq)]
pub struct General {
    /// What is computed.
    pub operation: AnyOperation,
    /// Operands; `None` where an optional one is absent.
    pub inputs: Vec<Option<step::Array>>,
    /// Results.
    pub outputs: Vec<step::Array>,
    /// Words of memory for whatever the operation needs.
    pub scratch: step::Plain,
}

impl General {
    fn type_tokens(&self) -> TokenStream {
        let operation = format_ident!("{}", self.operation.type_name());
        let inputs = Literal::usize_unsuffixed(self.inputs.len());
        let outputs = Literal::usize_unsuffixed(self.outputs.len());
        quote!(General<#operation, #inputs, #outputs>)
    }
}

impl Emit for General {
    fn emit(&self, places: &Places) -> TokenStream {
        let operation = self.operation.emit(places);
        let inputs = self.inputs.iter().map(|input| input.emit(places));
        let outputs = self.outputs.iter().map(|output| output.emit(places));
        let scratch = self.scratch.emit(places);
        quote! {
            General {
                operation: #operation,
                inputs: [#(#inputs),*],
                outputs: [#(#outputs),*],
                scratch: #scratch,
            }
        }
    }
}

kernels! {
    BatchDense: "fully connected, many rows",
    Binary: "elementwise, two operands",
    BlockedBinary: "elementwise, two operands, blocked",
    BlockedCopy: "copy of channels",
    BlockedResample: "resampling, blocked",
    BlockedUnary: "elementwise, blocked",
    Conv: "direct convolution",
    ConvTranspose: "transposed convolution",
    Dense: "fully connected",
    DepthwiseConv: "depthwise convolution",
    DepthwiseConvTranspose: "depthwise transposed convolution",
    Fill: "constant",
    GlobalAverage: "mean of planes",
    LocalResponse: "local response normalisation",
    MatMul: "matrix product",
    MaxRoiPool: "largest values of regions",
    Pack: "row-major to blocked",
    PadPlanes: "padding of planes",
    PlanarConv: "first-layer convolution",
    Pool: "pooling",
    Resample: "resampling",
    RoiAlign: "means of regions",
    ScaleShift: "scale and shift of channels",
    Softmax: "softmax",
    StridedCopy: "strided copy",
    Unary: "elementwise",
    Unpack: "blocked to row-major",
}

impl Kernel {
    /// The shape of what it writes, and where in the arena that starts.
    #[must_use]
    pub fn result(&self) -> (String, usize) {
        let blocked = |tensor: &step::Blocked| {
            let step::Blocked { batch, channels, height, width, halo, .. } = *tensor;
            let mut shape = format!("{batch}x{channels}x{height}x{width} blocked");
            if !halo.is_empty() {
                let step::Halo { top, left, bottom, right } = halo;
                shape.push_str(&format!(" halo {top},{left},{bottom},{right}"));
            }
            (shape, tensor.extent().0)
        };
        let plain = |tensor: &step::Plain| (format!("{} values", tensor.len), tensor.offset);
        match self {
            Self::BatchDense(step) => plain(&step.output),
            Self::Binary(step) => plain(&step.output),
            Self::BlockedBinary(step) => blocked(&step.output),
            Self::BlockedCopy(step) => blocked(&step.output),
            Self::BlockedResample(step) => blocked(&step.output),
            Self::BlockedUnary(step) => blocked(&step.output),
            Self::Conv(step) => blocked(&step.output),
            Self::ConvTranspose(step) => blocked(&step.output),
            Self::Dense(step) => plain(&step.output),
            Self::DepthwiseConv(step) => blocked(&step.output),
            Self::DepthwiseConvTranspose(step) => blocked(&step.output),
            Self::Fill(step) => plain(&step.output),
            Self::General(step) => match step.outputs.first() {
                Some(output) => (output.shape(), output.offset),
                None => (String::new(), 0),
            },
            Self::GlobalAverage(step) => plain(&step.output),
            Self::LocalResponse(step) => plain(&step.output),
            Self::MatMul(step) => plain(&step.output),
            Self::MaxRoiPool(step) => plain(&step.output),
            Self::Pack(step) => blocked(&step.output),
            Self::PadPlanes(step) => plain(&step.output),
            Self::PlanarConv(step) => blocked(&step.output),
            Self::Pool(step) => blocked(&step.output),
            Self::Resample(step) => plain(&step.output),
            Self::RoiAlign(step) => plain(&step.output),
            Self::ScaleShift(step) => blocked(&step.output),
            Self::Softmax(step) => plain(&step.output),
            Self::StridedCopy(step) => plain(&step.output),
            Self::Unary(step) => plain(&step.output),
            Self::Unpack(step) => plain(&step.output),
        }
    }
}
