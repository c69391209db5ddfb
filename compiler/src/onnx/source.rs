//! Where a model comes from.

use crate::error::{Error, Result};
use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

/// Longest model file: protobuf messages end at 2 GiB, and larger networks
/// keep their weights in files of their own.
const MAX_BYTES: u64 = 1 << 31;

/// A model: a file, or its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The path of an ONNX file. Files with external data lie in the same
    /// folder.
    Path(PathBuf),
    /// The bytes of an ONNX file.
    Bytes {
        /// The bytes.
        bytes: Vec<u8>,
        /// The folder of files with external data; without it, models with
        /// external data are refused.
        folder: Option<PathBuf>,
    },
}

impl Source {
    /// A model in a file.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Self::Path(path.into())
    }

    /// The bytes of a model whose weights are all among them.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Bytes { bytes: bytes.into(), folder: None }
    }

    /// The model's file, where it has one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Bytes { .. } => None,
        }
    }

    /// The folder that files with external data are looked for in.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => match path.parent() {
                Some(folder) if folder.as_os_str().is_empty() => Some(Path::new(".")),
                folder => folder,
            },
            Self::Bytes { folder, .. } => folder.as_deref(),
        }
    }

    /// The bytes of the model.
    pub(super) fn read(&self) -> Result<Cow<'_, [u8]>> {
        match self {
            Self::Path(path) => read(path).map(Cow::Owned),
            Self::Bytes { bytes, .. } => Ok(Cow::Borrowed(bytes)),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let metadata = fs::metadata(path).map_err(|error| Error::io(path, &error))?;
    // Devices and pipes may never end, or never begin.
    if !metadata.is_file() {
        return Err(Error::new(crate::ErrorKind::Io, "this is not a file").file(path));
    }
    if metadata.len() > MAX_BYTES {
        return Err(Error::malformed(format!(
            "a model file has at most {MAX_BYTES} bytes, but this one has {}",
            metadata.len()
        ))
        .help("save the model with its weights in a separate file (external data)"));
    }
    fs::read(path).map_err(|error| Error::io(path, &error))
}
