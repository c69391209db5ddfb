//! From numbers to small integers and back.

use super::floats::check_same_element;
use super::reading::{axis, check, one, operand_type, size};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, ElementType, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::Quantization;

/// `QuantizeLinear`, `DequantizeLinear`, `DynamicQuantizeLinear`. Operands: x,
/// and but for the last of them scale and zero point, which may be empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantize {
    /// What is computed.
    pub kind: Quantization,
    /// The element type of the result.
    pub element: ElementType,
}

/// The types that are quantised to, by their number in `TensorProto.DataType`.
const QUANTISED: [(i64, ElementType); 4] = [
    (2, ElementType::U8),
    (3, ElementType::I8),
    (4, ElementType::U16),
    (5, ElementType::I16),
];

/// The floating-point types, of which those of half width are computed in f32.
const FLOATS: [(i64, ElementType); 4] = [
    (1, ElementType::F32),
    (10, ElementType::F32),
    (16, ElementType::F32),
    (11, ElementType::F64),
];

/// The type that attribute `output_dtype` names, if there is one.
fn output_type(
    signature: &Signature<'_>,
    known: &[(i64, ElementType)],
) -> Result<Option<ElementType>> {
    let code = match signature.attributes.int_or("output_dtype", 0)? {
        0 => return Ok(None),
        code => code,
    };
    match known.iter().find(|(known, _)| *known == code) {
        Some((_, element)) => Ok(Some(*element)),
        None => Err(Error::unsupported(match code {
            17..=20 | 24 => "quantising to 8-bit floats is not supported".to_owned(),
            21 | 22 | 25 | 26 => {
                "quantising to integers of less than 8 bits is not supported".to_owned()
            }
            23 => "quantising to 4-bit floats is not supported".to_owned(),
            code => format!("attribute `output_dtype` names element type {code}"),
        })),
    }
}

impl Quantize {
    fn forth(signature: &Signature<'_>, axis: usize, block: usize) -> Result<Self> {
        // The precision only matters where it is less than that of the scale.
        let precision = signature.attributes.int_or("precision", 0)?;
        if !matches!(precision, 0 | 1) {
            return Err(Error::unsupported(format!(
                "expected attribute `precision` to be that of f32 (1), found {precision}"
            )));
        }
        let zero = signature.operands.get(2).copied().flatten();
        let element = match (output_type(signature, &QUANTISED)?, zero) {
            (Some(element), _) => element,
            (None, Some(zero)) => zero.tensor_type.element,
            (None, None) => ElementType::U8,
        };
        Ok(Self { kind: Quantization::Forth { axis, block }, element })
    }

    fn back(signature: &Signature<'_>, axis: usize, block: usize) -> Result<Self> {
        let scale = operand_type(signature, 1, "x_scale")?.element;
        let element = output_type(signature, &FLOATS)?.unwrap_or(scale);
        Ok(Self { kind: Quantization::Back { axis, block }, element })
    }

    /// Refuses scales of which it is known that there are not as many as the
    /// operand needs, and zero points that are not as many.
    fn check_scales(&self, operands: &[Option<Operand<'_>>]) -> Result<()> {
        let input = required(operands, 0, "x")?.tensor_type;
        let scale = required(operands, 1, "scale")?.tensor_type;
        let (axis, block) = match self.kind {
            Quantization::Forth { axis, block } | Quantization::Back { axis, block } => (axis, block),
            Quantization::Dynamic => return Ok(()),
        };
        let zero = operands.get(2).copied().flatten();
        if let Some(zero) = zero
            && zero.tensor_type.shape != scale.shape
            && (zero.tensor_type.elements()?, scale.elements()?) != (1, 1)
        {
            let zero = zero.tensor_type;
            return Err(Error::shape(format!("expected as many zero points {zero} as scales {scale}")));
        }
        if block == 0 && scale.rank() < 2 && scale.shape.iter().all(|dim| *dim == Dim::Fixed(1)) {
            return Ok(());
        }
        let mut expected = if block == 0 {
            input.shape.get(axis).cloned().into_iter().collect()
        } else {
            input.shape.clone()
        };
        if let (1.., Some(dim)) = (block, expected.get_mut(axis)) {
            *dim = match dim {
                Dim::Fixed(size) => Dim::Fixed(size.div_ceil(block)),
                Dim::Bounded { max, .. } => Dim::fresh(max.div_ceil(block)),
            };
        }
        let fits = |(a, b): (&Dim, &Dim)| match (a.fixed(), b.fixed()) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        if expected.len() != scale.rank() || !expected.iter().zip(&scale.shape).all(fits) {
            return Err(Error::shape(format!(
                "expected a scale for all, for each place along axis {axis} or for each block, \
                 found {scale} for {input}"
            )));
        }
        Ok(())
    }
}

impl Definition for Quantize {
    const NAMES: &'static [&'static str] =
        &["QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"];

