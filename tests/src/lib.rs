//! Whole-network and end-to-end tests of `cnnc`, and what they share.
//!
//! ```text
//! zoo/NAME/model.onnx ──zoo::filled──> target/zoo/NAME/model.onnx ──┐
//! ../examples/models, models ───────────────────────────────────────┤
//!                                                                   ├─ cnnc::compile ─ runner ─ outputs
//! test_data_set_N/input_I.pb ──data::sets───────────────────────────┘                             │
//! test_data_set_N/output_I.pb ────────────────────────────────────────────── data::difference ────┘
//! ```
//!
//! - [`zoo`]: known networks, their weights made by a generator;
//! - [`data`]: inputs and expected outputs, and how far apart two outputs are;
//! - [`models`]: small models made on the spot, whole ones and broken ones;
//! - [`conformance`]: the tests of ONNX's own operators;
//! - [`random`]: random small networks;
//! - [`tails`]: random graphs of all other operators;
//! - [`generated`]: packages around generated code, built and run as a user's;
//! - `runner/`: the program in those packages;
//! - `tests/`: the tests themselves;
//! - `peers/`: a script that times networks beside ONNX Runtime.

pub mod conformance;
pub mod data;
pub mod generated;
pub mod models;
pub mod random;
pub mod raw;
pub mod tails;
pub mod zoo;

use std::path::{Path, PathBuf};

/// The folder of the workspace.
#[must_use]
pub fn workspace() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// The folder that cargo builds into, the one of the running program: the
/// nearest that carries cargo's cache tag.
#[must_use]
pub fn target_folder() -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|program| {
            let folder = program.ancestors().find(|above| above.join("CACHEDIR.TAG").is_file())?;
            Some(folder.to_owned())
        })
        .unwrap_or_else(|| workspace().join("target"))
}
