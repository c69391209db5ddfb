//! Known networks whose weights are made by a generator.
//!
//! `zoo/README.md` defines what a skeleton is and how its recipes become
//! weights. The values are the same bits on every machine.

use crate::{target_folder, workspace};
use cnnc::Error;
use cnnc::error::Result;
use cnnc::ir::{ElementType, TensorType};
use onnx_protobuf::tensor_proto::DataLocation;
use onnx_protobuf::{Message, ModelProto, TensorProto};
use std::fs;
use std::path::{Path, PathBuf};

/// Every network of the zoo, the quick ones first.
pub const NAMES: [&str; 29] = [
    "deconvnet_small",
    "squeezenet1_1",
    "unet_small",
    "mobilenet_v2",
    "resnet18",
    "resnet18_dynamo",
    "googlenet",
    "nin_imagenet",
    "densenet121",
    "resnet50",
    "alexnet",
    "bvlc_alexnet",
    "resnet152",
    "fcn32s_vgg16",
    "fcn16s_vgg16",
    "fcn8s_vgg16",
    "fcn_resnet50",
    "zfnet512",
    "resnet18_dynamo_raw",
    "rcnn_alexnet_features",
    "yolo_v1_tiny",
    "yolo_v1",
    "sppnet_zf5",
    "fast_rcnn_vgg16",
    "faster_rcnn_vgg16",
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "deconvnet_unpool_small",
    "vgg16",
    "vgg19_bn",
];

/// How the values of an initializer are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recipe {
    /// Where the counter starts.
    pub seed: u64,
    /// What the drawn integers are multiplied by.
    pub scale: f32,
}

impl Recipe {
    /// The recipe that an initializer holds in place of data, if it does.
    ///
    /// # Errors
    /// [`cnnc::ErrorKind::Malformed`] where seed or scale are missing or not
    /// numbers.
    pub fn of(tensor: &TensorProto) -> Result<Option<Self>> {
        let entry = |key: &str| {
            tensor
                .external_data
                .iter()
                .find(|entry| entry.key == key)
                .map(|entry| entry.value.as_str())
        };
        if tensor.data_location != DataLocation::EXTERNAL.into()
            || entry("location") != Some("generated")
        {
            return Ok(None);
        }
        let wrong =
            |key| Error::malformed(format!("the recipe of `{}` has no valid `{key}`", tensor.name));
        let seed = entry("seed").and_then(|text| text.parse().ok());
        let scale = entry("scale").and_then(|text| text.parse().ok());
        Ok(Some(Self {
            seed: seed.ok_or_else(|| wrong("seed"))?,
            scale: scale.ok_or_else(|| wrong("scale"))?,
        }))
    }

    /// The integer that element `index` is a multiple of: SplitMix64's
    /// finishing steps (Steele, Lea, Flood, OOPSLA 2014), then the sum of the
    /// four 16-bit parts less its mean.
    pub(crate) const fn drawn(self, index: u64) -> i32 {
        let z = self.seed.wrapping_add(index).wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let z = z ^ (z >> 31);
        let sum = (z & 0xFFFF) + (z >> 16 & 0xFFFF) + (z >> 32 & 0xFFFF) + (z >> 48);
        sum as i32 - 131_070
    }

    /// The first `elements` values, little-endian, one after the other.
    #[must_use]
    pub fn bytes(self, elements: usize) -> Vec<u8> {
        let mut bytes = vec![0; elements * size_of::<f32>()];
        let (places, _) = bytes.as_chunks_mut::<{ size_of::<f32>() }>();
        for (place, index) in places.iter_mut().zip(0..) {
            // An integer below 2^18 is exact in f32, so this rounds once.
            *place = (self.drawn(index) as f32 * self.scale).to_le_bytes();
        }
        bytes
    }
}

/// Turns a skeleton, the bytes of its file, into an ordinary model. It takes
/// as much memory as the filled model has bytes.
///
/// # Errors
/// [`cnnc::ErrorKind::Malformed`] where the bytes are no model or a recipe is
/// wrong.
pub fn fill(skeleton: &[u8]) -> Result<ModelProto> {
    let mut model = ModelProto::parse_from_bytes(skeleton)
        .map_err(|error| Error::malformed(error.to_string()))?;
    for tensor in &mut model.graph.mut_or_insert_default().initializer {
        let Some(recipe) = Recipe::of(tensor)? else { continue };
        let elements = elements(tensor)?;
        tensor.raw_data = recipe.bytes(elements);
        tensor.external_data.clear();
        tensor.data_location = DataLocation::DEFAULT.into();
    }
    Ok(model)
}

fn elements(tensor: &TensorProto) -> Result<usize> {
    let shape: Option<Vec<usize>> =
        tensor.dims.iter().map(|&size| usize::try_from(size).ok()).collect();
    let shape = shape
        .ok_or_else(|| Error::malformed(format!("`{}` has a negative dimension", tensor.name)))?;
    TensorType::fixed(ElementType::F32, &shape).elements()
}

/// Fills the skeleton in the file `skeleton` and writes the model to `to`,
/// which comes into being whole or not at all.
///
/// # Errors
/// As [`fill`], and where a file can't be read or written.
pub fn fill_to(skeleton: &Path, to: &Path) -> Result<()> {
    let bytes = fs::read(skeleton).map_err(|error| Error::io(skeleton, &error))?;
    let model = fill(&bytes).map_err(|error| error.file(skeleton))?;
    let unfinished = to.with_extension(format!("unfinished-{}", std::process::id()));
    let written = fs::File::create(&unfinished).and_then(|mut file| {
        model.write_to_writer(&mut file)?;
        fs::rename(&unfinished, to)
    });
    written.map_err(|error| {
        // What is left half-written is of no use; the first error is the one to tell.
        let _ = fs::remove_file(&unfinished);
        Error::io(to, &error)
    })
}

