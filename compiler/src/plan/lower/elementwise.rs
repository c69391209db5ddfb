//! Elementwise functions.

use super::Lowering;
use crate::error::{Error, Result};
use crate::ir::{Value, required};
use crate::ops::{Activation, Binary, Unary};
use crate::step::{self, BinaryOperation, Halo, RANK, UnaryFunction};

impl Lowering<'_> {
    pub(super) fn activation(
        &mut self,
        activation: Activation,
        input: Value,
        result: Value,
    ) -> Result<()> {
        let activation = self.store_activation(activation, None, 0)?;
        if self.has_blocked(input) {
            let input = self.blocked(input, Halo::default())?;
            let output = self.new_blocked(result)?;
            self.push(&[input.into()], output, move |p| {
                let (input, output) = (p.blocked(input), p.blocked(output));
                step::BlockedUnary { input, output, activation }.into()
            });
            return Ok(());
        }
        self.plain_unary(UnaryFunction::Activation { function: activation }, input, result)
    }

    pub(super) fn unary(&mut self, unary: &Unary, input: Value, result: Value) -> Result<()> {
        let function = match *unary {
            Unary::Abs => UnaryFunction::Abs,
            Unary::Neg => UnaryFunction::Neg,
            Unary::Exp => UnaryFunction::Exp,
            Unary::Log => UnaryFunction::Log,
            Unary::Sqrt => UnaryFunction::Sqrt,
            Unary::Reciprocal => UnaryFunction::Reciprocal,
            Unary::Floor => UnaryFunction::Floor,
            Unary::Ceil => UnaryFunction::Ceil,
            Unary::Round => UnaryFunction::Round,
            Unary::Erf => UnaryFunction::Erf,
            Unary::Softplus => UnaryFunction::Softplus,
            Unary::Elu { alpha } => UnaryFunction::Elu { alpha },
        };
        self.plain_unary(function, input, result)
    }

    fn plain_unary(&mut self, function: UnaryFunction, input: Value, result: Value) -> Result<()> {
        let input = self.plain(input)?;
        let output = self.new_plain(result)?;
        self.push(&[input.into()], output, move |p| {
            let (input, output) = (p.plain(input), p.plain(output));
            step::Unary { input, output, function }.into()
        });
        Ok(())
    }

    pub(super) fn binary(
        &mut self,
        binary: Binary,
        operands: &[Option<Value>],
        result: Value,
    ) -> Result<()> {
        let left = required(operands, 0, "left")?;
        let right = required(operands, 1, "right")?;
        if self.blocked_binary(binary, left, right, result)? {
            return Ok(());
        }
        if binary.operation.commutes() && self.blocked_binary(binary, right, left, result)? {
            return Ok(());
        }
        self.plain_binary(binary, left, right, result)
    }

    /// Whether the operands suit the blocked kernel; drafts it if so.
    fn blocked_binary(
        &mut self,
        binary: Binary,
        left: Value,
        right: Value,
        result: Value,
    ) -> Result<bool> {
        let Binary { operation, activation } = binary;
        let finite = match operation {
            BinaryOperation::Add
            | BinaryOperation::Sub
            | BinaryOperation::Mul
            | BinaryOperation::Min
            | BinaryOperation::Max => true,
            BinaryOperation::Div | BinaryOperation::Pow | BinaryOperation::ParametricRelu => false,
        };
        let [sizes, left_sizes, right_sizes] =
            [self.sizes(result)?, self.sizes(left)?, self.sizes(right)?];
        let fits = sizes.len() == 4
            && left_sizes == sizes
            && right_sizes.len() == 4
            && right_sizes[1] == sizes[1]
            && [0, 2, 3].iter().all(|&i| right_sizes[i] == sizes[i] || right_sizes[i] == 1);
        if !finite || !fits || !self.has_blocked(left) || sizes.contains(&0) {
            return Ok(false);
        }
        let activation = self.store_activation(activation, None, 0)?;
        let left = self.blocked(left, Halo::default())?;
        let right = self.blocked(right, Halo::default())?;
        let output = self.new_blocked(result)?;
        self.push(&[left.into(), right.into()], output, move |p| {
            let [left, right, output] = [left, right, output].map(|id| p.blocked(id));
            step::BlockedBinary { left, right, output, operation, activation }.into()
        });
        Ok(true)
    }

    fn plain_binary(
        &mut self,
        binary: Binary,
        left: Value,
        right: Value,
        result: Value,
    ) -> Result<()> {
        let Binary { operation, activation } = binary;
        let output_sizes = self.sizes(result)?;
        let sizes = leading(&output_sizes, 1)?;
        let left_strides = broadcast_strides(&self.sizes(left)?, &output_sizes)?;
        let right_strides = broadcast_strides(&self.sizes(right)?, &output_sizes)?;
        let activation = self.store_activation(activation, None, 0)?;
        let left = self.plain(left)?;
        let right = self.plain(right)?;
        let output = self.new_plain(result)?;
        self.push(&[left.into(), right.into()], output, move |p| {
            let [left, right, output] = [left, right, output].map(|id| p.plain(id));
            step::Binary {
                left,
                right,
                output,
                operation,
                activation,
                sizes,
                left_strides,
                right_strides,
            }
            .into()
        });
        Ok(())
    }
}

/// Sizes or strides padded at the front to [`RANK`] dimensions.
pub(super) fn leading<T: Copy>(values: &[T], fill: T) -> Result<[T; RANK]> {
    let missing = RANK.checked_sub(values.len()).ok_or_else(|| {
        Error::unsupported(format!("tensors of more than {RANK} dimensions are not compiled"))
    })?;
    let mut padded = [fill; RANK];
    padded[missing..].copy_from_slice(values);
    Ok(padded)
}

/// Elements from one index to the next of a row-major tensor.
pub(super) fn row_major_strides(sizes: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; sizes.len()];
    for i in (1..sizes.len()).rev() {
        strides[i - 1] = strides[i] * sizes[i];
    }
    strides
}

/// Strides of an operand that is broadcast to `output`; 0 where it repeats.
pub(super) fn broadcast_strides(sizes: &[usize], output: &[usize]) -> Result<[usize; RANK]> {
    let strides: Vec<usize> = row_major_strides(sizes)
        .into_iter()
        .zip(sizes)
        .map(|(stride, &size)| if size == 1 { 0 } else { stride })
        .collect();
    if sizes.len() > output.len() {
        return Err(Error::internal("an operand has more dimensions than the result"));
    }
    leading(&strides, 0)
}
