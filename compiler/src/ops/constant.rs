//! Constants written as nodes.

use super::Definition;
use super::reading::check;
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Operand, Parsed, Signature, Tensor, TensorType};
use std::sync::Arc;

/// `Constant`: no operands.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// The value.
    pub value: Arc<Tensor>,
}

impl Definition for Constant {
    const NAMES: &'static [&'static str] = &["Constant"];

    fn name(&self) -> &'static str {
        "Constant"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default().with("value", Attribute::Tensor(self.value.clone()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        for name in ["sparse_value", "value_string", "value_strings"] {
            if signature.attributes.iter().any(|(given, _)| given == name) {
                return Err(Error::unsupported(format!(
                    "a constant written as `{name}` is not supported; only dense numbers are"
                )));
            }
        }
        const NAMES: [&str; 5] =
            ["value", "value_int", "value_ints", "value_float", "value_floats"];
        check(signature, &NAMES, 0)?;
        let attributes = signature.attributes;
        let given = [
            attributes.tensor("value")?.cloned(),
            attributes.int("value_int")?.map(|&value| Arc::new(Tensor::scalar(value))),
            attributes.ints("value_ints")?.map(|values| Arc::new(Tensor::vector(values.clone()))),
            attributes.float("value_float")?.map(|&value| Arc::new(Tensor::scalar(value))),
            attributes.floats("value_floats")?.map(|v| Arc::new(Tensor::vector(v.clone()))),
        ];
        let mut given = given.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(value), None) => Ok(Parsed::first(Self { value }, 0)),
            (None, _) => Err(Error::malformed(format!(
                "a constant needs one of the attributes `{}`",
                NAMES.join("`, `")
            ))),
            (Some(_), Some(_)) => Err(Error::malformed(format!(
                "a constant has only one of the attributes `{}`, found several",
                NAMES.join("`, `")
            ))),
        }
    }

    fn infer(&self, _: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        Ok(vec![self.value.tensor_type()])
    }

    fn evaluate(&self, _: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        Ok(vec![Tensor::clone(&self.value)])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Case;
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn every_way_to_write_one() {
        let constant = |name, attribute| Case::new("Constant", 13).with(name, attribute).value();
        let tensor = Tensor::new(&[1, 2], vec![true, false]).unwrap();
        assert_eq!(constant("value", Attribute::Tensor(tensor.clone().into())), tensor);
        assert_eq!(constant("value_int", Attribute::Int(3)), Tensor::scalar(3i64));
        assert_eq!(constant("value_ints", Attribute::Ints(vec![])), Tensor::vector(vec![0i64; 0]));
        assert_eq!(constant("value_float", Attribute::Float(0.5)), Tensor::scalar(0.5f32));
        let floats = constant("value_floats", Attribute::Floats(vec![1.0, 2.0]));
        assert_eq!(floats, Tensor::vector(vec![1.0f32, 2.0]));
    }

    #[test]
    fn errors() {
        let case = Case::new("Constant", 13);
        case.refused(ErrorKind::Malformed, "needs one of the attributes `value`");
        let text = Attribute::String("a".into());
        case.clone().with("value_string", text).refused(ErrorKind::Unsupported, "`value_string`");
        let both = case.clone().int("value_int", 1).ints("value_ints", &[1]);
        both.refused(ErrorKind::Malformed, "several");
        case.clone().int("value", 1).refused(ErrorKind::Malformed, "should be a tensor");
        case.int("value_int", 1).list(&[1]).refused(ErrorKind::Malformed, "at most 0 operands");
    }
}
