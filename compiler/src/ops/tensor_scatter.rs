//! Caches with new entries.

use super::indices::{check_indices, one_bounded, same};
use super::reading::{axis, check, operand_type};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result, printable};
use crate::ir::{Attribute, Attributes, Operand, Parsed, Signature, TensorType, required};
use crate::operation;

/// `TensorScatter`. Operands: cache, update, and where that begins for each
/// index of the first dimension, which may be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorScatter {
    /// The dimension along which the update is shorter.
    pub axis: usize,
    /// Whether an update goes on at the start of the cache.
    pub circular: bool,
}

impl Definition for TensorScatter {
    const NAMES: &'static [&'static str] = &["TensorScatter"];

    fn name(&self) -> &'static str {
        "TensorScatter"
    }

    fn attributes(&self) -> Attributes {
        let mode = if self.circular { "circular" } else { "linear" };
        Attributes::default()
            .with("axis", Attribute::Int(self.axis as i64))
            .with("mode", Attribute::String(mode.to_owned()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["axis", "mode"], 3)?;
        let rank = operand_type(signature, 0, "past_cache")?.rank();
        let axis = axis(signature.attributes.int_or("axis", -2)?, rank)?;
        let circular = match signature.attributes.string_or("mode", "linear")? {
            "linear" => false,
            "circular" => true,
            other => {
                return Err(Error::malformed(format!(
                    "attribute `mode` should be linear or circular, but is `{}`",
                    printable(other)
                )));
            }
        };
        Ok(Parsed::as_written(Self { axis, circular }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let cache = required(operands, 0, "past_cache")?.tensor_type;
        let update = required(operands, 1, "update")?.tensor_type;
        if !(1..cache.rank()).contains(&self.axis) {
            return Err(Error::shape(format!(
                "a cache {cache} is updated along a dimension after the first, not {}",
                self.axis
            )));
        }
        let pairs = cache.shape.iter().zip(&update.shape).enumerate();
        let fits = pairs.into_iter().all(|(i, (cache, update))| match i == self.axis {
            true => update.fixed().is_none_or(|update| update <= cache.max()),
            false => same(cache, update).is_some(),
        });
        if !fits || cache.rank() != update.rank() || cache.element != update.element {
            return Err(Error::shape(format!("{update} is no update of a cache {cache}")));
        }
        if let Some(begins) = operands.get(2).copied().flatten() {
            check_indices(begins.tensor_type, "write_indices")?;
            match begins.tensor_type.shape.as_slice() {
                [count] if same(count, &cache.shape[0]).is_some() => {}
                _ => {
                    let found = begins.tensor_type;
                    return Err(Error::shape(format!("{found} has no index for each of {cache}")));
                }
            }
        }
        one_bounded(cache.clone())
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(operation::TensorScatter { axis: self.axis, circular: self.circular }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn scatter(begins: Option<&[i64]>) -> Case {
        let cache = Tensor::new(&[2, 3, 1], vec![0i32; 6]).unwrap();
        let update = Tensor::new(&[2, 2, 1], vec![1i32, 2, 3, 4]).unwrap();
        let case = Case::new("TensorScatter", 24).operand(cache).operand(update);
        begins.map_or(case.clone(), |begins| case.list(begins))
    }

    #[test]
    fn writes_entries() {
        let value = |case: Case| case.value().integers().unwrap();
        assert_eq!(value(scatter(None)), [1, 2, 0, 3, 4, 0]);
        assert_eq!(value(scatter(Some(&[1, 0])).int("axis", 1)), [0, 1, 2, 3, 4, 0]);
        let circular = scatter(Some(&[2, -1])).string("mode", "circular");
        assert_eq!(value(circular), [2, 0, 1, 4, 0, 3]);
    }

    #[test]
    fn errors() {
        scatter(Some(&[2, 0])).refused(ErrorKind::Shape, "does not fit");
        scatter(Some(&[-1, 0])).refused(ErrorKind::Shape, "does not fit");
        scatter(Some(&[0])).refused(ErrorKind::Shape, "no index for each");
        scatter(None).int("axis", 0).refused(ErrorKind::Shape, "after the first");
        scatter(None).int("axis", 2).refused(ErrorKind::Shape, "no update of a cache");
        scatter(None).string("mode", "spiral").refused(ErrorKind::Malformed, "`spiral`");
    }
}
