//! Fully connected layers and matrix products.

use super::Lowering;
use super::elementwise::{leading, row_major_strides};
use crate::error::{Error, Result};
use crate::ir::{Dim, ElementType, Value, required};
use crate::ops::{Activation, Gemm};
use crate::plan::tensor::{PlainId, TensorId};
use crate::plan::weights::Purpose;
use crate::step::{self, GROUP, RANK, Section};
use std::borrow::Cow;

/// From how many rows on the weights are packed for many. With fewer, memory
/// is what limits, and the order of the file needs no packing.
const MANY_ROWS: usize = 5;

/// A constant right-hand matrix of a product.
struct Matrix {
    value: Value,
    inputs: usize,
    outputs: usize,
    /// Whether the file has it as `[outputs, inputs]`, not the other way.
    given_by_output: bool,
    /// What every value is multiplied with.
    factor: f32,
}

impl Matrix {
    /// Whether the rows are as the file has them.
    fn is_plain(&self) -> bool {
        self.given_by_output && self.factor.to_bits() == 1f32.to_bits()
    }
}

impl<'g> Lowering<'g> {
    pub(super) fn gemm(
        &mut self,
        gemm: &Gemm,
        operands: &[Option<Value>],
        result: Value,
    ) -> Result<()> {
        let a = required(operands, 0, "A")?;
        let b = required(operands, 1, "B")?;
        let (rows, outputs) = self.matrix(result)?;
        let (input, inputs) = if gemm.transpose_a {
            (self.transposed(a)?, self.sizes(a)?.first().copied().unwrap_or(0))
        } else {
            (self.plain(a)?, self.matrix(a)?.1)
        };
        let matrix = Matrix {
            value: b,
            inputs,
            outputs,
            given_by_output: gemm.transpose_b,
            factor: gemm.alpha,
        };
        let bias = match operands.get(2).copied().flatten() {
            Some(c) => self.gemm_bias(c, outputs, gemm.beta)?,
            None => self.channels_section(None, outputs)?,
        };
        let activation = self.store_activation(gemm.activation, None, 0)?;
        self.dense(input, &rows, &matrix, bias, activation, result)
    }

    fn dense(
        &mut self,
        input: PlainId,
        rows: &Dim,
        matrix: &Matrix,
        bias: Section,
        activation: step::Activation,
        result: Value,
    ) -> Result<()> {
        let many = rows.max() >= MANY_ROWS;
        let weights =
            if many { self.batch_dense_weights(matrix)? } else { self.dense_weights(matrix)? };
        let output = self.new_tensor(result)?;
        let rows = self.known_extent(rows)?;
        let mut reads = vec![input.into()];
        reads.extend(rows.count().map(TensorId::from));
        let Matrix { inputs, outputs, .. } = *matrix;
        self.push(&reads, output, move |p| {
            let (input, output, rows) = (p.plain(input), p.plain(output), rows.placed(p));
            if many {
                step::BatchDense { input, output, weights, bias, rows, inputs, outputs, activation }
                    .into()
            } else {
                let batch = rows;
                step::Dense { input, output, weights, bias, batch, inputs, outputs, activation }
                    .into()
            }
        });
        Ok(())
    }

    /// Rows, which may be known only at run time, and columns of a matrix.
    fn matrix(&self, value: Value) -> Result<(Dim, usize)> {
        let tensor_type = self.graph.type_of(value);
        match tensor_type.shape.as_slice() {
            [rows, Dim::Fixed(columns)] if tensor_type.element == ElementType::F32 => {
                Ok((rows.clone(), *columns))
            }
            _ => Err(Error::unsupported(format!(
                "expected an f32 matrix of known width, found {tensor_type}"
            ))),
        }
    }

    /// The weights for many rows.
    fn batch_dense_weights(&mut self, matrix: &Matrix) -> Result<Section> {
        if matrix.is_plain()
            && let Some(section) = self.weights.known(matrix.value, Purpose::BatchDense)
        {
            return Ok(section);
        }
        let rows = self.dense_rows(matrix)?;
        let packed = step::pack_dense_weights(&rows, matrix.inputs, matrix.outputs);
        let section = self.weights.push(&packed);
        if matrix.is_plain() {
            self.weights.remember(matrix.value, Purpose::BatchDense, section);
        }
        Ok(section)
    }

    /// The weights for few rows.
    fn dense_weights(&mut self, matrix: &Matrix) -> Result<Section> {
        if matrix.is_plain()
            && let Some(section) = self.weights.known(matrix.value, Purpose::Dense)
        {
            return Ok(section);
        }
        let section = match self.dense_rows(matrix)? {
            Cow::Borrowed(values) => self.weights.push(values),
            Cow::Owned(values) => self.weights.push(&values),
        };
        if matrix.is_plain() {
            self.weights.remember(matrix.value, Purpose::Dense, section);
        }
        Ok(section)
    }

