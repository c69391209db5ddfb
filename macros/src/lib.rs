//! The procedural macro behind `cnnc_runtime::include_model!`.
