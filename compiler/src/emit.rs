//! Plain data as Rust source.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

/// A value that can be printed as a Rust expression.
///
/// Types of [`crate::step`] print with their bare names; the generated source
/// imports them.
pub trait Emit {
    /// The expression.
    fn emit(&self) -> TokenStream;
}

impl Emit for usize {
    fn emit(&self) -> TokenStream {
        let literal = Literal::usize_unsuffixed(*self);
        quote!(#literal)
    }
}

impl Emit for isize {
    fn emit(&self) -> TokenStream {
        let literal = Literal::isize_unsuffixed(*self);
        quote!(#literal)
    }
}

impl Emit for bool {
    fn emit(&self) -> TokenStream {
        quote!(#self)
    }
}

impl Emit for f32 {
    fn emit(&self) -> TokenStream {
        if self.is_nan() {
            quote!(f32::NAN)
        } else if self.is_infinite() {
            if *self > 0.0 { quote!(f32::INFINITY) } else { quote!(f32::NEG_INFINITY) }
        } else {
            let literal = Literal::f32_unsuffixed(*self);
            quote!(#literal)
        }
    }
}

impl<T: Emit, const N: usize> Emit for [T; N] {
    fn emit(&self) -> TokenStream {
        let items = self.iter().map(Emit::emit);
        quote!([#(#items),*])
    }
}

impl<T: Emit> Emit for Option<T> {
    fn emit(&self) -> TokenStream {
        match self {
            Some(value) => {
                let value = value.emit();
                quote!(Some(#value))
            }
            None => quote!(None),
        }
    }
}

/// Declares a plain-data struct or enum of the `step` module, and how it is
/// printed.
macro_rules! description {
    (
        $(#[$meta:meta])*
        pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $name { $($(#[$field_meta])* pub $field: $type,)* }

        impl $crate::emit::Emit for $name {
            fn emit(&self) -> proc_macro2::TokenStream {
                let Self { $($field,)* } = self;
                let fields = [
                    $((stringify!($field), $crate::emit::Emit::emit($field)),)*
                ];
                $crate::emit::braced(&[stringify!($name)], &fields)
            }
        }
    };
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident
                $({ $($(#[$field_meta:meta])* $field:ident: $type:ty,)* })?,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum $name {
            $($(#[$variant_meta])* $variant $({ $($(#[$field_meta])* $field: $type,)* })?,)*
        }

        impl $crate::emit::Emit for $name {
            fn emit(&self) -> proc_macro2::TokenStream {
                match self {
                    $(Self::$variant $({ $($field,)* })? => $crate::emit::braced(
                        &[stringify!($name), stringify!($variant)],
                        &[$($((stringify!($field), $crate::emit::Emit::emit($field)),)*)?],
                    ),)*
                }
            }
        }
    };
}

/// `path { field: value, .. }`, or the bare path where there are no fields.
pub(crate) fn braced(path: &[&str], fields: &[(&str, TokenStream)]) -> TokenStream {
    let path = path.iter().map(|name| quote::format_ident!("{name}"));
    let path = quote!(#(#path)::*);
    if fields.is_empty() {
        return path;
    }
    let fields = fields.iter().map(|(name, value)| {
        let name = quote::format_ident!("{name}");
        quote!(#name: #value)
    });
    quote!(#path { #(#fields),* })
}
