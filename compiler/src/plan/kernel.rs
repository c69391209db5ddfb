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
