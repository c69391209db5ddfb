//! Inputs and outputs of the network as the file declares them, and the
//! shapes that options pin.

use super::format::Format;
use crate::error::{Error, ErrorKind, Result, printable};
use crate::ir::{Dim, ElementType, TensorType};
use onnx_protobuf::tensor_shape_proto::{Dimension, dimension};
use onnx_protobuf::{ValueInfoProto, type_proto};
use std::collections::HashMap;

/// A declared size.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Size {
    Fixed(usize),
    /// Open; equal names mean equal sizes.
    Named(String),
    Open,
}

/// A declared input or output.
#[derive(Clone, Debug)]
struct Declared<'a> {
    name: &'a str,
    element: ElementType,
    /// `None` where not even the rank is known.
    shape: Option<Vec<Size>>,
}

/// The types of the inputs, all sizes known.
///
/// # Errors
/// Where sizes stay open, naming each such input and how to pin it; where an
/// option names no input or contradicts the file.
pub(super) fn resolve<'a>(
    inputs: &[&'a ValueInfoProto],
    pinned: &[(String, Vec<usize>)],
) -> Result<Vec<(&'a str, TensorType)>> {
    let mut declared = inputs.iter().map(|i| Declared::of(i)).collect::<Result<Vec<_>>>()?;
    let mut named = HashMap::new();
    for (index, (name, sizes)) in pinned.iter().enumerate() {
        if pinned[..index].iter().any(|(earlier, _)| earlier == name) {
            return Err(option(format!("the input `{}` is given two shapes", printable(name))));
        }
        match declared.iter_mut().find(|declared| declared.name == name) {
            Some(declared) => declared.pin(sizes, &mut named)?,
            None => {
                let names: Vec<_> = inputs.iter().map(|i| quoted(&i.name)).collect();
                return Err(option(format!("there is no input `{}`", printable(name)))
                    .help(format!("the inputs are {}", names.join(", "))));
            }
        }
    }
    let types: Vec<_> = declared.iter().map(|declared| declared.resolve(&named)).collect();
    let open: Vec<_> =
        declared.iter().zip(&types).filter(|(_, t)| t.is_none()).map(|(d, _)| d).collect();
    if !open.is_empty() {
        return Err(unpinned(&open));
    }
    let types = declared.iter().map(|declared| declared.name).zip(types.into_iter().flatten());
    types
        .map(|(name, tensor_type)| match tensor_type.elements() {
            Ok(_) => Ok((name, tensor_type)),
            Err(error) => Err(Error::shape(format!("input `{}`: {error}", printable(name)))),
        })
        .collect()
}

/// Checks that an output is what the file declares, as far as it does.
///
/// # Errors
/// [`ErrorKind::Shape`] where element types or fixed sizes differ.
pub(super) fn check_output(output: &ValueInfoProto, found: &TensorType) -> Result<()> {
    if output.type_.value.is_none() {
        return Ok(());
    }
    let declared = Declared::of(output)?;
    if declared.fits(found) {
        return Ok(());
    }
    Err(Error::shape(format!(
        "the output `{}` is declared as {}, but the network computes {found}",
        printable(declared.name),
        declared.shown()
    ))
    .help("if an input was given another shape than the file says, export the model with it open"))
}

/// Checks that the value that an option gives to an input is what the file
/// declares, as far as it does.
///
/// # Errors
/// [`ErrorKind::Option`] where element types or fixed sizes differ.
pub(super) fn check_given(input: &ValueInfoProto, given: &TensorType) -> Result<()> {
    let declared = Declared::of(input)?;
    if declared.fits(given) {
        return Ok(());
    }
    let (name, shown) = (printable(declared.name), declared.shown());
    Err(option(format!("the input `{name}` is {shown}, which cannot be {given}")))
}

fn option(message: String) -> Error {
    Error::new(ErrorKind::Option, message)
}

fn quoted(name: &str) -> String {
    format!("`{}`", printable(name))
}

