//! Arithmetic progressions.

use super::indices::{integer, one_bounded};
use super::reading::{check, inferred};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attributes, Data, Dim, ElementType, Fact, MAX_FACTS, Operand, Parsed, Signature, Tensor,
    TensorType, required,
};
use crate::operation;

/// `Range`. Operands: start, limit, delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range;

impl Definition for Range {
    const NAMES: &'static [&'static str] = &["Range"];

    fn name(&self) -> &'static str {
        "Range"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        // `stash_type` only concerns half-width floats, which are f32 here.
        let attributes: &[&str] = if signature.opset < 27 { &[] } else { &["stash_type"] };
        check(signature, attributes, 3)?;
        Ok(Parsed::as_written(Self, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let [start, limit, delta] = limits(operands)?;
        let element = start.tensor_type.element;
        let dim = match (start.value, limit.value, delta.value) {
            (Some(start), Some(limit), Some(delta)) => Dim::Fixed(count(start, limit, delta)?),
            _ if element.is_float() => Dim::open(),
            _ => size([start, limit, delta].map(|operand| integer(Some(operand))))?,
        };
        one_bounded(TensorType { element, shape: vec![dim] })
    }

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        let [start, _, delta] = limits(operands).ok()?.map(|operand| integer(Some(operand)));
        let count = self.infer(operands).ok()?.first()?.shape.first()?.fixed()?;
        let delta = delta.value()?;
        let element = |i: usize| {
            let offset = i64::try_from(i).ok()?.checked_mul(delta)?;
            Some(Fact::between(start.low.checked_add(offset)?, start.high.checked_add(offset)?))
        };
        (0..count).map(element).collect::<Option<_>>().filter(|_| count <= MAX_FACTS)
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(operation::Progression.into())
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let types = inferred(self, operands)?;
        let count = types.first().map_or(Ok(0), TensorType::elements)?;
        let start = required(operands, 0, "start")?;
        let delta = required(operands, 2, "delta")?;
        macro_rules! progression {
            ($start:expr, $delta:expr, $element:ty) => {
                Data::from(
                    (0..count)
                        .map(|i| $start[0] + i as $element * $delta[0])
                        .collect::<Vec<_>>(),
                )
            };
            (integers $start:expr, $delta:expr, $element:ty) => {
                // Between start and limit, which are of the type.
                Data::from(
                    (0..count)
                        .map(|i| $start[0].wrapping_add((i as $element).wrapping_mul($delta[0])))
                        .collect::<Vec<_>>(),
                )
            };
        }
        let values = match (start.data(), delta.data()) {
            (Data::F32(s), Data::F32(d)) => progression!(s, d, f32),
            (Data::F64(s), Data::F64(d)) => progression!(s, d, f64),
            (Data::I16(s), Data::I16(d)) => progression!(integers s, d, i16),
            (Data::I32(s), Data::I32(d)) => progression!(integers s, d, i32),
            (Data::I64(s), Data::I64(d)) => progression!(integers s, d, i64),
            _ => return Err(unsupported(start.element())),
        };
        Ok(vec![Tensor::new(&[count], values)?])
    }
}

fn unsupported(element: ElementType) -> Error {
    Error::shape(format!("expected f32, f64, i16, i32 or i64, found {element}"))
}

/// The operands, which are single numbers of one type.
fn limits<'a>(operands: &[Option<Operand<'a>>]) -> Result<[Operand<'a>; 3]> {
    use ElementType::{F32, F64, I16, I32, I64};
    let limits = [
        required(operands, 0, "start")?,
        required(operands, 1, "limit")?,
        required(operands, 2, "delta")?,
    ];
    let element = limits[0].tensor_type.element;
    for (limit, what) in limits.iter().zip(["start", "limit", "delta"]) {
        let found = limit.tensor_type;
        if found.elements()? != 1 || !found.is_fixed() || found.element != element {
            return Err(Error::shape(format!(
                "operand `{what}` should be one {element}, but is {found}"
            )));
        }
    }
    match element {
        F32 | F64 | I16 | I32 | I64 => Ok(limits),
        found => Err(unsupported(found)),
    }
}

