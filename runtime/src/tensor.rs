//! Tensors whose shape is part of their type.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

/// A shape as a type: [`Shape0`] to [`Shape8`].
pub trait Shape: Copy + fmt::Debug + 'static {
    /// Sizes, outermost first.
    const SIZES: &'static [usize];
    /// Number of elements.
    const LEN: usize;
}

macro_rules! shapes {
    ($($name:ident<$($size:ident),*> $rank:literal;)*) => {
        $(#[doc = concat!("The shape of a tensor of ", $rank, " dimensions.")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name<$(const $size: usize),*>;

        impl<$(const $size: usize),*> Shape for $name<$($size),*> {
            const SIZES: &'static [usize] = &[$($size),*];
            const LEN: usize = 1 $(* $size)*;
        })*
    };
}

shapes! {
    Shape0<> "no";
    Shape1<A> "1";
    Shape2<A, B> "2";
    Shape3<A, B, C> "3";
    Shape4<A, B, C, D> "4";
    Shape5<A, B, C, D, E> "5";
    Shape6<A, B, C, D, E, F> "6";
    Shape7<A, B, C, D, E, F, G> "7";
    Shape8<A, B, C, D, E, F, G, H> "8";
}

/// A borrowed row-major tensor: what networks take and give.
///
/// ```
/// use cnnc_runtime::{Shape4, View};
/// let pixels = vec![0.0f32; 3 * 8 * 8];
/// let picture = View::<f32, Shape4<1, 3, 8, 8>>::new(&pixels)?;
/// assert_eq!(picture.sizes(), [1, 3, 8, 8]);
/// assert!(View::<f32, Shape4<1, 3, 8, 9>>::new(&pixels).is_err());
///
/// let rows = [[[[1.0f32; 8]; 8]; 3]; 1];
/// let picture: View<f32, Shape4<1, 3, 8, 8>> = View::from(&rows);
/// assert_eq!(picture.as_slice().len(), 192);
/// # Ok::<(), cnnc_runtime::ShapeError>(())
/// ```
pub struct View<'a, T, S> {
    values: &'a [T],
    shape: PhantomData<S>,
}

impl<T, S> Clone for View<'_, T, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, S> Copy for View<'_, T, S> {}

impl<T, S: Shape> fmt::Debug for View<'_, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "View{:?}", S::SIZES)
    }
}

impl<'a, T, S: Shape> View<'a, T, S> {
    /// Looks at these values.
    ///
    /// # Errors
    /// Where there are more or fewer than the shape has.
    pub const fn new(values: &'a [T]) -> Result<Self, ShapeError> {
        if values.len() == S::LEN {
            Ok(Self { values, shape: PhantomData })
        } else {
            Err(ShapeError { sizes: S::SIZES, expected: S::LEN, found: values.len() })
        }
    }

    /// Looks at these values.
    ///
    /// # Panics
    /// Where there are more or fewer than the shape has.
    #[must_use]
    pub fn of(values: &'a [T]) -> Self {
        match Self::new(values) {
            Ok(view) => view,
            Err(error) => panic!("{error}"),
        }
    }

    /// The values, row by row.
    #[must_use]
    pub const fn as_slice(&self) -> &'a [T] {
        self.values
    }

    /// Sizes, outermost first.
    #[must_use]
    pub const fn sizes(&self) -> &'static [usize] {
        S::SIZES
    }
}

impl<'a, T, const A: usize> From<&'a [T; A]> for View<'a, T, Shape1<A>> {
    fn from(values: &'a [T; A]) -> Self {
        Self { values, shape: PhantomData }
    }
}

impl<'a, T, const A: usize, const B: usize> From<&'a [[T; B]; A]> for View<'a, T, Shape2<A, B>> {
    fn from(values: &'a [[T; B]; A]) -> Self {
        Self { values: values.as_flattened(), shape: PhantomData }
    }
}

impl<'a, T, const A: usize, const B: usize, const C: usize> From<&'a [[[T; C]; B]; A]>
    for View<'a, T, Shape3<A, B, C>>
{
    fn from(values: &'a [[[T; C]; B]; A]) -> Self {
        Self { values: values.as_flattened().as_flattened(), shape: PhantomData }
    }
}

