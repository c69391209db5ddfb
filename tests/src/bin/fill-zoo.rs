//! Writes networks of the zoo as ordinary ONNX models.
//!
//! ```text
//! fill-zoo NAME|all [FOLDER]
//! ```
//!
//! Writes `FOLDER/NAME/model.onnx` with the test data beside it; without
//! `FOLDER`, into `zoo` under cargo's target folder. Prints one path a line.

use cnnc_tests::{target_folder, zoo};
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "usage: fill-zoo NAME|all [FOLDER]";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(name), folder, None) = (arguments.next(), arguments.next(), arguments.next()) else {
        eprintln!("{USAGE}\nnetworks: {}", zoo::NAMES.join(", "));
        return ExitCode::from(2);
    };
    let names: Vec<&str> =
        zoo::NAMES.into_iter().filter(|&known| name == "all" || name == known).collect();
    if names.is_empty() {
        eprintln!(
            "there is no network `{}`\n{USAGE}\nnetworks: {}",
            name.to_string_lossy(),
            zoo::NAMES.join(", ")
        );
        return ExitCode::from(2);
    }
    let folder = folder.map_or_else(|| target_folder().join("zoo"), PathBuf::from);
    for name in names {
        let network = folder.join(name);
        if let Err(error) = zoo::fill_folder(name, &network) {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
        println!("{}", network.join("model.onnx").display());
    }
    ExitCode::SUCCESS
}
