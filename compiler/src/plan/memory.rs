//! The arena: who lives when, and where.

use super::tensor::TensorId;
use crate::step::ALIGNMENT;

/// A storage in the arena and the steps between which it holds something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resident {
    /// The storage.
    pub tensor: TensorId,
    /// Its size.
    pub bytes: usize,
    /// First step that writes it; inputs of the network are written at 0.
    pub first: usize,
    /// Last step that reads it.
    pub last: usize,
    /// Where it starts.
    pub offset: usize,
}

impl Resident {
    const fn meets(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    const fn end(&self) -> usize {
        self.offset + self.bytes
    }
}

/// Gives every resident an offset such that no two that live at the same time
/// overlap. Returns the size of the arena.
///
/// Greedy by size: the largest first, each into the smallest gap between those
/// already placed that it meets (Pisarchyk and Lee 2020, "Efficient Memory
/// Management for Deep Neural Net Inference", section 5.2).
pub fn place(residents: &mut [Resident]) -> usize {
    for resident in residents.iter_mut() {
        resident.bytes = resident.bytes.max(1).next_multiple_of(ALIGNMENT);
    }
    let mut by_size: Vec<usize> = (0..residents.len()).collect();
    by_size.sort_by_key(|&i| (std::cmp::Reverse(residents[i].bytes), residents[i].first, i));
    let mut placed: Vec<usize> = Vec::new();
    for &current in &by_size {
        let offset = best_gap(residents, &placed, current);
        residents[current].offset = offset;
        let at = placed.partition_point(|&other| residents[other].offset <= offset);
        placed.insert(at, current);
    }
    residents.iter().map(Resident::end).max().unwrap_or(0)
}

/// The start of the smallest gap that holds `current`; `placed` is in the
/// order of offsets.
fn best_gap(residents: &[Resident], placed: &[usize], current: usize) -> usize {
    let wanted = &residents[current];
    let mut best: Option<(usize, usize)> = None;
    let mut free = 0;
    for other in placed.iter().map(|&i| &residents[i]).filter(|other| other.meets(wanted)) {
        if other.offset >= free {
            let gap = other.offset - free;
            if gap >= wanted.bytes && best.is_none_or(|(size, _)| gap < size) {
                best = Some((gap, free));
            }
        }
        free = free.max(other.end());
    }
    best.map_or(free, |(_, start)| start)
}

/// The most bytes that live at once: no arena can be smaller.
#[must_use]
pub fn least_possible(residents: &[Resident]) -> usize {
    let live = |step: usize| {
        let here = residents.iter().filter(|r| r.first <= step && step <= r.last);
        here.map(|r| r.bytes).sum::<usize>()
    };
    residents.iter().map(|r| live(r.first)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::ElementType;
    use crate::plan::tensor::Tensors;

    fn residents(list: &[(usize, usize, usize)]) -> Vec<Resident> {
        let mut tensors = Tensors::default();
        list.iter()
            .map(|&(bytes, first, last)| {
                let tensor = tensors.add_plain(bytes, ElementType::U8).into();
                Resident { tensor, bytes, first, last, offset: 0 }
            })
            .collect()
    }

    #[test]
    fn a_chain_needs_its_two_largest_neighbours() {
        let mut chain = residents(&[(640, 0, 1), (1280, 1, 2), (640, 2, 3), (64, 3, 4)]);
        assert_eq!(place(&mut chain), 1920);
        assert_eq!(least_possible(&chain), 1920);
    }

    #[test]
    fn what_lives_at_the_same_time_never_overlaps() {
        let mut state = 7u64;
        let mut next = move |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % bound
        };
        let list: Vec<_> = (0..200)
            .map(|_| {
                let first = next(50) as usize;
                (1 + next(5000) as usize, first, first + next(6) as usize)
            })
            .collect();
        let mut all = residents(&list);
        let arena = place(&mut all);
        for (i, a) in all.iter().enumerate() {
            assert!(a.offset.is_multiple_of(ALIGNMENT) && a.end() <= arena);
            for b in &all[..i] {
                assert!(!a.meets(b) || a.end() <= b.offset || b.end() <= a.offset);
            }
        }
        assert!(arena <= least_possible(&all) * 5 / 4);
    }
}
