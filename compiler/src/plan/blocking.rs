//! How the loops of a convolution are cut for the caches.

use crate::step::{Blocking, GROUP, LANES};

/// What the choice depends on.
#[derive(Clone, Copy, Debug)]
pub struct ConvShape {
    /// Input channel blocks of a group.
    pub input_blocks: usize,
    /// `[batch, channels, height, width]`.
    pub output: [usize; 4],
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Rows and columns between output pixels.
    pub stride: [usize; 2],
}

/// Bytes of weights of a chunk for a pair of output groups that stay in the
/// nearest cache while the pixels of a strip pass by.
const CHUNK_BYTES: usize = 36 * 1024;

/// Bytes of input of a strip that stay in the second cache while all output
/// channels pass by.
const STRIP_BYTES: usize = 256 * 1024;

/// Chooses chunk and strip of a direct convolution.
#[must_use]
pub fn choose_blocking(shape: &ConvShape) -> Blocking {
    let [_, _, height, width] = shape.output;
    let taps = shape.kernel[0] * shape.kernel[1];
    let pair_bytes = 4 * LANES * 2 * GROUP * taps;
    let input_blocks = if taps == 1 {
        shape.input_blocks
    } else {
        (CHUNK_BYTES / pair_bytes.max(1)).clamp(1, shape.input_blocks.max(1))
    };
    let chunks = shape.input_blocks.div_ceil(input_blocks.max(1)).max(1);
    let input_blocks = shape.input_blocks.div_ceil(chunks).max(1);
    let row_bytes = 4 * LANES * input_blocks * width * shape.stride[0] * shape.stride[1];
    let rows = (STRIP_BYTES / row_bytes.max(1)).clamp(1, height.max(1));
    let strips = height.div_ceil(rows).max(1);
    Blocking { input_blocks, rows: height.div_ceil(strips).max(1) }
}

/// Bytes of whole output rows of a strip that stay in a near cache while the
/// phases of a transposed convolution fill the gaps between each other's pixels.
const PHASES_BYTES: usize = 128 * 1024;

/// Chooses chunk and strip of a transposed convolution whose output rows have
/// `width` pixels and whose largest phase is a convolution like this.
#[must_use]
pub fn choose_phase_blocking(phase: &ConvShape, width: usize) -> Blocking {
    let Blocking { input_blocks, rows } = choose_blocking(phase);
    let row_bytes = 4 * 2 * GROUP * width;
    let rows = rows.min((PHASES_BYTES / row_bytes.max(1)).max(1));
    let strips = phase.output[2].div_ceil(rows).max(1);
    Blocking { input_blocks, rows: phase.output[2].div_ceil(strips).max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_and_strips_are_even_and_cover_everything() {
        for (input_blocks, size, kernel) in [(8, 56, 3), (64, 7, 3), (256, 7, 1), (1, 1, 11)] {
            let shape = ConvShape {
                input_blocks,
                output: [1, 64, size, size],
                kernel: [kernel, kernel],
                stride: [1, 1],
            };
            let Blocking { input_blocks: chunk, rows } = choose_blocking(&shape);
            assert!((1..=input_blocks).contains(&chunk));
            assert!((1..=size).contains(&rows));
            assert!(kernel > 1 || chunk == input_blocks);
            let phases = choose_phase_blocking(&shape, 8 * size);
            assert!(phases.input_blocks == chunk && (1..=rows).contains(&phases.rows));
        }
    }
}
