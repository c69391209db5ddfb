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
