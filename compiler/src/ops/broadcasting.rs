//! Shapes and facts of operands that are broadcast together.

use crate::error::{Error, Result};
use crate::ir::{Dim, ElementType, Fact, MAX_FACTS, Operand, TensorType, required};

/// The shape that two shapes are broadcast to. Whether sizes fit that are known
/// only at run time shows there.
///
/// # Errors
/// Where they do not fit.
pub(super) fn broadcast(left: &TensorType, right: &TensorType) -> Result<Vec<Dim>> {
    let rank = left.rank().max(right.rank());
    let dim = |tensor: &TensorType, i: usize| {
        (i + tensor.rank()).checked_sub(rank).map_or(Dim::Fixed(1), |i| tensor.shape[i].clone())
    };
    (0..rank)
        .map(|i| {
            broadcast_dim(dim(left, i), dim(right, i)).ok_or_else(|| {
                Error::shape(format!("{left} and {right} cannot be broadcast together"))
            })
        })
        .collect()
}

fn broadcast_dim(left: Dim, right: Dim) -> Option<Dim> {
    match (left, right) {
        (Dim::Fixed(1), other) | (other, Dim::Fixed(1)) => Some(other),
        (Dim::Fixed(a), Dim::Fixed(b)) => (a == b).then_some(Dim::Fixed(a)),
        (Dim::Fixed(size), Dim::Bounded { .. }) | (Dim::Bounded { .. }, Dim::Fixed(size)) => {
            Some(Dim::Fixed(size))
        }
        (Dim::Bounded { symbol: a, max: left }, Dim::Bounded { symbol: b, max: right }) => {
            let same = Dim::Bounded { symbol: a.clone(), max: left.min(right) };
            Some(if a == b && !same.is_fresh() { same } else { Dim::fresh(left.max(right)) })
        }
    }
}

