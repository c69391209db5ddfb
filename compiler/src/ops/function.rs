//! Functions of single elements that have no kernel.

use super::floats::check_float;
use super::reading::{check, one};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, ElementType, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::{ElementFunction, ElementwiseFunction};

/// `Sin`, `Gelu`, `Selu` and many others; those with kernels are
/// [`super::Unary`] and [`super::Activation`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Function {
    /// The function.
    pub function: ElementFunction,
}

/// Functions without parameters.
const PLAIN: [(&str, ElementFunction); 14] = [
    ("Sign", ElementFunction::Sign),
    ("Sin", ElementFunction::Sin),
    ("Cos", ElementFunction::Cos),
    ("Tan", ElementFunction::Tan),
    ("Asin", ElementFunction::Asin),
    ("Acos", ElementFunction::Acos),
    ("Atan", ElementFunction::Atan),
    ("Sinh", ElementFunction::Sinh),
    ("Cosh", ElementFunction::Cosh),
    ("Asinh", ElementFunction::Asinh),
    ("Acosh", ElementFunction::Acosh),
    ("Atanh", ElementFunction::Atanh),
    ("Softsign", ElementFunction::Softsign),
    ("Mish", ElementFunction::Mish),
];

/// Defaults of the parameters of `Selu`, as the specification spells them.
const SELU: [f32; 2] = [1.673_263_2, 1.050_701];

impl Function {
    /// The parameters of functions that have some.
    fn parameters(&self) -> Vec<(&'static str, f32)> {
        match self.function {
            ElementFunction::Celu { alpha }
            | ElementFunction::ThresholdedRelu { alpha }
            | ElementFunction::Swish { alpha } => vec![("alpha", alpha)],
            ElementFunction::Selu { alpha, gamma } => vec![("alpha", alpha), ("gamma", gamma)],
            ElementFunction::Shrink { threshold, bias } => {
                vec![("bias", bias), ("lambd", threshold)]
            }
            _ => Vec::new(),
        }
    }
}

