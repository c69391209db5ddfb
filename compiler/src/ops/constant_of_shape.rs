//! A constant of a computed shape.

use super::Definition;
use super::reading::{check, inferred, known, list, one, size};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Data, Operand, Parsed, Signature, Tensor, TensorType, required,
};
use crate::with_data;
use std::sync::Arc;

/// `ConstantOfShape`. The shape is an operand, and constant.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstantOfShape {
    /// One value, repeated.
    pub value: Arc<Tensor>,
}

impl Definition for ConstantOfShape {
    const NAMES: &'static [&'static str] = &["ConstantOfShape"];

    fn name(&self) -> &'static str {
        "ConstantOfShape"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default().with("value", Attribute::Tensor(self.value.clone()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["value"], 1)?;
        let value = match signature.attributes.tensor("value")? {
            None => Arc::new(Tensor::vector(vec![0.0f32])),
            Some(value) if value.len() == 1 => value.clone(),
            Some(value) => {
                return Err(Error::malformed(format!(
                    "attribute `value` should have one element, but is {}",
                    value.tensor_type()
                )));
            }
        };
        Ok(Parsed::as_written(Self { value }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let shape = list(known(required(operands, 0, "input")?, "input")?, "input")?;
        let shape = shape.iter().map(|&given| size(given, "a size")).collect::<Result<Vec<_>>>()?;
        one(TensorType::fixed(self.value.element(), &shape))
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let types = inferred(self, operands)?;
        let fill = |t: &TensorType| {
            let elements = t.elements()?;
            let data = with_data!(self.value.data(), values => {
                Data::from(values.iter().copied().cycle().take(elements).collect::<Vec<_>>())
            });
            Tensor::new(&t.sizes()?, data)
        };
        types.iter().map(fill).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Case;
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn repeats_one_value() {
        let case = Case::new("ConstantOfShape", 9);
        let zeros = case.clone().list(&[2, 3]).value();
        assert_eq!(zeros, Tensor::new(&[2, 3], vec![0.0f32; 6]).unwrap());
        let value = Attribute::Tensor(Tensor::vector(vec![7i32]).into());
        let sevens = case.clone().with("value", value.clone()).list(&[3]).value();
        assert_eq!(sevens, Tensor::vector(vec![7i32; 3]));
        assert_eq!(case.clone().with("value", value).list(&[]).value(), Tensor::scalar(7i32));
        assert_eq!(case.list(&[i64::MAX, 0]).value().len(), 0);
    }

    #[test]
    fn errors() {
        let case = Case::new("ConstantOfShape", 20);
        case.refused(ErrorKind::Malformed, "operand 0 (input) is missing");
        case.clone().list(&[-1]).refused(ErrorKind::Malformed, "a size should not be negative");
        case.clone().list(&[1 << 30, 1 << 30]).refused(ErrorKind::Shape, "too many elements");
        case.clone().counting(&[1]).refused(ErrorKind::Shape, "should be integers");
        let matrix = Tensor::new(&[1, 1], vec![2i64]).unwrap();
        case.clone().operand(matrix).refused(ErrorKind::Shape, "should be a vector");
        let values = Attribute::Tensor(Tensor::vector(vec![7i32, 8]).into());
        case.with("value", values).list(&[1]).refused(ErrorKind::Malformed, "one element");
    }

    #[test]
    fn the_shape_must_be_known() {
        let (operator, _) = Case::new("ConstantOfShape", 9).list(&[2]).read().unwrap();
        let tensor_type = TensorType::fixed(crate::ir::ElementType::I64, &[2]);
        let operand = Operand::of_type(&tensor_type);
        let error = crate::ir::Operator::infer(&operator, &[Some(operand)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("depends on the data"), "{error}");
    }
}
