//! Broadcasting to sizes that are known only at run time.

use super::broadcasting::broadcast;
use super::indices::{one_bounded, shape_operand};
use super::reading::check;
use super::{AnyOperation, Definition};
use crate::error::Result;
use crate::ir::{Attributes, Operand, Parsed, Signature, TensorType, required};
use crate::operation;

/// `Expand` where the sizes of its operand, or those that it is broadcast to,
/// are known only at run time. Operands: data, sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuntimeExpand;

impl Definition for RuntimeExpand {
    const NAMES: &'static [&'static str] = &["Expand", "RuntimeExpand"];

    fn name(&self) -> &'static str {
        "RuntimeExpand"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &[], 2)?;
        Ok(Parsed::as_written(Self, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "input")?.tensor_type;
        let given = shape_operand(required(operands, 1, "shape")?, "shape")?;
        let given = TensorType { element: data.element, shape: given };
        one_bounded(TensorType { element: data.element, shape: broadcast(data, &given)? })
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(operation::GeneralExpand { sizes: Default::default(), rank: 0 }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Dim, ElementType, Fact, Operator, Tensor};
    use crate::ops::testing::Case;

    #[test]
    fn reads_what_is_not_known_beforehand() {
        let case = Case::new("Expand", 13).counting(&[2, 1]).list(&[2, 3]);
        assert_eq!(case.clone().unknown(1).read().unwrap().0.name(), "Expand");
        assert_eq!(case.unknown(2).read().unwrap().0.name(), "RuntimeExpand");
        let case = Case::new("RuntimeExpand", 13).counting(&[2, 1]).list(&[2, 3]);
        assert_eq!(case.f32s(), (vec![2, 3], vec![0.0, 0.0, 0.0, 1.0, 1.0, 1.0]));
    }

    #[test]
    fn both_are_broadcast() {
        let expand = |shape: &[usize], to: &[i64]| {
            let case = Case::new("RuntimeExpand", 13).counting(shape).list(to);
            case.evaluate().map(|values| (values[0].shape().to_vec(), values[0].f32s().unwrap().to_vec()))
        };
        let rows = (vec![2, 2], vec![0.0, 1.0, 0.0, 1.0]);
        assert_eq!(expand(&[2], &[2, 1]).unwrap(), rows);
        let inner = vec![0.0, 1.0, 0.0, 1.0, 2.0, 3.0, 2.0, 3.0];
        assert_eq!(expand(&[2, 1, 2], &[1, 2, 1]).unwrap(), (vec![2, 2, 2], inner));
        assert_eq!(expand(&[], &[2]).unwrap(), (vec![2], vec![0.0, 0.0]));
        assert_eq!(expand(&[1], &[0, 5]).unwrap(), (vec![0, 5], vec![]));
        assert_eq!(expand(&[3], &[]).unwrap().1, [0.0, 1.0, 2.0]);
        assert!(expand(&[2], &[3]).is_err() && expand(&[1], &[-1]).is_err());
    }

    #[test]
    fn sizes_that_are_open() {
        let boxes = Dim::Bounded { symbol: "boxes".into(), max: 9 };
        let shape = vec![boxes.clone(), Dim::Fixed(1), boxes.clone()];
        let data = TensorType { element: ElementType::I64, shape };
        let facts = [Fact::known(1), Fact::of_dim(&boxes), Fact::known(4)];
        let sizes = TensorType::fixed(ElementType::I64, &[3]);
        let sizes = Operand { known: Some(&facts), ..Operand::of_type(&sizes) };
        let types = RuntimeExpand.infer(&[Some(Operand::of_type(&data)), Some(sizes)]).unwrap();
        assert_eq!(types[0].shape, [boxes.clone(), boxes, Dim::Fixed(4)]);
        // Which size it is shows when the network runs.
        let operation = RuntimeExpand.operation().unwrap();
        let one = Tensor::new(&[1, 1, 1], vec![7i64]).unwrap();
        let sizes = Tensor::vector(vec![1i64, 2, 4]);
        let values = operation.evaluate(&[Some(&one), Some(&sizes)], &types).unwrap();
        assert_eq!(values[0], Tensor::new(&[1, 2, 4], vec![7i64; 8]).unwrap());
        let two = Tensor::new(&[1, 1, 2], vec![7i64; 2]).unwrap();
        assert!(operation.evaluate(&[Some(&two), Some(&sizes)], &types).is_err());
    }
}
