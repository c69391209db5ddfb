//! Inputs and expected outputs for `cnnc verify`.

use super::{Model, option_error};
use crate::error::{Error, Result, printable};
use crate::ir::Tensor;
use crate::plan::Port;
use crate::{Source, WeightsMode, evaluate, onnx};
use std::path::{Path, PathBuf};

/// Inputs of a network and its expected outputs, in the order of the file.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) inputs: Vec<Tensor>,
    pub(super) outputs: Vec<Tensor>,
}

/// Seed of the random input.
const SEED: u64 = 1;

impl Case {
    /// The cases of these folders, for this model.
    pub(super) fn of_folders(folders: &[PathBuf], model: &Model) -> Result<Vec<Self>> {
        let mut cases = Vec::new();
        for folder in folders {
            let sets = data_sets(folder)?;
            if sets.is_empty() {
                return Err(option_error("found no folder `test_data_set_*` here").file(folder));
            }
            for set in sets {
                cases.push(Self::read(&set, model)?);
            }
        }
        Ok(cases)
    }

    /// The cases beside the model; none where there are no such folders.
    pub(super) fn beside(model: &Model) -> Result<Vec<Self>> {
        let folder = model.model.parent().filter(|folder| !folder.as_os_str().is_empty());
        let sets = data_sets(folder.unwrap_or(Path::new(".")))?;
        sets.iter().map(|set| Self::read(set, model)).collect()
    }

    /// A random input, always the same, and what the reference evaluator makes
    /// of it.
    pub(super) fn random(model: &Model) -> Result<Self> {
        let graph =
            onnx::import(&Source::path(&model.model), &model.options(WeightsMode::default()))?
                .graph;
        let in_file = |error: Error| error.file(&model.model);
        let inputs = evaluate::random_inputs(&graph, SEED).map_err(in_file)?;
        let outputs = evaluate::evaluate(&graph, &inputs).map_err(in_file)?;
        Ok(Self { name: "random input".into(), inputs, outputs })
    }

    fn read(folder: &Path, model: &Model) -> Result<Self> {
        let mut inputs = read_tensors(folder, "input")?;
        // The data are those of the file, also where options fix an input.
        inputs.retain(|(name, _)| model.constants.iter().all(|(fixed, _)| fixed != name));
        let outputs = read_tensors(folder, "output")?;
        let [inputs, outputs] = [inputs, outputs]
            .map(|tensors| tensors.into_iter().map(|(_, tensor)| tensor).collect::<Vec<_>>());
        if outputs.is_empty() {
            return Err(option_error("found no file `output_0.pb`").file(folder));
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, inputs, outputs })
    }

    /// Refuses inputs and outputs of other numbers and types than a network's.
    pub(super) fn check(&self, inputs: &[Port], outputs: &[Port]) -> Result<()> {
        let kinds = [("input", &self.inputs, inputs), ("output", &self.outputs, outputs)];
        for (kind, tensors, ports) in kinds {
            if tensors.len() != ports.len() {
                return Err(option_error(format!(
                    "{}: the network has {} {kind}s, the data {}",
                    self.name,
                    ports.len(),
                    tensors.len()
                )));
            }
            for (tensor, port) in tensors.iter().zip(ports) {
                let found = tensor.tensor_type();
                if !port.tensor_type.admits(&found) {
                    return Err(option_error(format!(
                        "{}: {kind} `{}` of the network is {}, in the data it is {found}",
                        self.name,
                        printable(&port.name),
                        port.tensor_type
                    ))
                    .help("--input NAME=SHAPE sets a shape that the model leaves open"));
                }
            }
        }
        Ok(())
    }
}

/// Folders `test_data_set_*` of a folder, by number; or itself where it is one.
fn data_sets(folder: &Path) -> Result<Vec<PathBuf>> {
    const PREFIX: &str = "test_data_set_";
    if folder.join("output_0.pb").is_file() {
        return Ok(vec![folder.to_owned()]);
    }
    let entries = std::fs::read_dir(folder).map_err(|error| Error::io(folder, &error))?;
    let mut sets: Vec<(Option<u64>, PathBuf)> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let number = path.file_name()?.to_str()?.strip_prefix(PREFIX)?.parse().ok();
            path.is_dir().then_some((number, path))
        })
        .collect();
    sets.sort();
    Ok(sets.into_iter().map(|(_, path)| path).collect())
}

/// `KIND_0.pb`, `KIND_1.pb`, .. as far as they go, with their names.
fn read_tensors(folder: &Path, kind: &str) -> Result<Vec<(String, Tensor)>> {
    (0..)
        .map(|i| folder.join(format!("{kind}_{i}.pb")))
        .take_while(|path| path.is_file())
        .map(|path| {
            let bytes = std::fs::read(&path).map_err(|error| Error::io(&path, &error))?;
            onnx::read_tensor(&bytes).map_err(|error| error.file(&path))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::TensorType;
    use crate::step::Plain;

    #[test]
    fn folders_come_in_the_order_of_their_numbers() {
        let folder = std::env::temp_dir().join(format!("cnnc-cases-{}", std::process::id()));
        for name in ["test_data_set_10", "test_data_set_2", "other"] {
            std::fs::create_dir_all(folder.join(name)).unwrap();
        }
        let names: Vec<_> = data_sets(&folder)
            .unwrap()
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["test_data_set_2", "test_data_set_10"]);
        let one = folder.join("other");
        std::fs::write(one.join("output_0.pb"), "").unwrap();
        assert_eq!(data_sets(&one).unwrap(), [one]);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn data_of_another_shape_are_refused() {
        let port = |shape: &[usize]| Port {
            name: "x".into(),
            tensor_type: TensorType::f32(shape),
            place: Plain { offset: 0, len: 2 },
            counts: vec![None; shape.len()],
        };
        let case = Case {
            name: "set".into(),
            inputs: vec![Tensor::vector(vec![1.0f32, 2.0])],
            outputs: vec![Tensor::vector(vec![1.0f32, 2.0])],
        };
        case.check(&[port(&[2])], &[port(&[2])]).unwrap();
        let error = case.check(&[port(&[2, 1])], &[port(&[2])]).unwrap_err().to_string();
        assert!(error.contains("input `x`") && error.contains("--input"), "{error}");
        assert!(case.check(&[port(&[2])], &[port(&[3])]).is_err());
        assert!(case.check(&[], &[port(&[2])]).is_err());
    }
}
