//! Normalisation over the pictures of a channel or a group of them.

use super::floats::{check_float, check_same_element};
use super::reading::{NEWEST, check};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Dim, Operand, Parsed, Signature, TensorType, required};
use crate::operation;

/// `GroupNormalization` and `InstanceNormalization`. Operands: x
/// `[batch, channels, ..]`, scale, bias.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupNormalization {
    /// Number of groups; 0 for each channel by itself.
    pub groups: usize,
    /// Added to the variance.
    pub epsilon: f32,
}

impl Definition for GroupNormalization {
    const NAMES: &'static [&'static str] = &["GroupNormalization", "InstanceNormalization"];

    fn name(&self) -> &'static str {
        if self.groups == 0 { "InstanceNormalization" } else { "GroupNormalization" }
    }

    fn attributes(&self) -> Attributes {
        let attributes = Attributes::default().with("epsilon", Attribute::Float(self.epsilon));
        match self.groups {
            0 => attributes,
            groups => attributes.with("num_groups", Attribute::Int(groups as i64)),
        }
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let attributes = signature.attributes;
        let groups = if signature.operator == "InstanceNormalization" {
            check(signature, &["epsilon"], 3)?;
            0
        } else {
            let known: &[&str] = match signature.opset {
                NEWEST | 21.. => &["epsilon", "num_groups", "stash_type"],
                _ => &["epsilon", "num_groups"],
            };
            check(signature, known, 3)?;
            let groups = attributes.int_or("num_groups", 0)?;
            usize::try_from(groups).ok().filter(|&groups| groups > 0).ok_or_else(|| {
                Error::malformed(format!("expected attribute `num_groups` to be positive, found {groups}"))
            })?
        };
        let epsilon = attributes.float_or("epsilon", 1e-5)?;
        Ok(Parsed::as_written(Self { groups, epsilon }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "X")?.tensor_type;
        check_float(input)?;
        let Some(channels) = input.shape.get(1) else {
            return Err(Error::shape(format!("expected [batch, channels, ..], found {input}")));
        };
        if let (Some(count), 1..) = (channels.fixed(), self.groups)
            && count % self.groups != 0
        {
            return Err(Error::shape(format!("{count} channels are no {} groups", self.groups)));
        }
        let groups = if self.groups == 0 { channels } else { &Dim::Fixed(self.groups) };
        for (slot, what) in [(1, "scale"), (2, "bias")] {
            let found = required(operands, slot, what)?.tensor_type;
            check_same_element(input, found)?;
            // One value a group is how it was before operator set 21.
            if !matches!(&found.shape[..], [count] if count == channels || count == groups) {
                return Err(Error::shape(format!(
                    "expected operand `{what}` of {channels} values, one a channel, found {found}"
                )));
            }
        }
        Ok(vec![input.clone()])
    }

    fn operation(&self) -> Option<AnyOperation> {
        let Self { groups, epsilon } = *self;
        Some(operation::GroupNormalization { groups, epsilon }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn case(operator: &'static str, parameters: usize) -> Case {
        Case::new(operator, 21)
            .operand(Tensor::new(&[1, 4, 2], vec![0f32, 2.0, 4.0, 8.0, 1.0, 1.0, 5.0, 5.0]).unwrap())
            .operand(Tensor::vector(vec![2.0f32; parameters]))
            .counting(&[parameters])
            .with("epsilon", Attribute::Float(0.0))
    }

    #[test]
    fn each_channel_has_mean_0_and_variance_1() {
        let (_, values) = case("InstanceNormalization", 4).f32s();
        assert_eq!(values[..4], [-2.0, 2.0, -1.0, 3.0]);
    }

    #[test]
    fn channels_of_a_group_share_their_statistics() {
        let values = |parameters| case("GroupNormalization", parameters).int("num_groups", 2).f32s().1;
        assert_eq!(values(4)[4..], [0.0, 0.0, 5.0, 5.0]);
        assert_eq!(values(2)[4..], [-1.0, -1.0, 3.0, 3.0]);
    }

    #[test]
    fn groups_must_come_out_even() {
        let case = |groups, parameters| case("GroupNormalization", parameters).int("num_groups", groups);
        case(3, 4).refused(ErrorKind::Shape, "no 3 groups");
        case(0, 4).refused(ErrorKind::Malformed, "positive");
        case(2, 3).refused(ErrorKind::Shape, "one a channel");
    }
}
