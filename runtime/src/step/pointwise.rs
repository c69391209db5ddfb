//! Elementwise steps.

use super::{Activation, Blocked, Plain, RANK};

description! {
    /// A function of one value.
    pub enum UnaryFunction {
        /// One of the activations.
        Activation {
            /// Which; `ChannelRelu` is not allowed.
            function: Activation,
        },
        /// Magnitude.
        Abs,
        /// Negation.
        Neg,
        /// Exponential.
        Exp,
        /// Natural logarithm.
        Log,
        /// Square root.
        Sqrt,
        /// `1 / x`.
        Reciprocal,
        /// Largest integer not above.
        Floor,
        /// Smallest integer not below.
        Ceil,
        /// Nearest integer, halves to even.
        Round,
        /// Gauss error function.
        Erf,
        /// `log(1 + exp(x))`.
        Softplus,
        /// `x` where positive, else `alpha * (exp(x) - 1)`.
        Elu {
            /// Factor of the negative side.
            alpha: f32,
        },
    }
}

description! {
    /// A function of two values.
    pub enum BinaryOperation {
        /// Sum.
        Add,
        /// Difference.
        Sub,
        /// Product.
        Mul,
        /// Quotient.
        Div,
        /// Smaller of the two; NaN wins.
        Min,
        /// Larger of the two; NaN wins.
        Max,
        /// Power.
        Pow,
        /// `x` where positive, else `slope * x`: PRelu.
        ParametricRelu,
    }
}

impl BinaryOperation {
    /// Whether the operands may change places.
    #[must_use]
    pub const fn commutes(self) -> bool {
        match self {
            Self::Add | Self::Mul | Self::Min | Self::Max => true,
            Self::Sub | Self::Div | Self::Pow | Self::ParametricRelu => false,
        }
    }
}

description! {
    /// `output = function(input)` on row-major f32.
    pub struct Unary {
        /// Input.
        pub input: Plain,
        /// Output; may be the input.
        pub output: Plain,
        /// What is applied.
        pub function: UnaryFunction,
    }
}

description! {
    /// `output = activation(input)` on a channel-blocked tensor.
    pub struct BlockedUnary {
        /// Input.
        pub input: Blocked,
        /// Output.
        pub output: Blocked,
        /// What is applied.
        pub activation: Activation,
    }
}

description! {
    /// `output = activation(left op right)` with broadcasting, on row-major
    /// f32. Sizes and strides are padded at the front with 1 and 0.
    pub struct Binary {
        /// Left operand.
        pub left: Plain,
        /// Right operand.
        pub right: Plain,
        /// Output.
        pub output: Plain,
        /// What is computed.
        pub operation: BinaryOperation,
        /// Applied in the store; `ChannelRelu` is not allowed.
        pub activation: Activation,
        /// Sizes of the output.
        pub sizes: [usize; RANK],
        /// Elements of `left` from one index to the next; 0 broadcasts.
        pub left_strides: [usize; RANK],
        /// The same for `right`.
        pub right_strides: [usize; RANK],
    }
}

description! {
    /// `output = activation(left op right)` on channel-blocked tensors. The
    /// right operand has the shape of the left one, or has height 1, width 1
    /// or both where it broadcasts, and batch 1 where that broadcasts.
    ///
    /// Only [`BinaryOperation::Add`], `Sub`, `Mul`, `Min` and `Max` occur: they
    /// keep the unused lanes finite.
    pub struct BlockedBinary {
        /// Left operand.
        pub left: Blocked,
        /// Right operand.
        pub right: Blocked,
        /// Output.
        pub output: Blocked,
        /// What is computed.
        pub operation: BinaryOperation,
        /// Applied in the store.
        pub activation: Activation,
    }
}
