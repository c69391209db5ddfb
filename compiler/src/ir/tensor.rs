//! Tensors whose values are known.

use super::{ElementType, TensorType};
use crate::error::{Error, Result};

/// A row-major tensor of known values.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Data,
}

/// The values of a [`Tensor`].
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Data {
    F32(Vec<f32>),
    F64(Vec<f64>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    Bool(Vec<bool>),
}

/// Runs an expression with `$values` bound to the vector inside a [`Data`].
#[macro_export]
#[doc(hidden)]
macro_rules! with_data {
    ($data:expr, $values:ident => $body:expr) => {
        match $data {
            $crate::ir::Data::F32($values) => $body,
            $crate::ir::Data::F64($values) => $body,
            $crate::ir::Data::I8($values) => $body,
            $crate::ir::Data::I16($values) => $body,
            $crate::ir::Data::I32($values) => $body,
            $crate::ir::Data::I64($values) => $body,
            $crate::ir::Data::U8($values) => $body,
            $crate::ir::Data::U16($values) => $body,
            $crate::ir::Data::U32($values) => $body,
            $crate::ir::Data::U64($values) => $body,
            $crate::ir::Data::Bool($values) => $body,
        }
    };
}

macro_rules! data_from {
    ($($type:ty => $variant:ident),*) => {
        $(impl From<Vec<$type>> for Data {
            fn from(values: Vec<$type>) -> Self {
                Self::$variant(values)
            }
        })*
    };
}

data_from!(
    f32 => F32, f64 => F64, i8 => I8, i16 => I16, i32 => I32, i64 => I64,
    u8 => U8, u16 => U16, u32 => U32, u64 => U64, bool => Bool
);

impl Data {
    /// No values, of this type.
    #[must_use]
    pub const fn none(element: ElementType) -> Self {
        match element {
            ElementType::F32 => Self::F32(Vec::new()),
            ElementType::F64 => Self::F64(Vec::new()),
            ElementType::I8 => Self::I8(Vec::new()),
            ElementType::I16 => Self::I16(Vec::new()),
            ElementType::I32 => Self::I32(Vec::new()),
            ElementType::I64 => Self::I64(Vec::new()),
            ElementType::U8 => Self::U8(Vec::new()),
            ElementType::U16 => Self::U16(Vec::new()),
            ElementType::U32 => Self::U32(Vec::new()),
            ElementType::U64 => Self::U64(Vec::new()),
            ElementType::Bool => Self::Bool(Vec::new()),
        }
    }

    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        with_data!(self, values => values.len())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the values are.
    #[must_use]
    pub const fn element(&self) -> ElementType {
        match self {
            Self::F32(_) => ElementType::F32,
            Self::F64(_) => ElementType::F64,
            Self::I8(_) => ElementType::I8,
            Self::I16(_) => ElementType::I16,
            Self::I32(_) => ElementType::I32,
            Self::I64(_) => ElementType::I64,
            Self::U8(_) => ElementType::U8,
            Self::U16(_) => ElementType::U16,
            Self::U32(_) => ElementType::U32,
            Self::U64(_) => ElementType::U64,
            Self::Bool(_) => ElementType::Bool,
        }
    }
}

impl Tensor {
    /// A tensor of this shape and these values.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Shape`] where the number of values is not the
    /// product of the sizes.
    pub fn new(shape: &[usize], data: impl Into<Data>) -> Result<Self> {
        let data = data.into();
        let elements = TensorType::fixed(data.element(), shape).elements()?;
        if elements != data.len() {
            return Err(Error::shape(format!(
                "a tensor of shape {shape:?} needs {elements} values, found {}",
                data.len()
            )));
        }
        Ok(Self { shape: shape.to_vec(), data })
    }

    /// A tensor without dimensions.
    pub fn scalar<T>(value: T) -> Self
    where
        Data: From<Vec<T>>,
    {
        Self { shape: Vec::new(), data: vec![value].into() }
    }

    /// A tensor of one dimension.
    pub fn vector<T>(values: Vec<T>) -> Self
    where
        Data: From<Vec<T>>,
    {
        Self { shape: vec![values.len()], data: values.into() }
    }

    /// Sizes, outermost first.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values.
    #[must_use]
    pub const fn data(&self) -> &Data {
        &self.data
    }

    /// The values, to change.
    pub const fn data_mut(&mut self) -> &mut Data {
        &mut self.data
    }

    /// The values, without the shape.
    #[must_use]
    pub fn into_data(self) -> Data {
        self.data
    }

    /// The same values under another shape.
    ///
    /// # Errors
    /// As [`Tensor::new`].
    pub fn reshaped(self, shape: &[usize]) -> Result<Self> {
        Self::new(shape, self.data)
    }

    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there are no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// What the values are.
    #[must_use]
    pub const fn element(&self) -> ElementType {
        self.data.element()
    }

    /// Element type and shape.
    #[must_use]
    pub fn tensor_type(&self) -> TensorType {
        TensorType::fixed(self.element(), &self.shape)
    }

    /// The values as f32.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Shape`] where they are of another type.
    pub fn f32s(&self) -> Result<&[f32]> {
        match &self.data {
            Data::F32(values) => Ok(values),
            other => Err(Error::shape(format!("expected f32 values, found {}", other.element()))),
        }
    }

    /// The values as i64: shapes, axes, indices.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Shape`] where they are no integers or do not fit.
    pub fn integers(&self) -> Result<Vec<i64>> {
        fn wrong(element: ElementType) -> Error {
            Error::shape(format!("expected integers, found {element}"))
        }
        match &self.data {
            Data::I8(values) => Ok(values.iter().map(|&v| v.into()).collect()),
            Data::I16(values) => Ok(values.iter().map(|&v| v.into()).collect()),
            Data::I32(values) => Ok(values.iter().map(|&v| v.into()).collect()),
            Data::I64(values) => Ok(values.clone()),
            Data::U8(values) => Ok(values.iter().map(|&v| v.into()).collect()),
            Data::U16(values) => Ok(values.iter().map(|&v| v.into()).collect()),
            Data::U32(values) => Ok(values.iter().map(|&v| v.into()).collect()),
            Data::U64(values) => values
                .iter()
                .map(|&v| v.try_into().map_err(|_| Error::shape(format!("{v} is too large"))))
                .collect(),
            Data::F32(_) | Data::F64(_) | Data::Bool(_) => Err(wrong(self.element())),
        }
    }
}
