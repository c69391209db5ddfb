//! What becomes of an element that is written where one is.

use super::Native;
use super::order::is_nan;

description! {
    /// What becomes of an element and an update of it.
    #[derive(Eq)]
    pub enum ScatterReduction {
        /// The update.
        Assign,
        /// Their sum.
        Add,
        /// Their product.
        Multiply,
        /// The smaller one.
        Minimum,
        /// The larger one.
        Maximum,
    }
}

impl ScatterReduction {
    /// Integers wrap; NaN wins over numbers.
    pub(super) fn apply<T: Native>(self, old: T, new: T) -> T {
        let float = T::ELEMENT.is_float();
        match self {
            Self::Assign => new,
            Self::Add if float => T::from_f64(old.to_f64() + new.to_f64()),
            Self::Add => T::from_i128(old.to_i128().wrapping_add(new.to_i128())),
            Self::Multiply if float => T::from_f64(old.to_f64() * new.to_f64()),
            Self::Multiply => T::from_i128(old.to_i128().wrapping_mul(new.to_i128())),
            Self::Minimum if new < old => new,
            Self::Maximum if new > old => new,
            Self::Minimum | Self::Maximum if is_nan(new) => new,
            Self::Minimum | Self::Maximum => old,
        }
    }
}
