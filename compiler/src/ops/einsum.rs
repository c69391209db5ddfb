//! Sums of products that letters describe.

use super::floats::check_same_element;
use super::matmul::check_number;
use super::reading::{check, one, operand_type};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation;
use crate::step::RANK;

/// `Einsum`, after numpy's `einsum`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Einsum {
    /// As the file writes it, without spaces.
    pub equation: String,
    /// The number of each dimension's letter, operand by operand. Letters of
    /// the result have the first numbers, in its order.
    pub labels: Vec<Vec<usize>>,
    /// Dimensions of the result.
    pub rank: usize,
}

/// A dimension as the equation names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    /// One of those that an ellipsis stands for, counted from the last.
    Ellipsis(std::cmp::Reverse<usize>),
    Letter(char),
}

/// Most operands and labels that are computed.
const MAX_OPERANDS: usize = 4;
const MAX_LABELS: usize = 2 * RANK;

/// An equation without spaces.
struct Equation(String);

impl Equation {
    /// Numbers the dimensions of operands of these ranks.
    fn read(self, ranks: &[usize]) -> Result<Einsum> {
        let (left, right) = match self.0.split_once("->") {
            Some((left, right)) => (left, Some(right)),
            None => (self.0.as_str(), None),
        };
        let terms: Vec<&str> = left.split(',').collect();
        if terms.len() != ranks.len() {
            return Err(self.malformed(format!("there are {} operands", ranks.len())));
        }
        let terms = terms.iter().zip(ranks).map(|(term, &rank)| self.names(term, rank));
        let terms = terms.collect::<Result<Vec<_>>>()?;
        let all = || terms.iter().flatten();
        let mut ellipsis: Vec<Name> =
            all().copied().filter(|name| matches!(name, Name::Ellipsis(_))).collect();
        ellipsis.sort_unstable();
        ellipsis.dedup();
        let mut names: Vec<Name> = match right {
            Some(term) => {
                let letters = term.replace("...", "").chars().count();
                let count = if term.contains("...") { ellipsis.len() } else { 0 };
                self.names(term, letters + count)?
            }
            None => {
                let once = |name: &&Name| {
                    matches!(name, Name::Letter(_)) && all().filter(|other| other == name).count() == 1
                };
                let mut once: Vec<Name> = all().filter(once).copied().collect();
                once.sort_unstable();
                [ellipsis, once].concat()
            }
        };
        let rank = names.len();
        for (i, name) in names.iter().enumerate() {
            if names[..i].contains(name) || !all().any(|other| other == name) {
                return Err(self.malformed("the result has a letter twice, or one of its own"));
            }
        }
        for name in all() {
            if !names.contains(name) {
                names.push(*name);
            }
        }
        let number = |name: &Name| names.iter().position(|other| other == name).unwrap_or(0);
        let labels = terms.iter().map(|term| term.iter().map(number).collect()).collect();
        Ok(Einsum { labels, rank, equation: self.0 })
    }

    /// The names of the dimensions of a term.
    fn names(&self, term: &str, rank: usize) -> Result<Vec<Name>> {
        let letters = |text: &str| {
            text.chars()
                .map(|letter| match letter {
                    'a'..='z' | 'A'..='Z' => Ok(Name::Letter(letter)),
                    _ => Err(self.malformed("expected letters")),
                })
                .collect::<Result<Vec<_>>>()
        };
        let names = match term.split_once("...") {
            Some((before, after)) => {
                let (before, after) = (letters(before)?, letters(after)?);
                let hidden = rank.checked_sub(before.len() + after.len());
                let hidden = hidden.ok_or_else(|| self.wrong_rank(term, rank))?;
                let hidden = (0..hidden).rev().map(|i| Name::Ellipsis(std::cmp::Reverse(i)));
                before.into_iter().chain(hidden).chain(after).collect()
            }
            None => letters(term)?,
        };
        match names.len() == rank {
            true => Ok(names),
            false => Err(self.wrong_rank(term, rank)),
        }
    }

    fn wrong_rank(&self, term: &str, rank: usize) -> Error {
        self.malformed(format!("`{term}` does not describe {rank} dimensions"))
    }

    fn malformed(&self, why: impl std::fmt::Display) -> Error {
        let equation = crate::error::printable(&self.0);
        Error::malformed(format!("the equation `{equation}` makes no sense: {why}"))
    }
}

