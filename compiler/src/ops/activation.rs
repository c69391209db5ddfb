//! Activations: functions of one value that kernels apply in their store.

use super::floats::check_float;
use super::reading::{NEWEST, check, constant, one, operand_type, writes_attributes};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Data, ElementType, Operand, Parsed, Signature, Tensor, TensorType,
    required,
};
use crate::operation::{ElementFunction, ElementwiseFunction};

/// An activation, by itself a node of one operand, or folded into another
/// operator.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    /// The value itself. Only as part of another operator.
    #[default]
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// `x` where positive, else `slope * x`.
    LeakyRelu {
        /// Factor of negative values.
        slope: f32,
    },
    /// `x` where positive, else `slopes[c] * x`: `PRelu` with a slope a
    /// channel. Only as part of another operator, which says where the slopes
    /// are; by itself it is [`super::Binary`] with
    /// [`crate::step::BinaryOperation::ParametricRelu`].
    ChannelRelu,
    /// `min(max(x, low), high)`.
    Clip {
        /// Smallest result; negative infinity if unbounded.
        low: f32,
        /// Largest result; infinity if unbounded.
        high: f32,
    },
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `min(max(alpha * x + beta, 0), 1)`.
    HardSigmoid {
        /// Factor.
        alpha: f32,
        /// Offset.
        beta: f32,
    },
    /// `x * min(max(x / 6 + 1/2, 0), 1)`.
    HardSwish,
    /// `x / (1 + exp(-x))`.
    Silu,
    /// Hyperbolic tangent.
    Tanh,
}

impl Activation {
    /// The function in f64. `slope` is what [`Activation::ChannelRelu`] takes
    /// for the value's channel.
    #[must_use]
    pub fn apply(self, x: f64, slope: f64) -> f64 {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        // Written so that NaN stays NaN.
        let rectified = |x: f64, slope: f64| if x < 0.0 { slope * x } else { x };
        match self {
            Self::Identity => x,
            // Not a slope of 0, which makes NaN of negative infinity.
            Self::Relu => if x < 0.0 { 0.0 } else { x },
            Self::LeakyRelu { slope } => rectified(x, slope.into()),
            Self::ChannelRelu => rectified(x, slope),
            Self::Clip { low, high } => {
                let raised = if x < low.into() { low.into() } else { x };
                if raised > high.into() { high.into() } else { raised }
            }
            Self::Sigmoid => sigmoid(x),
            Self::HardSigmoid { alpha, beta } => {
                (f64::from(alpha) * x + f64::from(beta)).clamp(0.0, 1.0)
            }
            Self::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
            Self::Silu => x * sigmoid(x),
            Self::Tanh => x.tanh(),
        }
    }

    /// The function, unless it needs slopes.
    pub(super) const fn function(self) -> Option<ElementFunction> {
        Some(match self {
            Self::Identity => ElementFunction::Identity,
            Self::Relu => ElementFunction::Relu,
            Self::LeakyRelu { slope } => ElementFunction::LeakyRelu { slope },
            Self::ChannelRelu => return None,
            Self::Clip { low, high } => ElementFunction::Clip { low, high },
            Self::Sigmoid => ElementFunction::Sigmoid,
            Self::HardSigmoid { alpha, beta } => ElementFunction::HardSigmoid { alpha, beta },
            Self::HardSwish => ElementFunction::HardSwish,
            Self::Silu => ElementFunction::Swish { alpha: 1.0 },
            Self::Tanh => ElementFunction::Tanh,
        })
    }

    /// How the text form writes it as part of another operator: `Clip(0, 6)`.
    #[must_use]
    pub fn spelling(self) -> String {
        match self {
            Self::LeakyRelu { slope } => format!("LeakyRelu({slope:?})"),
            Self::Clip { low, high } => format!("Clip({low:?}, {high:?})"),
            Self::HardSigmoid { alpha, beta } => format!("HardSigmoid({alpha:?}, {beta:?})"),
            Self::Identity
            | Self::Relu
            | Self::ChannelRelu
            | Self::Sigmoid
            | Self::HardSwish
            | Self::Silu
            | Self::Tanh => self.title().to_owned(),
        }
    }

