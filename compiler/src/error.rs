//! What can go wrong, said so that the reader knows what to do.

use std::fmt;
use std::path::{Path, PathBuf};

/// A `Result` of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a model could not be compiled.
///
/// The message names, where they are known, the file, the node, its operator,
/// what was expected, what was found and what to do about it.
///
/// ```
/// use cnnc::{Error, ErrorKind};
/// let error = Error::new(ErrorKind::Shape, "expected 3 channels, found 4")
///     .node("conv1")
///     .operator("Conv")
///     .help("check the weights of this layer");
/// assert_eq!(
///     error.to_string(),
///     "node `conv1` (Conv): expected 3 channels, found 4\n  help: check the weights of this layer",
/// );
/// ```
#[derive(Clone, PartialEq)]
pub struct Error(Box<Details>);

#[derive(Clone, PartialEq)]
struct Details {
    kind: ErrorKind,
    message: String,
    file: Option<PathBuf>,
    node: Option<String>,
    operator: Option<String>,
    help: Option<String>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file could not be read or written.
    Io,
    /// The file is not a well-formed ONNX model.
    Malformed,
    /// The model is well-formed, but asks for something that is not compiled.
    Unsupported,
    /// Element types or shapes do not fit together.
    Shape,
    /// A dimension is not known until the program runs; an option pins it.
    Unpinned,
    /// An option does not fit the model.
    Option,
    /// Generated code could not be built or run.
    Build,
    /// The compiler broke its own rules.
    Internal,
}

impl Error {
    /// An error with this message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind,
            message: message.into(),
            file: None,
            node: None,
            operator: None,
            help: None,
        }))
    }

    /// Short for [`ErrorKind::Malformed`].
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Malformed, message)
    }

    /// Short for [`ErrorKind::Unsupported`].
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// Short for [`ErrorKind::Shape`].
    pub fn shape(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Shape, message)
    }

    /// Short for [`ErrorKind::Internal`].
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// Short for [`ErrorKind::Io`], naming the file.
    pub fn io(file: impl AsRef<Path>, error: &std::io::Error) -> Self {
        Self::new(ErrorKind::Io, error.to_string()).file(file)
    }

    /// Names the file, unless one is named already.
    #[must_use]
    pub fn file(mut self, file: impl AsRef<Path>) -> Self {
        self.0.file.get_or_insert_with(|| file.as_ref().to_owned());
        self
    }

    /// Names the node, unless one is named already.
    #[must_use]
    pub fn node(mut self, node: impl Into<String>) -> Self {
        self.0.node.get_or_insert_with(|| node.into());
        self
    }

    /// Names the operator, unless one is named already.
    #[must_use]
    pub fn operator(mut self, operator: impl Into<String>) -> Self {
        self.0.operator.get_or_insert_with(|| operator.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help.get_or_insert_with(|| help.into());
        self
    }

    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }
}

/// Longest name printed in full: names come from the model and may be huge.
const NAME: usize = 80;

/// A name from a model, fit for a message: control characters escaped, cut
/// where it is too long.
pub(crate) fn printable(name: &str) -> String {
    let mut shown: String = name.chars().take(NAME).flat_map(char::escape_debug).collect();
    if name.chars().nth(NAME).is_some() {
        shown.push('…');
    }
    shown
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { kind: _, message, file, node, operator, help } = &*self.0;
        if let Some(file) = file {
            write!(f, "{}: ", file.display())?;
        }
        match (node, operator) {
            (Some(node), Some(operator)) => {
                write!(f, "node `{}` ({}): ", printable(node), printable(operator))?;
            }
            (Some(node), None) => write!(f, "node `{}`: ", printable(node))?,
            (None, Some(operator)) => write!(f, "{}: ", printable(operator))?,
            (None, None) => {}
        }
        f.write_str(message)?;
        if let Some(help) = help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)
    }
}

impl std::error::Error for Error {}
