//! Planar pictures with a border of zeros, as the first layer reads them.

use super::reach::holds;
use crate::step::PadPlanes;
use core::ops::Range;

/// Pieces of work: one a plane.
pub(crate) fn pieces(pad: &PadPlanes) -> usize {
    pad.planes
}

/// Pads some planes.
///
/// # Safety
///
/// [`check`] passes; operands lie in the arena that starts at `arena`; nobody
/// else uses the planes that are written.
pub(crate) unsafe fn run(pad: &PadPlanes, arena: *mut u8, pieces: Range<usize>) {
    let (below, right) =
        (pad.padded_height - pad.top - pad.height, pad.padded_width - pad.left - pad.width);
    for plane in pieces {
        // SAFETY: the caller vouches for both planes; target rows are written
        // from the first to the last, and `target` ends where the plane ends.
        unsafe {
            let source = arena.add(pad.input.offset).cast::<f32>();
            let source = source.add(plane * pad.height * pad.width);
            let target = arena.add(pad.output.offset).cast::<f32>();
            let mut target = target.add(plane * pad.padded_height * pad.padded_width);
            let zeros = |target: *mut f32, count: usize| {
                target.write_bytes(0, count);
                target.add(count)
            };
            target = zeros(target, pad.top * pad.padded_width);
            for row in 0..pad.height {
                target = zeros(target, pad.left);
                target.copy_from(source.add(row * pad.width), pad.width);
                target = zeros(target.add(pad.width), right);
            }
            zeros(target, below * pad.padded_width);
        }
    }
}

/// Panics unless the picture with its border fits into the output.
pub(crate) fn check(pad: &PadPlanes) {
    assert!(
        pad.top.checked_add(pad.height).is_some_and(|end| end <= pad.padded_height)
            && pad.left.checked_add(pad.width).is_some_and(|end| end <= pad.padded_width)
            && holds(pad.input.len, &[pad.planes, pad.height, pad.width])
            && holds(pad.output.len, &[pad.planes, pad.padded_height, pad.padded_width]),
        "padding: sizes of the planes"
    );
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Arena, Numbers};
    use super::{check, pieces, run};
    use crate::step::{PadPlanes, Plain};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_border_of_zeros_surrounds_the_picture(
            planes in 1..4usize,
            (height, width) in (1..6usize, 1..6usize),
            [top, left, bottom, right] in [0..3usize, 0..3usize, 0..3usize, 0..3usize],
            seed: u64,
        ) {
            let mut arena = Arena::new();
            let (padded_height, padded_width) = (top + height + bottom, left + width + right);
            let len = planes * height * width;
            let input = Plain { offset: arena.reserve(len), len };
            let len = planes * padded_height * padded_width;
            let output = Plain { offset: arena.reserve(len), len };
            let picture = Numbers::new(seed).take(input.len);
            arena.values[input.offset / 4..][..input.len].copy_from_slice(&picture);
            let pad = PadPlanes {
                input, output, planes, height, width, padded_height, padded_width, top, left,
            };
            check(&pad);
            let mut expected = arena.values.clone();
            for plane in 0..planes {
                for y in 0..padded_height {
                    for x in 0..padded_width {
                        let inside = (top..top + height).contains(&y)
                            && (left..left + width).contains(&x);
                        let value = if inside {
                            picture[(plane * height + y - top) * width + x - left]
                        } else {
                            0.0
                        };
                        let place = (plane * padded_height + y) * padded_width + x;
                        expected[output.offset / 4 + place] = value;
                    }
                }
            }
            for piece in (0..pieces(&pad)).rev() {
                unsafe { run(&pad, arena.pointer(), piece..piece + 1) };
            }
            let same = arena.values.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits());
            prop_assert!(same);
        }
    }
}
