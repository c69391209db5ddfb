//! Matrix product with broadcast batch dimensions.

use super::broadcasting::broadcast;
use super::floats::check_same_element;
use super::reading::{check, one};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attributes, Dim, ElementType, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::GeneralProduct;

/// `MatMul`, after numpy's `matmul`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatMul;

/// The sizes of a product.
#[derive(Debug)]
pub(super) struct Product {
    outer: Vec<Dim>,
    rows: Dim,
    depth: Dim,
    columns: Dim,
    /// Sizes of the result.
    pub(super) result: Vec<Dim>,
}

impl Product {
    /// A vector on the left is a row, one on the right a column; the dimension
    /// of 1 that this adds is not part of the result.
    pub(super) fn of(left: &TensorType, right: &TensorType) -> Result<Self> {
        let [mut a, mut b] = [left.shape.clone(), right.shape.clone()];
        let [row, column] = [a.len() == 1, b.len() == 1];
        if row {
            a.insert(0, Dim::Fixed(1));
        }
        if column {
            b.push(Dim::Fixed(1));
        }
        let ([outer_a @ .., rows, depth], [outer_b @ .., other, columns]) = (&a[..], &b[..]) else {
            return Err(Error::shape(format!("expected matrices, found {left} and {right}")));
        };
        check_depth([depth, other], [left, right])?;
        let outer = |shape: &[Dim]| TensorType { element: left.element, shape: shape.to_vec() };
        let outer = broadcast(&outer(outer_a), &outer(outer_b))?;
        let mut result = outer.clone();
        result.extend((!row).then(|| rows.clone()));
        result.extend((!column).then(|| columns.clone()));
        Ok(Self {
            outer,
            rows: rows.clone(),
            depth: depth.clone(),
            columns: columns.clone(),
            result,
        })
    }
}

/// Refuses matrices whose numbers of values to multiply are known to differ.
pub(super) fn check_depth(depths: [&Dim; 2], [left, right]: [&TensorType; 2]) -> Result<()> {
    match depths.map(Dim::fixed) {
        [Some(depth), Some(other)] if depth != other => Err(Error::shape(format!(
            "the matrices have {depth} and {other} values to multiply: {left}, {right}"
        ))),
        _ => Ok(()),
    }
}

/// Refuses truth values, which cannot be multiplied.
pub(super) fn check_number(tensor_type: &TensorType) -> Result<()> {
    match tensor_type.element {
        ElementType::Bool => Err(Error::shape(format!("expected numbers, found {tensor_type}"))),
        _ => Ok(()),
    }
}

impl MatMul {
    /// Multiply-adds for operands of these types.
    pub(super) fn multiply_adds(left: &TensorType, right: &TensorType) -> u64 {
        Product::of(left, right).map_or(0, |product| {
            let sizes = [&product.rows, &product.depth, &product.columns];
            let sizes = product.outer.iter().chain(sizes);
            sizes.fold(1, |product: u64, size| product.saturating_mul(size.max() as u64))
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
        check_number(left)?;
        check_same_element(left, right)?;
        one(TensorType { element: left.element, shape: Product::of(left, right)?.result })
    }

    fn operation(&self) -> Option<AnyOperation> {
        let product =
            GeneralProduct { alpha: 1.0, beta: 0.0, transpose_a: false, transpose_b: false };
        Some(product.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::ir::Tensor;
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
    fn integers_are_exact() {
        let product = Case::new("MatMul", 13)
            .operand(Tensor::new(&[1, 2], vec![i64::MAX, 2]).unwrap())
            .operand(Tensor::new(&[2, 2], vec![1i64, 2, 0, 1]).unwrap())
            .value();
        assert_eq!(product, Tensor::new(&[1, 2], vec![i64::MAX, 0]).unwrap());
        let truths = Tensor::new(&[1, 1], vec![true]).unwrap();
        let case = Case::new("MatMul", 13).operand(truths.clone()).operand(truths);
        case.refused(ErrorKind::Shape, "expected numbers");
    }

    #[test]
    fn rows_may_be_open() {
        let rows = Dim::Bounded { symbol: "rows".to_owned(), max: 7 };
        let left = TensorType { element: ElementType::F32, shape: vec![rows.clone(), Dim::Fixed(3)] };
        let right = TensorType::f32(&[3, 5]);
        let types = [&left, &right].map(|t| Some(Operand::of_type(t)));
        assert_eq!(MatMul.infer(&types).unwrap()[0].shape, [rows, Dim::Fixed(5)]);
        assert_eq!(MatMul::multiply_adds(&left, &right), 7 * 3 * 5);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        case(&[2, 3], &[2, 3]).refused(ErrorKind::Shape, "3 and 2 values");
        case(&[], &[2]).refused(ErrorKind::Shape, "expected matrices");
        case(&[2, 1, 2], &[3, 2, 1]).refused(ErrorKind::Shape, "broadcast");
    }
}
