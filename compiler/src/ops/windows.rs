//! What convolution and pooling share: windows that move over two spatial
//! dimensions.

use super::reading::size;
use crate::error::{Error, Result};
use crate::ir::Signature;
use crate::operation::SlidingAxis;
use crate::step::RANK;
use std::ops::Range;

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
pub(super) const LARGEST: usize = 1 << 20;

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
            "SAME_UPPER" => windows.pads = windows.same_pads(picture, false)?,
            "SAME_LOWER" => windows.pads = windows.same_pads(picture, true)?,
            other => {
                return Err(Error::malformed(format!(
                    "expected attribute `auto_pad` to be NOTSET, VALID, SAME_UPPER or SAME_LOWER, found `{}`",
                    crate::error::printable(other)
                )));
            }
        }
        Ok(windows)
    }

    fn same_pads(&self, picture: [usize; 2], lower: bool) -> Result<[usize; 4]> {
        let mut pads = [0; 4];
        for axis in [0, 1] {
            [pads[axis], pads[2 + axis]] = same_padding(&self.axis(axis), picture[axis], lower)?;
        }
        Ok(pads)
    }

    /// The windows along a dimension.
    pub(super) const fn axis(&self, axis: usize) -> SlidingAxis {
        SlidingAxis {
            kernel: self.kernel[axis],
            stride: self.strides[axis],
            dilation: self.dilations[axis],
            pad: self.pads[axis],
            pad_end: self.pads[2 + axis],
        }
    }

    /// The windows along both dimensions, in the fixed room of an operation.
    pub(super) const fn axes(&self) -> [SlidingAxis; RANK] {
        let mut axes = [SlidingAxis::POINT; RANK];
        (axes[0], axes[1]) = (self.axis(0), self.axis(1));
        axes
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

    /// Those pixels of a window, along one dimension, that lie inside a picture
    /// of `size` pixels.
    fn taps(&self, axis: usize, place: usize, size: usize) -> Range<usize> {
        let start = place * self.strides[axis];
        let first = self.pads[axis].saturating_sub(start).div_ceil(self.dilations[axis]);
        first..self.taps_until(axis, place, size + self.pads[axis])
    }

    /// How many pixels of a window lie before the pixel `end`, counted from the
    /// start of the padding.
    pub(super) fn taps_until(&self, axis: usize, place: usize, end: usize) -> usize {
        let start = place * self.strides[axis];
        end.saturating_sub(start).div_ceil(self.dilations[axis]).min(self.kernel[axis])
    }

    /// Whether each of `count` windows along a dimension covers a pixel of the
    /// picture.
    pub(super) fn all_cover(&self, axis: usize, size: usize, count: usize) -> bool {
        // Taps that are no further apart than the picture is long do not step
        // over it, so only smaller pictures need a closer look.
        let longer_than_padding = self.pads[axis].max(self.pads[2 + axis]) < self.extent(axis);
        longer_than_padding
            && (self.dilations[axis] <= size
                || (0..count).all(|place| !self.taps(axis, place, size).is_empty()))
    }

    /// The pixels of the picture that a window at this place covers, and which
    /// of its taps covers each.
    pub(super) fn inside(
        &self,
        place: [usize; 2],
        picture: [usize; 2],
    ) -> impl Iterator<Item = (usize, [usize; 2])> + '_ {
        let [rows, columns] = [0, 1].map(|axis| self.taps(axis, place[axis], picture[axis]));
        let pixel = move |axis: usize, tap: usize| {
            place[axis] * self.strides[axis] + tap * self.dilations[axis] - self.pads[axis]
        };
        rows.flat_map(move |row| {
            columns.clone().map(move |column| {
                (row * self.kernel[1] + column, [pixel(0, row), pixel(1, column)])
            })
        })
    }
}

/// Padding before and behind that gives `ceil(size / stride)` windows; of an
/// odd number of pixels, one more comes first or last.
pub(super) fn same_padding(axis: &SlidingAxis, size: usize, lower: bool) -> Result<[usize; 2]> {
    let last = size.div_ceil(axis.stride).saturating_sub(1).saturating_mul(axis.stride);
    let covered = last.saturating_add(axis.extent());
    // Where a single pixel is left over, all agree that it is the last.
    if covered.saturating_add(1) < size {
        return Err(Error::unsupported(
            "`auto_pad` with strides this much larger than the window means different things to \
             different tools",
        )
        .help("export the model with `pads` instead"));
    }
    let total = covered.saturating_sub(size);
    if total > LARGEST {
        return Err(Error::malformed(format!("padding of {total} pixels makes no sense")));
    }
    let before = if lower { total.div_ceil(2) } else { total / 2 };
    Ok([before, total - before])
}

/// Integers of an attribute, one a side or axis, at least `least`.
pub(super) fn numbers<const N: usize>(
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
    let numbers = list(given, name, N, least)?;
    <[usize; N]>::try_from(numbers).map_err(|_| Error::internal("a list of another length"))
}

/// So many integers of at least `least`.
pub(super) fn list(given: &[i64], name: &str, count: usize, least: usize) -> Result<Vec<usize>> {
    if given.len() != count {
        return Err(Error::unsupported(format!(
            "expected attribute `{name}` of {count} integers, found {given:?}"
        )));
    }
    let number = |&given: &i64| {
        let number = size(given, name)?;
        match (least..=LARGEST).contains(&number) {
            true => Ok(number),
            false => Err(Error::malformed(format!(
                "expected attribute `{name}` to be from {least} to {LARGEST}, found {given}"
            ))),
        }
    };
    given.iter().map(number).collect()
}
