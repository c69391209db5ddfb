//! Arithmetic of what is known of integers.

use crate::ir::Fact;
use crate::operation::{Arithmetic, Comparison};

/// A bound in more bits, where the largest and smallest of `i64` stand for no
/// bound at all.
const fn wide(bound: i64) -> i128 {
    match bound {
        i64::MIN => -UNBOUNDED,
        i64::MAX => UNBOUNDED,
        bound => bound as i128,
    }
}

const UNBOUNDED: i128 = 1 << 100;

fn narrow(bound: i128) -> i64 {
    i64::try_from(bound).unwrap_or(if bound < 0 { i64::MIN } else { i64::MAX })
}

/// Whether two integers are surely the same.
fn same(a: &Fact, b: &Fact) -> bool {
    let symbols = a.symbol.is_some() && a.symbol == b.symbol;
    symbols || a.value().is_some() && a.value() == b.value()
}

/// The bounds of a function that is monotonous in both operands.
fn corners(a: &Fact, b: &Fact, function: impl Fn(i128, i128) -> i128) -> Fact {
    let of = |a: i64, b: i64| function(wide(a), wide(b));
    let corners = [of(a.low, b.low), of(a.low, b.high), of(a.high, b.low), of(a.high, b.high)];
    let low = corners.iter().copied().min().unwrap_or(-UNBOUNDED);
    let high = corners.iter().copied().max().unwrap_or(UNBOUNDED);
    Fact::between(narrow(low), narrow(high))
}

/// What is known of a result of integers. The symbol of an operand stays where
/// the result is surely that operand.
pub(super) fn arithmetic(function: Arithmetic, a: &Fact, b: &Fact) -> Fact {
    if let Some(operand) = unchanged(function, a, b) {
        return operand.clone();
    }
    match function {
        Arithmetic::Add => corners(a, b, i128::saturating_add),
        Arithmetic::Sub if same(a, b) => Fact::known(0),
        Arithmetic::Sub => corners(a, b, i128::saturating_sub),
        Arithmetic::Mul => corners(a, b, i128::saturating_mul),
        // Zero divides nothing, so that there is no result for it.
        Arithmetic::Div if same(a, b) => Fact::known(1),
        Arithmetic::Div if b.low >= 0 && b.high > 0 => {
            corners(a, &Fact::between(b.low.max(1), b.high), |a, b| a / b)
        }
        Arithmetic::Div if b.high <= 0 && b.low < 0 => {
            corners(a, &Fact::between(b.low, b.high.min(-1)), |a, b| a / b)
        }
        Arithmetic::Min => Fact::between(a.low.min(b.low), a.high.min(b.high)),
        Arithmetic::Max => Fact::between(a.low.max(b.low), a.high.max(b.high)),
        Arithmetic::Modulo | Arithmetic::Remainder if b.low >= 0 => match (a.value(), b.value()) {
            (Some(a), Some(b)) if b > 0 && a >= 0 => Fact::known(a % b),
            _ => {
                let most = narrow(wide(b.high) - 1).max(0);
                let floors = function == Arithmetic::Modulo || a.low >= 0;
                let high = if a.low >= 0 { most.min(a.high) } else { most };
                Fact::between(if floors { 0 } else { narrow(-wide(most)) }, high)
            }
        },
        _ => Fact::ANYTHING,
    }
}

/// The operand that the result surely is.
fn unchanged<'a>(function: Arithmetic, a: &'a Fact, b: &'a Fact) -> Option<&'a Fact> {
    let [left, right] = match function {
        Arithmetic::Add => [b.value() == Some(0), a.value() == Some(0)],
        Arithmetic::Sub => [b.value() == Some(0), false],
        Arithmetic::Mul => [b.value() == Some(1), a.value() == Some(1)],
        Arithmetic::Div => [b.value() == Some(1), false],
        Arithmetic::Min => [a.high <= b.low || same(a, b), b.high <= a.low],
        Arithmetic::Max => [a.low >= b.high || same(a, b), b.low >= a.high],
        Arithmetic::Modulo | Arithmetic::Remainder => [a.low >= 0 && a.high < b.low, false],
        Arithmetic::Pow | Arithmetic::ParametricRelu | Arithmetic::GatedSwish { .. } => {
            [false, false]
        }
    };
    match [left, right] {
        [true, _] => Some(a),
        [_, true] => Some(b),
        _ => None,
    }
}

/// What is known of whether a comparison holds.
pub(super) fn comparison(comparison: Comparison, a: &Fact, b: &Fact) -> Fact {
    let [surely, surely_not] = match comparison {
        Comparison::Equal => [same(a, b), a.high < b.low || b.high < a.low],
        Comparison::Greater => [a.low > b.high, a.high <= b.low || same(a, b)],
        Comparison::GreaterOrEqual => [a.low >= b.high || same(a, b), a.high < b.low],
        Comparison::Less => [a.high < b.low, a.low >= b.high || same(a, b)],
        Comparison::LessOrEqual => [a.high <= b.low || same(a, b), a.low > b.high],
    };
    match [surely, surely_not] {
        [true, _] => Fact::known(1),
        [_, true] => Fact::known(0),
        _ => Fact::between(0, 1),
    }
}