/// The type of all operands broadcast together: elements as those of the first,
/// which those of the others must be.
///
/// # Errors
/// Where there are none, or they do not fit.
pub(super) fn broadcast_all(operands: &[Option<Operand<'_>>]) -> Result<TensorType> {
    let mut all = required(operands, 0, "first")?.tensor_type.clone();
    for slot in 1..operands.len() {
        let other = required(operands, slot, "next")?.tensor_type;
        super::floats::check_same_element(&all, other)?;
        all.shape = broadcast(&all, other)?;
    }
    Ok(all)
}

/// What follows for each element of a result of this type from the facts of the
/// operands, which are broadcast; `None` where nothing does.
pub(super) fn elementwise_facts<const N: usize>(
    operands: &[Option<Operand<'_>>],
    element: ElementType,
    function: impl Fn([&Fact; N]) -> Fact,
) -> Option<Vec<Fact>> {
    let operands: [Option<Operand<'_>>; N] = operands.get(..N)?.try_into().ok()?;
    if element.is_float() || operands.iter().any(Option::is_none) {
        return None;
    }
    let shapes = operands.iter().flatten().map(|operand| operand.tensor_type);
    let sizes = shapes.clone().map(|tensor_type| tensor_type.sizes().ok());
    let sizes: Vec<Vec<usize>> = sizes.collect::<Option<_>>()?;
    let shape = shapes.cloned().reduce(|left, right| TensorType {
        shape: broadcast(&left, &right).unwrap_or_default(),
        ..left
    })?;
    let (shape, count) = (shape.sizes().ok()?, shape.elements().ok()?);
    if count > MAX_FACTS {
        return None;
    }
    let known: Vec<Vec<Fact>> = operands.iter().flatten().map(facts_of).collect::<Option<_>>()?;
    let facts = (0..count).map(|place| {
        let facts = std::array::from_fn(|n| {
            known.get(n).and_then(|known| known.get(place_in(&sizes[n], &shape, place)))
        });
        facts.iter().all(Option::is_some).then(|| {
            let fact = function(facts.map(|fact| fact.unwrap_or(&Fact::ANYTHING)));
            fitting(fact, element)
        })
    });
    let facts: Vec<Fact> = facts.collect::<Option<_>>()?;
    facts.iter().any(|fact| *fact != unknown(element)).then_some(facts)
}

/// What follows where a function of two is applied to any number of operands,
/// from the first to the last.
pub(super) fn folded_facts(
    operands: &[Option<Operand<'_>>],
    function: impl Fn(&Fact, &Fact) -> Fact,
) -> Option<Vec<Fact>> {
    let (first, rest) = operands.split_first()?;
    let mut all = first.as_ref()?.tensor_type.clone();
    let mut facts = facts_of(first.as_ref()?)?;
    for other in rest {
        let left = Operand { tensor_type: &all, value: None, known: Some(&facts) };
        let both = elementwise_facts(&[Some(left), *other], all.element, |[a, b]: [&Fact; 2]| {
            function(a, b)
        })?;
        all.shape = broadcast(&all, other.as_ref()?.tensor_type).ok()?;
        facts = both;
    }
    Some(facts)
}

/// Facts of all elements of an operand of known size, at least what their type
/// says.
fn facts_of(operand: &Operand<'_>) -> Option<Vec<Fact>> {
    let count = operand.tensor_type.elements().ok().filter(|&count| count <= MAX_FACTS)?;
    if let Some(facts) = operand.facts().filter(|facts| facts.len() == count) {
        return Some(facts.into_owned());
    }
    let element = operand.tensor_type.element;
    (!element.is_float()).then(|| vec![unknown(element); count])
}

/// The element of an operand that belongs to an element of the result.
fn place_in(sizes: &[usize], shape: &[usize], mut place: usize) -> usize {
    let (mut own, mut stride) = (0, 1);
    let mut remaining = sizes.iter().rev();
    for &size in shape.iter().rev() {
        let index = place % size;
        place /= size;
        if let Some(&size) = remaining.next() {
            own += if size == 1 { 0 } else { index * stride };
            stride *= size;
        }
    }
    own
}

/// What the type of an integer alone says. Of those that sizes are made of it
/// says no bound that would be worth planning for.
const fn unknown(element: ElementType) -> Fact {
    match element {
        ElementType::Bool => Fact::between(0, 1),
        ElementType::U8 => Fact::between(0, u8::MAX as i64),
        ElementType::I8 => Fact::between(i8::MIN as i64, i8::MAX as i64),
        ElementType::U16 => Fact::between(0, u16::MAX as i64),
        ElementType::I16 => Fact::between(i16::MIN as i64, i16::MAX as i64),
        ElementType::U32 | ElementType::U64 => Fact::between(0, i64::MAX),
        ElementType::I32 | ElementType::I64 | ElementType::F32 | ElementType::F64 => Fact::ANYTHING,
    }
}

/// A fact of a result, which wraps where it does not fit the type.
pub(super) fn fitting(fact: Fact, element: ElementType) -> Fact {
    let [low, high] = match element {
        ElementType::I32 => [i32::MIN.into(), i32::MAX.into()],
        ElementType::U32 => [0, u32::MAX.into()],
        _ => [unknown(element).low, unknown(element).high],
    };
    let unbounded = fact.high == i64::MAX && high >= i32::MAX.into();
    match low <= fact.low && (fact.high <= high || unbounded) {
        true => fact,
        false => unknown(element),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Tensor;

    fn bounded(symbol: &str, max: usize) -> Dim {
        Dim::Bounded { symbol: symbol.to_owned(), max }
    }

    fn shape(left: Dim, right: Dim) -> Result<Vec<Dim>> {
        let tensor = |dim| TensorType { element: ElementType::F32, shape: vec![dim] };
        broadcast(&tensor(left), &tensor(right))
    }

    #[test]
    fn sizes_known_at_run_time_are_broadcast() {
        assert_eq!(shape(bounded("n", 9), bounded("n", 9)).unwrap(), [bounded("n", 9)]);
        assert_eq!(shape(bounded("n", 9), Dim::Fixed(1)).unwrap(), [bounded("n", 9)]);
        assert_eq!(shape(Dim::Fixed(4), bounded("n", 9)).unwrap(), [Dim::Fixed(4)]);
        assert_eq!(shape(bounded("n", 9), bounded("m", 7)).unwrap(), [Dim::fresh(9)]);
        assert_eq!(shape(Dim::fresh(9), Dim::fresh(9)).unwrap(), [Dim::fresh(9)]);
        assert!(shape(Dim::Fixed(2), Dim::Fixed(3)).is_err());
    }

    #[test]
    fn facts_are_broadcast_as_elements_are() {
        let column = Tensor::new(&[2, 1], vec![10i64, 20]).unwrap();
        let row = Tensor::vector(vec![1i64, 2, 3]);
        let types = [column.tensor_type(), row.tensor_type()];
        let operands = [
            Some(Operand::new(&types[0], Some(&column))),
            Some(Operand::new(&types[1], Some(&row))),
        ];
        let sums = elementwise_facts(&operands, ElementType::I64, |[a, b]: [&Fact; 2]| {
            Fact::known(a.low + b.low)
        });
        let sums: Vec<_> = sums.unwrap().iter().map(|fact| fact.value().unwrap()).collect();
        assert_eq!(sums, [11, 12, 13, 21, 22, 23]);
        let open = [operands[0], Some(Operand::of_type(&types[1]))];
        let nothing = elementwise_facts(&open, ElementType::I64, |_: [&Fact; 2]| Fact::ANYTHING);
        assert_eq!(nothing, None);
    }

    #[test]
    fn what_does_not_fit_the_type_wraps() {
        assert_eq!(fitting(Fact::known(300), ElementType::U8), Fact::between(0, 255));
        assert_eq!(fitting(Fact::between(-1, 5), ElementType::U32).low, 0);
        assert_eq!(fitting(Fact::between(0, 5), ElementType::I32), Fact::between(0, 5));
        assert_eq!(fitting(Fact::between(0, i64::MAX), ElementType::I32).low, 0);
    }
}
