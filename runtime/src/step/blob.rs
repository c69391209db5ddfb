//! The header of a weights file.
//!
//! The first [`ALIGNMENT`] bytes say whose weights follow, so that a program
//! does not run on those of another network. All numbers are little-endian:
//!
//! | bytes | |
//! | --- | --- |
//! | 0..8 | `cnncwts1` |
//! | 8..16 | identity of the weights |
//! | 16..24 | length of the file, header included |

use super::ALIGNMENT;

const MAGIC: u64 = u64::from_le_bytes(*b"cnncwts1");

/// Values before the first section.
const HEADER: usize = ALIGNMENT / 4;

/// What the header of a weights file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Identity of the weights.
    pub content: u64,
    /// Length of the file in bytes, header included.
    pub bytes: u64,
}

/// Writes the header into the first 16 values and returns the identity of the
/// weights: a hash of the rest.
///
/// ```
/// use cnnc_runtime::step::{read_header, seal};
/// let mut weights = vec![0.0; 16];
/// weights.extend([1.0, 2.0]);
/// let content = seal(&mut weights);
/// let bytes: Vec<u8> = weights.iter().flat_map(|value| value.to_le_bytes()).collect();
/// let header = read_header(&bytes).unwrap();
/// assert_eq!((header.content, header.bytes), (content, 72));
/// ```
///
/// # Panics
/// Where there is no room for the header.
pub fn seal(values: &mut [f32]) -> u64 {
    let bytes = values.len() as u64 * 4;
    let (header, rest) = values.split_at_mut(HEADER);
    let content = hash(rest);
    for (slot, word) in header.chunks_exact_mut(2).zip([MAGIC, content, bytes, 0, 0, 0, 0, 0]) {
        slot[0] = f32::from_bits(word as u32);
        slot[1] = f32::from_bits((word >> 32) as u32);
    }
    content
}

/// Reads the header; `None` where there is none.
#[must_use]
pub fn read_header(bytes: &[u8]) -> Option<Header> {
    let word = |i: usize| bytes.get(8 * i..8 * i + 8)?.try_into().ok().map(u64::from_le_bytes);
    if word(0)? != MAGIC || bytes.len() < ALIGNMENT {
        return None;
    }
    Some(Header { content: word(1)?, bytes: word(2)? })
}

/// Multiply-and-rotate over eight independent lanes, so that hundreds of
/// megabytes take little time also where the compiler does not optimise.
fn hash(values: &[f32]) -> u64 {
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut lanes = [FACTOR; 8];
    let chunks = values.chunks_exact(16);
    let rest = chunks.remainder();
    let mix = |lane: &mut u64, low: f32, high: f32| {
        let word = u64::from(low.to_bits()) | u64::from(high.to_bits()) << 32;
        *lane = (*lane ^ word).wrapping_mul(FACTOR).rotate_left(29);
    };
    for chunk in chunks {
        mix(&mut lanes[0], chunk[0], chunk[1]);
        mix(&mut lanes[1], chunk[2], chunk[3]);
        mix(&mut lanes[2], chunk[4], chunk[5]);
        mix(&mut lanes[3], chunk[6], chunk[7]);
        mix(&mut lanes[4], chunk[8], chunk[9]);
        mix(&mut lanes[5], chunk[10], chunk[11]);
        mix(&mut lanes[6], chunk[12], chunk[13]);
        mix(&mut lanes[7], chunk[14], chunk[15]);
    }
    for &value in rest {
        mix(&mut lanes[0], value, 1.0);
    }
    let start = values.len() as u64;
    let sum =
        lanes.iter().fold(start, |sum, lane| (sum ^ lane).wrapping_mul(FACTOR).rotate_left(31));
    (sum ^ (sum >> 32)).wrapping_mul(FACTOR)
}