/// The size of a range of integers of which something is known.
fn size([start, limit, delta]: [Fact; 3]) -> Result<Dim> {
    if let (Some(0), Some(1), Some(_)) = (start.value(), delta.value(), &limit.symbol) {
        return limit.dim();
    }
    let (distance, step) = match delta.low {
        1.. => (i128::from(limit.high) - i128::from(start.low), delta.low),
        _ if delta.high < 0 => (i128::from(start.high) - i128::from(limit.low), delta.high),
        _ => return Ok(Dim::open()),
    };
    let unknown = [&start, &limit].iter().any(|f| f.low == i64::MIN || f.high == i64::MAX);
    let step = i128::from(step.unsigned_abs());
    let count = (distance.max(0) + step - 1) / step;
    match usize::try_from(count) {
        Ok(count) if !unknown => Ok(Dim::fresh(count)),
        _ => Ok(Dim::open()),
    }
}

/// `max(ceil((limit - start) / delta), 0)`.
fn count(start: &Tensor, limit: &Tensor, delta: &Tensor) -> Result<usize> {
    let zero = || Error::malformed("the step of a range is 0");
    let count = match (start.data(), limit.data(), delta.data()) {
        (Data::F32(s), Data::F32(l), Data::F32(d)) => {
            floats(f64::from(l[0] - s[0]), f64::from(d[0]))
        }
        (Data::F64(s), Data::F64(l), Data::F64(d)) => floats(l[0] - s[0], d[0]),
        (Data::I16(_) | Data::I32(_) | Data::I64(_), ..) => {
            let first = |tensor: &Tensor| Ok::<_, Error>(i128::from(tensor.integers()?[0]));
            let (start, limit, delta) = (first(start)?, first(limit)?, first(delta)?);
            if delta == 0 {
                return Err(zero());
            }
            let distance = limit - start;
            // Rounded up, for either sign of the step.
            let count = (distance + delta - delta.signum()) / delta;
            usize::try_from(count.max(0)).ok()
        }
        _ => return Err(unsupported(start.element())),
    };
    count.ok_or_else(|| match delta.data() {
        Data::F32(d) if d[0] == 0.0 => zero(),
        Data::F64(d) if d[0] == 0.0 => zero(),
        _ => Error::shape("the range has no end, or is too long to compile"),
    })
}

fn floats(distance: f64, delta: f64) -> Option<usize> {
    let count = (distance / delta).ceil();
    (delta != 0.0 && count.is_finite() && count < 1e15).then_some(count.max(0.0) as usize)
}

#[cfg(test)]
mod tests {
    use super::super::testing::Case;
    use super::*;
    use crate::error::ErrorKind;

    fn range<T>(start: T, limit: T, delta: T) -> Case
    where
        Data: From<Vec<T>>,
    {
        let case = Case::new("Range", 11).operand(Tensor::scalar(start));
        case.operand(Tensor::scalar(limit)).operand(Tensor::scalar(delta))
    }

    #[test]
    fn both_directions() {
        assert_eq!(range(3i64, 9, 3).value(), Tensor::vector(vec![3i64, 6]));
        assert_eq!(range(3i64, 10, 3).value(), Tensor::vector(vec![3i64, 6, 9]));
        assert_eq!(range(10i32, 4, -2).value(), Tensor::vector(vec![10i32, 8, 6]));
        assert_eq!(range(10i32, 3, -2).value(), Tensor::vector(vec![10i32, 8, 6, 4]));
        assert_eq!(range(1i16, 1, 1).value(), Tensor::vector(Vec::<i16>::new()));
        assert_eq!(range(1i64, 0, 1).value(), Tensor::vector(Vec::<i64>::new()));
        assert_eq!(range(0.0f64, 1.0, 0.25).value(), Tensor::vector(vec![0.0, 0.25, 0.5, 0.75]));
        // ONNX Runtime gives these ten.
        let tenths = range(0.0f32, 1.0, 0.1).value();
        assert_eq!(tenths.len(), 10);
        assert_eq!(tenths.f32s().unwrap()[7], 0.1 * 7.0);
        let extreme = range(i16::MIN, i16::MAX, i16::MAX).value();
        assert_eq!(extreme, Tensor::vector(vec![-32768i16, -1, 32766]));
        let far = range(i64::MIN, i64::MAX, i64::MAX).value();
        assert_eq!(far, Tensor::vector(vec![i64::MIN, -1, i64::MAX - 1]));
    }

