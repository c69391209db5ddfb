//! Nodes that pass their operand on.

use super::broadcasting::elementwise_facts;
use super::reading::{check, constant, one};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attributes, Data, Fact, Operand, Parsed, Signature, Tensor, TensorType, required,
};
use crate::operation::CopyElements;

/// `Identity`, `Dropout` that drops nothing, and what combines any number of
/// operands where there is only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity;

impl Definition for Identity {
    const NAMES: &'static [&'static str] = &["Identity", "Dropout", "Sum", "Min", "Max"];

    fn reads(signature: &Signature<'_>) -> bool {
        match signature.operator {
            "Sum" | "Min" | "Max" => signature.operands.len() == 1,
            "Dropout" => !super::Dropout::reads(signature),
            _ => true,
        }
    }

    fn name(&self) -> &'static str {
        "Identity"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        if signature.operator == "Dropout" {
            check_dropout(signature)?;
        } else {
            check(signature, &[], 1)?;
        }
        Ok(Parsed::first(Self, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        one(required(operands, 0, "input")?.tensor_type.clone())
    }

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        let element = operands.first()?.as_ref()?.tensor_type.element;
        elementwise_facts(operands, element, |[x]: [&Fact; 1]| x.clone())
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(CopyElements.into())
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        Ok(vec![required(operands, 0, "input")?.clone()])
    }
}

/// Refuses a dropout that drops something.
pub(super) fn check_dropout(signature: &Signature<'_>) -> Result<()> {
    if signature.opset < 12 {
        return check(signature, &["ratio"], 1);
    }
    check(signature, &["seed"], 3)?;
    let training = constant(signature, 2, "training_mode")?;
    let trains = match training.map(Tensor::data) {
        None => false,
        Some(Data::Bool(mode)) => mode.as_slice() != [false],
        Some(_) => true,
    };
    if !trains || signature.operands.get(1).copied().flatten().is_some_and(is_zero) {
        return Ok(());
    }
    Err(Error::unsupported("dropout in training mode is not supported: its results are random")
        .help("export the model for inference, not for training"))
}

fn is_zero(ratio: Operand<'_>) -> bool {
    match ratio.value.map(Tensor::data) {
        Some(Data::F32(ratio)) => ratio.as_slice() == [0.0],
        Some(Data::F64(ratio)) => ratio.as_slice() == [0.0],
        _ => false,
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
    fn a_ratio_of_zero_drops_nothing_in_training_either() {
        let case = Case::new("Dropout", 13).counting(&[2]).operand(Tensor::scalar(0.0f32));
        assert_eq!(case.operand(Tensor::scalar(true)).f32s().1, [0.0, 1.0]);
    }

    #[test]
    fn refuses_to_drop() {
        let case = Case::new("Dropout", 13).counting(&[2]).absent();
        let training = case.operand(Tensor::scalar(true));
        training.refused(ErrorKind::Unsupported, "training mode");
        training.unknown(3).refused(ErrorKind::Unsupported, "depends on the data");
        Case::new("Identity", 13).refused(ErrorKind::Malformed, "input");
        let old = Case::new("Dropout", 10).counting(&[2]).int("seed", 1);
        old.refused(ErrorKind::Malformed, "unknown attribute `seed`");
    }
}
