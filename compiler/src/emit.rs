//! Plain data as Rust source.

use crate::step::{Array, Blocked, Plain};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote;
use std::any::Any;
use std::cell::RefCell;

/// A value that can be printed as a Rust expression.
///
/// Types of [`crate::step`] print with their bare names; the generated source
/// imports them.
pub trait Emit {
    /// The expression.
    fn emit(&self, places: &Places) -> TokenStream;
}

/// Names of the tensors that printed steps refer to: a tensor is spelled out
/// once, and every step that touches it shows its name.
#[derive(Debug, Default)]
pub struct Places {
    arrays: RefCell<Vec<Array>>,
    blocked: RefCell<Vec<Blocked>>,
    plain: RefCell<Vec<Plain>>,
}

impl Places {
    /// The name of a value that is a tensor.
    pub(crate) fn name(&self, value: &dyn Any) -> Option<TokenStream> {
        fn position<T: Copy + PartialEq>(seen: &RefCell<Vec<T>>, value: T) -> usize {
            let mut seen = seen.borrow_mut();
            seen.iter().position(|&other| other == value).unwrap_or_else(|| {
                seen.push(value);
                seen.len() - 1
            })
        }
        let name = if let Some(&blocked) = value.downcast_ref() {
            format!("T{}", position(&self.blocked, blocked))
        } else if let Some(&plain) = value.downcast_ref() {
            format!("P{}", position(&self.plain, plain))
        } else if let Some(&array) = value.downcast_ref() {
            format!("A{}", position(&self.arrays, array))
        } else {
            return None;
        };
        let name = Ident::new(&name, Span::call_site());
        Some(quote!(#name))
    }

    /// The constants that the names stand for.
    #[must_use]
    pub fn definitions(&self) -> TokenStream {
        let blocked = self.blocked.borrow();
        let blocked = blocked.iter().enumerate().map(|(i, tensor)| {
            let doc = format!(
                " {} x {} x {} channel-blocked.",
                tensor.channels, tensor.height, tensor.width
            );
            let name = Ident::new(&format!("T{i}"), Span::call_site());
            let value = tensor.spell(self);
            quote!(#[doc = #doc] const #name: Blocked = #value;)
        });
        let plain = self.plain.borrow();
        let plain = plain.iter().enumerate().map(|(i, tensor)| {
            let doc = format!(" {} elements row-major.", tensor.len);
            let name = Ident::new(&format!("P{i}"), Span::call_site());
            let value = tensor.spell(self);
            quote!(#[doc = #doc] const #name: Plain = #value;)
        });
        let arrays = self.arrays.borrow();
        let arrays = arrays.iter().enumerate().map(|(i, tensor)| {
            let doc = format!(" {}.", tensor.shape());
            let name = Ident::new(&format!("A{i}"), Span::call_site());
            let value = tensor.spell(self);
            quote!(#[doc = #doc] const #name: Array = #value;)
        });
        quote!(#(#blocked)* #(#plain)* #(#arrays)*)
    }
}

impl Emit for usize {
    fn emit(&self, _: &Places) -> TokenStream {
        let literal = Literal::usize_unsuffixed(*self);
        quote!(#literal)
    }
}

impl Emit for isize {
    fn emit(&self, _: &Places) -> TokenStream {
        let literal = Literal::isize_unsuffixed(*self);
        quote!(#literal)
    }
}

impl Emit for bool {
    fn emit(&self, _: &Places) -> TokenStream {
        quote!(#self)
    }
}

impl Emit for f32 {
    fn emit(&self, _: &Places) -> TokenStream {
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

impl Emit for f64 {
    fn emit(&self, _: &Places) -> TokenStream {
        if self.is_nan() {
            quote!(f64::NAN)
        } else if self.is_infinite() {
            if *self > 0.0 { quote!(f64::INFINITY) } else { quote!(f64::NEG_INFINITY) }
        } else {
            let literal = Literal::f64_unsuffixed(*self);
            quote!(#literal)
        }
    }
}

impl<T: Emit, const N: usize> Emit for [T; N] {
    fn emit(&self, places: &Places) -> TokenStream {
        let items = self.iter().map(|item| item.emit(places));
        quote!([#(#items),*])
    }
}

impl<T: Emit> Emit for Option<T> {
    fn emit(&self, places: &Places) -> TokenStream {
        match self {
            Some(value) => {
                let value = value.emit(places);
                quote!(Some(#value))
            }
            None => quote!(None),
        }
    }
}

/// Declares a plain-data struct or enum of the `step` module, and how it is
/// printed.
macro_rules! description {
    ($(#[$meta:meta])* pub struct $name:ident;) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $name;

        impl $crate::emit::Emit for $name {
            fn emit(&self, _: &$crate::emit::Places) -> proc_macro2::TokenStream {
                $crate::emit::braced(&[stringify!($name)], &[])
            }
        }
    };
    (
        $(#[$meta:meta])*
        pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $name { $($(#[$field_meta])* pub $field: $type,)* }

        impl $name {
            /// The value spelled out, the tensors in it by name.
            pub(crate) fn spell(&self, places: &$crate::emit::Places) -> proc_macro2::TokenStream {
                let Self { $($field,)* } = self;
                let fields = [
                    $((stringify!($field), $crate::emit::Emit::emit($field, places)),)*
                ];
                $crate::emit::braced(&[stringify!($name)], &fields)
            }
        }

        impl $crate::emit::Emit for $name {
            fn emit(&self, places: &$crate::emit::Places) -> proc_macro2::TokenStream {
                places.name(self).unwrap_or_else(|| self.spell(places))
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
            fn emit(&self, places: &$crate::emit::Places) -> proc_macro2::TokenStream {
                let _ = places;
                match self {
                    $(Self::$variant $({ $($field,)* })? => $crate::emit::braced(
                        &[stringify!($name), stringify!($variant)],
                        &[$($((stringify!($field), $crate::emit::Emit::emit($field, places)),)*)?],
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
