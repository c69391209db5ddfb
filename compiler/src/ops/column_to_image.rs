//! Columns of blocks put back into the picture that they were taken from.

use super::counts::{product, quotient, vector};
use super::reading::{check, one, operand_type, size};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, ElementType, Fact, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::GeneralColumnToImage;
use crate::step::RANK;

/// `Col2Im`. Operands: columns, sizes of the picture, sizes of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnToImage {
    /// Distances between neighbours in a block.
    pub dilations: Vec<usize>,
    /// Distances between neighbouring blocks.
    pub strides: Vec<usize>,
    /// Pixels before and after the picture that blocks reach into.
    pub pads: Vec<[usize; 2]>,
}

/// Largest stride, dilation or pad, so that places are numbers.
const LARGEST: usize = 1 << 24;

impl Definition for ColumnToImage {
    const NAMES: &'static [&'static str] = &["Col2Im"];

    fn name(&self) -> &'static str {
        "Col2Im"
    }

    fn attributes(&self) -> Attributes {
        let ints = |values: &mut dyn Iterator<Item = usize>| {
            Attribute::Ints(values.map(|value| value as i64).collect())
        };
        let before = self.pads.iter().map(|pads| pads[0]);
        let mut pads = before.chain(self.pads.iter().map(|pads| pads[1]));
        Attributes::default()
            .with("dilations", ints(&mut self.dilations.iter().copied()))
            .with("pads", ints(&mut pads))
            .with("strides", ints(&mut self.strides.iter().copied()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["dilations", "pads", "strides"], 3)?;
        let [Dim::Fixed(rank)] = operand_type(signature, 1, "image_shape")?.shape[..] else {
            return Err(Error::shape("operand `image_shape` should be a vector of known length"));
        };
        if rank == 0 || rank + 2 > RANK {
            return Err(Error::unsupported(format!("a picture of {rank} dimensions")));
        }
        let numbers = |name: &str, count: usize, otherwise: usize| {
            let Some(given) = signature.attributes.ints(name)? else {
                return Ok(vec![otherwise; count]);
            };
            let given = given.iter().map(|&g| size(g, name)).collect::<Result<Vec<_>>>()?;
            // Strides and dilations are not 0, pads may be.
            match given.len() == count && given.iter().all(|n| (otherwise..LARGEST).contains(n)) {
                true => Ok(given),
                false => Err(Error::malformed(format!("`{name}` {given:?} make no sense"))),
            }
        };
        let pads = numbers("pads", 2 * rank, 0)?;
        let (before, after) = pads.split_at(rank);
        let operator = Self {
            dilations: numbers("dilations", rank, 1)?,
            strides: numbers("strides", rank, 1)?,
            pads: before.iter().zip(after).map(|(&before, &after)| [before, after]).collect(),
        };
        Ok(Parsed::first(operator, 3))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let columns = required(operands, 0, "input")?.tensor_type;
        let sizes = vector(required(operands, 1, "image_shape")?, "image_shape")?;
        let block = vector(required(operands, 2, "block_shape")?, "block_shape")?;
        let (Some(sizes), Some(block)) = (sizes, block) else {
            return Err(Error::unsupported("how many dimensions there are depends on the data"));
        };
        let rank = self.strides.len();
        let ([batch, rows, length], true) =
            (columns.shape.as_slice(), [sizes.len(), block.len()] == [rank; 2])
        else {
            return Err(Error::shape(format!(
                "expected columns [batch, rows, blocks] and {rank} sizes of picture and block, \
                 found {columns}, {} and {}",
                sizes.len(),
                block.len()
            )));
        };
        if columns.element == ElementType::Bool {
            return Err(Error::shape("truth values do not add up"));
        }
        let picture = sizes.iter().map(Fact::dim).collect::<Result<Vec<_>>>()?;
        let block = block.iter().map(Fact::dim).collect::<Result<Vec<_>>>()?;
        let blocks = (0..rank).map(|d| self.blocks(d, &picture[d], &block[d]));
        let blocks = blocks.collect::<Result<Vec<_>>>()?;
        if let (Some(found), Some(expected)) = (length.fixed(), product(&blocks)?.fixed())
            && found != expected
        {
            return Err(Error::shape(format!("{columns} should have {expected} columns")));
        }
        let mut shape = vec![batch.clone(), quotient(std::slice::from_ref(rows), &block)?];
        shape.extend(picture);
        one(TensorType { element: columns.element, shape })
    }

    fn operation(&self) -> Option<AnyOperation> {
        let mut operation = GeneralColumnToImage {
            dilations: [1; RANK],
            strides: [1; RANK],
            before: [0; RANK],
            after: [0; RANK],
        };
        operation.dilations.get_mut(..self.dilations.len())?.copy_from_slice(&self.dilations);
        operation.strides.get_mut(..self.strides.len())?.copy_from_slice(&self.strides);
        for (d, &[before, after]) in self.pads.iter().enumerate() {
            *operation.before.get_mut(d)? = before;
            *operation.after.get_mut(d)? = after;
        }
        Some(operation.into())
    }
}

impl ColumnToImage {
    /// How many blocks there are along a dimension.
    fn blocks(&self, dimension: usize, picture: &Dim, block: &Dim) -> Result<Dim> {
        let (Some(size), Some(block)) = (picture.fixed(), block.fixed()) else {
            return Ok(Dim::open());
        };
        let [before, after] = self.pads[dimension];
        let padded = size.saturating_add(before).saturating_add(after);
        let reach = block.checked_sub(1).map(|more| more.saturating_mul(self.dilations[dimension]));
        match reach.and_then(|reach| padded.checked_sub(reach.saturating_add(1))) {
            Some(room) => Ok(Dim::Fixed(room / self.strides[dimension] + 1)),
            None => Err(Error::shape(format!("a block of {block} pixels does not fit {padded}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ops::testing::Case;

    fn case(columns: &[usize], picture: &[i64], block: &[i64]) -> Case {
        Case::new("Col2Im", 18).counting(columns).list(picture).list(block)
    }

    #[test]
    fn blocks_that_overlap_add_up() {
        // Blocks of two along a row of three: (0, 2) and (1, 3).
        let row = case(&[1, 2, 2], &[3], &[2]);
        assert_eq!(row.f32s(), (vec![1, 1, 3], vec![0.0, 3.0, 3.0]));
        let wide = case(&[1, 2, 2], &[4], &[2]).ints("dilations", &[2]);
        assert_eq!(wide.f32s().1, [0.0, 1.0, 2.0, 3.0]);
        let padded = case(&[1, 2, 2], &[2], &[2]).ints("pads", &[1, 1]).ints("strides", &[2]);
        assert_eq!(padded.f32s().1, [2.0, 1.0]);
        let picture = case(&[1, 8, 1], &[2, 2], &[2, 2]).f32s();
        assert_eq!(picture, (vec![1, 2, 2, 2], (0..8).map(|i| i as f32).collect()));
    }

    #[test]
    fn errors() {
        case(&[1, 2, 3], &[3], &[2]).refused(ErrorKind::Shape, "should have 2 columns");
        case(&[1, 3, 2], &[3], &[2]).refused(ErrorKind::Shape, "not a multiple of 2");
        case(&[1, 2, 2], &[3], &[2, 2]).refused(ErrorKind::Shape, "sizes of picture and block");
        case(&[1, 2, 2], &[3], &[5]).refused(ErrorKind::Shape, "does not fit");
        let stride = case(&[1, 2, 2], &[3], &[2]).ints("strides", &[0]);
        stride.refused(ErrorKind::Malformed, "make no sense");
    }
}
