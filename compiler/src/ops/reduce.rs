//! Reductions over dimensions.

use super::floats::{check_float, rounded, widened};
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

    /// Of integers: sums and products wrap, the mean rounds towards zero.
    fn reduce_integers(self, values: &[i64]) -> Result<i64> {
        let sum = |apply: fn(i64) -> i64| {
            values.iter().fold(0i64, |sum, &x| sum.wrapping_add(apply(x)))
        };
        let empty = || Error::unsupported("the reduction of no integers is not defined");
        match self {
            Self::Mean => {
                let sum: i128 = values.iter().copied().map(i128::from).sum();
                sum.checked_div(values.len() as i128).map(|mean| mean as i64).ok_or_else(empty)
            }
            Self::Sum => Ok(sum(|x| x)),
            Self::Max => values.iter().copied().max().ok_or_else(empty),
            Self::Min => values.iter().copied().min().ok_or_else(empty),
            Self::Prod => Ok(values.iter().fold(1, |product: i64, &x| product.wrapping_mul(x))),
            Self::L1 => Ok(sum(i64::wrapping_abs)),
            Self::SumSquare => Ok(sum(|x| x.wrapping_mul(x))),
            Self::L2 | Self::LogSum | Self::LogSumExp => {
                Err(Error::internal("roots and logarithms of integers were let in"))
            }
        }
    }

    /// Whether the result for integers is an integer by itself.
    const fn stays_integer(self) -> bool {
        match self {
            Self::Mean
            | Self::Sum
            | Self::Max
            | Self::Min
            | Self::Prod
            | Self::L1
            | Self::SumSquare => true,
            Self::L2 | Self::LogSum | Self::LogSumExp => false,
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
        if input.element == ElementType::Bool || !self.kind.stays_integer() {
            check_float(input)?;
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
        let shape = result.sizes()?;
        let reduced = if input.element().is_float() {
            let runs = self.runs(input.shape(), &result, &widened(input)?)?;
            rounded(input.element(), &shape, runs.iter().map(|run| self.kind.reduce(run)).collect())?
        } else {
            let runs = self.runs(input.shape(), &result, &input.integers()?)?;
            let reduced = runs.iter().map(|run| self.kind.reduce_integers(run));
            let reduced = Data::I64(reduced.collect::<Result<_>>()?);
            Tensor::new(&shape, converted(&reduced, input.element()))?
        };
        Ok(vec![reduced])
    }
}

impl Reduce {
    /// The values that each value of the result is computed from.
    fn runs<T: Copy>(
        &self,
        shape: &[usize],
        result: &TensorType,
        values: &[T],
    ) -> Result<Vec<Vec<T>>> {
        let strides = super::rearrange::strides(shape);
        let mut runs = vec![Vec::new(); result.elements()?];
        for (i, &value) in values.iter().enumerate() {
            let kept = (0..shape.len()).filter(|axis| !self.axes.contains(axis));
            let run = kept.fold(0, |run, axis| run * shape[axis] + i / strides[axis] % shape[axis]);
            runs[run].push(value);
        }
        Ok(runs)
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
    }

    #[test]
    fn integers_are_exact() {
        let value = |name, values: &[i64]| {
            Case::new(name, 17).list(values).int("keepdims", 0).value().integers().unwrap()[0]
        };
        const LARGE: i64 = (1 << 60) + 1;
        assert_eq!(value("ReduceProd", &[3, 5]), 15);
        assert_eq!(value("ReduceSum", &[LARGE, -2]), LARGE - 2);
        assert_eq!(value("ReduceMax", &[LARGE, LARGE - 1]), LARGE);
        assert_eq!(value("ReduceMin", &[LARGE, LARGE - 1]), LARGE - 1);
        assert_eq!(value("ReduceMean", &[-3, 0]), -1);
        assert_eq!(value("ReduceMean", &[i64::MAX, i64::MAX - 2]), i64::MAX - 1);
        assert_eq!(value("ReduceL1", &[-3, 4]), 7);
        assert_eq!(value("ReduceSumSquare", &[-3, 4]), 25);
        let narrow = Case::new("ReduceProd", 17).operand(Tensor::vector(vec![1i32 << 30, 4])).value();
        assert_eq!(narrow, Tensor::vector(vec![0i32]));
        Case::new("ReduceL2", 17).list(&[3]).refused(ErrorKind::Unsupported, "found i64");
        Case::new("ReduceMax", 17).list(&[]).refused(ErrorKind::Unsupported, "no integers");
        let boolean = Case::new("ReduceMax", 20).operand(Tensor::scalar(true));
        boolean.refused(ErrorKind::Unsupported, "found bool");
    }

    #[test]
    fn no_axes_may_mean_all_or_none() {
        let case = |noop| {
            let case = Case::new("ReduceSumSquare", 18).counting(&[3]).list(&[]);
            case.int("noop_with_empty_axes", noop)
        };
        assert_eq!(case(0).f32s(), (vec![1], vec![5.0]));
        assert_eq!(case(1).f32s(), (vec![3], vec![0.0, 1.0, 4.0]));
        let open = Case::new("ReduceSum", 13).counting(&[3]).list(&[0]).unknown(2);
        open.refused(ErrorKind::Unsupported, "operand `axes` depends on the data");
    }

    #[test]
    fn empty_sums_are_zero_and_empty_products_one() {
        let value = |name| Case::new(name, 17).counting(&[0]).f32s().1[0];
        assert_eq!(value("ReduceSum"), 0.0);
        assert_eq!(value("ReduceProd"), 1.0);
        assert_eq!(value("ReduceMax"), f32::NEG_INFINITY);
        assert_eq!(value("ReduceMin"), f32::INFINITY);
        assert_eq!(value("ReduceLogSumExp"), f32::NEG_INFINITY);
    }
}
