//! Nodes that pass their operand on.

use super::Definition;
use super::reading::{check, constant, one};
use crate::error::{Error, Result};
use crate::ir::{Attributes, Data, Operand, Parsed, Signature, Tensor, TensorType, required};

/// `Identity`, and `Dropout` in inference mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity;

impl Definition for Identity {
    const NAMES: &'static [&'static str] = &["Identity", "Dropout"];

    fn name(&self) -> &'static str {
        "Identity"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        if signature.operator == "Dropout" {
            dropout(signature)?;
        } else {
            check(signature, &[], 1)?;
        }
        Ok(Parsed::first(Self, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        one(required(operands, 0, "input")?.tensor_type.clone())
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        Ok(vec![required(operands, 0, "input")?.clone()])
    }
}

/// Refuses a dropout that drops something.
fn dropout(signature: &Signature<'_>) -> Result<()> {
    if signature.opset < 12 {
        check(signature, &["ratio"], 1)?;
    } else {
        check(signature, &["seed"], 3)?;
    }
    if signature.outputs.iter().skip(1).any(|&used| used) {
        return Err(Error::unsupported("the output `mask` of a dropout is not supported")
            .help("export the model for inference, not for training"));
    }
    let training = constant(signature, 2, "training_mode")?;
    match training.map(Tensor::data) {
        None => Ok(()),
        Some(Data::Bool(mode)) if mode.as_slice() == [false] => Ok(()),
        Some(_) => Err(Error::unsupported("dropout in training mode is not supported")
            .help("export the model for inference, not for training")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Case;
    use crate::error::ErrorKind;
    use crate::ir::{Attribute, Tensor};

    #[test]
    fn passes_its_operand_on() {
        let half = Attribute::Float(0.5);
        let old = Case::new("Dropout", 7).with("ratio", half).counting(&[2]);
        let new = Case::new("Dropout", 13)
            .int("seed", 1)
            .counting(&[2])
            .operand(Tensor::scalar(0.5f32))
            .operand(Tensor::scalar(false));
        let ratio_unknown = Case::new("Dropout", 22).counting(&[2]).counting(&[]).unknown(2);
        let identity = Case::new("Identity", 14).counting(&[2]);
        for case in [old, new, ratio_unknown, identity] {
            assert_eq!(case.f32s(), (vec![2], vec![0.0, 1.0]));
            assert_eq!(case.read().unwrap().1.len(), 1);
        }
    }

    #[test]
    fn refuses_to_drop() {
        let case = Case::new("Dropout", 13).counting(&[2]).absent();
        case.clone().outputs(2).refused(ErrorKind::Unsupported, "`mask`");
        let training = case.operand(Tensor::scalar(true));
        training.refused(ErrorKind::Unsupported, "training mode");
        training.unknown(3).refused(ErrorKind::Unsupported, "depends on the data");
        Case::new("Identity", 13).refused(ErrorKind::Malformed, "input");
        let old = Case::new("Dropout", 10).counting(&[2]).int("seed", 1);
        old.refused(ErrorKind::Malformed, "unknown attribute `seed`");
    }
}
