//! How a row is cut into tiles.

/// Columns beyond which whole tiles of the greatest width are taken first.
const LONGEST: usize = 2 * 14;

/// Widths of the tiles of a row, whatever its length.
pub(super) struct Split {
    /// Most columns of a tile.
    most: usize,
    /// By the columns that are left, the width of the tile to take next.
    next: [u8; LONGEST],
}

impl Split {
    /// The cheapest cut with tiles of one row up to `most` columns and, if the
    /// cut is for two rows together, tiles of two rows up to `most_paired`.
    pub(super) const fn new(most: usize, most_paired: usize) -> Self {
        assert!(2 * most <= LONGEST);
        let (mut next, mut best) = ([0; LONGEST], [0; LONGEST]);
        let mut columns = 1;
        while columns < 2 * most {
            best[columns] = usize::MAX;
            let mut width = 1;
            while width <= most && width <= columns {
                let cost = if width <= most_paired { cost(2 * width) } else { 2 * cost(width) };
                if cost + best[columns - width] <= best[columns] {
                    best[columns] = cost + best[columns - width];
                    next[columns] = width as u8;
                }
                width += 1;
            }
            columns += 1;
        }
        Self { most, next }
    }

    /// Width of the next tile where so many columns are left.
    pub(super) const fn next(&self, columns: usize) -> usize {
        if columns >= 2 * self.most { self.most } else { self.next[columns] as usize }
    }
}

/// Time that a tile of so many pixels takes, in hundredths of the time of a
/// pixel in a tile that saturates the multiply-add units.
///
/// Measured with two vectors a pixel: six pixels run at 98 %, five at 93 %, four
/// at 83 % of the peak, and fewer don't take less time, because each sum waits
/// four cycles for its predecessor.
const fn cost(pixels: usize) -> usize {
    const START_AND_END: usize = 10;
    let waiting = if pixels < 6 { 37 * (6 - pixels) } else { 0 };
    let time = 100 * pixels + waiting;
    START_AND_END + if time > 420 { time } else { 420 }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, Split, cost};
    use alloc::vec;
    use alloc::vec::Vec;

    fn widths(split: &Split, mut columns: usize) -> Vec<usize> {
        let mut widths = vec![];
        while columns > 0 {
            widths.push(split.next(columns));
            columns -= split.next(columns);
        }
        widths
    }

    #[test]
    fn every_row_is_covered_by_tiles_that_exist() {
        for (most, paired) in [(1, 0), (3, 1), (6, 3), (14, 7)] {
            let split = Split::new(most, paired);
            for columns in 0..4 * LONGEST {
                let widths = widths(&split, columns);
                assert_eq!(widths.iter().sum::<usize>(), columns);
                assert!(widths.iter().all(|width| (1..=most).contains(width)));
            }
        }
    }

    #[test]
    fn no_cut_in_two_is_cheaper() {
        for most in [3, 6, 14] {
            let split = Split::new(most, 0);
            for columns in 2..2 * most {
                let taken: usize = widths(&split, columns).into_iter().map(cost).sum();
                for first in columns.saturating_sub(most).max(1)..=most.min(columns - 1) {
                    assert!(taken <= cost(first) + cost(columns - first));
                }
            }
        }
    }

    #[test]
    fn short_rows_are_taken_in_pairs() {
        assert_eq!(widths(&Split::new(14, 7), 7), [7]);
        assert_eq!(widths(&Split::new(14, 7), 56), [14; 4]);
        let mut fourteen = widths(&Split::new(6, 3), 14);
        fourteen.sort_unstable();
        assert!(!fourteen.contains(&4), "{fourteen:?}");
    }
}