    /// Reads [`Activation::spelling`].
    ///
    /// # Errors
    /// Where it is none.
    pub fn from_spelling(text: &str) -> Result<Self> {
        let wrong = || Error::malformed(format!("`{text}` is no activation"));
        let (title, numbers) = match text.split_once('(') {
            Some((title, rest)) => (title, rest.strip_suffix(')').ok_or_else(wrong)?),
            None => (text, ""),
        };
        let numbers: Vec<f32> = numbers
            .split(',')
            .map(str::trim)
            .filter(|number| !number.is_empty())
            .map(|number| number.parse().map_err(|_| wrong()))
            .collect::<Result<_>>()?;
        match (title, numbers.as_slice()) {
            ("Identity", []) => Ok(Self::Identity),
            ("Relu", []) => Ok(Self::Relu),
            ("LeakyRelu", &[slope]) => Ok(Self::LeakyRelu { slope }),
            ("ChannelRelu", []) => Ok(Self::ChannelRelu),
            ("Clip", &[low, high]) => Ok(Self::Clip { low, high }),
            ("Sigmoid", []) => Ok(Self::Sigmoid),
            ("HardSigmoid", &[alpha, beta]) => Ok(Self::HardSigmoid { alpha, beta }),
            ("HardSwish", []) => Ok(Self::HardSwish),
            ("Swish", []) => Ok(Self::Silu),
            ("Tanh", []) => Ok(Self::Tanh),
            _ => Err(wrong()),
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Identity => "Identity",
            Self::Relu => "Relu",
            Self::LeakyRelu { .. } => "LeakyRelu",
            Self::ChannelRelu => "ChannelRelu",
            Self::Clip { .. } => "Clip",
            Self::Sigmoid => "Sigmoid",
            Self::HardSigmoid { .. } => "HardSigmoid",
            Self::HardSwish => "HardSwish",
            Self::Silu => "Swish",
            Self::Tanh => "Tanh",
        }
    }

    /// Reads the private attribute that other operators write it as.
    pub(super) fn from_attribute(signature: &Signature<'_>, name: &str) -> Result<Self> {
        match signature.attributes.string(name)? {
            Some(text) => Self::from_spelling(text),
            None => Ok(Self::Identity),
        }
    }

    /// Refuses [`Activation::ChannelRelu`] where there is no place for slopes.
    pub(super) fn check_needs_no_slopes(self) -> Result<()> {
        match self {
            Self::ChannelRelu => Err(Error::malformed("there are no slopes for ChannelRelu here")),
            Self::Identity
            | Self::Relu
            | Self::LeakyRelu { .. }
            | Self::Clip { .. }
            | Self::Sigmoid
            | Self::HardSigmoid { .. }
            | Self::HardSwish
            | Self::Silu
            | Self::Tanh => Ok(()),
        }
    }

    /// Adds the private attribute, unless there is nothing to say.
    pub(super) fn write_attribute(self, name: &str, attributes: &mut Attributes) {
        if self != Self::Identity {
            attributes.insert(name, Attribute::String(self.spelling()));
        }
    }
}

