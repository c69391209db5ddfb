//! What an operation sees of its operands and results.

use super::element::{ElementType, Native, Truth};
use crate::step::RANK;
use core::fmt;

/// Why an operation cannot compute anything sensible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure(pub &'static str);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

macro_rules! values {
    ($($variant:ident($type:ty),)*) => {
        /// Elements, row by row.
        #[derive(Clone, Copy, Debug)]
        #[allow(missing_docs)]
        pub enum Values<'a> {
            $($variant(&'a [$type]),)*
        }

        /// Room for elements.
        #[derive(Debug)]
        #[allow(missing_docs)]
        pub enum ValuesMut<'a> {
            $($variant(&'a mut [$type]),)*
        }

        impl Values<'_> {
            /// What they are.
            #[must_use]
            pub const fn element(&self) -> ElementType {
                match self {
                    $(Self::$variant(_) => ElementType::$variant,)*
                }
            }

            /// How many there are.
            #[must_use]
            pub const fn len(&self) -> usize {
                match self {
                    $(Self::$variant(values) => values.len(),)*
                }
            }

            /// Whether there are none.
            #[must_use]
            pub const fn is_empty(&self) -> bool {
                self.len() == 0
            }
        }

        impl ValuesMut<'_> {
            /// What they are.
            #[must_use]
            pub const fn element(&self) -> ElementType {
                match self {
                    $(Self::$variant(_) => ElementType::$variant,)*
                }
            }
        }
    };
}

values! {
    F32(f32),
    F64(f64),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    Bool(Truth),
}

/// Sizes, outermost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sizes {
    sizes: [usize; RANK],
    rank: usize,
}

impl Sizes {
    fn new(sizes: &[usize]) -> Option<Self> {
        let mut padded = [0; RANK];
        padded.get_mut(..sizes.len())?.copy_from_slice(sizes);
        Some(Self { sizes: padded, rank: sizes.len() })
    }

    fn as_slice(&self) -> &[usize] {
        self.sizes.get(..self.rank).unwrap_or_default()
    }
}

/// Number of elements; `None` where it is absurd.
fn elements(sizes: &[usize]) -> Option<usize> {
    if sizes.contains(&0) {
        return Some(0);
    }
    sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size))
}

/// An operand.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    values: Values<'a>,
    sizes: Sizes,
}

impl<'a> Input<'a> {
    /// These elements, in a tensor of these sizes.
    ///
    /// # Errors
    /// Where the sizes ask for more or fewer, or for too many dimensions.
    pub fn new(values: Values<'a>, sizes: &[usize]) -> Result<Self, Failure> {
        if elements(sizes) != Some(values.len()) {
            return Err(Failure("an operand has another number of elements than its sizes say"));
        }
        let sizes = Sizes::new(sizes).ok_or(Failure("an operand has too many dimensions"))?;
        Ok(Self { values, sizes })
    }

    /// What the elements are.
    #[must_use]
    pub const fn element(&self) -> ElementType {
        self.values.element()
    }

    /// Sizes, outermost first.
    #[must_use]
    pub fn sizes(&self) -> &[usize] {
        self.sizes.as_slice()
    }

    /// Number of elements.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no elements.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements, row by row.
    ///
    /// # Errors
    /// Where they are of another type.
    pub fn values<T: Native>(&self) -> Result<&'a [T], Failure> {
        T::slice(self.values).ok_or(Failure("an operand has elements of another type"))
    }

    /// An integer of the operand, of whatever integer type that is: an index,
    /// a size.
    ///
    /// # Errors
    /// Where there are not so many, they are no integers, or it does not fit.
    pub fn integer(&self, index: usize) -> Result<i64, Failure> {
        let value = match self.values {
            Values::I8(values) => values.get(index).map(|&value| value.into()),
            Values::I16(values) => values.get(index).map(|&value| value.into()),
            Values::I32(values) => values.get(index).map(|&value| value.into()),
            Values::I64(values) => values.get(index).copied(),
            Values::U8(values) => values.get(index).map(|&value| value.into()),
            Values::U16(values) => values.get(index).map(|&value| value.into()),
            Values::U32(values) => values.get(index).map(|&value| value.into()),
            Values::U64(values) => values.get(index).and_then(|&value| value.try_into().ok()),
            Values::F32(_) | Values::F64(_) | Values::Bool(_) => None,
        };
        value.ok_or(Failure("expected an integer operand"))
    }

    /// A number of the operand as a float, of whatever type it is.
    ///
    /// # Errors
    /// Where there are not so many.
    #[inline]
    pub fn number(&self, index: usize) -> Result<f64, Failure> {
        let value = crate::with_type!(self.element(), T => {
            self.values::<T>()?.get(index).map(|value| value.to_f64())
        });
        value.ok_or(Failure("an operand has too few elements"))
    }
}