/// All inputs with open sizes in one message.
fn unpinned(open: &[&Declared<'_>]) -> Error {
    let shown: Vec<_> = open
        .iter()
        .map(|declared| format!("{} is {}", quoted(declared.name), declared.shown()))
        .collect();
    let options: Vec<_> = open.iter().map(|declared| declared.option()).collect();
    Error::new(
        ErrorKind::Unpinned,
        format!("sizes of inputs must be known when a model is compiled: {}", shown.join(", ")),
    )
    .help(format!("say for example {}", options.join(" ")))
}

impl<'a> Declared<'a> {
    fn of(proto: &'a ValueInfoProto) -> Result<Self> {
        let name = proto.name.as_str();
        let fail = |error: Error| {
            Error::new(error.kind(), format!("input or output `{}`: {error}", printable(name)))
        };
        let tensor = match &proto.type_.value {
            Some(type_proto::Value::TensorType(tensor)) => tensor,
            Some(other) => {
                let kind = match other {
                    type_proto::Value::SequenceType(_) => "a sequence",
                    type_proto::Value::MapType(_) => "a map",
                    type_proto::Value::OptionalType(_) => "an optional",
                    type_proto::Value::SparseTensorType(_) => "a sparse tensor",
                    _ => "something else",
                };
                let message = format!("it is {kind}; only tensors are supported");
                return Err(fail(Error::unsupported(message)));
            }
            None => return Err(fail(Error::malformed("it has no type"))),
        };
        let element = Format::of(tensor.elem_type).map_err(fail)?.element();
        let shape = match tensor.shape.as_ref() {
            Some(shape) => {
                Some(shape.dim.iter().map(Size::of).collect::<Result<_>>().map_err(fail)?)
            }
            None => None,
        };
        Ok(Self { name, element, shape })
    }

    /// Whether a value of this type is what is declared, as far as that is.
    fn fits(&self, found: &TensorType) -> bool {
        let sizes_fit = match self.shape.as_deref() {
            // Some exporters write an empty shape where they know none.
            None | Some([]) => true,
            Some(sizes) => {
                sizes.len() == found.rank()
                    && sizes.iter().zip(&found.shape).all(|sizes| match sizes {
                        (Size::Fixed(declared), Dim::Fixed(found)) => declared == found,
                        (Size::Fixed(declared), Dim::Bounded { max, .. }) => declared <= max,
                        (Size::Named(_) | Size::Open, _) => true,
                    })
            }
        };
        sizes_fit && self.element == found.element
    }

    /// Gives the sizes that an option says, and notes what open names mean.
    fn pin(&mut self, sizes: &[usize], named: &mut HashMap<String, usize>) -> Result<()> {
        let contradiction = |declared: &Self| {
            option(format!(
                "the input `{}` is {}, which cannot be {}",
                printable(declared.name),
                declared.shown(),
                shape_text(sizes)
            ))
        };
        if sizes.contains(&0) {
            return Err(option(format!(
                "the input `{}` cannot be {}: sizes are at least 1",
                printable(self.name),
                shape_text(sizes)
            )));
        }
        if let Some(shape) = &self.shape {
            if shape.len() != sizes.len() {
                return Err(contradiction(self));
            }
            for (declared, &size) in shape.iter().zip(sizes) {
                match declared {
                    Size::Fixed(fixed) if *fixed != size => return Err(contradiction(self)),
                    Size::Named(name) => {
                        let known = *named.entry(name.clone()).or_insert(size);
                        if known != size {
                            return Err(option(format!(
                                "the size `{}` is pinned to {known} and to {size}",
                                printable(name)
                            )));
                        }
                    }
                    Size::Fixed(_) | Size::Open => {}
                }
            }
        }
        self.shape = Some(sizes.iter().map(|&size| Size::Fixed(size)).collect());
        Ok(())
    }

    /// The type, where all sizes are known.
    fn resolve(&self, named: &HashMap<String, usize>) -> Option<TensorType> {
        let sizes = self.shape.as_ref()?.iter().map(|size| match size {
            Size::Fixed(size) => Some(*size),
            Size::Named(name) => named.get(name).copied(),
            Size::Open => None,
        });
        Some(TensorType::fixed(self.element, &sizes.collect::<Option<Vec<_>>>()?))
    }

    /// As `f32[batch,3,?,?]`.
    fn shown(&self) -> String {
        let Some(shape) = &self.shape else {
            return format!("{} of unknown shape", self.element);
        };
        let sizes: Vec<_> = shape
            .iter()
            .map(|size| match size {
                Size::Fixed(size) => size.to_string(),
                Size::Named(name) => printable(name),
                Size::Open => "?".to_owned(),
            })
            .collect();
        format!("{}[{}]", self.element, sizes.join(","))
    }

    /// What to write on a command line; quoted where a shell would not take the
    /// name as it is.
    fn option(&self) -> String {
        let pin = format!("{}={}", printable(self.name), self.suggestion());
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:/=".contains(c);
        if pin.chars().all(plain) { format!("--input {pin}") } else { format!("--input '{pin}'") }
    }

    /// A plausible shape to pin: one picture of usual size.
    fn suggestion(&self) -> String {
        let Some(shape) = &self.shape else { return "1x3x224x224".to_owned() };
        let sizes: Vec<_> = shape
            .iter()
            .enumerate()
            .map(|(dimension, size)| match (size, dimension) {
                (Size::Fixed(size), _) => *size,
                (_, 1) if shape.len() == 4 => 3,
                (_, 2 | 3) if shape.len() == 4 => 224,
                (_, _) => 1,
            })
            .collect();
        shape_text(&sizes)
    }
}

/// As options spell it: `1x3x224x224`.
fn shape_text(sizes: &[usize]) -> String {
    sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
}

impl Size {
    fn of(proto: &Dimension) -> Result<Self> {
        match &proto.value {
            // Some exporters write -1 for what they do not know.
            Some(dimension::Value::DimValue(-1)) | None => Ok(Self::Open),
            Some(dimension::Value::DimValue(size)) => match usize::try_from(*size) {
                Ok(size) => Ok(Self::Fixed(size)),
                Err(_) => Err(Error::malformed(format!("{size} is no size"))),
            },
            Some(dimension::Value::DimParam(name)) if name.is_empty() => Ok(Self::Open),
            Some(dimension::Value::DimParam(name)) => Ok(Self::Named(name.clone())),
            Some(_) => Err(Error::malformed("a size is neither a number nor a name")),
        }
    }
}
