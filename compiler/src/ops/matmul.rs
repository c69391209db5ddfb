//! Matrix product with broadcast batch dimensions.

use super::Definition;
use super::broadcasting::{broadcast, repeated};
use super::floats::{check_float, check_same_element, rounded, widened};
use super::reading::{check, one};
use crate::error::{Error, Result};
use crate::ir::{Attributes, Operand, Parsed, Signature, Tensor, TensorType, required};

/// `MatMul`, after numpy's `matmul`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatMul;

/// The sizes of a product.
struct Product {
    batches: Vec<usize>,
    rows: usize,
    depth: usize,
    columns: usize,
    /// Sizes of the result.
    result: Vec<usize>,
}

impl Product {
    /// A vector on the left is a row, one on the right a column; the dimension
    /// of 1 that this adds is not part of the result.
    fn of(left: &TensorType, right: &TensorType) -> Result<Self> {
        let [mut a, mut b] = [left.sizes()?, right.sizes()?];
        let [row, column] = [a.len() == 1, b.len() == 1];
        if row {
            a.insert(0, 1);
        }
        if column {
            b.push(1);
        }
        let ([outer_a @ .., rows, depth], [outer_b @ .., other, columns]) = (&a[..], &b[..]) else {
            return Err(Error::shape(format!("expected matrices, found {left} and {right}")));
        };
        if depth != other {
            return Err(Error::shape(format!(
                "the matrices have {depth} and {other} values to multiply: {left}, {right}"
            )));
        }
        let outer = |sizes: &[usize]| TensorType::fixed(left.element, sizes);
        let batches = broadcast(&outer(outer_a), &outer(outer_b))?;
        let batches = TensorType { element: left.element, shape: batches }.sizes()?;
        let mut result = batches.clone();
        result.extend((!row).then_some(*rows));
        result.extend((!column).then_some(*columns));
        Ok(Self { batches, rows: *rows, depth: *depth, columns: *columns, result })
    }

    /// An operand with all batch dimensions.
    fn expanded(&self, tensor: &Tensor, matrix: [usize; 2]) -> Result<Vec<f64>> {
        let own: usize = tensor.shape().len().saturating_sub(2);
        let shape = [&tensor.shape()[..own], &matrix[..]].concat();
        let tensor = tensor.clone().reshaped(&shape)?;
        let tensor = repeated(&tensor, &[&self.batches[..], &matrix[..]].concat())?;
        Ok(widened(&tensor)?.into_owned())
    }
}

impl MatMul {
    /// Multiply-adds for operands of these types.
    pub(super) fn multiply_adds(left: &TensorType, right: &TensorType) -> u64 {
        Product::of(left, right).map_or(0, |product| {
            let sizes = [product.rows, product.depth, product.columns];
            let sizes = product.batches.iter().chain(&sizes);
            sizes.fold(1, |product: u64, &size| product.saturating_mul(size as u64))
        })
    }
}

impl Definition for MatMul {
    const NAMES: &'static [&'static str] = &["MatMul"];

    fn name(&self) -> &'static str {
        "MatMul"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &[], 2)?;
        Ok(Parsed::as_written(Self, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let left = required(operands, 0, "A")?.tensor_type;
        let right = required(operands, 1, "B")?.tensor_type;
        check_float(left)?;
        check_same_element(left, right)?;
        one(TensorType::fixed(left.element, &Product::of(left, right)?.result))
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        super::reading::inferred(self, operands)?;
        let (left, right) = (required(operands, 0, "A")?, required(operands, 1, "B")?);
        let product = Product::of(&left.tensor_type(), &right.tensor_type())?;
        let Product { rows, depth, columns, .. } = product;
        let a = product.expanded(left, [rows, depth])?;
        let b = product.expanded(right, [depth, columns])?;
        let mut results = Vec::new();
        for batch in 0..product.batches.iter().product() {
            for row in 0..rows {
                for column in 0..columns {
                    let left = |i| a[(batch * rows + row) * depth + i];
                    let right = |i| b[(batch * depth + i) * columns + column];
                    results.push((0..depth).map(|i| left(i) * right(i)).sum());
                }
            }
        }
        Ok(vec![rounded(left.element(), &product.result, results)?])
    }
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;
    use crate::ops::testing::Case;

    fn case(left: &[usize], right: &[usize]) -> Case {
        Case::new("MatMul", 13).counting(left).counting(right)
    }

    #[test]
    fn follows_numpy() {
        assert_eq!(case(&[2, 2], &[2, 2]).f32s(), (vec![2, 2], vec![2.0, 3.0, 6.0, 11.0]));
        assert_eq!(case(&[2], &[2, 2]).f32s(), (vec![2], vec![2.0, 3.0]));
        assert_eq!(case(&[2, 2], &[2]).f32s(), (vec![2], vec![1.0, 3.0]));
        assert_eq!(case(&[3], &[3]).f32s(), (vec![], vec![5.0]));
        assert_eq!(case(&[1, 0], &[0, 2]).f32s(), (vec![1, 2], vec![0.0, 0.0]));
        assert_eq!(case(&[0, 2], &[2, 3]).f32s(), (vec![0, 3], vec![]));
        let (shape, values) = case(&[2, 1, 1, 2], &[3, 2, 1]).f32s();
        assert_eq!(shape, [2, 3, 1, 1]);
        assert_eq!(values, [1.0, 3.0, 5.0, 3.0, 13.0, 23.0]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        case(&[2, 3], &[2, 3]).refused(ErrorKind::Shape, "3 and 2 values");
        case(&[], &[2]).refused(ErrorKind::Shape, "expected matrices");
        case(&[2, 1, 2], &[3, 2, 1]).refused(ErrorKind::Shape, "broadcast");
    }
}
