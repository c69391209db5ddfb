//! What convolution and pooling share: windows that move over two spatial
//! dimensions.

use super::reading::size;
use crate::error::{Error, Result};
use crate::ir::Signature;

/// Rows and columns between windows, of padding, and between the pixels of a
/// window, as a node writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Windows {
    pub(super) kernel: [usize; 2],
    pub(super) strides: [usize; 2],
    /// Above, to the left, below, to the right.
    pub(super) pads: [usize; 4],
    pub(super) dilations: [usize; 2],
}

/// Largest window, stride, dilation or padding that is read: far more than any
/// picture, and products of them stay far from the ends of `usize`.
const LARGEST: usize = 1 << 20;

impl Windows {
    /// Reads the attributes; `auto_pad` needs the sizes of the picture.
    pub(super) fn read(
        signature: &Signature<'_>,
        kernel: [usize; 2],
        picture: [usize; 2],
    ) -> Result<Self> {
        let strides = numbers(signature, "strides", [1, 1], 1)?;
        let dilations = numbers(signature, "dilations", [1, 1], 1)?;
        let mut windows = Self { kernel, strides, pads: [0; 4], dilations };
        if kernel.contains(&0) || kernel.iter().any(|&size| size > LARGEST) {
            return Err(Error::malformed(format!("a window of {kernel:?} pixels makes no sense")));
        }
        match signature.attributes.string_or("auto_pad", "NOTSET")? {
            "NOTSET" => windows.pads = numbers(signature, "pads", [0; 4], 0)?,
            "VALID" => {}
            "SAME_UPPER" => windows.pads = windows.same_pads(picture, |total| total / 2),
            "SAME_LOWER" => windows.pads = windows.same_pads(picture, |total| total.div_ceil(2)),
            other => {
                return Err(Error::malformed(format!(
                    "expected attribute `auto_pad` to be NOTSET, VALID, SAME_UPPER or SAME_LOWER, found `{}`",
                    crate::error::printable(other)
                )));
            }
        }
        Ok(windows)
    }

    /// Padding that gives `ceil(size / stride)` windows; `before` says how much
    /// of it comes first.
    fn same_pads(&self, picture: [usize; 2], before: impl Fn(usize) -> usize) -> [usize; 4] {
        let total = [0, 1].map(|axis| {
            let count = picture[axis].div_ceil(self.strides[axis]).max(1);
            ((count - 1) * self.strides[axis] + self.extent(axis)).saturating_sub(picture[axis])
        });
        let [top, left] = total.map(before);
        [top, left, total[0] - top, total[1] - left]
    }

    /// Pixels from the first to the last of a window, both included.
    pub(super) const fn extent(&self, axis: usize) -> usize {
        (self.kernel[axis] - 1) * self.dilations[axis] + 1
    }

    /// How many windows fit along each dimension. With `ceil`, a last one may
    /// stand out at the end, as long as it starts inside the picture or the
    /// padding before it.
    pub(super) fn count(&self, picture: [usize; 2], ceil: bool) -> Result<[usize; 2]> {
        let mut counts = [0; 2];
        for axis in [0, 1] {
            let (before, after) = (self.pads[axis], self.pads[2 + axis]);
            let padded = picture[axis].saturating_add(before + after);
            let Some(room) = padded.checked_sub(self.extent(axis)) else {
                return Err(Error::shape(format!(
                    "a window of {} pixels is larger than the padded picture of {padded}",
                    self.extent(axis)
                )));
            };
            let stride = self.strides[axis];
            let mut steps = if ceil { room.div_ceil(stride) } else { room / stride };
            if ceil && steps * stride >= picture[axis].saturating_add(before) {
                steps = steps.saturating_sub(1);
            }
            counts[axis] = steps + 1;
        }
        Ok(counts)
    }

    /// The pixels of the picture that a window at this place covers.
    pub(super) fn inside(
        &self,
        place: [usize; 2],
        picture: [usize; 2],
    ) -> impl Iterator<Item = (usize, [usize; 2])> + '_ {
        let [rows, columns] = self.kernel;
        (0..rows * columns).filter_map(move |tap| {
            let pixel = |axis: usize, k: usize| {
                let position = place[axis] * self.strides[axis] + k * self.dilations[axis];
                position.checked_sub(self.pads[axis]).filter(|&pixel| pixel < picture[axis])
            };
            Some((tap, [pixel(0, tap / columns)?, pixel(1, tap % columns)?]))
        })
    }
}

/// Integers of an attribute, one a side or axis, at least `least`.
fn numbers<const N: usize>(
    signature: &Signature<'_>,
    name: &str,
    otherwise: [usize; N],
    least: usize,
) -> Result<[usize; N]> {
    match signature.attributes.ints(name)? {
        None => Ok(otherwise),
        Some(given) => array(given, name, least),
    }
}

/// `N` integers of at least `least`.
pub(super) fn array<const N: usize>(given: &[i64], name: &str, least: usize) -> Result<[usize; N]> {
    let given = <&[i64; N]>::try_from(given).map_err(|_| {
        Error::unsupported(format!(
            "expected attribute `{name}` of {N} integers, for two spatial dimensions, found {given:?}"
        ))
    })?;
    let mut numbers = [0; N];
    for (number, &given) in numbers.iter_mut().zip(given) {
        *number = size(given, name)?;
        if !(least..=LARGEST).contains(number) {
            return Err(Error::malformed(format!(
                "expected attribute `{name}` to be from {least} to {LARGEST}, found {given}"
            )));
        }
    }
    Ok(numbers)
}
