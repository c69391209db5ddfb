//! Weights of signals and spectra that follow from a few numbers.

use super::reading::{check, one};
use super::spectrum::size_of;
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, ElementType, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::{MelWeights, WindowFunction};

/// `HannWindow`, `HammingWindow`, `BlackmanWindow`, of a size; and
/// `MelWeightMatrix`, of number of bands, length of the transform, samples a
/// second, lowest and highest frequency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignalWeights {
    /// The window; none for the matrix.
    pub window: Option<WindowFunction>,
    /// What the weights are.
    pub element: ElementType,
}

/// Numbers of `TensorProto.DataType`.
const CODES: [(i64, ElementType); 12] = [
    (1, ElementType::F32),
    (2, ElementType::U8),
    (3, ElementType::I8),
    (4, ElementType::U16),
    (5, ElementType::I16),
    (6, ElementType::I32),
    (7, ElementType::I64),
    (10, ElementType::F32),
    (11, ElementType::F64),
    (12, ElementType::U32),
    (13, ElementType::U64),
    (16, ElementType::F32),
];

impl Definition for SignalWeights {
    const NAMES: &'static [&'static str] =
        &["HannWindow", "HammingWindow", "BlackmanWindow", "MelWeightMatrix"];

    fn name(&self) -> &'static str {
        match self.window {
            Some(WindowFunction::Hann { .. }) => "HannWindow",
            Some(WindowFunction::Hamming { .. }) => "HammingWindow",
            Some(WindowFunction::Blackman { .. }) => "BlackmanWindow",
            None => "MelWeightMatrix",
        }
    }

    fn attributes(&self) -> Attributes {
        let code = CODES.iter().find(|(_, element)| *element == self.element);
        let code = code.map_or(0, |(code, _)| *code);
        let attributes = Attributes::default().with("output_datatype", Attribute::Int(code));
        let Some(
            WindowFunction::Hann { periodic }
            | WindowFunction::Hamming { periodic }
            | WindowFunction::Blackman { periodic },
        ) = self.window
        else {
            return attributes;
        };
        attributes.with("periodic", Attribute::Int(periodic.into()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let periodic = signature.attributes.int_or("periodic", 1)? != 0;
        let window = match signature.operator {
            "HannWindow" => Some(WindowFunction::Hann { periodic }),
            "HammingWindow" => Some(WindowFunction::Hamming { periodic }),
            "BlackmanWindow" => Some(WindowFunction::Blackman { periodic }),
            _ => None,
        };
        match window {
            Some(_) => check(signature, &["output_datatype", "periodic"], 1)?,
            None => check(signature, &["output_datatype"], 5)?,
        }
        let code = signature.attributes.int_or("output_datatype", 1)?;
        let element = CODES.iter().find(|(known, _)| *known == code);
        let &(_, element) = element.ok_or_else(|| {
            Error::unsupported(format!("attribute `output_datatype` names element type {code}"))
        })?;
        Ok(Parsed::as_written(Self { window, element }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let first = size_of(required(operands, 0, "size")?, "size")?;
        let shape = match self.window {
            Some(_) => vec![first],
            None => {
                let length = size_of(required(operands, 1, "dft_length")?, "dft_length")?;
                for (slot, what) in [(2, "sample_rate"), (3, "lower_edge"), (4, "upper_edge")] {
                    let number = required(operands, slot, what)?.tensor_type;
                    if number.elements()? != 1 {
                        return Err(Error::shape(format!("expected a number, found {number}")));
                    }
                }
                let bins = match length {
                    Dim::Fixed(length) => Dim::Fixed(length / 2 + 1),
                    Dim::Bounded { max: usize::MAX, .. } => Dim::open(),
                    Dim::Bounded { max, .. } => Dim::fresh(max / 2 + 1),
                };
                vec![bins, first]
            }
        };
        one(TensorType { element: self.element, shape })
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(match self.window {
            Some(window) => window.into(),
            None => MelWeights::Triangles.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    #[test]
    fn windows_rise_and_fall() {
        let case = |name| Case::new(name, 17).operand(Tensor::scalar(4i32));
        assert_eq!(case("HannWindow").f32s().1, [0.0, 0.5, 1.0, 0.5]);
        let whole = case("HannWindow").int("periodic", 0).f32s().1;
        assert!((whole[1] - 0.75).abs() < 1e-6 && whole[3].abs() < 1e-6, "{whole:?}");
        let value = case("HammingWindow").int("output_datatype", 11).value();
        assert_eq!(value.element(), crate::ir::ElementType::F64);
        assert!((case("BlackmanWindow").f32s().1[2] - 1.0).abs() < 1e-6);
        case("HannWindow").int("output_datatype", 9).refused(ErrorKind::Unsupported, "type 9");
    }

    #[test]
    fn bands_are_triangles() {
        let case = Case::new("MelWeightMatrix", 17)
            .operand(Tensor::scalar(8i64))
            .operand(Tensor::scalar(16i64))
            .operand(Tensor::scalar(8192i64))
            .operand(Tensor::scalar(0.0f32))
            .operand(Tensor::scalar(4096.0f32));
        let (sizes, weights) = case.f32s();
        assert_eq!(sizes, [9, 8]);
        assert_eq!(weights[..8], [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }
}
