//! The same elements under other sizes.

use super::dimensions::Dimensions;
use super::{Failure, Input, Operation, Output, with_type};
use crate::step::RANK;

description! {
    /// `Reshape`, `Flatten`, `Squeeze` or `Unsqueeze`. Operands: data, and the
    /// sizes if [`ReshapeTarget::Sizes`] are wanted. Result: the same elements.
    pub struct GeneralReshape {
        /// The sizes of the result.
        pub target: ReshapeTarget,
    }
}

description! {
    /// The sizes that a [`GeneralReshape`] gives its result.
    pub enum ReshapeTarget {
        /// Those of the second operand, -1 for what is left.
        Sizes {
            /// Whether 0 is a size, rather than the operand's in that place.
            zero_is_zero: bool,
        },
        /// These.
        Fixed {
            /// The sizes.
            sizes: [usize; RANK],
            /// How many there are.
            rank: usize,
        },
        /// All dimensions up to one, and all from it on.
        Flat {
            /// The first dimension of the second part.
            axis: usize,
        },
        /// Without some dimensions of size 1.
        Without {
            /// Which of the operand's dimensions go.
            removed: [bool; RANK],
        },
        /// With dimensions of size 1 between the others.
        With {
            /// Which of the result's dimensions are new.
            inserted: [bool; RANK],
        },
    }
}

impl Operation for GeneralReshape {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), rest @ ..] = inputs else { return Err(Failure("expected an operand")) };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let sizes = match (self.target, rest) {
            (ReshapeTarget::Sizes { zero_is_zero }, [Some(wanted)]) => {
                requested(data.sizes(), wanted, zero_is_zero)?
            }
            (ReshapeTarget::Sizes { .. }, _) => return Err(Failure("expected data and sizes")),
            (ReshapeTarget::Fixed { sizes, rank }, _) => {
                Dimensions::new(sizes.get(..rank).unwrap_or(&sizes))?
            }
            (ReshapeTarget::Flat { axis }, _) => flat(data.sizes(), axis)?,
            (ReshapeTarget::Without { removed }, _) => without(data.sizes(), &removed)?,
            (ReshapeTarget::With { inserted }, _) => {
                with(data.sizes(), inserted.get(..output.rank()).unwrap_or(&inserted))?
            }
        };
        with_type!(data.element(), T => {
            let values = data.values::<T>()?;
            let reshaped = output.resize::<T>(&sizes)?;
            if reshaped.len() != values.len() {
                return Err(Failure("the sizes do not fit the number of elements"));
            }
            reshaped.copy_from_slice(values);
        });
        Ok(())
    }
}

fn product(sizes: &[usize]) -> usize {
    sizes.iter().fold(1, |product, &size| product.saturating_mul(size))
}

/// The sizes that a requested shape stands for.
fn requested(
    sizes: &[usize],
    wanted: &Input<'_>,
    zero_is_zero: bool,
) -> Result<Dimensions<usize>, Failure> {
    let mut resolved = Dimensions::none();
    let mut open = None;
    for dimension in 0..wanted.len() {
        resolved.push(match wanted.integer(dimension)? {
            -1 if open.replace(dimension).is_some() => {
                return Err(Failure("two sizes are asked to be what is left"));
            }
            -1 => 1,
            0 if !zero_is_zero => *sizes
                .get(dimension)
                .ok_or(Failure("a size is taken from a dimension that is not there"))?,
            size => usize::try_from(size).map_err(|_| Failure("a size is negative"))?,
        })?;
    }
    if let Some(open) = open {
        resolved[open] = left(sizes, &resolved)?;
    }
    Ok(resolved)
}

/// What is left of the operand's elements for one dimension. Of no elements
/// nothing seems to follow, but sizes of 0 on both sides are the same
/// count, found to be 0 this time: what is left follows from the others.
fn left(sizes: &[usize], known: &[usize]) -> Result<usize, Failure> {
    let nonzero = |sizes: &[usize]| {
        sizes.iter().filter(|&&size| size != 0).fold(1usize, |p, &size| p.saturating_mul(size))
    };
    let zeros = |sizes: &[usize]| sizes.iter().filter(|&&size| size == 0).count();
    let (total, divisor) = match (zeros(sizes), zeros(known)) {
        (0, 0) => (nonzero(sizes), nonzero(known)),
        (_, 0) => return Ok(0),
        (given, asked) if given > asked => return Ok(0),
        (given, asked) if given == asked => (nonzero(sizes), nonzero(known)),
        _ => return Err(Failure("a size that is left open beside a size of 0 could be anything")),
    };
    match total % divisor {
        0 => Ok(total / divisor),
        _ => Err(Failure("the sizes do not divide the number of elements")),
    }
}

fn flat(sizes: &[usize], axis: usize) -> Result<Dimensions<usize>, Failure> {
    let (before, after) =
        sizes.split_at_checked(axis).ok_or(Failure("there is no such dimension"))?;
    Dimensions::new(&[product(before), product(after)])
}

fn without(sizes: &[usize], removed: &[bool; RANK]) -> Result<Dimensions<usize>, Failure> {
    let mut left = Dimensions::none();
    for (&size, &removed) in sizes.iter().zip(removed) {
        match (removed, size) {
            (false, _) => left.push(size)?,
            (true, 1) => {}
            (true, _) => return Err(Failure("only dimensions of size 1 can be removed")),
        }
    }
    Ok(left)
}

fn with(sizes: &[usize], inserted: &[bool]) -> Result<Dimensions<usize>, Failure> {
    let mut sizes = sizes.iter();
    let mut extended = Dimensions::none();
    for &inserted in inserted {
        let size = if inserted { Some(&1) } else { sizes.next() };
        extended.push(*size.ok_or(Failure("there are too few dimensions"))?)?;
    }
    Ok(extended)
}
