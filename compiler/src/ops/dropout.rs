//! Dropout whose mask is asked for.

use super::identity::check_dropout;
use super::reading::NEWEST;
use super::{AnyOperation, Definition};
use crate::error::Result;
use crate::ir::{
    Attribute, Attributes, ElementType, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::KeepAll;

/// `Dropout` that drops nothing, with its mask. Without it is
/// [`super::Identity`]. Operand: data. Results: the data, and where it is kept:
/// everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropout {
    /// Whether the mask is of the data's type, as in operator sets before 10,
    /// and not of truth values.
    pub numeric_mask: bool,
}

impl Definition for Dropout {
    const NAMES: &'static [&'static str] = &["Dropout"];

    fn reads(signature: &Signature<'_>) -> bool {
        signature.outputs.get(1) == Some(&true)
    }

    fn name(&self) -> &'static str {
        "Dropout"
    }

    fn attributes(&self) -> Attributes {
        match self.numeric_mask {
            true => Attributes::default().with("numeric_mask", Attribute::Int(1)),
            false => Attributes::default(),
        }
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        if signature.opset == NEWEST {
            let numeric_mask = signature.attributes.flag("numeric_mask")?;
            return Ok(Parsed::first(Self { numeric_mask }, 1));
        }
        check_dropout(signature)?;
        Ok(Parsed::first(Self { numeric_mask: signature.opset < 10 }, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "data")?.tensor_type;
        data.elements()?;
        let element = if self.numeric_mask { data.element } else { ElementType::Bool };
        Ok(vec![data.clone(), TensorType { element, shape: data.shape.clone() }])
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(KeepAll.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    #[test]
    fn the_mask_keeps_everything() {
        let case = |opset| Case::new("Dropout", opset).counting(&[2]).outputs(2);
        let results = case(13).evaluate().unwrap();
        assert_eq!(results[0].f32s().unwrap(), [0.0, 1.0]);
        assert_eq!(results[1], Tensor::vector(vec![true, true]));
        assert_eq!(case(7).evaluate().unwrap()[1], Tensor::vector(vec![1.0f32, 1.0]));
        let training = case(13).absent().operand(Tensor::scalar(true));
        training.refused(ErrorKind::Unsupported, "training mode");
    }
}
