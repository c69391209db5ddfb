//! The kernels that a plan can call.

use crate::emit::{Emit, Places};
use crate::step;
use proc_macro2::TokenStream;

macro_rules! kernels {
    ($($name:ident: $label:literal,)*) => {
        /// One call of a kernel: the step description that the generated code
        /// holds as a constant.
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[allow(missing_docs)]
        pub enum Kernel {
            $($name(step::$name),)*
        }

        $(impl From<step::$name> for Kernel {
            fn from(step: step::$name) -> Self {
                Self::$name(step)
            }
        })*

        impl Kernel {
            /// The name of the description's type.
            #[must_use]
            pub const fn type_name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)*
                }
            }

            /// What it does, for reports.
            #[must_use]
            pub const fn label(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $label,)*
                }
            }
        }

        impl Emit for Kernel {
            fn emit(&self, places: &Places) -> TokenStream {
                match self {
                    $(Self::$name(step) => step.emit(places),)*
                }
            }
        }
    };
}

kernels! {
    Binary: "elementwise, two operands",
    BlockedBinary: "elementwise, two operands, blocked",
    BlockedCopy: "copy of channels",
    BlockedUnary: "elementwise, blocked",
    Conv: "direct convolution",
    Dense: "fully connected",
    DepthwiseConv: "depthwise convolution",
    Fill: "constant",
    GlobalAverage: "mean of planes",
    LocalResponse: "local response normalisation",
    MatMul: "matrix product",
    Pack: "row-major to blocked",
    PadPlanes: "padding of planes",
    PlanarConv: "first-layer convolution",
    Pool: "pooling",
    ScaleShift: "scale and shift of channels",
    Softmax: "softmax",
    StridedCopy: "strided copy",
    Unary: "elementwise",
    Unpack: "blocked to row-major",
}
