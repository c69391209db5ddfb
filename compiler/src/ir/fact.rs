//! What is known of integers that are computed when the network runs.

use super::{Dim, Tensor};
use crate::error::{Error, Result};

/// What is known of an integer, a size or an index mostly, that is computed
/// when the network runs. A truth value counts as 0 or 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// It is not below this.
    pub low: i64,
    /// It is not above this; `i64::MAX` where nothing is known.
    pub high: i64,
    /// The dimension that it is the size of, if it is one; see
    /// [`Dim::Bounded`].
    pub symbol: Option<String>,
}

/// Most elements of a tensor whose facts are followed: shapes and single
/// numbers have few.
pub const MAX_FACTS: usize = 64;

impl Fact {
    /// Any integer at all.
    pub const ANYTHING: Self = Self { low: i64::MIN, high: i64::MAX, symbol: None };

    /// An integer that is known.
    #[must_use]
    pub const fn known(value: i64) -> Self {
        Self { low: value, high: value, symbol: None }
    }

    /// An integer between these, both included.
    #[must_use]
    pub const fn between(low: i64, high: i64) -> Self {
        Self { low, high, symbol: None }
    }

    /// The size of a dimension.
    #[must_use]
    pub fn of_dim(dim: &Dim) -> Self {
        match dim {
            Dim::Fixed(size) => Self::known(i64::try_from(*size).unwrap_or(i64::MAX)),
            Dim::Bounded { symbol, max } => Self {
                low: 0,
                high: i64::try_from(*max).unwrap_or(i64::MAX),
                symbol: Some(symbol.clone()),
            },
        }
    }

    /// The integer, where it is known.
    #[must_use]
    pub const fn value(&self) -> Option<i64> {
        if self.low == self.high { Some(self.low) } else { None }
    }

    /// The dimension that has this size; [`Dim::open`] where there is no bound.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Shape`] where it is known to be negative.
    pub fn dim(&self) -> Result<Dim> {
        let size = |size: i64| {
            usize::try_from(size)
                .map_err(|_| Error::shape(format!("a size should not be negative, but is {size}")))
        };
        match (self.value(), &self.symbol) {
            (Some(value), _) => size(value).map(Dim::Fixed),
            (None, Some(symbol)) => {
                Ok(Dim::Bounded { symbol: symbol.clone(), max: size(self.high)? })
            }
            (None, None) if self.high == i64::MAX => Ok(Dim::open()),
            (None, None) => Ok(Dim::fresh(size(self.high)?)),
        }
    }
}

/// The facts of a tensor that is known.
#[must_use]
pub fn facts_of(tensor: &Tensor) -> Option<Vec<Fact>> {
    if tensor.len() > MAX_FACTS {
        return None;
    }
    let integers = match tensor.data() {
        super::Data::Bool(values) => values.iter().map(|&value| value.into()).collect(),
        _ => tensor.integers().ok()?,
    };
    Some(integers.into_iter().map(Fact::known).collect())
}
