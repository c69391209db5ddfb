//! Compiles the network when its file changes.

fn main() {
    cnnc::Build::new("../models/squeezenet1_1/model.onnx").name("squeezenet").compile();
}