/// The folder of a network's skeleton and test data.
#[must_use]
pub fn skeleton_folder(name: &str) -> PathBuf {
    workspace().join("tests/zoo").join(name)
}

/// The folder `zoo/NAME` under the target folder, with the filled
/// `model.onnx` and the test data beside it. A model that is there from an
/// earlier run is used again as long as the skeleton is the same.
///
/// # Errors
/// As [`fill_to`].
pub fn filled(name: &str) -> Result<PathBuf> {
    let folder = target_folder().join("zoo").join(name);
    fill_folder(name, &folder)?;
    Ok(folder)
}

/// As [`filled`], into a folder of one's own choice.
///
/// # Errors
/// As [`fill_to`].
pub fn fill_folder(name: &str, folder: &Path) -> Result<()> {
    let source = skeleton_folder(name);
    let skeleton = source.join("model.onnx");
    let bytes = fs::read(&skeleton).map_err(|error| Error::io(&skeleton, &error))?;
    let stamp = format!("{:016x}\n", fingerprint(&bytes));
    let stamp_file = folder.join("skeleton.fingerprint");
    if fs::read_to_string(&stamp_file).is_ok_and(|found| found == stamp) {
        return Ok(());
    }
    copy_test_data(&source, folder).map_err(|error| Error::io(folder, &error))?;
    fill_to(&skeleton, &folder.join("model.onnx"))?;
    fs::write(&stamp_file, stamp).map_err(|error| Error::io(&stamp_file, &error))
}

fn copy_test_data(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let set = to.join(entry.file_name());
        fs::create_dir_all(&set)?;
        for file in fs::read_dir(entry.path())? {
            let file = file?;
            fs::copy(file.path(), set.join(file.file_name()))?;
        }
    }
    Ok(())
}

/// FNV-1a, 64 bits: enough to notice that a file changed.
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_draws_the_stated_numbers() {
        let recipe = Recipe { seed: 0, scale: 1.0 };
        let drawn: Vec<i32> = (0..4).map(|index| recipe.drawn(index)).collect();
        assert_eq!(drawn, [54055, -23365, -48995, -25377]);
    }

    #[test]
    fn the_counter_wraps() {
        let last = Recipe { seed: u64::MAX, scale: 0.5 };
        let bytes = last.bytes(2);
        assert_eq!(bytes[4..], (54055.0f32 * 0.5).to_le_bytes());
    }

    /// The fingerprint is that of the values made by an implementation in
    /// Python from the same definition.
    #[test]
    fn a_filled_network_has_the_expected_bits() {
        let skeleton = fs::read(skeleton_folder("squeezenet1_1").join("model.onnx")).unwrap();
        let model = fill(&skeleton).unwrap();
        let weights: Vec<u8> =
            model.graph.initializer.iter().flat_map(|tensor| &tensor.raw_data).copied().collect();
        assert_eq!(weights.len(), 4_941_984);
        assert_eq!(fingerprint(&weights), 0x7659_3546_1531_cf53);
    }

    #[test]
    fn every_network_is_filled_whole() {
        for name in NAMES {
            let skeleton = fs::read(skeleton_folder(name).join("model.onnx")).unwrap();
            let model = ModelProto::parse_from_bytes(&skeleton).unwrap();
            let recipes = model.graph.initializer.iter().map(|tensor| Recipe::of(tensor).unwrap());
            assert!(recipes.flatten().count() > 0, "{name} has no recipe");
            for tensor in model.graph.initializer.iter() {
                let external = tensor.data_location == DataLocation::EXTERNAL.into();
                assert_eq!(external, Recipe::of(tensor).unwrap().is_some(), "{}", tensor.name);
            }
        }
    }

    #[test]
    fn a_broken_recipe_is_refused() {
        let mut tensor = TensorProto::new();
        tensor.data_location = DataLocation::EXTERNAL.into();
        for (key, value) in [("location", "generated"), ("seed", "1"), ("scale", "wide")] {
            let mut entry = onnx_protobuf::StringStringEntryProto::new();
            entry.key = key.into();
            entry.value = value.into();
            tensor.external_data.push(entry);
        }
        let error = Recipe::of(&tensor).unwrap_err();
        assert!(error.to_string().contains("scale"), "{error}");
    }

    #[test]
    fn filled_models_are_kept_until_the_skeleton_changes() {
        let folder = target_folder().join("tmp/zoo-cache");
        let _ = fs::remove_dir_all(&folder);
        let model = folder.join("model.onnx");
        fill_folder("squeezenet1_1", &folder).unwrap();
        assert!(folder.join("test_data_set_0/output_0.pb").is_file());
        fs::write(&model, "kept").unwrap();
        fill_folder("squeezenet1_1", &folder).unwrap();
        assert_eq!(fs::read(&model).unwrap(), b"kept");
        fs::write(folder.join("skeleton.fingerprint"), "another").unwrap();
        fill_folder("squeezenet1_1", &folder).unwrap();
        assert!(fs::metadata(&model).unwrap().len() > 4_900_000);
    }
}