impl Definition for Einsum {
    const NAMES: &'static [&'static str] = &["Einsum"];

    fn name(&self) -> &'static str {
        "Einsum"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default().with("equation", Attribute::String(self.equation.clone()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["equation"], usize::MAX)?;
        let equation = signature.attributes.string_or("equation", "")?;
        let equation = equation.chars().filter(|letter| !letter.is_whitespace()).collect();
        let ranks = (0..signature.operands.len())
            .map(|slot| Ok(operand_type(signature, slot, "operand")?.rank()));
        let einsum = Equation(equation).read(&ranks.collect::<Result<Vec<_>>>()?)?;
        if einsum.labels.len() > MAX_OPERANDS || einsum.count() > MAX_LABELS {
            return Err(Error::unsupported(format!(
                "at most {MAX_OPERANDS} operands of {MAX_LABELS} letters are computed"
            )));
        }
        Ok(Parsed::as_written(einsum, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let first = required(operands, 0, "operand")?.tensor_type;
        check_number(first)?;
        let mut dims = vec![Dim::Fixed(1); self.count()];
        for (slot, labels) in self.labels.iter().enumerate() {
            let tensor_type = required(operands, slot, "operand")?.tensor_type;
            check_same_element(first, tensor_type)?;
            if tensor_type.rank() != labels.len() {
                return Err(Error::shape(format!("`{}` does not fit {tensor_type}", self.equation)));
            }
            for (dim, &label) in tensor_type.shape.iter().zip(labels) {
                self.merge(&mut dims[label], dim)?;
            }
        }
        dims.truncate(self.rank);
        one(TensorType { element: first.element, shape: dims })
    }

    fn operation(&self) -> Option<AnyOperation> {
        let mut operands = [[0; RANK]; MAX_OPERANDS];
        for (places, labels) in operands.iter_mut().zip(&self.labels) {
            places.get_mut(..labels.len())?.copy_from_slice(labels);
        }
        Some(operation::Einsum { operands, labels: self.count(), rank: self.rank }.into())
    }
}

impl Einsum {
    /// Number of different letters.
    fn count(&self) -> usize {
        self.labels.iter().flatten().map(|label| label + 1).max().unwrap_or(0)
    }

    /// Makes the size known of a letter that of one more dimension.
    fn merge(&self, known: &mut Dim, dim: &Dim) -> Result<()> {
        match (&*known, dim) {
            (Dim::Fixed(1), _) | (Dim::Bounded { .. }, Dim::Fixed(0 | 2..)) => *known = dim.clone(),
            (Dim::Fixed(size), Dim::Fixed(other)) if size != other && *other != 1 => {
                return Err(Error::shape(format!(
                    "dimensions of one letter have sizes {size} and {other} in `{}`",
                    self.equation
                )));
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;
    use crate::ops::testing::Case;

    fn case(equation: &str, operands: &[&[usize]]) -> Case {
        let case = Case::new("Einsum", 12).string("equation", equation);
        operands.iter().fold(case, |case, sizes| case.counting(sizes))
    }

    #[test]
    fn letters_of_the_result_stay() {
        assert_eq!(case("ij,jk", &[&[2, 2], &[2, 2]]).f32s(), (vec![2, 2], vec![2.0, 3.0, 6.0, 11.0]));
        assert_eq!(case("ij -> ji", &[&[1, 2]]).f32s(), (vec![2, 1], vec![0.0, 1.0]));
        assert_eq!(case("ii", &[&[3, 3]]).f32s(), (vec![], vec![12.0]));
        assert_eq!(case("ii->i", &[&[2, 2]]).f32s(), (vec![2], vec![0.0, 3.0]));
        assert_eq!(case("i,i,i->", &[&[3], &[3], &[3]]).f32s(), (vec![], vec![9.0]));
        assert_eq!(case("i,ij->", &[&[0], &[0, 2]]).f32s(), (vec![], vec![0.0]));
    }

    #[test]
    fn an_ellipsis_stands_for_what_is_left() {
        let (sizes, values) = case("...ij,...jk->...ik", &[&[2, 1, 2], &[2, 1]]).f32s();
        assert_eq!((sizes, values), (vec![2, 1, 1], vec![1.0, 3.0]));
        assert_eq!(case("...i", &[&[2, 3]]).f32s().0, [2, 3]);
        assert_eq!(case("...i->i...", &[&[2, 3]]).f32s().0, [3, 2]);
    }

    #[test]
    fn equations_that_make_no_sense_are_refused() {
        let refused = |equation, why| case(equation, &[&[2, 3]]).refused(ErrorKind::Malformed, why);
        refused("i", "2 dimensions");
        refused("ij,jk", "1 operands");
        refused("ij->k", "one of its own");
        refused("ij->ii", "twice");
        refused("i1", "letters");
        refused("ijk...", "2 dimensions");
        case("ii", &[&[2, 3]]).refused(ErrorKind::Shape, "sizes 2 and 3");
        case("a,b,c,d,e", &[&[1]; 5].map(|sizes: &[usize; 1]| &sizes[..])).refused(ErrorKind::Unsupported, "at most 4");
    }
}
