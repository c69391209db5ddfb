//! Inputs and expected outputs, in the layout of the ONNX backend tests.

use crate::raw;
use cnnc::Error;
use cnnc::error::Result;
use cnnc::ir::Tensor;
use std::fs;
use std::path::{Path, PathBuf};

/// One `test_data_set_N` folder.
#[derive(Clone, Debug)]
pub struct TestSet {
    /// The folder it was read from.
    pub folder: PathBuf,
    /// The graph's inputs in its order, those that are initializers left out.
    pub inputs: Vec<Tensor>,
    /// The graph's outputs in its order.
    pub outputs: Vec<Tensor>,
}

/// The test sets in a model's folder, in the order of their numbers.
///
/// # Errors
/// Where a file can't be read, or there is no test set.
pub fn sets(folder: &Path) -> Result<Vec<TestSet>> {
    let sets: Vec<TestSet> = (0..)
        .map(|number| folder.join(format!("test_data_set_{number}")))
        .take_while(|set| set.is_dir())
        .map(|set| {
            Ok(TestSet {
                inputs: numbered(&set, "input")?,
                outputs: numbered(&set, "output")?,
                folder: set,
            })
        })
        .collect::<Result<_>>()?;
    if sets.is_empty() {
        let missing = Error::new(cnnc::ErrorKind::Io, "there is no `test_data_set_0` in it");
        return Err(missing.file(folder));
    }
    Ok(sets)
}

/// The tensors `KIND_0.pb`, `KIND_1.pb` and so on.
fn numbered(set: &Path, kind: &str) -> Result<Vec<Tensor>> {
    (0..)
        .map(|number| set.join(format!("{kind}_{number}.pb")))
        .take_while(|file| file.is_file())
        .map(|file| read_tensor(&file).map_err(|error| error.file(&file)))
        .collect()
}

fn read_tensor(file: &Path) -> Result<Tensor> {
    let bytes = fs::read(file).map_err(|error| Error::io(file, &error))?;
    let (_, tensor) = cnnc::onnx::read_tensor(&bytes)?;
    Ok(tensor)
}

/// The largest error of `found`, relative to the largest value of `expected`.
/// Infinite where the types or sizes differ or a value is no number.
#[must_use]
pub fn difference(found: &Tensor, expected: &Tensor) -> f64 {
    if found.tensor_type() != expected.tensor_type() {
        return f64::INFINITY;
    }
    let (found, expected) = (raw::numbers(found), raw::numbers(expected));
    if found.iter().any(|value| !value.is_finite()) {
        return f64::INFINITY;
    }
    let largest = expected.iter().fold(0.0, |largest, value| f64::max(largest, value.abs()));
    let error = found
        .iter()
        .zip(&expected)
        .fold(0.0, |worst, (&found, &expected)| f64::max(worst, (found - expected).abs()));
    if error == 0.0 { 0.0 } else { error / largest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{workspace, zoo};

    #[test]
    fn every_network_has_its_data() {
        for name in zoo::NAMES {
            let sets = sets(&zoo::skeleton_folder(name)).unwrap();
            assert!(!sets[0].inputs.is_empty() && !sets[0].outputs.is_empty(), "{name}");
        }
        for model in ["tests/models/mobilenet_v2", "examples/models/squeezenet1_1"] {
            assert_eq!(sets(&workspace().join(model)).unwrap().len(), 2, "{model}");
        }
        assert_eq!(sets(&workspace().join("examples/models/mnist")).unwrap().len(), 1);
    }

    #[test]
    fn the_expected_class_of_the_cat_is_a_cat() {
        let sets = sets(&workspace().join("examples/models/squeezenet1_1")).unwrap();
        let output = sets[0].outputs[0].f32s().unwrap();
        assert!((output[285] - 0.484).abs() < 1e-3, "{}", output[285]);
    }

    #[test]
    fn differences_are_relative_to_the_largest_value() {
        let difference = |found: &[f32], expected: &[f32]| {
            let [found, expected] = [found, expected].map(|values| Tensor::vector(values.to_vec()));
            difference(&found, &expected)
        };
        assert_eq!(difference(&[1.0, 4.0], &[1.0, 4.0]), 0.0);
        assert_eq!(difference(&[1.0, 4.0], &[2.0, -4.0]), 2.0);
        assert_eq!(difference(&[f32::NAN], &[1.0]), f64::INFINITY);
        assert_eq!(difference(&[1.0], &[1.0, 1.0]), f64::INFINITY);
        assert_eq!(difference(&[0.0], &[0.0]), 0.0);
        assert_eq!(difference(&[1.0], &[0.0]), f64::INFINITY);
    }
}
