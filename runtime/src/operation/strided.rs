//! Elements that lie at regular distances.

use super::Failure;
use crate::step::RANK;

/// Fills the target, a row-major tensor of these sizes, with elements of the
/// source: the first one lies at `start`, neighbours along each dimension lie
/// `strides` apart, which may be negative or zero.
pub(super) fn gather<T: Copy>(
    source: &[T],
    start: isize,
    sizes: &[usize],
    strides: &[isize],
    target: &mut [T],
) -> Result<(), Failure> {
    if target.is_empty() {
        return Ok(());
    }
    // The last dimensions, where their elements adjoin, are copied at once.
    let (mut outer, mut run) = (sizes.len(), 1usize);
    while let Some(last) = outer.checked_sub(1)
        && (sizes[last] == 1 || strides[last] == run as isize)
    {
        (outer, run) = (last, run.saturating_mul(sizes[last]));
    }
    let mut step = 1;
    if run == 1 && outer > 0 {
        outer -= 1;
        (run, step) = (sizes[outer], strides[outer]);
    }
    let mut index = [0usize; RANK];
    let mut place = start;
    for row in target.chunks_exact_mut(run.max(1)) {
        take(source, place, step, row)?;
        for dimension in (0..outer).rev() {
            index[dimension] += 1;
            place = place.wrapping_add(strides[dimension]);
            if index[dimension] < sizes[dimension] {
                break;
            }
            index[dimension] = 0;
            let length = (sizes[dimension] as isize).wrapping_mul(strides[dimension]);
            place = place.wrapping_sub(length);
        }
    }
    Ok(())
}

/// Fills a row with elements of the source that lie `step` apart.
fn take<T: Copy>(source: &[T], start: isize, step: isize, row: &mut [T]) -> Result<(), Failure> {
    let outside = Failure("an element lies outside of the operand");
    let mut place = usize::try_from(start).map_err(|_| outside)?;
    if step == 1 {
        let end = place.checked_add(row.len()).ok_or(outside)?;
        row.copy_from_slice(source.get(place..end).ok_or(outside)?);
        return Ok(());
    }
    for element in row {
        *element = *source.get(place).ok_or(outside)?;
        place = place.wrapping_add_signed(step);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_come_in_the_order_of_the_strides() {
        let source: [u8; 6] = [0, 1, 2, 3, 4, 5];
        let mut target = [0; 6];
        gather(&source, 0, &[3, 2], &[1, 3], &mut target).unwrap();
        assert_eq!(target, [0, 3, 1, 4, 2, 5]);
        gather(&source, 5, &[6, 1], &[-1, 9], &mut target).unwrap();
        assert_eq!(target, [5, 4, 3, 2, 1, 0]);
        gather(&source, 3, &[2, 1, 3], &[-3, 7, 1], &mut target).unwrap();
        assert_eq!(target, [3, 4, 5, 0, 1, 2]);
        gather(&source, 2, &[2, 3], &[0, 0], &mut target).unwrap();
        assert_eq!(target, [2; 6]);
    }

    #[test]
    fn nothing_outside_is_touched() {
        let mut target = [0u8; 2];
        assert!(gather(&[1, 2], 1, &[2], &[1], &mut target).is_err());
        assert!(gather(&[1, 2], 0, &[2], &[-1], &mut target).is_err());
        assert!(gather(&[1, 2], isize::MAX, &[2], &[isize::MAX], &mut target).is_err());
        assert!(gather(&[], 0, &[0], &[1], &mut target[..0]).is_ok());
    }
}
