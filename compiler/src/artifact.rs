//! What compiling a model gives.

use crate::codegen::{About, Variant, WeightsLocation, WeightsMode, format, module};
use crate::error::{Error, Result};
use crate::passes::PassReport;
use crate::plan::Plan;
use proc_macro2::TokenStream;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

/// A compiled model: the module's source, its weights, and how it came about.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// The steps, the map of the arena and the weights.
    pub plan: Plan,
    /// The same for further shapes of the inputs.
    pub variants: Vec<Variant>,
    /// What the module says about the model.
    pub about: About,
    /// What each pass did.
    pub passes: Vec<PassReport>,
    /// Every file that was read.
    pub files: Vec<PathBuf>,
}

impl Artifact {
    /// The module as tokens, for weights at this place.
    ///
    /// # Errors
    /// Where an input or output has no fixed shape.
    pub fn tokens(&self, location: &WeightsLocation) -> Result<TokenStream> {
        module(&self.plan, &self.variants, &self.about, location)
    }

    /// The module as formatted source, for weights at this place.
    ///
    /// # Errors
    /// As [`Artifact::tokens`].
    pub fn source(&self, location: &WeightsLocation) -> Result<String> {
        format(&self.tokens(location)?)
    }

    /// The contents of the weights file: a header, then little-endian f32.
    #[must_use]
    pub fn weights(&self) -> &[u8] {
        const { assert!(cfg!(target_endian = "little"), "weights are written as they lie in memory") };
        bytemuck::cast_slice(&self.plan.weights)
    }

    /// Writes the weights file, unless one with the same header is there.
    ///
    /// # Errors
    /// Names the file that could not be written.
    pub fn write_weights(&self, path: &Path) -> Result<()> {
        if self.is_written(path).unwrap_or(false) {
            return Ok(());
        }
        crate::build_script::write_whole(path, |file| file.write_all(self.weights()))
    }

    /// Whether the file has the right length and a header that names these
    /// very weights.
    fn is_written(&self, path: &Path) -> std::io::Result<bool> {
        let weights = self.weights();
        let mut file = std::fs::File::open(path)?;
        if file.metadata()?.len() != weights.len() as u64 {
            return Ok(false);
        }
        let mut header = [0; crate::step::ALIGNMENT];
        file.read_exact(&mut header)?;
        Ok(weights.starts_with(&header))
    }

    /// The file that a program looks for beside itself; `None` where it does
    /// not.
    #[must_use]
    pub fn weights_file(&self) -> Option<String> {
        match self.about.mode {
            WeightsMode::File => Some(format!("{}.weights", self.default_name())),
            WeightsMode::Embed | WeightsMode::Bytes => None,
        }
    }

    /// The name of the model's file as a Rust identifier.
    #[must_use]
    pub fn default_name(&self) -> String {
        crate::codegen::names::module_name(&self.about.model)
    }

    /// The file name of a path, without extension; for messages and names.
    pub(crate) fn stem(path: &Path) -> Result<String> {
        path.file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .ok_or_else(|| Error::malformed("the path names no file").file(path))
    }
}
