//! Arithmetic for [`Step::check`](super::Step::check). Kernels are built without
//! overflow checks, and what wraps could seem to fit: here it counts as the
//! largest number, which no tensor reaches.

/// Product of sizes.
pub(super) fn total(sizes: &[usize]) -> usize {
    sizes.iter().fold(1, |product, &size| product.saturating_mul(size))
}

/// Sum of products of sizes and strides.
pub(super) fn sum_of_products(terms: impl IntoIterator<Item = [usize; 2]>) -> usize {
    terms.into_iter().fold(0, |sum, [a, b]| sum.saturating_add(a.saturating_mul(b)))
}

#[cfg(test)]
mod tests {
    use super::{sum_of_products, total};

    #[test]
    fn what_wraps_is_too_large() {
        let half = 1 << (usize::BITS / 2);
        assert_eq!(total(&[2, 3, 4]), 24);
        assert_eq!(total(&[half, half, 3]), usize::MAX);
        assert_eq!(total(&[half, half, 0]), 0);
        assert_eq!(sum_of_products([[2, 3], [4, 5]]), 26);
        assert_eq!(sum_of_products([[half, half], [0, 5]]), usize::MAX);
        assert_eq!(sum_of_products([[usize::MAX, 1], [1, 1]]), usize::MAX);
    }
}
