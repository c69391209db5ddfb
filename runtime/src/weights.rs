//! The weights of a network: shared, never changed.

mod embed;

pub use embed::{Embedded, EmbeddedBytes, require_assembler_path};

use crate::step::{ALIGNMENT, read_header};
use alloc::string::String;
#[cfg(any(feature = "std", test))]
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// The contents of a weights file. Copies share the memory.
///
/// A network compiled with its weights embedded brings them itself; otherwise
/// they come from a file beside the program or from bytes that the program has:
///
/// ```
/// use cnnc_runtime::Weights;
/// let bytes = [0; 64];
/// let weights = Weights::copied(&bytes);
/// assert_eq!(weights.as_bytes(), bytes);
/// ```
#[derive(Clone)]
pub struct Weights(Storage);

#[derive(Clone)]
enum Storage {
    Static(&'static [u8]),
    Owned(Arc<Aligned>),
    #[cfg(feature = "std")]
    Mapped(Arc<memmap2::Mmap>),
}

/// Bytes at the alignment of cache lines.
struct Aligned {
    lines: Vec<Line>,
    len: usize,
}

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; ALIGNMENT]);

impl Aligned {
    fn new(bytes: &[u8]) -> Self {
        let line = |chunk: &[u8]| {
            let mut line = Line([0; ALIGNMENT]);
            line.0[..chunk.len()].copy_from_slice(chunk);
            line
        };
        Self { lines: bytes.chunks(ALIGNMENT).map(line).collect(), len: bytes.len() }
    }

    fn as_bytes(&self) -> &[u8] {
        // SAFETY: a line is exactly its bytes; there are at least `len` of them.
        unsafe { core::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl Weights {
    /// Weights that are part of the program.
    ///
    /// # Errors
    /// Where the bytes do not start at a multiple of 4.
    pub fn borrowed(bytes: &'static [u8]) -> Result<Self, LoadError> {
        if bytes.as_ptr().addr().is_multiple_of(4) {
            Ok(Self(Storage::Static(bytes)))
        } else {
            Err(LoadError(Reason::Alignment))
        }
    }

    /// A copy of these bytes.
    #[must_use]
    pub fn copied(bytes: &[u8]) -> Self {
        Self(Storage::Owned(Arc::new(Aligned::new(bytes))))
    }

    /// A file in the folder of the running program, or in the one above it
    /// (where cargo puts a program whose tests lie in a folder `deps`), mapped
    /// into memory. It must not change while the program runs.
    ///
    /// # Errors
    /// Where there is no such file.
    #[cfg(feature = "std")]
    pub fn beside_program(name: &str) -> Result<Self, LoadError> {
        let program = std::env::current_exe().map_err(|e| LoadError::file(name, &e))?;
        let folders = program.ancestors().skip(1).take(2);
        let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
        match found {
            Some(path) => Self::mapped(&path),
            None => Err(LoadError(Reason::Missing {
                name: name.into(),
                folder: program.parent().map(|f| f.display().to_string()).unwrap_or_default(),
            })),
        }
    }

    /// A file, mapped into memory. It must not change while the program runs.
    ///
    /// # Errors
    /// Where the file cannot be opened.
    #[cfg(feature = "std")]
    pub fn mapped(path: &std::path::Path) -> Result<Self, LoadError> {
        let in_file = |error: std::io::Error| LoadError::file(&path.display().to_string(), &error);
        let file = std::fs::File::open(path).map_err(in_file)?;
        // SAFETY: weights are only read, and every access is inside the length
        // found here. That the file is not cut meanwhile is the caller's part,
        // as the documentation says.
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(in_file)?;
        Ok(Self(Storage::Mapped(Arc::new(map))))
    }

    /// All bytes, header included.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Storage::Static(bytes) => bytes,
            Storage::Owned(bytes) => bytes.as_bytes(),
            #[cfg(feature = "std")]
            Storage::Mapped(map) => map,
        }
    }

    /// Checks that these are the weights that a network was compiled with.
    pub(crate) fn check(&self, bytes: usize, content: u64) -> Result<(), LoadError> {
        let found = self.as_bytes();
        match read_header(found) {
            None => Err(LoadError(Reason::NoHeader)),
            Some(header) if header.content != content => Err(LoadError(Reason::OtherNetwork)),
            Some(_) if found.len() != bytes => {
                Err(LoadError(Reason::Length { expected: bytes, found: found.len() }))
            }
            Some(_) => Ok(()),
        }
    }
}

impl fmt::Debug for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Weights({} bytes)", self.as_bytes().len())
    }
}

