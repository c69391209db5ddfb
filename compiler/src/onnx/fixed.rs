//! Inputs whose values options fix.

use super::inputs::check_given;
use super::read_tensor;
use crate::error::{Error, ErrorKind, Result, printable};
use crate::ir::Tensor;
use onnx_protobuf::ValueInfoProto;
use std::path::PathBuf;

/// Takes those inputs out of the list that have a value among the options:
/// names and files with one tensor each.
///
/// # Errors
/// Where an option names no input, a file cannot be read, or the value is not
/// what the input is declared as.
pub(super) fn constants<'a>(
    inputs: &mut Vec<&'a ValueInfoProto>,
    options: &[(String, PathBuf)],
) -> Result<Vec<(&'a ValueInfoProto, Tensor)>> {
    let fixed = options.iter().map(|(name, file)| {
        let place = inputs.iter().position(|input| input.name == *name);
        let input = place.map(|place| inputs.remove(place)).ok_or_else(|| {
            let message = format!("there is no input `{}` to be made constant", printable(name));
            Error::new(ErrorKind::Option, message)
        })?;
        let bytes = std::fs::read(file).map_err(|error| Error::io(file, &error))?;
        let (_, tensor) = read_tensor(&bytes).map_err(|error| error.file(file))?;
        check_given(input, &tensor.tensor_type()).map_err(|error| error.file(file))?;
        Ok((input, tensor))
    });
    fixed.collect()
}
