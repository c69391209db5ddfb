//! What transposition, slicing, splitting, broadcasting and padding have in
//! common: each element of the result is one of the source, and which one
//! follows for each dimension on its own.

use super::cast::Convert;
use crate::error::Result;
use crate::ir::{Data, Tensor, TensorType};
use crate::with_data;

/// Distance between neighbours along each dimension, in elements, of a
/// row-major tensor.
pub(super) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = shape[i].saturating_mul(strides[i]);
    }
    strides
}

/// The tensor of this shape whose elements come from `source`. An index along
/// a dimension contributes `offset(dimension, index)` elements to the place in
/// the source; where one is `None`, the element is `fill`.
pub(super) fn rearranged(
    source: &Tensor,
    shape: &[usize],
    fill: f64,
    offset: impl Fn(usize, usize) -> Option<usize>,
) -> Result<Tensor> {
    let elements = TensorType::fixed(source.element(), shape).elements()?;
    // An empty source has nothing for any place, and its strides mean nothing.
    let mut base = (!source.is_empty()).then_some(0);
    // Dimensions of one index only move the base: at most 40 others are left,
    // since the number of elements fits 40 bits.
    let mut tables = Vec::new();
    if elements > 0 && base.is_some() {
        for (dimension, &size) in shape.iter().enumerate() {
            if size == 1 {
                base = base.zip(offset(dimension, 0)).map(|(base, offset)| base + offset);
            } else {
                tables.push((0..size).map(|index| offset(dimension, index)).collect::<Vec<_>>());
            }
        }
    }
    let data = with_data!(source.data(), values => {
        let fill = fill.convert();
        Data::from(match base {
            Some(_) if elements == 0 => Vec::new(),
            Some(base) => {
                let mut placed = Vec::with_capacity(elements);
                place(values, &tables, base, fill, &mut placed);
                placed
            }
            None => vec![fill; elements],
        })
    });
    Tensor::new(shape, data)
}

fn place<T: Copy>(
    values: &[T],
    tables: &[Vec<Option<usize>>],
    base: usize,
    fill: T,
    placed: &mut Vec<T>,
) {
    match tables {
        [] => placed.push(values[base]),
        [last] => {
            let value = |offset: &Option<usize>| offset.map_or(fill, |o| values[base + o]);
            placed.extend(last.iter().map(value));
        }
        [first, rest @ ..] => {
            let inside: usize = rest.iter().map(Vec::len).product();
            for offset in first {
                match offset {
                    Some(offset) => place(values, rest, base + offset, fill, placed),
                    None => placed.resize(placed.len() + inside, fill),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_come_from_where_the_offsets_say() {
        let source = Tensor::new(&[2, 3], vec![0i32, 1, 2, 3, 4, 5]).unwrap();
        let transposed = rearranged(&source, &[3, 2], 0.0, |d, i| Some(i * [1, 3][d])).unwrap();
        assert_eq!(transposed, Tensor::new(&[3, 2], vec![0, 3, 1, 4, 2, 5]).unwrap());
        let holes = rearranged(&source, &[3, 1, 2], 9.0, |d, i| match d {
            0 => i.checked_sub(1).map(|i| i * 3),
            1 => Some(1),
            _ => Some(i),
        });
        assert_eq!(holes.unwrap(), Tensor::new(&[3, 1, 2], vec![9, 9, 1, 2, 4, 5]).unwrap());
    }

    #[test]
    fn absurd_shapes_cost_nothing() {
        let source = Tensor::vector(vec![1.0f32]);
        let empty = rearranged(&source, &[usize::MAX, 0], 0.0, |_, _| Some(0)).unwrap();
        assert_eq!(empty.shape(), [usize::MAX, 0]);
        assert!(rearranged(&source, &[usize::MAX, 2], 0.0, |_, _| Some(0)).is_err());
        let deep = rearranged(&source, &vec![1; 100_000], 0.0, |_, _| Some(0)).unwrap();
        assert_eq!(deep.len(), 1);
        let nothing = rearranged(&source, &[1, 2], 7.0, |d, _| (d > 0).then_some(0)).unwrap();
        assert_eq!(nothing, Tensor::new(&[1, 2], vec![7.0f32, 7.0]).unwrap());
    }
}