impl<'a, T, const A: usize, const B: usize, const C: usize, const D: usize>
    From<&'a [[[[T; D]; C]; B]; A]> for View<'a, T, Shape4<A, B, C, D>>
{
    fn from(values: &'a [[[[T; D]; C]; B]; A]) -> Self {
        Self { values: values.as_flattened().as_flattened().as_flattened(), shape: PhantomData }
    }
}

/// A borrowed row-major tensor whose sizes were found when a network ran:
/// detections, mostly.
///
/// ```
/// use cnnc_runtime::CountedView;
/// let boxes = [0.0f32, 0.0, 10.0, 20.0, 5.0, 5.0, 8.0, 9.0];
/// let found = CountedView::new(&boxes, [2, 4])?;
/// assert_eq!(found.sizes(), [2, 4]);
/// let wide = found.rows().filter(|found| found[2] - found[0] > 5.0);
/// assert_eq!(wide.count(), 1);
/// # Ok::<(), cnnc_runtime::ShapeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CountedView<'a, T, const RANK: usize> {
    values: &'a [T],
    sizes: [usize; RANK],
}

impl<'a, T, const RANK: usize> CountedView<'a, T, RANK> {
    /// Looks at these values.
    ///
    /// # Errors
    /// Where there are more or fewer than the sizes ask for.
    pub fn new(values: &'a [T], sizes: [usize; RANK]) -> Result<Self, ShapeError> {
        let expected = sizes.iter().try_fold(1usize, |all, &size| all.checked_mul(size));
        if expected == Some(values.len()) || sizes.contains(&0) && values.is_empty() {
            Ok(Self { values, sizes })
        } else {
            let expected = expected.unwrap_or(usize::MAX);
            Err(ShapeError { sizes: &[], expected, found: values.len() })
        }
    }

    /// The values, row by row.
    #[must_use]
    pub const fn as_slice(&self) -> &'a [T] {
        self.values
    }

    /// Sizes, outermost first.
    #[must_use]
    pub const fn sizes(&self) -> [usize; RANK] {
        self.sizes
    }

    /// The values of each index of the first dimension: one slice a detection.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &'a [T]> + use<'a, T, RANK> {
        let count = self.sizes.first().copied().unwrap_or(1);
        let (values, width) = (self.values, self.values.len() / count.max(1));
        (0..count).map(move |row| &values[row * width..][..width])
    }
}

/// An owned row-major tensor.
///
/// ```
/// use cnnc_runtime::{Shape2, Tensor};
/// let mut scores = Tensor::<f32, Shape2<1, 3>>::zeros();
/// scores.as_mut_slice()[2] = 1.0;
/// assert_eq!(scores.view().as_slice(), [0.0, 0.0, 1.0]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<T, S> {
    values: Vec<T>,
    shape: PhantomData<S>,
}

impl<T, S: Shape> Tensor<T, S> {
    /// A tensor of zeros.
    #[must_use]
    pub fn zeros() -> Self
    where
        T: Clone + Default,
    {
        Self { values: alloc::vec![T::default(); S::LEN], shape: PhantomData }
    }

    /// A tensor of these values.
    ///
    /// # Errors
    /// Where there are more or fewer than the shape has.
    pub fn from_vec(values: Vec<T>) -> Result<Self, ShapeError> {
        View::<T, S>::new(&values)?;
        Ok(Self { values, shape: PhantomData })
    }

    /// What a network takes.
    #[must_use]
    pub fn view(&self) -> View<'_, T, S> {
        View { values: &self.values, shape: PhantomData }
    }

    /// The values, row by row.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        &self.values
    }

    /// The values, to change.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.values
    }
}

/// A slice that does not have the number of elements of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeError {
    sizes: &'static [usize],
    expected: usize,
    found: usize,
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sizes, expected, found } = self;
        match sizes {
            [] => write!(f, "a tensor of these sizes has {expected} values, found {found}"),
            _ => write!(f, "a tensor of shape {sizes:?} has {expected} values, found {found}"),
        }
    }
}

impl core::error::Error for ShapeError {}
