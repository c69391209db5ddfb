//! The procedural macro behind `cnnc_runtime::include_model!`.
//!
//! It is one of three thin ways into [`cnnc::compile`]: it reads the macro's
//! arguments, lets the compiler do the work, and keeps what it wrote in the
//! folder `cnnc` under cargo's target, so that an editor that expands the macro
//! at every key press gets it at once.

mod arguments;
mod cache;
mod expand;

use proc_macro::TokenStream;

/// Compiles a model and includes the code here.
///
/// ```ignore
/// mod mnist {
///     cnnc_runtime::include_model!("models/mnist.onnx");
/// }
///
/// let mut model = mnist::Model::new();
/// ```
///
/// The path is relative to the package's folder. Options follow it:
///
/// ```ignore
/// cnnc_runtime::include_model!(
///     "models/detector.onnx",
///     input("data" = [1, 3, 640, 480]),
///     bound("boxes" = 100),
///     weights = file,
///     exact,
/// );
/// ```
///
/// - `input(NAME = SHAPE)` fixes the shape of an input that the file leaves
///   open; may be given several times.
/// - `bound(NAME = N)` gives the most that there can be of a size that follows
///   from the data and that nothing in the file bounds.
/// - `constant(NAME = FILE)` makes an input constant; the file holds its value,
///   one tensor.
/// - `weights = embed | file | bytes`: inside the program (the default), in a
///   file beside it, or handed in.
/// - `exact`: only algorithms that round as plain summation does.
///
/// The package is compiled again when the model's file changes.
#[proc_macro]
pub fn include_model(input: TokenStream) -> TokenStream {
    let arguments = syn::parse_macro_input!(input as arguments::Arguments);
    expand::expand(&arguments).unwrap_or_else(|error| error.to_compile_error()).into()
}
