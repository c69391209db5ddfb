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
