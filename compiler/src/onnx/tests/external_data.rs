//! Values in files beside the model, and in files where they should not be.

use super::fixture::*;
use crate::Options;
use crate::error::{ErrorKind, Result};
use crate::onnx::{Imported, Source, import_with};
use onnx_protobuf::tensor_proto::DataLocation;
use onnx_protobuf::{StringStringEntryProto, TensorProto};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, process};

/// A folder of its own for each test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("cnnc-onnx-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        fs::create_dir_all(path.join("model/weights")).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, values: &[f32]) {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        fs::write(self.0.join(name), bytes).unwrap();
    }

    /// Imports a model whose tensors of two values each lie where `entries` say.
    fn import(&self, tensors: &[&[(&str, &str)]]) -> Result<Imported<Toy>> {
        let names: Vec<_> = (0..tensors.len()).map(|i| format!("w{i}")).collect();
        let mut operands = vec!["x"];
        operands.extend(names.iter().map(String::as_str));
        let mut graph = graph(vec![node("Pass", "p", &operands, &["y"])]);
        graph.initializer =
            names.iter().zip(tensors).map(|(name, entries)| external(name, entries)).collect();
        let path = self.0.join("model/model.onnx");
        fs::write(&path, bytes(&model(graph))).unwrap();
        import_with(&Source::path(path), &Options::default(), &|name| KNOWN.contains(&name))
    }

    fn refused(&self, entries: &[(&str, &str)]) -> String {
        self.import(&[entries]).unwrap_err().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn external(name: &str, entries: &[(&str, &str)]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: vec![2],
        data_type: 1,
        data_location: DataLocation::EXTERNAL.into(),
        external_data: entries
            .iter()
            .map(|(key, value)| StringStringEntryProto {
                key: (*key).into(),
                value: (*value).into(),
                ..StringStringEntryProto::default()
            })
            .collect(),
        ..TensorProto::default()
    }
}

#[test]
fn values_come_from_files_beside_the_model() {
    let folder = Folder::new();
    folder.write("model/a.bin", &[1.0, 2.0, 3.0]);
    folder.write("model/weights/b.bin", &[4.0, 5.0]);
    let imported = folder
        .import(&[
            &[("location", "a.bin"), ("offset", "4"), ("length", "8"), ("checksum", "0")],
            &[("location", "./weights/b.bin")],
            &[("location", "a.bin")],
        ])
        .unwrap();
    let graph = &imported.graph;
    let operands = graph.operands(graph.outputs()[0].value.node);
    let values = |slot: usize| graph.constant(operands[slot].unwrap()).unwrap().f32s().unwrap();
    assert_eq!(values(1), [2.0, 3.0]);
    assert_eq!(values(2), [4.0, 5.0]);
    assert_eq!(values(3), [1.0, 2.0]);
    let files: Vec<_> = imported.files.iter().map(|f| f.strip_prefix(&folder.0).unwrap()).collect();
    let expected = ["model/model.onnx", "model/a.bin", "model/weights/b.bin"];
    assert_eq!(files, expected.map(Path::new));
}

#[test]
fn values_must_be_inside_their_file() {
    let folder = Folder::new();
    folder.write("model/a.bin", &[1.0, 2.0, 3.0]);
    let at = |offset, length| {
        folder.refused(&[("location", "a.bin"), ("offset", offset), ("length", length)])
    };
    let short = at("5", "8");
    assert!(short.contains("a.bin: tensor `w0`: 8 bytes at offset 5 are past the end"), "{short}");
    assert!(at("18446744073709551615", "8").contains("past the end"));
    assert!(at("0", "12").contains("takes 8 bytes, but its external data should have 12"));
    assert!(at("-1", "8").contains("offset of its external data is `-1`"));
    assert!(at("0", "eight").contains("length of its external data is `eight`"));
}

#[test]
fn missing_files_are_named() {
    let folder = Folder::new();
    let error = folder.import(&[&[("location", "generated"), ("seed", "1")]]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    let found = error.to_string();
    assert!(found.contains("model/model.onnx: tensor `w0`"), "{found}");
    assert!(found.contains("should be in the file `generated` of the model's folder"), "{found}");
    assert!(folder.refused(&[]).contains("is not named"));
    assert!(folder.refused(&[("location", "weights")]).contains("but this is none"));
}

#[test]
fn no_file_outside_the_folder_is_read() {
    let folder = Folder::new();
    folder.write("secret.bin", &[1.0, 2.0]);
    let secret = folder.0.join("secret.bin");
    let absolute = secret.to_str().unwrap();
    for location in [absolute, "../secret.bin", "weights/../../secret.bin", "/dev/zero", "", "."] {
        let found = folder.refused(&[("location", location)]);
        assert!(found.contains("not in the model's folder"), "{location}: {found}");
    }
    let huge = "n".repeat(100_000);
    assert!(folder.refused(&[("location", &huge)]).len() < 1000 + folder.0.as_os_str().len());
    assert!(folder.refused(&[("location", "a\0b")]).contains("tensor `w0`"));
}

#[cfg(unix)]
#[test]
fn links_do_not_lead_outside() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new();
    folder.write("secret.bin", &[1.0, 2.0]);
    folder.write("model/a.bin", &[1.0, 2.0]);
    symlink("../secret.bin", folder.0.join("model/file.bin")).unwrap();
    symlink("..", folder.0.join("model/up")).unwrap();
    symlink("a.bin", folder.0.join("model/fine.bin")).unwrap();
    for location in ["file.bin", "up/secret.bin"] {
        let found = folder.refused(&[("location", location)]);
        assert!(found.contains("not in the model's folder"), "{location}: {found}");
    }
    assert!(folder.import(&[&[("location", "fine.bin")]]).is_ok());
}

#[test]
fn a_small_file_does_not_become_many_weights() {
    let folder = Folder::new();
    folder.write("model/a.bin", &[1.0, 2.0]);
    let all: &[(&str, &str)] = &[("location", "a.bin")];
    assert!(folder.import(&[all; 4]).is_ok());
    let found = folder.import(&[all; 5]).unwrap_err().to_string();
    assert!(found.contains("too many tensors share"), "{found}");
}

#[test]
fn bytes_have_no_folder() {
    let mut graph = graph(vec![node("Pass", "p", &["x", "w"], &["y"])]);
    graph.initializer = vec![external("w", &[("location", "a.bin")])];
    let found = message(&model(graph.clone()));
    assert!(found.contains("a model given as bytes has no folder"), "{found}");
    let folder = Folder::new();
    folder.write("model/a.bin", &[1.0, 2.0]);
    let source =
        Source::Bytes { bytes: bytes(&model(graph)), folder: Some(folder.0.join("model")) };
    let imported =
        import_with::<Toy>(&source, &Options::default(), &|name| KNOWN.contains(&name)).unwrap();
    assert_eq!(imported.files.len(), 1);
}

#[test]
fn missing_models_are_named() {
    let folder = Folder::new();
    for (path, expected) in [("nothing.onnx", "nothing.onnx: "), ("model", "this is not a file")] {
        let source = Source::path(folder.0.join(path));
        let error = import_with::<Toy>(&source, &Options::default(), &|_| true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().contains(expected), "{error}");
    }
}