impl Definition for Activation {
    const NAMES: &'static [&'static str] = &[
        "Relu",
        "LeakyRelu",
        "Clip",
        "Sigmoid",
        "HardSigmoid",
        "HardSwish",
        "Swish",
        "Tanh",
    ];

    /// A factor in `Swish`, and bounds of `Clip` that are no numbers known
    /// beforehand, are read otherwise.
    fn reads(signature: &Signature<'_>) -> bool {
        match signature.operator {
            "Swish" => matches!(signature.attributes.float_or("alpha", 1.0), Ok(1.0) | Err(_)),
            "Clip" => clips_to_numbers(signature),
            _ => true,
        }
    }

    fn name(&self) -> &'static str {
        self.title()
    }

    fn attributes(&self) -> Attributes {
        let floats: &[(&str, f32)] = match self {
            Self::LeakyRelu { slope } => &[("alpha", *slope)],
            Self::Clip { low, high } => &[("max", *high), ("min", *low)],
            Self::HardSigmoid { alpha, beta } => &[("alpha", *alpha), ("beta", *beta)],
            Self::Identity
            | Self::Relu
            | Self::ChannelRelu
            | Self::Sigmoid
            | Self::HardSwish
            | Self::Silu
            | Self::Tanh => &[],
        };
        floats.iter().fold(Attributes::default(), |attributes, &(name, value)| {
            attributes.with(name, Attribute::Float(value))
        })
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let attributes = signature.attributes;
        let plain = |activation| {
            check(signature, &[], 1)?;
            Ok(activation)
        };
        let activation = match signature.operator {
            "Relu" => plain(Self::Relu),
            "LeakyRelu" => {
                check(signature, &["alpha"], 1)?;
                Ok(Self::LeakyRelu { slope: attributes.float_or("alpha", 0.01)? })
            }
            "Clip" => clip(signature),
            "Sigmoid" => plain(Self::Sigmoid),
            "HardSigmoid" => {
                check(signature, &["alpha", "beta"], 1)?;
                let alpha = attributes.float_or("alpha", 0.2)?;
                Ok(Self::HardSigmoid { alpha, beta: attributes.float_or("beta", 0.5)? })
            }
            "HardSwish" => plain(Self::HardSwish),
            "Swish" => {
                check(signature, &["alpha"], 1)?;
                attributes.float_or("alpha", 1.0)?;
                Ok(Self::Silu)
            }
            "Tanh" => plain(Self::Tanh),
            other => Err(Error::internal(format!("{other} is no activation"))),
        }?;
        Ok(Parsed::first(activation, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let tensor_type = required(operands, 0, "input")?.tensor_type;
        if *self != Self::Relu || tensor_type.element == ElementType::Bool {
            check_float(tensor_type)?;
        }
        self.check_needs_no_slopes()?;
        one(tensor_type.clone())
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(ElementwiseFunction { function: self.function()? }.into())
    }
}

/// Whether the bounds of a `Clip` are f32 numbers that are known; all others
/// are operands of [`super::Clip`].
fn clips_to_numbers(signature: &Signature<'_>) -> bool {
    let of_floats = operand_type(signature, 0, "input").is_ok_and(|input| input.element.is_float());
    match signature.opset {
        NEWEST => of_floats && signature.operands.len() == 1,
        opset if opset < 11 => true,
        _ => {
            let is_number = |slot: usize| match signature.operands.get(slot) {
                Some(Some(bound)) => bound.value.and_then(number).is_some(),
                _ => true,
            };
            of_floats && is_number(1) && is_number(2)
        }
    }
}

/// The one number of a bound, where it is one of f32.
fn number(bound: &Tensor) -> Option<f32> {
    match bound.data() {
        Data::F32(values) => <[f32; 1]>::try_from(values.as_slice()).ok().map(|[bound]| bound),
        Data::F64(values) => match values[..] {
            [bound] if bound.is_nan() || f64::from(bound as f32) == bound => Some(bound as f32),
            _ => None,
        },
        _ => None,
    }
}

/// `Clip`: bounds are attributes before operator set 11 and operands after.
fn clip(signature: &Signature<'_>) -> Result<Activation> {
    let unbounded = [f32::NEG_INFINITY, f32::INFINITY];
    if writes_attributes(signature, 11) {
        check(signature, &["min", "max"], 1)?;
        let [low, high] = if signature.opset == NEWEST { unbounded } else { [f32::MIN, f32::MAX] };
        let low = signature.attributes.float_or("min", low)?;
        return Ok(Activation::Clip { low, high: signature.attributes.float_or("max", high)? });
    }
    check(signature, &[], 3)?;
    let [low, high] = unbounded;
    let bound = |slot, what, otherwise| match constant(signature, slot, what)? {
        None => Ok(otherwise),
        Some(bound) => number(bound)
            .ok_or_else(|| Error::internal("a bound that is no number of f32 was let in")),
    };
    Ok(Activation::Clip { low: bound(1, "min", low)?, high: bound(2, "max", high)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::ops::testing::Case;

    fn values(case: Case) -> Vec<f32> {
        case.operand(Tensor::vector(vec![-4.0f32, -1.0, 0.0, 0.5, 8.0])).f32s().1
    }

    #[test]
    fn follow_their_formulas() {
        let float = |case: Case, name, value| case.with(name, Attribute::Float(value));
        assert_eq!(values(Case::new("Relu", 14)), [0.0, 0.0, 0.0, 0.5, 8.0]);
        let leaky = float(Case::new("LeakyRelu", 16), "alpha", 0.25);
        assert_eq!(values(leaky), [-1.0, -0.25, 0.0, 0.5, 8.0]);
        let clip = float(float(Case::new("Clip", 6 + 1), "min", 0.0), "max", 6.0);
        assert_eq!(values(clip), [0.0, 0.0, 0.0, 0.5, 6.0]);
        let hard = values(Case::new("HardSwish", 14));
        assert_eq!(hard, [0.0, -1.0 / 3.0, 0.0, 0.291_666_66, 8.0]);
        let sigmoid = values(Case::new("Sigmoid", 13));
        assert_eq!(sigmoid, [0.017_986_21, 0.268_941_43, 0.5, 0.622_459_35, 0.999_664_66]);
        let hard_sigmoid = values(Case::new("HardSigmoid", 6 + 1));
        assert_eq!(hard_sigmoid, [0.0, 0.3, 0.5, 0.6, 1.0]);
        let silu = values(Case::new("Swish", 24));
        assert_eq!(silu[1], -0.268_941_43);
        assert_eq!(values(Case::new("Tanh", 13))[3], 0.462_117_16);
    }

    #[test]
    fn infinities_and_nan_pass_through_as_they_should() {
        let values = |case: Case| {
            let data = vec![f32::NEG_INFINITY, f32::INFINITY, f32::NAN, -0.5];
            case.operand(Tensor::vector(data)).f32s().1
        };
        let relu = values(Case::new("Relu", 14));
        assert_eq!(relu[..2], [0.0, f32::INFINITY]);
        assert!(relu[2].is_nan() && relu[3].is_sign_positive());
        let clip = values(Case::new("Clip", 7));
        assert_eq!(clip[..2], [f32::MIN, f32::MAX]);
        assert!(clip[2].is_nan());
        assert_eq!(values(Case::new("Tanh", 13))[..2], [-1.0, 1.0]);
        assert_eq!(values(Case::new("HardSigmoid", 22))[..2], [0.0, 1.0]);
    }

    #[test]
    fn bounds_of_clip_are_operands_in_newer_sets_and_may_be_left_out() {
        let data = || Case::new("Clip", 13).operand(Tensor::vector(vec![-2.0f32, 9.0]));
        assert_eq!(data().f32s().1, [-2.0, 9.0]);
        let low = data().operand(Tensor::scalar(-1.0f32));
        assert_eq!(low.f32s().1, [-1.0, 9.0]);
        let high = data().absent().operand(Tensor::scalar(6.0f32));
        assert_eq!(high.f32s().1, [-2.0, 6.0]);
        let double = Case::new("Clip", 13).operand(Tensor::vector(vec![-2.0f64, 9.0]));
        let double = double.operand(Tensor::scalar(0.5f64));
        assert_eq!(double.value(), Tensor::vector(vec![0.5f64, 9.0]));
        let crossed = data().operand(Tensor::scalar(5.0f32)).operand(Tensor::scalar(3.0f32));
        assert_eq!(crossed.f32s().1, [3.0, 3.0]);
        for case in [data(), low, high, double, crossed] {
            assert!(matches!(case.read().unwrap().0, crate::ops::Op::Activation(_)), "{case:?}");
        }
        let old = Case::new("Clip", 10).counting(&[2]).operand(Tensor::scalar(0.0f32));
        old.refused(ErrorKind::Malformed, "at most 1 operands");
    }

    #[test]
    fn of_integers_there_is_only_the_rectifier() {
        assert_eq!(Case::new("Relu", 14).list(&[-1, 2]).value(), Tensor::vector(vec![0i64, 2]));
        Case::new("Tanh", 14).list(&[1]).refused(ErrorKind::Unsupported, "found i64");
        let boolean = Case::new("Relu", 14).operand(Tensor::scalar(true));
        boolean.refused(ErrorKind::Unsupported, "found bool");
        let unknown = Case::new("Relu", 14).counting(&[1]).int("alpha", 1);
        unknown.refused(ErrorKind::Malformed, "unknown attribute `alpha`");
    }

    #[test]
    fn spellings_read_back() {
        for activation in [
            Activation::Identity,
            Activation::Relu,
            Activation::LeakyRelu { slope: 0.1 },
            Activation::ChannelRelu,
            Activation::Clip { low: 0.0, high: f32::INFINITY },
            Activation::HardSigmoid { alpha: 0.2, beta: 0.5 },
            Activation::Silu,
        ] {
            assert_eq!(Activation::from_spelling(&activation.spelling()).unwrap(), activation);
        }
        assert!(Activation::from_spelling("Clip(1)").is_err());
        assert!(Activation::from_spelling("Relu(").is_err());
    }
}