/// What is known of a number that is one of two.
pub(super) fn either(a: &Fact, b: &Fact) -> Fact {
    let symbol = a.symbol.clone().filter(|_| a.symbol == b.symbol);
    Fact { low: a.low.min(b.low), high: a.high.max(b.high), symbol }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(symbol: &str, max: i64) -> Fact {
        Fact { low: 0, high: max, symbol: Some(symbol.to_owned()) }
    }

    #[test]
    fn bounds_are_those_of_the_results() {
        let of = |function, a: [i64; 2], b: [i64; 2]| {
            let fact = arithmetic(function, &Fact::between(a[0], a[1]), &Fact::between(b[0], b[1]));
            [fact.low, fact.high]
        };
        assert_eq!(of(Arithmetic::Add, [0, 5], [-2, 3]), [-2, 8]);
        assert_eq!(of(Arithmetic::Sub, [0, 5], [-2, 3]), [-3, 7]);
        assert_eq!(of(Arithmetic::Mul, [-2, 5], [-3, 4]), [-15, 20]);
        assert_eq!(of(Arithmetic::Div, [-7, 9], [2, 4]), [-3, 4]);
        assert_eq!(of(Arithmetic::Div, [0, 9], [0, 4]), [0, 9]);
        assert_eq!(of(Arithmetic::Div, [-7, 9], [-1, 1]), [i64::MIN, i64::MAX]);
        assert_eq!(of(Arithmetic::Min, [0, 9], [2, 4]), [0, 4]);
        assert_eq!(of(Arithmetic::Max, [0, 9], [2, 4]), [2, 9]);
        assert_eq!(of(Arithmetic::Modulo, [-9, 9], [1, 4]), [0, 3]);
        assert_eq!(of(Arithmetic::Remainder, [-9, 9], [1, 4]), [-3, 3]);
        assert_eq!(of(Arithmetic::Remainder, [0, 2], [1, 4]), [0, 2]);
    }

    #[test]
    fn no_bound_stays_none() {
        let anything = Fact::ANYTHING;
        for function in [Arithmetic::Add, Arithmetic::Sub, Arithmetic::Mul] {
            assert_eq!(arithmetic(function, &anything, &Fact::known(-5)), anything);
        }
        assert_eq!(arithmetic(Arithmetic::Div, &anything, &Fact::known(4)), anything);
        let positive = Fact::between(0, i64::MAX);
        assert_eq!(arithmetic(Arithmetic::Add, &positive, &Fact::known(-1)).high, i64::MAX);
        assert_eq!(arithmetic(Arithmetic::Min, &anything, &Fact::known(9)).high, 9);
    }

    #[test]
    fn what_changes_nothing_keeps_the_symbol() {
        let n = size("n", 9);
        for (function, other) in [
            (Arithmetic::Add, Fact::known(0)),
            (Arithmetic::Sub, Fact::known(0)),
            (Arithmetic::Mul, Fact::known(1)),
            (Arithmetic::Div, Fact::known(1)),
            (Arithmetic::Min, Fact::known(9)),
            (Arithmetic::Max, Fact::known(0)),
            (Arithmetic::Min, n.clone()),
            (Arithmetic::Modulo, Fact::known(10)),
        ] {
            assert_eq!(arithmetic(function, &n, &other), n, "{function:?}");
        }
        assert_eq!(arithmetic(Arithmetic::Min, &n, &Fact::known(8)).symbol, None);
        assert_eq!(arithmetic(Arithmetic::Sub, &n, &n), Fact::known(0));
    }

    #[test]
    fn comparisons_hold_surely_or_maybe() {
        let n = size("n", 9);
        let of = |kind, a: &Fact, b: &Fact| comparison(kind, a, b).value();
        assert_eq!(of(Comparison::Equal, &n, &Fact::known(-1)), Some(0));
        assert_eq!(of(Comparison::Equal, &n, &n), Some(1));
        assert_eq!(of(Comparison::Equal, &n, &size("m", 9)), None);
        assert_eq!(of(Comparison::Less, &n, &Fact::known(10)), Some(1));
        assert_eq!(of(Comparison::Less, &n, &n), Some(0));
        assert_eq!(of(Comparison::GreaterOrEqual, &n, &Fact::known(0)), Some(1));
        assert_eq!(either(&n, &Fact::known(20)), Fact::between(0, 20));
        assert_eq!(either(&n, &n), n);
    }
}
