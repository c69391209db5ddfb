//! Reductions over dimensions.

use super::reading::{NEWEST, axes, check, integers, one, operand_type};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, ElementType, Fact, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::GeneralReduce;
pub use crate::operation::Reduction as ReduceKind;
use crate::step::RANK;

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

const KINDS: [(&str, ReduceKind); 10] = [
    ("ReduceMean", ReduceKind::Mean),
    ("ReduceSum", ReduceKind::Sum),
    ("ReduceMax", ReduceKind::Max),
    ("ReduceMin", ReduceKind::Min),
    ("ReduceProd", ReduceKind::Prod),
    ("ReduceL1", ReduceKind::L1),
    ("ReduceL2", ReduceKind::L2),
    ("ReduceSumSquare", ReduceKind::SumSquare),
    ("ReduceLogSum", ReduceKind::LogSum),
    ("ReduceLogSumExp", ReduceKind::LogSumExp),
];

/// The first operator set in which the axes are an operand.
const fn axes_are_an_operand_since(kind: ReduceKind) -> u32 {
    match kind {
        ReduceKind::Sum => 13,
        _ => 18,
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
        let named = KINDS.iter().find(|(_, kind)| *kind == self.kind);
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
        let named = KINDS.iter().find(|(name, _)| *name == signature.operator);
        let &(_, kind) = named.ok_or_else(|| Error::internal("no reduction has this name"))?;
        let since = axes_are_an_operand_since(kind);
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
        if input.element == ElementType::Bool
            && !matches!(self.kind, ReduceKind::Max | ReduceKind::Min)
        {
            return Err(Error::shape(format!("expected numbers, found {input}")));
        }
        if let Some(axis) = self.axes.iter().find(|&&axis| axis >= input.rank()) {
            return Err(Error::shape(format!("there is no axis {axis} in {input}")));
        }
        one(self.result(input))
    }

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        let input = required(operands, 0, "data").ok()?;
        if input.tensor_type.element != ElementType::I64 || self.axes.len() != input.tensor_type.rank()
        {
            return None;
        }
        let facts = input.facts()?;
        let fact = match self.kind {
            ReduceKind::Sum => summed(&facts),
            ReduceKind::Prod => multiplied(&facts)?,
            ReduceKind::Max => extreme(&facts, Iterator::max)?,
            ReduceKind::Min => extreme(&facts, Iterator::min)?,
            _ => return None,
        };
        Some(vec![fact])
    }

    fn operation(&self) -> Option<AnyOperation> {
        let mut axes = [false; RANK];
        for &axis in &self.axes {
            *axes.get_mut(axis)? = true;
        }
        Some(GeneralReduce { kind: self.kind, axes, keep: self.keep }.into())
    }
}

/// The facts without those of integers that change nothing; a single one that
/// is left is the result itself.
fn without(facts: &[Fact], neutral: i64) -> Vec<&Fact> {
    facts.iter().filter(|fact| fact.value() != Some(neutral)).collect()
}

fn summed(facts: &[Fact]) -> Fact {
    match without(facts, 0)[..] {
        [only] => only.clone(),
        ref facts => facts.iter().fold(Fact::known(0), |sum, fact| {
            Fact::between(sum.low.saturating_add(fact.low), sum.high.saturating_add(fact.high))
        }),
    }
}

/// Of sizes; nothing is said of products with negative factors.
fn multiplied(facts: &[Fact]) -> Option<Fact> {
    match without(facts, 1)[..] {
        [only] => Some(only.clone()),
        ref facts => facts.iter().try_fold(Fact::known(1), |product, fact| {
            (fact.low >= 0).then(|| {
                let high = product.high.saturating_mul(fact.high);
                Fact::between(product.low.saturating_mul(fact.low), high)
            })
        }),
    }
}

fn extreme(
    facts: &[Fact],
    choose: fn(std::vec::IntoIter<i64>) -> Option<i64>,
) -> Option<Fact> {
    if let [only] = facts {
        return Some(only.clone());
    }
    let of = |end: fn(&Fact) -> i64| choose(facts.iter().map(end).collect::<Vec<_>>().into_iter());
    Some(Fact::between(of(|fact| fact.low)?, of(|fact| fact.high)?))
}

#[cfg(test)]
mod tests {
    use super::*;
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
        assert_eq!(value("ReduceL2", &[3, 4, 1]), 5);
        assert_eq!(value("ReduceMax", &[]), i64::MIN);
        assert_eq!(value("ReduceMin", &[]), i64::MAX);
        Case::new("ReduceMean", 17).list(&[]).refused(ErrorKind::Shape, "no integers");
    }

    #[test]
    fn truth_values_have_an_order() {
        let case = |name, values: &[bool]| {
            Case::new(name, 20).operand(Tensor::vector(values.to_vec())).int("keepdims", 0)
        };
        assert_eq!(case("ReduceMax", &[false, true]).value(), Tensor::scalar(true));
        assert_eq!(case("ReduceMin", &[false, true]).value(), Tensor::scalar(false));
        assert_eq!(case("ReduceMax", &[]).value(), Tensor::scalar(false));
        case("ReduceSum", &[true]).refused(ErrorKind::Shape, "expected numbers");
    }

    #[test]
    fn not_a_number_is_neither_dropped_nor_forgotten() {
        for name in ["ReduceMax", "ReduceMin"] {
            let data = Tensor::vector(vec![1.0f32, f32::NAN, 2.0]);
            assert!(Case::new(name, 17).operand(data).f32s().1[0].is_nan());
        }
    }

    #[test]
    fn facts_of_sizes_are_followed() {
        let sizes = TensorType::fixed(ElementType::I64, &[3]);
        let symbol = Fact { low: 0, high: 9, symbol: Some("n".to_owned()) };
        let known = [symbol.clone(), Fact::known(1), Fact::known(4)];
        let fact = |kind, known: &[Fact]| {
            let operand = Operand { known: Some(known), ..Operand::of_type(&sizes) };
            Reduce { kind, axes: vec![0], keep: false }.facts(&[Some(operand)]).unwrap().remove(0)
        };
        assert_eq!(fact(ReduceKind::Prod, &known), Fact::between(0, 36));
        assert_eq!(fact(ReduceKind::Prod, &known[..2]), symbol);
        assert_eq!(fact(ReduceKind::Sum, &known), Fact::between(5, 14));
        assert_eq!(fact(ReduceKind::Max, &known), Fact::between(4, 9));
        assert_eq!(fact(ReduceKind::Min, &known), Fact::between(0, 1));
    }

    #[test]
    fn sizes_that_are_open_are_kept() {
        let rows = Dim::Bounded { symbol: "rows".to_owned(), max: 7 };
        let data = TensorType { element: ElementType::I32, shape: vec![rows.clone(), Dim::Fixed(3)] };
        let reduce = Reduce { kind: ReduceKind::Sum, axes: vec![1], keep: false };
        let types = reduce.infer(&[Some(Operand::of_type(&data))]).unwrap();
        assert_eq!(types[0].shape, [rows]);
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
