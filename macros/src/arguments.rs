//! What is written between the macro's parentheses.

use cnnc::{Options, WeightsMode};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Ident, LitInt, LitStr, Token, bracketed, parenthesized};

/// The arguments of `include_model!`.
pub(crate) struct Arguments {
    /// Path of the model.
    pub(crate) path: LitStr,
    /// How it is compiled.
    pub(crate) options: Options,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let path = input.parse()?;
        let mut options = Options::default();
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            option(input, &mut options)?;
        }
        Ok(Self { path, options })
    }
}

fn option(input: ParseStream<'_>, options: &mut Options) -> syn::Result<()> {
    let name: Ident = input.parse()?;
    match name.to_string().as_str() {
        "exact" => options.exact = true,
        "weights" => {
            input.parse::<Token![=]>()?;
            let mode: Ident = input.parse()?;
            options.weights = match mode.to_string().as_str() {
                "embed" => WeightsMode::Embed,
                "file" => WeightsMode::File,
                "bytes" => WeightsMode::Bytes,
                _ => return Err(syn::Error::new(mode.span(), "expected embed, file or bytes")),
            };
        }
        "input" => {
            let arguments;
            parenthesized!(arguments in input);
            let name: LitStr = arguments.parse()?;
            arguments.parse::<Token![=]>()?;
            let sizes;
            bracketed!(sizes in arguments);
            let sizes = Punctuated::<LitInt, Token![,]>::parse_terminated(&sizes)?;
            let sizes = sizes.iter().map(size).collect::<syn::Result<_>>()?;
            if !arguments.is_empty() {
                return Err(arguments.error("expected one input; write input(..) for each"));
            }
            options.inputs.push((name.value(), sizes));
        }
        "bound" => {
            let arguments;
            parenthesized!(arguments in input);
            let name: LitStr = arguments.parse()?;
            arguments.parse::<Token![=]>()?;
            let most: LitInt = arguments.parse()?;
            if !arguments.is_empty() {
                return Err(arguments.error("expected one bound; write bound(..) for each"));
            }
            options.bounds.push((name.value(), most.base10_parse()?));
        }
        "constant" => {
            let arguments;
            parenthesized!(arguments in input);
            let name: LitStr = arguments.parse()?;
            arguments.parse::<Token![=]>()?;
            let file: LitStr = arguments.parse()?;
            if !arguments.is_empty() {
                return Err(arguments.error("expected one constant; write constant(..) for each"));
            }
            options.constants.push((name.value(), file.value().into()));
        }
        _ => {
            let known = "expected input(..), bound(..), constant(..), weights = .. or exact";
            return Err(syn::Error::new(name.span(), known));
        }
    }
    Ok(())
}

fn size(size: &LitInt) -> syn::Result<usize> {
    match size.base10_parse() {
        Ok(0) | Err(_) => Err(syn::Error::new(size.span(), "expected a size of 1 or more")),
        Ok(size) => Ok(size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(source: &str) -> String {
        match syn::parse_str::<Arguments>(source) {
            Ok(_) => panic!("{source} was read"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn options_follow_the_path() {
        let source = "\"a.onnx\", input(\"x\" = [1, 3]), bound(\"n\" = 9), \
                      constant(\"s\" = \"s.pb\"), weights = file, exact,";
        let arguments: Arguments = syn::parse_str(source).unwrap();
        assert_eq!(arguments.path.value(), "a.onnx");
        assert_eq!(arguments.options.inputs, [("x".to_owned(), vec![1, 3])]);
        assert_eq!(arguments.options.bounds, [("n".to_owned(), 9)]);
        assert_eq!(arguments.options.constants, [("s".to_owned(), "s.pb".into())]);
        assert_eq!(arguments.options.weights, WeightsMode::File);
        assert!(arguments.options.exact);
    }

    #[test]
    fn what_is_no_option_is_refused() {
        assert!(error("model").contains("string literal"));
        assert!(error("\"a\", fast").contains("expected input"));
        assert!(error("\"a\", weights = inline").contains("embed, file or bytes"));
        assert!(error("\"a\" exact").contains("expected `,`"));
        assert!(error("\"a\", input(\"x\" = [0])").contains("1 or more"));
        assert!(error("\"a\", input(\"x\" = [1], \"y\" = [1])").contains("one input"));
        assert!(error("\"a\", bound(\"x\" = 1, \"y\" = 1)").contains("one bound"));
        assert!(error("\"a\", constant(\"x\" = 1)").contains("string literal"));
    }
}