    #[test]
    fn errors() {
        range(0i64, 1, 0).refused(ErrorKind::Malformed, "step of a range is 0");
        range(0.0f32, 1.0, 0.0).refused(ErrorKind::Malformed, "step of a range is 0");
        range(0.0f32, f32::INFINITY, 1.0).refused(ErrorKind::Shape, "no end");
        range(0.0f64, f64::NAN, 1.0).refused(ErrorKind::Shape, "no end");
        range(0i64, i64::MAX, 1).refused(ErrorKind::Shape, "too many elements");
        range(i64::MIN, i64::MAX, 1).refused(ErrorKind::Shape, "too many elements");
        range(0.0f32, 1e30, 1.0).refused(ErrorKind::Shape, "too long");
        range(0u8, 1, 1).refused(ErrorKind::Shape, "found u8");
        let mixed = Case::new("Range", 11).operand(Tensor::scalar(0i64)).counting(&[]).counting(&[]);
        mixed.refused(ErrorKind::Shape, "operand `limit` should be one i64, but is f32[]");
        let several = Case::new("Range", 11).counting(&[2]).counting(&[]).counting(&[]);
        several.refused(ErrorKind::Shape, "operand `start`");
        Case::new("Range", 11).counting(&[]).refused(ErrorKind::Malformed, "operand 1 (limit)");
    }

    fn facts_of(start: Fact, limit: Fact, delta: Fact) -> (Dim, Option<Vec<Fact>>) {
        let scalar = TensorType::fixed(ElementType::I64, &[]);
        let facts = [[start], [limit], [delta]];
        let operands: Vec<_> = facts
            .iter()
            .map(|fact| Some(Operand { known: Some(fact), ..Operand::of_type(&scalar) }))
            .collect();
        let types = Range.infer(&operands).unwrap();
        (types[0].shape[0].clone(), Range.facts(&operands))
    }

    #[test]
    fn limits_may_be_known_only_at_run_time() {
        let boxes = Dim::Bounded { symbol: "boxes".into(), max: 9 };
        let (zero, one) = (Fact::known(0), Fact::known(1));
        let found = facts_of(zero.clone(), Fact::of_dim(&boxes), one.clone());
        assert_eq!(found, (boxes, None));
        let bounded = facts_of(Fact::between(-3, 5), Fact::between(0, 6), Fact::known(2));
        assert_eq!(bounded.0, Dim::fresh(5));
        let backwards = facts_of(Fact::between(-3, 5), Fact::between(0, 6), Fact::known(-2));
        assert_eq!(backwards.0, Dim::fresh(3));
        assert_eq!(facts_of(zero.clone(), Fact::ANYTHING, one.clone()).0, Dim::open());
        assert_eq!(facts_of(zero.clone(), Fact::known(1), Fact::between(0, 1)).0, Dim::open());
    }

    #[test]
    fn run_time_and_reference_agree() {
        fn agree<T: Copy>(start: T, limit: T, delta: T)
        where
            Data: From<Vec<T>>,
        {
            let [start, limit, delta] = [start, limit, delta].map(Tensor::scalar);
            let operands = [Some(&start), Some(&limit), Some(&delta)];
            let expected = Range.evaluate(&operands).unwrap();
            let types = [expected[0].tensor_type()];
            let operation = Range.operation().unwrap();
            assert_eq!(operation.evaluate(&operands, &types).unwrap(), expected);
        }
        agree(0.0f32, 1.0, 0.1);
        agree(0.0f32, 3.3, 1.1);
        agree(1.0f64, -1.0, -0.3);
        agree(10i32, 3, -2);
        agree(i16::MIN, i16::MAX, i16::MAX);
        agree(i64::MIN, i64::MAX, i64::MAX);
        agree(2i64, 1, 1);
        let operands = [0.0f32, 1.0, f32::NAN].map(Tensor::scalar);
        let operands = operands.iter().map(Some).collect::<Vec<_>>();
        let types = [TensorType::f32(&[9])];
        assert!(Range.operation().unwrap().evaluate(&operands, &types).is_err());
    }
}
