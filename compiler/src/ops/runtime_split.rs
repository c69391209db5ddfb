//! Splitting into parts whose sizes are known only at run time.

use super::counts::vector;
use super::reading::{axis, check, one, operand_type, size};
use super::split::{COUNT_SINCE, OPERAND_SINCE};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, Fact, Operand, Parsed, ParsedOperand, Signature, Tensor,
    TensorType, required,
};
use crate::operation::{GeneralSplit, SplitSizes};

/// `Split` where what is split, or the sizes of the parts, are known only at
/// run time; otherwise see [`super::Split`]. Operands: data, and unless parts
/// are even their sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuntimeSplit {
    /// The dimension that is split.
    pub axis: usize,
    /// Number of parts that are all alike, but for a smaller last one.
    pub even: Option<usize>,
}

impl Definition for RuntimeSplit {
    const NAMES: &'static [&'static str] = &["RuntimeSplit", "Split"];

    fn reads(signature: &Signature<'_>) -> bool {
        let operand = |slot: usize| signature.operands.get(slot).copied().flatten();
        let Some(data) = operand(0) else { return false };
        let axis = signature.attributes.int_or("axis", 0).and_then(|given| axis(given, data.tensor_type.rank()));
        let known = |facts: &[Fact]| facts.iter().all(|fact| fact.value().is_some());
        axis.is_ok_and(|axis| data.tensor_type.shape[axis].fixed().is_none())
            || operand(1).is_some_and(|sizes| !sizes.facts().is_some_and(|facts| known(&facts)))
            || signature.operator == "RuntimeSplit"
    }

    fn name(&self) -> &'static str {
        "RuntimeSplit"
    }

    fn attributes(&self) -> Attributes {
        let attributes = Attributes::default().with("axis", Attribute::Int(self.axis as i64));
        match self.even {
            Some(count) => attributes.with("num_outputs", Attribute::Int(count as i64)),
            None => attributes,
        }
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let (attributes, operands): (&[&str], _) = match signature.opset {
            ..OPERAND_SINCE => (&["axis", "split"], 1),
            OPERAND_SINCE..COUNT_SINCE => (&["axis"], 2),
            COUNT_SINCE.. => (&["axis", "num_outputs"], 2),
        };
        check(signature, attributes, operands)?;
        let rank = operand_type(signature, 0, "input")?.rank();
        let axis = axis(signature.attributes.int_or("axis", 0)?, rank)?;
        let sizes = match signature.attributes.ints("split")? {
            Some(sizes) => Some(ParsedOperand::Constant(Tensor::vector(sizes.clone()))),
            None => signature.operands.get(1).copied().flatten().map(|_| ParsedOperand::Given(1)),
        };
        let (count, outputs) = (signature.attributes.int("num_outputs")?, signature.outputs.len());
        if let Some(&count) = count
            && (sizes.is_some() || size(count, "num_outputs")? != outputs)
        {
            return Err(Error::malformed(format!(
                "`num_outputs` is {count}, but there are {outputs} outputs, or sizes"
            )));
        }
        let even = if sizes.is_some() { None } else { Some(outputs) };
        let operands = std::iter::once(Some(ParsedOperand::Given(0)));
        let operands = operands.chain(sizes.map(Some)).collect();
        Ok(Parsed { operator: Self { axis, even }, operands })
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "input")?.tensor_type;
        let whole = data.shape.get(self.axis).ok_or_else(|| {
            Error::shape(format!("there is no axis {} in {data}", self.axis))
        })?;
        let sizes = match self.even {
            Some(0) => return Err(Error::malformed("a tensor is split into no parts")),
            Some(1) => vec![whole.clone()],
            Some(count) => vec![Dim::fresh(whole.max().div_ceil(count)); count],
            None => vector(required(operands, 1, "split")?, "split")?
                .ok_or_else(|| Error::unsupported("the number of outputs depends on the data"))?
                .iter()
                .map(|fact| Ok(within(fact.dim()?, whole)))
                .collect::<Result<_>>()?,
        };
        let parts = sizes.into_iter().map(|size| {
            let mut part = data.clone();
            part.shape[self.axis] = size;
            one(part)
        });
        Ok(parts.collect::<Result<Vec<_>>>()?.concat())
    }

    fn operation(&self) -> Option<AnyOperation> {
        let sizes = if self.even.is_some() { SplitSizes::Even } else { SplitSizes::Operand };
        Some(GeneralSplit { axis: self.axis, sizes }.into())
    }
}

/// The size of a part, which is not larger than the whole.
fn within(size: Dim, whole: &Dim) -> Dim {
    match size {
        Dim::Bounded { max, .. } if max > whole.max() => Dim::fresh(whole.max()),
        size => size,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::ops::testing::Case;

    #[test]
    fn sizes_follow_from_the_operand() {
        let split = |sizes: &[i64]| {
            let case = Case::new("Split", 13).counting(&[2, 3]).list(sizes).int("axis", 1);
            case.unknown(2).outputs(sizes.len())
        };
        let parts = split(&[1, 0, 2]).evaluate().unwrap();
        assert_eq!(parts[0], Tensor::new(&[2, 1], vec![0.0f32, 3.0]).unwrap());
        assert_eq!(parts[1].shape(), [2, 0]);
        assert_eq!(parts[2], Tensor::new(&[2, 2], vec![1.0f32, 2.0, 4.0, 5.0]).unwrap());
        split(&[1, 1]).refused(ErrorKind::Shape, "do not make up the whole");
        split(&[4, -1]).refused(ErrorKind::Shape, "negative");
        split(&[4]).refused(ErrorKind::Shape, "larger than the whole");
    }

    #[test]
    fn parts_of_a_count_are_even() {
        let count = Dim::Bounded { symbol: "n".to_owned(), max: 7 };
        let data = TensorType {
            element: crate::ir::ElementType::F32,
            shape: vec![count.clone(), Dim::Fixed(4)],
        };
        let operands = [Some(Operand::of_type(&data))];
        let of = |even| RuntimeSplit { axis: 0, even: Some(even) }.infer(&operands).unwrap();
        assert_eq!(of(1), std::slice::from_ref(&data));
        assert_eq!(of(2)[1].shape, [Dim::fresh(4), Dim::Fixed(4)]);
        let operation = RuntimeSplit { axis: 0, even: Some(2) }.operation().unwrap();
        let value = Tensor::new(&[5], vec![1u8, 2, 3, 4, 5]).unwrap();
        let types = vec![TensorType { shape: vec![Dim::fresh(3)], ..value.tensor_type() }; 2];
        let parts = operation.evaluate(&[Some(&value)], &types);
        // Symbols are no sizes: the last part is the smaller one.
        assert_eq!(parts.unwrap()[1], Tensor::vector(vec![4u8, 5]));
    }
}
