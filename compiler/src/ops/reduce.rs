//! Reductions over dimensions.

use super::floats::{rounded, widened};
use super::reading::{NEWEST, axes, check, integers, one, operand_type};
use super::{Definition, converted};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Data, Dim, ElementType, Operand, Parsed, Signature, Tensor, TensorType,
    required,
};

/// `ReduceMean`, `ReduceSum` and others, of one operand; axes are known when
/// it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reduce {
    /// What is computed.
    pub kind: ReduceKind,
    /// Dimensions that vanish, ascending.
    pub axes: Vec<usize>,
    /// Whether they stay with size 1.
    pub keep: bool,
}

/// What a [`Reduce`] computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ReduceKind {
    Mean,
    Sum,
    Max,
    Min,
    Prod,
    L1,
    L2,
    SumSquare,
    LogSum,
    LogSumExp,
}

impl ReduceKind {
    const ALL: [(&'static str, Self); 10] = [
        ("ReduceMean", Self::Mean),
        ("ReduceSum", Self::Sum),
        ("ReduceMax", Self::Max),
        ("ReduceMin", Self::Min),
        ("ReduceProd", Self::Prod),
        ("ReduceL1", Self::L1),
        ("ReduceL2", Self::L2),
        ("ReduceSumSquare", Self::SumSquare),
        ("ReduceLogSum", Self::LogSum),
        ("ReduceLogSumExp", Self::LogSumExp),
    ];

    /// The first operator set in which the axes are an operand.
    const fn axes_are_an_operand_since(self) -> u32 {
        match self {
            Self::Sum => 13,
            Self::Mean
            | Self::Max
            | Self::Min
            | Self::Prod
            | Self::L1
            | Self::L2
            | Self::SumSquare
            | Self::LogSum
            | Self::LogSumExp => 18,
        }
    }

    fn reduce(self, values: &[f64]) -> f64 {
        let sum = |apply: fn(f64) -> f64| values.iter().map(|&x| apply(x)).sum::<f64>();
        match self {
            Self::Mean => sum(|x| x) / values.len() as f64,
            Self::Sum => sum(|x| x),
            Self::Max => values.iter().copied().fold(f64::NEG_INFINITY, super::pool::larger),
            Self::Min => -values.iter().map(|x| -x).fold(f64::NEG_INFINITY, super::pool::larger),
            Self::Prod => values.iter().product(),
            Self::L1 => sum(f64::abs),
            Self::L2 => sum(|x| x * x).sqrt(),
            Self::SumSquare => sum(|x| x * x),
            Self::LogSum => sum(|x| x).ln(),
            Self::LogSumExp => {
                let largest = Self::Max.reduce(values);
                if largest.is_finite() {
                    largest + values.iter().map(|x| (x - largest).exp()).sum::<f64>().ln()
                } else {
                    largest
                }
            }
        }
    }
}

impl Reduce {
    fn result(&self, input: &TensorType) -> TensorType {
        let mut result = input.clone();
        if self.keep {
            self.axes.iter().for_each(|&axis| result.shape[axis] = Dim::Fixed(1));
        } else {
            let kept = |axis: &usize| !self.axes.contains(axis);
            let dims = (0..input.rank()).filter(kept).map(|axis| input.shape[axis].clone());
            result.shape = dims.collect();
        }
        result
    }
}

impl Definition for Reduce {
    const NAMES: &'static [&'static str] = &[
        "ReduceMean",
        "ReduceSum",
        "ReduceMax",
        "ReduceMin",
        "ReduceProd",
        "ReduceL1",
        "ReduceL2",
        "ReduceSumSquare",
        "ReduceLogSum",
        "ReduceLogSumExp",
    ];

