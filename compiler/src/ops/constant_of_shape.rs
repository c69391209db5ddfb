//! A constant of a computed shape.

use super::indices::{one_bounded, shape_operand};
use super::reading::{check, inferred};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Data, Fact, MAX_FACTS, Operand, Parsed, Signature, Tensor, TensorType,
    required,
};
use crate::operation::{self, Truth};
use crate::with_data;
use std::sync::Arc;

/// `ConstantOfShape`. The shape is an operand.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstantOfShape {
    /// One value, repeated.
    pub value: Arc<Tensor>,
}

impl Definition for ConstantOfShape {
    const NAMES: &'static [&'static str] = &["ConstantOfShape"];

    fn name(&self) -> &'static str {
        "ConstantOfShape"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default().with("value", Attribute::Tensor(self.value.clone()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["value"], 1)?;
        let value = match signature.attributes.tensor("value")? {
            None => Arc::new(Tensor::vector(vec![0.0f32])),
            Some(value) if value.len() == 1 => value.clone(),
            Some(value) => {
                return Err(Error::malformed(format!(
                    "attribute `value` should have one element, but is {}",
                    value.tensor_type()
                )));
            }
        };
        Ok(Parsed::as_written(Self { value }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let shape = shape_operand(required(operands, 0, "input")?, "input")?;
        one_bounded(TensorType { element: self.value.element(), shape })
    }

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        let sizes = operands.first()?.as_ref()?.facts()?;
        let sizes = sizes.iter().map(|fact| usize::try_from(fact.value()?).ok());
        let count = sizes.into_iter().try_fold(1usize, |count, size| count.checked_mul(size?))?;
        let value_type = self.value.tensor_type();
        let value = Operand::new(&value_type, Some(&self.value)).facts()?.first()?.clone();
        (count <= MAX_FACTS).then(|| vec![value; count])
    }

    fn operation(&self) -> Option<AnyOperation> {
        let repeated = match self.value.data() {
            Data::F32(values) => operation::ConstantOfShape::of(*values.first()?),
            Data::F64(values) => operation::ConstantOfShape::of(*values.first()?),
            Data::U64(values) => operation::ConstantOfShape::of(*values.first()?),
            Data::Bool(values) => operation::ConstantOfShape::of(Truth::from(*values.first()?)),
            _ => operation::ConstantOfShape::of(*self.value.integers().ok()?.first()?),
        };
        Some(repeated.into())
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let types = inferred(self, operands)?;
        let fill = |t: &TensorType| {
            let elements = t.elements()?;
            let data = with_data!(self.value.data(), values => {
                Data::from(values.iter().copied().cycle().take(elements).collect::<Vec<_>>())
            });
            Tensor::new(&t.sizes()?, data)
        };
        types.iter().map(fill).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Case;
    use super::*;
    use crate::error::ErrorKind;
    use crate::ir::{Dim, ElementType};

    #[test]
    fn repeats_one_value() {
        let case = Case::new("ConstantOfShape", 9);
        let zeros = case.clone().list(&[2, 3]).value();
        assert_eq!(zeros, Tensor::new(&[2, 3], vec![0.0f32; 6]).unwrap());
        let value = Attribute::Tensor(Tensor::vector(vec![7i32]).into());
        let sevens = case.clone().with("value", value.clone()).list(&[3]).value();
        assert_eq!(sevens, Tensor::vector(vec![7i32; 3]));
        assert_eq!(case.clone().with("value", value).list(&[]).value(), Tensor::scalar(7i32));
        assert_eq!(case.list(&[i64::MAX, 0]).value().len(), 0);
    }

    #[test]
    fn errors() {
        let case = Case::new("ConstantOfShape", 20);
        case.refused(ErrorKind::Malformed, "operand 0 (input) is missing");
        case.clone().list(&[-1]).refused(ErrorKind::Shape, "a size should not be negative");
        case.clone().list(&[1 << 30, 1 << 30]).refused(ErrorKind::Shape, "too many elements");
        case.clone().counting(&[1]).refused(ErrorKind::Shape, "should be integers");
        let matrix = Tensor::new(&[1, 1], vec![2i64]).unwrap();
        case.clone().operand(matrix).refused(ErrorKind::Shape, "should be a vector");
        let values = Attribute::Tensor(Tensor::vector(vec![7i32, 8]).into());
        case.with("value", values).list(&[1]).refused(ErrorKind::Malformed, "one element");
    }

    #[test]
    fn sizes_may_be_known_only_at_run_time() {
        let value = Tensor::vector(vec![-7i8]);
        let operator = ConstantOfShape { value: value.into() };
        let tensor_type = TensorType::fixed(ElementType::I64, &[2]);
        let facts = [Fact::of_dim(&Dim::Bounded { symbol: "boxes".into(), max: 9 }), Fact::known(4)];
        let operand = Operand { known: Some(&facts), ..Operand::of_type(&tensor_type) };
        let types = operator.infer(&[Some(operand)]).unwrap();
        assert_eq!(types[0].to_string(), "i8[boxes<=9,4]");
        assert_eq!(operator.facts(&[Some(operand)]), None);
        let shape = Tensor::vector(vec![1i64, 4]);
        let values = operator.operation().unwrap().evaluate(&[Some(&shape)], &types).unwrap();
        assert_eq!(values[0], Tensor::new(&[1, 4], vec![-7i8; 4]).unwrap());
        let known = Operand::new(&tensor_type, Some(&shape));
        assert_eq!(operator.facts(&[Some(known)]), Some(vec![Fact::known(-7); 4]));
        let open = operator.infer(&[Some(Operand::of_type(&tensor_type))]).unwrap();
        assert_eq!(open[0].shape, [Dim::open(), Dim::open()]);
        let unknown = TensorType { element: ElementType::I64, shape: vec![Dim::fresh(3)] };
        let error = operator.infer(&[Some(Operand::of_type(&unknown))]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn every_type_is_repeated() {
        fn repeats(value: Tensor) {
            let operator = ConstantOfShape { value: value.clone().into() };
            let shape = Tensor::vector(vec![1i64]);
            let types = [value.tensor_type()];
            let values = operator.operation().unwrap().evaluate(&[Some(&shape)], &types).unwrap();
            assert_eq!(values, [value]);
        }
        repeats(Tensor::vector(vec![0.1f32]));
        repeats(Tensor::vector(vec![f64::MIN_POSITIVE]));
        repeats(Tensor::vector(vec![u64::MAX]));
        repeats(Tensor::vector(vec![i64::MIN]));
        repeats(Tensor::vector(vec![-1i32]));
        repeats(Tensor::vector(vec![true]));
    }
}
