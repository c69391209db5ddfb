//! Values that lie in files beside the model.
//!
//! A model may come from anywhere, so the files that it names are read only
//! where they lie inside the model's folder, also after following links, and
//! never more of them than there is.

use super::tensor::Stored;
use crate::error::{Error, ErrorKind, Result, printable};
use crate::ir::Data;
use onnx_protobuf::StringStringEntryProto;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

/// Bytes read at a time; a multiple of every element's size.
const CHUNK: usize = 1 << 20;

/// How often as much as a file holds may be read from it. Tensors may share
/// values, but a small file must not become any amount of weights.
const MAX_SHARING: u64 = 4;

/// Reads external data.
#[derive(Debug)]
pub(super) struct External<'a> {
    folder: Option<&'a Path>,
    /// The files that were read, and how many bytes of each.
    read: BTreeMap<PathBuf, u64>,
    /// The file of the last tensor: usually there is one for all.
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    path: PathBuf,
    file: File,
    size: u64,
}

/// Where the values of one tensor lie.
#[derive(Debug, Default)]
struct Location<'a> {
    file: Option<&'a str>,
    offset: u64,
    length: Option<u64>,
}

impl<'a> External<'a> {
    /// Reads files of this folder; without one, external data is refused.
    pub fn new(folder: Option<&'a Path>) -> Self {
        Self { folder, read: BTreeMap::new(), open: None }
    }

    /// The files that were read.
    pub fn into_files(self) -> Vec<PathBuf> {
        self.read.into_keys().collect()
    }

    /// The values of a tensor.
    ///
    /// # Errors
    /// Names the tensor and the file.
    pub fn read(&mut self, stored: &Stored, entries: &[StringStringEntryProto]) -> Result<Data> {
        let location = Location::of(stored, entries)?;
        let expected = stored.bytes()?;
        if location.length.is_some_and(|length| length != expected as u64) {
            return Err(stored.error(format!(
                "it takes {expected} bytes, but its external data should have {}",
                location.length.unwrap_or_default()
            )));
        }
        self.open(stored, location.file)?;
        let Some(Open { path, file, size }) = &mut self.open else {
            return Err(Error::internal("no file is open"));
        };
        if location.offset.checked_add(expected as u64).is_none_or(|end| end > *size) {
            return Err(stored
                .error(format!(
                    "{expected} bytes at offset {} are past the end of its file of {size} bytes",
                    location.offset
                ))
                .file(path));
        }
        let total = self.read.entry(path.clone()).or_insert(0);
        *total = total.saturating_add(expected as u64);
        if *total > size.saturating_mul(MAX_SHARING) {
            let message = "too many tensors share the values of one file";
            return Err(stored.error(message).file(path));
        }
        let mut data = stored.room()?;
        let mut fill = || -> std::io::Result<()> {
            file.seek(SeekFrom::Start(location.offset))?;
            let mut chunk = vec![0; CHUNK.min(expected)];
            let mut left = expected;
            while left > 0 {
                let bytes = chunk.get_mut(..left.min(CHUNK)).unwrap_or_default();
                file.read_exact(bytes)?;
                stored.format.append(&mut data, bytes);
                left -= bytes.len();
            }
            Ok(())
        };
        match fill() {
            Ok(()) => Ok(data),
            Err(error) => Err(Error::io(&*path, &error)),
        }
    }

    /// Opens a file, unless it is open.
    fn open(&mut self, stored: &Stored, location: Option<&str>) -> Result<()> {
        let location = location
            .ok_or_else(|| stored.error("its values are in another file, which is not named"))?;
        let folder = self.folder.ok_or_else(|| {
            stored
                .error(format!(
                    "its values are in the file `{}`, but a model given as bytes has no folder",
                    printable(location)
                ))
                .help("compile the model from its path, or say which folder its data is in")
        })?;
        let path = inside(folder, location).ok_or_else(|| outside(stored, location))?;
        if self.open.as_ref().is_none_or(|open| open.path != path) {
            self.open = Some(open(stored, folder, location, path)?);
        }
        Ok(())
    }
}

impl<'a> Location<'a> {
    fn of(stored: &Stored, entries: &'a [StringStringEntryProto]) -> Result<Self> {
        let number = |key: &str, value: &str| -> Result<u64> {
            value.trim().parse().map_err(|_| {
                stored.error(format!(
                    "the {key} of its external data is `{}`, not a number of bytes",
                    printable(value)
                ))
            })
        };
        let mut location = Self::default();
        for entry in entries {
            match entry.key.as_str() {
                "location" => location.file = Some(&entry.value),
                "offset" => location.offset = number("offset", &entry.value)?,
                "length" => location.length = Some(number("length", &entry.value)?),
                // A checksum is optional to check; other keys say nothing about the place.
                _ => {}
            }
        }
        Ok(location)
    }
}

fn outside(stored: &Stored, location: &str) -> Error {
    stored
        .error(format!(
            "its values are in the file `{}`, which is not in the model's folder",
            printable(location)
        ))
        .help("external data is read from the folder of the model only: put the file there")
}

/// The path of a file in the folder; `None` where it names one elsewhere.
fn inside(folder: &Path, location: &str) -> Option<PathBuf> {
    let mut path = folder.to_owned();
    let mut named = false;
    for component in Path::new(location).components() {
        match component {
            Component::Normal(name) => {
                path.push(name);
                named = true;
            }
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    named.then_some(path)
}

/// Opens a file of the folder that is really in it.
fn open(stored: &Stored, folder: &Path, location: &str, path: PathBuf) -> Result<Open> {
    // The path is not named as the file of the error, because it may be of any
    // length and content.
    let failed = |error: std::io::Error| {
        let message = format!(
            "its values should be in the file `{}` of the model's folder: {error}",
            printable(location)
        );
        stored
            .error_of(ErrorKind::Io, message)
            .help("models with external data are of several files, which must stay together")
    };
    let real = path.canonicalize().map_err(failed)?;
    if !real.starts_with(folder.canonicalize().map_err(failed)?) {
        return Err(outside(stored, location));
    }
    // Opening a pipe would wait for a writer.
    if !real.metadata().map_err(failed)?.is_file() {
        return Err(stored.error("its values should be in a file, but this is none"));
    }
    let file = File::open(&real).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    Ok(Open { path, file, size })
}