    fn name(&self) -> &'static str {
        let named = ReduceKind::ALL.iter().find(|(_, kind)| *kind == self.kind);
        named.map_or("Reduce", |(name, _)| name)
    }

    fn attributes(&self) -> Attributes {
        let axes = self.axes.iter().map(|&axis| axis as i64).collect();
        Attributes::default()
            .with("axes", Attribute::Ints(axes))
            .with("keepdims", Attribute::Int(self.keep.into()))
            .with("noop_with_empty_axes", Attribute::Int(1))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let named = ReduceKind::ALL.iter().find(|(name, _)| *name == signature.operator);
        let &(_, kind) = named.ok_or_else(|| Error::internal("no reduction has this name"))?;
        let since = kind.axes_are_an_operand_since();
        match signature.opset {
            NEWEST => check(signature, &["axes", "keepdims", "noop_with_empty_axes"], 1)?,
            opset if opset < since => check(signature, &["axes", "keepdims"], 1)?,
            _ => check(signature, &["keepdims", "noop_with_empty_axes"], 2)?,
        }
        let rank = operand_type(signature, 0, "data")?.rank();
        let given = integers(signature, "axes", 1, since)?.unwrap_or_default();
        let mut axes = axes(&given, rank)?;
        if axes.is_empty() && !signature.attributes.flag("noop_with_empty_axes")? {
            axes = (0..rank).collect();
        }
        axes.sort_unstable();
        let keep = signature.attributes.int_or("keepdims", 1)? != 0;
        Ok(Parsed::first(Self { kind, axes, keep }, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "data")?.tensor_type;
        if input.element == ElementType::Bool {
            return Err(Error::unsupported("reducing booleans is not supported"));
        }
        if let Some(axis) = self.axes.iter().find(|&&axis| axis >= input.rank()) {
            return Err(Error::shape(format!("there is no axis {axis} in {input}")));
        }
        one(self.result(input))
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        super::reading::inferred(self, operands)?;
        let input = required(operands, 0, "data")?;
        let result = self.result(&input.tensor_type());
        // Integers pass through f64, which holds what a shape or an index needs.
        let wide = Tensor::new(input.shape(), converted(input.data(), ElementType::F64))?;
        let values = widened(&wide)?;
        let strides = super::rearrange::strides(input.shape());
        let mut runs = vec![Vec::new(); result.elements()?];
        for (i, &value) in values.iter().enumerate() {
            let kept = (0..input.shape().len()).filter(|axis| !self.axes.contains(axis));
            let run = kept.fold(0, |run, axis| {
                run * input.shape()[axis] + i / strides[axis] % input.shape()[axis]
            });
            runs[run].push(value);
        }
        let reduced: Vec<f64> = runs.iter().map(|run| self.kind.reduce(run)).collect();
        let shape = result.sizes()?;
        let reduced = if input.element().is_float() {
            rounded(input.element(), &shape, reduced)?
        } else {
            Tensor::new(&shape, converted(&Data::F64(reduced), input.element()))?
        };
        Ok(vec![reduced])
    }
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    #[test]
    fn reduces_the_axes_that_are_asked_for() {
        let case = || Case::new("ReduceMean", 13).counting(&[2, 3]);
        assert_eq!(case().f32s(), (vec![1, 1], vec![2.5]));
        assert_eq!(case().ints("axes", &[-1]).f32s(), (vec![2, 1], vec![1.0, 4.0]));
        let flat = case().ints("axes", &[0]).int("keepdims", 0);
        assert_eq!(flat.f32s(), (vec![3], vec![1.5, 2.5, 3.5]));
    }

    #[test]
    fn axes_are_an_operand_in_newer_sets() {
        let case = || Case::new("ReduceSum", 13).counting(&[2, 3]);
        assert_eq!(case().list(&[1]).f32s().1, [3.0, 12.0]);
        assert_eq!(case().int("noop_with_empty_axes", 1).f32s().1.len(), 6);
        case().ints("axes", &[1]).refused(ErrorKind::Malformed, "unknown attribute `axes`");
        Case::new("ReduceMax", 18).counting(&[2]).list(&[2]).refused(ErrorKind::Shape, "range");
    }

    #[test]
    fn every_kind_follows_its_formula() {
        let value = |name| {
            let data = Tensor::vector(vec![-1.0f32, 2.0, 4.0]);
            Case::new(name, 17).operand(data).int("keepdims", 0).f32s().1[0]
        };
        assert_eq!(value("ReduceMax"), 4.0);
        assert_eq!(value("ReduceMin"), -1.0);
        assert_eq!(value("ReduceProd"), -8.0);
        assert_eq!(value("ReduceL1"), 7.0);
        assert_eq!(value("ReduceL2"), 21.0f32.sqrt());
        assert_eq!(value("ReduceSumSquare"), 21.0);
        assert_eq!(value("ReduceLogSum"), 5.0f32.ln());
        assert_eq!(value("ReduceLogSumExp"), 4.132_845_4);
        let integers = Case::new("ReduceProd", 17).list(&[3, 5]).value();
        assert_eq!(integers.integers().unwrap(), [15]);
    }
}