/// A result.
#[derive(Debug)]
pub struct Output<'a> {
    values: ValuesMut<'a>,
    sizes: Sizes,
    rank: usize,
}

impl<'a> Output<'a> {
    /// A result of so many dimensions for which there is this much room.
    ///
    /// # Errors
    /// Where there are too many dimensions.
    pub fn new(values: ValuesMut<'a>, rank: usize) -> Result<Self, Failure> {
        let sizes = Sizes::new(&[0; RANK][..rank.min(RANK)]);
        let sizes = sizes.filter(|_| rank <= RANK).ok_or(Failure("a result of many dimensions"))?;
        Ok(Self { values, sizes, rank })
    }

    /// What the elements are.
    #[must_use]
    pub const fn element(&self) -> ElementType {
        self.values.element()
    }

    /// Number of dimensions.
    #[must_use]
    pub const fn rank(&self) -> usize {
        self.rank
    }

    /// The sizes that [`Output::resize`] set last.
    #[must_use]
    pub fn sizes(&self) -> &[usize] {
        self.sizes.as_slice()
    }

    /// Sets the sizes, and gives the elements to be written, row by row. What
    /// is in them before is arbitrary, except that those stay which were
    /// written since the run began.
    ///
    /// # Errors
    /// Where there is no room for so many, or the elements are of another type.
    pub fn resize<T: Native>(&mut self, sizes: &[usize]) -> Result<&mut [T], Failure> {
        if sizes.len() != self.rank {
            return Err(Failure("a result has another number of dimensions than was inferred"));
        }
        let count = elements(sizes).ok_or(Failure("a result has too many elements"))?;
        self.sizes = Sizes::new(sizes).ok_or(Failure("a result of many dimensions"))?;
        T::slice_mut(&mut self.values)
            .ok_or(Failure("a result has elements of another type"))?
            .get_mut(..count)
            .ok_or(Failure("a result is larger than the bound that was planned for"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_have_as_many_elements_as_their_sizes_say() {
        let input = Input::new(Values::I32(&[1, 2, 3, 4, 5, 6]), &[2, 3]).unwrap();
        assert_eq!((input.sizes(), input.len()), (&[2, 3][..], 6));
        assert_eq!(input.values::<i32>().unwrap()[5], 6);
        assert_eq!((input.integer(1), input.number(2)), (Ok(2), Ok(3.0)));
        assert!(input.values::<u32>().is_err() && input.integer(6).is_err());
        assert!(Input::new(Values::F32(&[1.0]), &[2]).is_err());
        assert!(Input::new(Values::F32(&[1.0]), &[1; RANK + 1]).is_err());
        assert!(Input::new(Values::F32(&[]), &[usize::MAX, usize::MAX, 0]).is_ok());
    }

    #[test]
    fn results_stay_within_their_bounds() {
        let mut room = [0u8; 6];
        let mut output = Output::new(ValuesMut::U8(&mut room), 2).unwrap();
        output.resize::<u8>(&[2, 2]).unwrap().copy_from_slice(&[1, 2, 3, 4]);
        assert_eq!(output.sizes(), [2, 2]);
        assert!(output.resize::<u8>(&[3, 3]).is_err());
        assert!(output.resize::<u8>(&[4]).is_err());
        assert!(output.resize::<i8>(&[2, 2]).is_err());
        assert!(output.resize::<u8>(&[usize::MAX, 2]).is_err());
    }
}
