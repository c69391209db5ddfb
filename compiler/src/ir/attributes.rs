//! Named attributes of a node before its operator has read them.

use super::Tensor;
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Attribute {
    Int(i64),
    Float(f32),
    String(String),
    Ints(Vec<i64>),
    Floats(Vec<f32>),
    Strings(Vec<String>),
    Tensor(Arc<Tensor>),
}

impl Attribute {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Int(_) => "an integer",
            Self::Float(_) => "a float",
            Self::String(_) => "a string",
            Self::Ints(_) => "integers",
            Self::Floats(_) => "floats",
            Self::Strings(_) => "strings",
            Self::Tensor(_) => "a tensor",
        }
    }
}

/// Attributes by name.
///
/// Getters return `None` (or the default) where an attribute is absent and an
/// error that names it where it has the wrong type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(BTreeMap<String, Attribute>);

macro_rules! getter {
    ($(#[$meta:meta])* $name:ident, $variant:ident, $type:ty, $what:literal) => {
        $(#[$meta])*
        ///
        /// # Errors
        /// [`crate::ErrorKind::Malformed`] where it has another type.
        pub fn $name(&self, name: &str) -> Result<Option<&$type>> {
            match self.0.get(name) {
                None => Ok(None),
                Some(Attribute::$variant(value)) => Ok(Some(value)),
                Some(other) => Err(Error::malformed(format!(
                    concat!("attribute `{}` should be ", $what, ", but is {}"),
                    name, other.kind()
                ))),
            }
        }
    };
}

impl Attributes {
    getter!(/// An integer.
        int, Int, i64, "an integer");
    getter!(/// A float.
        float, Float, f32, "a float");
    getter!(/// A string.
        string, String, String, "a string");
    getter!(/// Integers.
        ints, Ints, Vec<i64>, "integers");
    getter!(/// Floats.
        floats, Floats, Vec<f32>, "floats");
    getter!(/// Strings.
        strings, Strings, Vec<String>, "strings");
    getter!(/// A tensor.
        tensor, Tensor, Arc<Tensor>, "a tensor");

    /// An integer, or this default.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Malformed`] where it has another type.
    pub fn int_or(&self, name: &str, default: i64) -> Result<i64> {
        Ok(self.int(name)?.copied().unwrap_or(default))
    }

    /// A float, or this default.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Malformed`] where it has another type.
    pub fn float_or(&self, name: &str, default: f32) -> Result<f32> {
        Ok(self.float(name)?.copied().unwrap_or(default))
    }

    /// A string, or this default.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Malformed`] where it has another type.
    pub fn string_or<'a>(&'a self, name: &str, default: &'a str) -> Result<&'a str> {
        Ok(self.string(name)?.map_or(default, String::as_str))
    }

    /// Whether an integer attribute is present and not 0.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Malformed`] where it has another type.
    pub fn flag(&self, name: &str) -> Result<bool> {
        Ok(self.int_or(name, 0)? != 0)
    }

    /// Sets an attribute and returns the one it replaces.
    pub fn insert(&mut self, name: impl Into<String>, value: Attribute) -> Option<Attribute> {
        self.0.insert(name.into(), value)
    }

    /// Sets an attribute.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: Attribute) -> Self {
        self.insert(name, value);
        self
    }

    /// Names and values in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Attribute)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The first attribute that is not among these names.
    #[must_use]
    pub fn unknown(&self, known: &[&str]) -> Option<&str> {
        self.0.keys().map(String::as_str).find(|name| !known.contains(name))
    }
}