    /// A constant right-hand matrix as `[outputs][inputs]`, times its factor.
    fn dense_rows(&self, matrix: &Matrix) -> Result<Cow<'g, [f32]>> {
        let Matrix { value, inputs, outputs, given_by_output, factor } = *matrix;
        let values = self.constant_f32(value)?;
        if matrix.is_plain() {
            return Ok(Cow::Borrowed(values));
        }
        let mut packed = vec![0.0; values.len()];
        for (o, row) in packed.chunks_exact_mut(inputs.max(1)).enumerate() {
            if given_by_output {
                row.copy_from_slice(&values[o * inputs..][..inputs]);
            } else {
                let column = values.get(o..).unwrap_or_default().iter().step_by(outputs.max(1));
                row.iter_mut().zip(column).for_each(|(slot, &value)| *slot = value);
            }
            row.iter_mut().for_each(|value| *value *= factor);
        }
        Ok(Cow::Owned(packed))
    }

    /// The offset of a `Gemm` as one value an output.
    fn gemm_bias(&mut self, c: Value, outputs: usize, beta: f32) -> Result<Section> {
        let sizes = self.sizes(c)?;
        let values = self.constant_f32(c)?;
        let rows_differ = sizes.len() == 2 && sizes[0] != 1;
        if rows_differ || (values.len() != 1 && values.len() != outputs) {
            return Err(Error::unsupported(format!(
                "expected an offset of one value an output, found sizes {sizes:?}"
            )));
        }
        let bias: Vec<f32> = values.iter().cycle().take(outputs).map(|v| v * beta).collect();
        Ok(self.weights.push_padded(&bias, GROUP))
    }

    pub(super) fn matmul(&mut self, operands: &[Option<Value>], result: Value) -> Result<()> {
        let left = required(operands, 0, "left")?;
        let right = required(operands, 1, "right")?;
        let right_sizes = self.sizes(right)?;
        let constant = self.graph.constant(right).is_some();
        if let (Ok((rows, inputs)), [_, outputs], true) =
            (self.matrix(left), right_sizes.as_slice(), constant)
        {
            return self.constant_matmul(left, right, &rows, [inputs, *outputs], result);
        }
        let left_sizes = self.sizes(left)?;
        if let ([rows @ .., inputs], [_, outputs], true) =
            (left_sizes.as_slice(), right_sizes.as_slice(), constant)
        {
            let rows = Dim::Fixed(rows.iter().product());
            return self.constant_matmul(left, right, &rows, [*inputs, *outputs], result);
        }
        self.general_matmul(left, right, result)
    }

    /// A product with a constant matrix is a fully connected layer.
    fn constant_matmul(
        &mut self,
        left: Value,
        right: Value,
        rows: &Dim,
        [inputs, outputs]: [usize; 2],
        result: Value,
    ) -> Result<()> {
        let matrix = Matrix { value: right, inputs, outputs, given_by_output: false, factor: 1.0 };
        let bias = self.channels_section(None, outputs)?;
        let activation = self.store_activation(Activation::Identity, None, 0)?;
        let input = self.plain(left)?;
        self.dense(input, rows, &matrix, bias, activation, result)
    }

    fn general_matmul(&mut self, left: Value, right: Value, result: Value) -> Result<()> {
        // A vector is a matrix of one row on the left, of one column on the right.
        let mut left_sizes = self.sizes(left)?;
        let mut right_sizes = self.sizes(right)?;
        let mut batches = self.sizes(result)?;
        if left_sizes.len() == 1 {
            left_sizes.insert(0, 1);
        } else {
            batches.pop();
        }
        if right_sizes.len() == 1 {
            right_sizes.push(1);
        } else {
            batches.pop();
        }
        let [.., rows, depth] = left_sizes[..] else { return Err(internal()) };
        let [.., columns] = right_sizes[..] else { return Err(internal()) };
        let left_strides = batch_strides(&left_sizes, batches.len())?;
        let right_strides = batch_strides(&right_sizes, batches.len())?;
        let batches = leading(&batches, 1)?;
        let left = self.plain(left)?;
        let right = self.plain(right)?;
        let output = self.new_plain(result)?;
        self.push(&[left.into(), right.into()], output, move |p| {
            let [left, right, output] = [left, right, output].map(|id| p.plain(id));
            step::MatMul {
                left,
                right,
                output,
                rows,
                depth,
                columns,
                batches,
                left_strides,
                right_strides,
            }
            .into()
        });
        Ok(())
    }
}

fn internal() -> Error {
    Error::internal("a matrix product has an operand without dimensions")
}

/// Strides of the batch dimensions of a matrix operand, 0 where it repeats.
fn batch_strides(sizes: &[usize], batch_rank: usize) -> Result<[usize; RANK]> {
    let own = sizes.len().saturating_sub(2);
    if own > batch_rank {
        return Err(internal());
    }
    let strides: Vec<usize> = row_major_strides(sizes)[..own]
        .iter()
        .zip(sizes)
        .map(|(&stride, &size)| if size == 1 { 0 } else { stride })
        .collect();
    leading(&strides, 0)
}