impl Definition for Function {
    const NAMES: &'static [&'static str] = &[
        "Sign",
        "Sin",
        "Cos",
        "Tan",
        "Asin",
        "Acos",
        "Atan",
        "Sinh",
        "Cosh",
        "Asinh",
        "Acosh",
        "Atanh",
        "Softsign",
        "Mish",
        "Gelu",
        "Celu",
        "Selu",
        "Shrink",
        "ThresholdedRelu",
        "Swish",
    ];

    fn reads(signature: &Signature<'_>) -> bool {
        signature.operator != "Swish" || !super::Activation::reads(signature)
    }

    fn name(&self) -> &'static str {
        match self.function {
            ElementFunction::Gelu | ElementFunction::TanhGelu => "Gelu",
            ElementFunction::Celu { .. } => "Celu",
            ElementFunction::Selu { .. } => "Selu",
            ElementFunction::Shrink { .. } => "Shrink",
            ElementFunction::ThresholdedRelu { .. } => "ThresholdedRelu",
            ElementFunction::Swish { .. } => "Swish",
            plain => PLAIN.iter().find(|(_, known)| *known == plain).map_or("Function", |(n, _)| n),
        }
    }

    fn attributes(&self) -> Attributes {
        let attributes = match self.function {
            ElementFunction::TanhGelu => {
                Attributes::default().with("approximate", Attribute::String("tanh".to_owned()))
            }
            _ => Attributes::default(),
        };
        self.parameters().into_iter().fold(attributes, |attributes, (name, value)| {
            attributes.with(name, Attribute::Float(value))
        })
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let float = |name, default| signature.attributes.float_or(name, default);
        let function = match signature.operator {
            "Celu" => ElementFunction::Celu { alpha: float("alpha", 1.0)? },
            "ThresholdedRelu" => ElementFunction::ThresholdedRelu { alpha: float("alpha", 1.0)? },
            "Swish" => ElementFunction::Swish { alpha: float("alpha", 1.0)? },
            "Selu" => ElementFunction::Selu {
                alpha: float("alpha", SELU[0])?,
                gamma: float("gamma", SELU[1])?,
            },
            "Shrink" => ElementFunction::Shrink {
                threshold: float("lambd", 0.5)?,
                bias: float("bias", 0.0)?,
            },
            "Gelu" => match signature.attributes.string_or("approximate", "none")? {
                "none" => ElementFunction::Gelu,
                "tanh" => ElementFunction::TanhGelu,
                other => {
                    return Err(Error::malformed(format!(
                        "expected attribute `approximate` to be `none` or `tanh`, found `{}`",
                        crate::error::printable(other)
                    )));
                }
            },
            name => match PLAIN.iter().find(|(known, _)| *known == name) {
                Some((_, function)) => *function,
                None => return Err(Error::internal(format!("{name} is no function"))),
            },
        };
        let operator = Self { function };
        let parameters: Vec<_> = operator.parameters().into_iter().map(|(name, _)| name).collect();
        match operator.name() {
            "Gelu" => check(signature, &["approximate"], 1)?,
            _ => check(signature, &parameters, 1)?,
        }
        Ok(Parsed::first(operator, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "input")?.tensor_type;
        if input.element == ElementType::Bool || self.function.of_integer(0).is_none() {
            check_float(input)?;
        }
        one(input.clone())
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(ElementwiseFunction { function: self.function }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn values(case: Case) -> Vec<f32> {
        case.operand(Tensor::vector(vec![-0.75f32, 0.0, 0.25, 2.0])).f32s().1
    }

    #[test]
    fn follow_their_formulas() {
        let of = |name| values(Case::new(name, 24));
        assert_eq!(of("Sin")[3], 0.909_297_4);
        assert_eq!(of("Acos")[1..3], [1.570_796_4, 1.318_116_1]);
        assert_eq!(of("Asinh")[2], 0.247_466_46);
        assert!(of("Atanh")[3].is_nan() && of("Acosh")[0].is_nan());
        assert_eq!(of("Sign"), [-1.0, 0.0, 1.0, 1.0]);
        assert_eq!(of("Softsign")[3], 2.0 / 3.0);
        assert_eq!(of("Gelu")[3], 1.954_499_7);
        let near = values(Case::new("Gelu", 20).string("approximate", "tanh"));
        assert_eq!(near[3], 1.954_597_7);
        assert_eq!(of("Mish")[3], 1.943_959);
        assert_eq!(of("Celu")[0], -0.527_633_4);
        assert_eq!(of("Selu")[2], 0.262_675_25);
        assert_eq!(of("ThresholdedRelu"), [0.0, 0.0, 0.0, 2.0]);
    }

    #[test]
    fn parameters_are_attributes() {
        let float = |case: Case, name, value| case.with(name, Attribute::Float(value));
        let shrink = float(float(Case::new("Shrink", 9), "lambd", 0.5), "bias", 0.25);
        assert_eq!(values(shrink), [-0.5, 0.0, 0.0, 1.75]);
        let swish = values(float(Case::new("Swish", 24), "alpha", 2.0));
        assert_eq!(swish[3], 1.964_027_5);
        let celu = values(float(Case::new("Celu", 12), "alpha", 2.0));
        assert_eq!(celu[0], -0.625_421_44);
        let other = Case::new("Gelu", 20).counting(&[1]).string("approximate", "some");
        other.refused(ErrorKind::Malformed, "`none` or `tanh`, found `some`");
        let unknown = float(Case::new("Sin", 7), "alpha", 1.0).counting(&[1]);
        unknown.refused(ErrorKind::Malformed, "unknown attribute `alpha`");
    }

    #[test]
    fn some_are_functions_of_integers() {
        let signs = Case::new("Sign", 13).operand(Tensor::vector(vec![-3i8, 0, 5])).value();
        assert_eq!(signs, Tensor::vector(vec![-1i8, 0, 1]));
        let shrunk = Case::new("Shrink", 9).with("lambd", Attribute::Float(2.0)).list(&[-3, 1, 5]);
        assert_eq!(shrunk.value(), Tensor::vector(vec![-3i64, 0, 5]));
        Case::new("Sin", 7).list(&[1]).refused(ErrorKind::Unsupported, "found i64");
        let boolean = Case::new("Sign", 13).operand(Tensor::scalar(true));
        boolean.refused(ErrorKind::Unsupported, "found bool");
    }
}