/// Why a network could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError(Reason);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    Alignment,
    HandedIn,
    NoHeader,
    OtherNetwork,
    Length {
        expected: usize,
        found: usize,
    },
    #[cfg_attr(not(feature = "std"), allow(dead_code))]
    Missing {
        name: String,
        folder: String,
    },
    #[cfg_attr(not(feature = "std"), allow(dead_code))]
    File {
        name: String,
        error: String,
    },
}

impl LoadError {
    /// A network that was compiled to get its weights as bytes got none.
    #[must_use]
    pub fn handed_in() -> Self {
        Self(Reason::HandedIn)
    }

    #[cfg(feature = "std")]
    fn file(name: &str, error: &std::io::Error) -> Self {
        Self(Reason::File { name: name.into(), error: error.to_string() })
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Alignment => f.write_str(
                "the weights do not start at a multiple of 4 bytes: align them or use `Weights::copied`",
            ),
            Reason::HandedIn => f.write_str(
                "this network was compiled to get its weights as bytes: call `Model::with_weights`",
            ),
            Reason::NoHeader => f.write_str("these bytes are no weights written by cnnc"),
            Reason::OtherNetwork => f.write_str(
                "these weights belong to another network, or to another version of this one: \
                 take the file that was written together with the source",
            ),
            Reason::Length { expected, found } => {
                write!(f, "expected {expected} bytes of weights, found {found}: the file is cut")
            }
            Reason::Missing { name, folder } => {
                write!(f, "found no file `{name}` in `{folder}`: put the weights beside the program")
            }
            Reason::File { name, error } => write!(f, "cannot read `{name}`: {error}"),
        }
    }
}

impl core::error::Error for LoadError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::seal;

    fn sealed(values: &[f32]) -> (Vec<u8>, u64) {
        let mut weights = alloc::vec![0.0; 16];
        weights.extend_from_slice(values);
        let content = seal(&mut weights);
        (weights.iter().flat_map(|value| value.to_le_bytes()).collect(), content)
    }

    #[test]
    fn weights_of_another_network_are_refused() {
        let (bytes, content) = sealed(&[1.0, 2.0]);
        let (other, other_content) = sealed(&[1.0, 3.0]);
        assert_ne!(content, other_content);
        assert_eq!(Weights::copied(&bytes).check(72, content), Ok(()));
        let error = Weights::copied(&other).check(72, content).unwrap_err();
        assert!(error.to_string().contains("another network"));
        let error = Weights::copied(&bytes[..70]).check(72, content).unwrap_err();
        assert!(error.to_string().contains("expected 72 bytes"));
        let error = Weights::copied(&[0; 100]).check(72, content).unwrap_err();
        assert!(error.to_string().contains("no weights"));
    }

    #[test]
    fn copies_are_aligned() {
        let weights = Weights::copied(&[7; 65]);
        assert_eq!(weights.as_bytes(), [7; 65]);
        assert!(weights.as_bytes().as_ptr().addr().is_multiple_of(ALIGNMENT));
    }

    #[cfg(feature = "std")]
    #[test]
    fn a_missing_file_is_named() {
        let error = Weights::beside_program("absent.weights").unwrap_err().to_string();
        assert!(
            error.contains("absent.weights") && error.contains("beside the program"),
            "{error}"
        );
    }
}