    fn name(&self) -> &'static str {
        match self.kind {
            Quantization::Forth { .. } => "QuantizeLinear",
            Quantization::Back { .. } => "DequantizeLinear",
            Quantization::Dynamic => "DynamicQuantizeLinear",
        }
    }

    fn attributes(&self) -> Attributes {
        let (Quantization::Forth { axis, block } | Quantization::Back { axis, block }) = self.kind
        else {
            return Attributes::default();
        };
        let codes = QUANTISED.iter().chain(&FLOATS);
        let code = codes.into_iter().find(|(_, element)| *element == self.element);
        Attributes::default()
            .with("axis", Attribute::Int(axis as i64))
            .with("block_size", Attribute::Int(block as i64))
            .with("output_dtype", Attribute::Int(code.map_or(0, |(code, _)| *code)))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        if signature.operator == "DynamicQuantizeLinear" {
            check(signature, &[], 1)?;
            let quantize = Self { kind: Quantization::Dynamic, element: ElementType::U8 };
            return Ok(Parsed::first(quantize, 1));
        }
        check(signature, &["axis", "block_size", "output_dtype", "precision", "saturate"], 3)?;
        let rank = operand_type(signature, 0, "x")?.rank();
        // The default of 1 is no axis of a vector, where it mostly is not asked
        // for.
        let axis = match signature.attributes.int("axis")? {
            Some(&given) if rank > 0 => axis(given, rank)?,
            _ => 1.min(rank.saturating_sub(1)),
        };
        let block = size(signature.attributes.int_or("block_size", 0)?, "attribute `block_size`")?;
        let quantize = match signature.operator {
            "QuantizeLinear" => Self::forth(signature, axis, block)?,
            _ => Self::back(signature, axis, block)?,
        };
        Ok(Parsed::as_written(quantize, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "x")?.tensor_type;
        let result = TensorType { element: self.element, shape: input.shape.clone() };
        let refused = |what| Err(Error::shape(format!("expected {what}, found {input}")));
        let integer = |element| QUANTISED.iter().any(|(_, known)| *known == element);
        let zero = operands.get(2).copied().flatten();
        match self.kind {
            Quantization::Forth { .. } => {
                if !input.element.is_float() && input.element != ElementType::I32 {
                    return refused("floating-point numbers or i32");
                }
                if let Some(zero) = zero {
                    check_same_element(&result, zero.tensor_type)?;
                }
                if !integer(self.element) {
                    return Err(Error::shape(format!("nothing is quantised to {}", self.element)));
                }
            }
            Quantization::Back { .. } => {
                if !integer(input.element) && input.element != ElementType::I32 {
                    return refused("integers of 8, 16 or 32 bits");
                }
                if let Some(zero) = zero {
                    check_same_element(input, zero.tensor_type)?;
                }
                super::floats::check_float(&result)?;
            }
            Quantization::Dynamic => {
                if input.element != ElementType::F32 {
                    return refused("f32");
                }
                let scalar = |element| TensorType { element, shape: Vec::new() };
                return Ok(vec![result, scalar(ElementType::F32), scalar(ElementType::U8)]);
            }
        }
        self.check_scales(operands)?;
        one(result)
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(self.kind.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn quantize(values: &[f32]) -> Case {
        Case::new("QuantizeLinear", 21).operand(Tensor::vector(values.to_vec()))
    }

    #[test]
    fn rounds_to_even_and_saturates() {
        let case = quantize(&[0.0, 1.0, 3.0, 1000.0, -254.0, -1000.0]);
        let case = case.operand(Tensor::scalar(2.0f32)).operand(Tensor::scalar(128u8));
        assert_eq!(case.value(), Tensor::vector(vec![128u8, 128, 130, 255, 1, 0]));
        let case = || quantize(&[-1.0, f32::NAN, 40000.0]).operand(Tensor::scalar(1.0f32));
        assert_eq!(case().value(), Tensor::vector(vec![0u8, 0, 255]));
        assert_eq!(case().int("output_dtype", 5).value(), Tensor::vector(vec![-1i16, 0, 32767]));
        case().int("output_dtype", 17).refused(ErrorKind::Unsupported, "8-bit floats");
        case().int("precision", 10).refused(ErrorKind::Unsupported, "`precision`");
    }

    #[test]
    fn scales_may_differ_along_an_axis_or_by_block() {
        let case = |opset| {
            let values = Tensor::new(&[2, 3], vec![1i8, 2, 3, 4, 5, 6]).unwrap();
            Case::new("DequantizeLinear", opset).operand(values)
        };
        let columns = || case(13).operand(Tensor::vector(vec![1.0f32, 10.0, 100.0]));
        assert_eq!(columns().f32s().1, [1.0, 20.0, 300.0, 4.0, 50.0, 600.0]);
        let rows = case(13).int("axis", -2).operand(Tensor::vector(vec![1.0f32, 10.0]));
        let rows = rows.operand(Tensor::vector(vec![0i8, 4]));
        assert_eq!(rows.f32s().1, [1.0, 2.0, 3.0, 0.0, 10.0, 20.0]);
        let blocks = case(21).int("block_size", 2);
        let blocks = blocks.operand(Tensor::new(&[2, 2], vec![1.0f32, 10.0, 100.0, 0.5]).unwrap());
        assert_eq!(blocks.f32s().1, [1.0, 2.0, 30.0, 400.0, 500.0, 3.0]);
        columns().int("axis", 0).refused(ErrorKind::Shape, "expected a scale");
        columns().int("block_size", 2).refused(ErrorKind::Shape, "expected a scale");
    }

    #[test]
    fn the_range_of_the_values_gives_a_scale() {
        let case = Case::new("DynamicQuantizeLinear", 11).outputs(3);
        let values = Tensor::vector(vec![0.0f32, 2.0, -3.0, -2.5, 1.34, 0.5]);
        let results = case.operand(values).evaluate().unwrap();
        assert_eq!(results[0], Tensor::vector(vec![153u8, 255, 0, 26, 221, 179]));
        assert_eq!(results[1].f32s().unwrap(), [0.019_607_844]);
        assert_eq!(results[2], Tensor::scalar(153u8));
        let nothing = Case::new("DynamicQuantizeLinear", 11).counting(&[0]).outputs(3);
        assert_eq!(nothing.evaluate().unwrap()[2], Tensor::scalar(0u8));
    }
}
