//! What a convolution reads, computed so that no number wraps: these checks are
//! what the pointer arithmetic of the kernels relies on.

use crate::step::Blocked;

/// How a kernel moves over its input.
pub(super) struct Window {
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) dilation: [usize; 2],
    pub(super) pad: [usize; 2],
}

impl Window {
    /// Rows (axis 0) or columns from the first that output pixel 0 reads to the
    /// last that any does; `None` if the address space has fewer.
    pub(super) fn reach(&self, output: [usize; 2], axis: usize) -> Option<usize> {
        let last_pixel = output[axis].saturating_sub(1).checked_mul(self.stride[axis])?;
        let last_tap = self.kernel[axis].saturating_sub(1).checked_mul(self.dilation[axis])?;
        last_pixel.checked_add(last_tap)?.checked_add(1)
    }

    /// Whether the input's halo covers every pixel read that lies outside it.
    pub(super) fn fits(&self, input: &Blocked, output: &Blocked) -> bool {
        let axes = [
            (input.height, input.halo.top, input.halo.bottom),
            (input.width, input.halo.left, input.halo.right),
        ];
        axes.into_iter().enumerate().all(|(axis, (size, before, after))| {
            let end = self.reach([output.height, output.width], axis);
            let limit = self.pad[axis].checked_add(size).and_then(|end| end.checked_add(after));
            self.pad[axis] <= before && end.zip(limit).is_some_and(|(end, limit)| end <= limit)
        })
    }
}

/// Whether a section of `len` elements holds the product of the factors.
pub(super) fn holds(len: usize, factors: &[usize]) -> bool {
    let product = factors.iter().try_fold(1usize, |product, &n| product.checked_mul(n));
    product.is_some_and(|product| product <= len)
}

#[cfg(test)]
mod tests {
    use super::{Window, holds};
    use crate::step::{Blocked, Halo};

    #[test]
    fn a_halo_too_small_on_any_side_is_seen() {
        let window = Window { kernel: [3, 5], stride: [1, 1], dilation: [2, 1], pad: [2, 2] };
        let fits = |halo| {
            let input = Blocked::new([1, 8, 6, 6], halo, 0);
            window.fits(&input, &Blocked::new([1, 8, 6, 6], Halo::default(), 0))
        };
        let enough = Halo { top: 2, left: 2, bottom: 2, right: 2 };
        assert!(fits(enough));
        assert!(!fits(Halo { top: 1, ..enough }));
        assert!(!fits(Halo { left: 1, ..enough }));
        assert!(!fits(Halo { bottom: 1, ..enough }));
        assert!(!fits(Halo { right: 1, ..enough }));
    }

    #[test]
    fn numbers_that_wrap_do_not_fit() {
        let tensor = Blocked::new([1, 8, 2, 2], Halo::default(), 0);
        let plain = Window { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], pad: [0, 0] };
        assert!(plain.fits(&tensor, &tensor));
        assert!(!Window { stride: [usize::MAX, 1], ..plain }.fits(&tensor, &tensor));
        let wide = Window { kernel: [1, 3], dilation: [1, usize::MAX / 2 + 1], ..plain };
        assert!(!wide.fits(&tensor, &tensor));
        assert!(holds(8, &[2, 4]) && !holds(7, &[2, 4]) && !holds(8, &[usize::MAX, 2]));
    }
}
