//! The module that a model becomes.

use super::location::{WeightsLocation, WeightsMode};
use super::names::{Names, printable};
use crate::emit::{Emit, Places};
use crate::error::Result;
use crate::plan::{Plan, Port, Step};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

/// What the module says about its model beyond the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// File name of the model, without extension.
    pub model: String,
    /// Who wrote the file.
    pub producer: String,
    /// Parameters as stored in the file.
    pub parameters: u64,
    /// Identifies the weights.
    pub content: u64,
    /// Bytes of the weights.
    pub weight_bytes: usize,
    /// How the weights reach the program.
    pub mode: WeightsMode,
}

/// The same network for other shapes of its inputs.
#[derive(Clone, Debug)]
pub struct Variant {
    /// The shapes, as people write them.
    pub shapes: String,
    /// Its plan; the weights are those of the first.
    pub plan: Plan,
}

/// An input or output with the names that the module gives it.
struct NamedPort<'a> {
    port: &'a Port,
    /// Parameter of `run` or field of `Outputs`.
    field: Ident,
    /// Constant in `mod steps`.
    place: Ident,
    /// `f32`, `Shape4<1, 3, 224, 224>`.
    view: TokenStream,
}

impl NamedPort<'_> {
    /// Its type with this lifetime.
    fn view_type(&self, lifetime: &TokenStream) -> TokenStream {
        let view = &self.view;
        if self.is_counted() {
            quote!(::cnnc_runtime::CountedView<#lifetime, #view>)
        } else {
            quote!(::cnnc_runtime::View<#lifetime, #view>)
        }
    }

    /// Whether it has sizes that are known only at run time.
    fn is_counted(&self) -> bool {
        self.port.counts.iter().any(Option::is_some)
    }

    /// The largest sizes that it can have.
    fn bounds(&self) -> Vec<Literal> {
        self.port.tensor_type.bounds().into_iter().map(Literal::usize_unsuffixed).collect()
    }

    /// Where its sizes are that are known only at run time.
    fn counts(&self) -> Vec<TokenStream> {
        let count = |count: &Option<usize>| match count {
            Some(offset) => {
                let offset = Literal::usize_unsuffixed(*offset);
                quote!(Some(#offset))
            }
            None => quote!(None),
        };
        self.port.counts.iter().map(count).collect()
    }

    /// Its view of the engine's arena.
    fn read(&self) -> TokenStream {
        let place = &self.place;
        if self.is_counted() {
            let (bounds, counts) = (self.bounds(), self.counts());
            quote!(self.engine.read_counted(&steps::#place, [#(#bounds),*], [#(#counts),*]))
        } else {
            quote!(::cnnc_runtime::View::of(self.engine.read(&steps::#place)))
        }
    }
}

/// Prints the module.
///
/// # Errors
/// Where an input or output has no fixed shape.
pub fn module(
    plan: &Plan,
    variants: &[Variant],
    about: &About,
    location: &WeightsLocation,
) -> Result<TokenStream> {
    let model = model(plan, about, &quote!(weights))?;
    let embedded = embedded(about, location);
    let mut names = Names::reserving(&["steps", "weights"]);
    let variants = variants.iter().map(|variant| {
        let name = names.identifier(&format!("at_{}", variant.shapes), "at");
        let model = self::model(&variant.plan, about, &quote!(super::weights))?;
        let doc = format!(" The same network, with the same weights, for {}.", variant.shapes);
        Ok(quote! {
            #[doc = #doc]
            pub mod #name {
                #model
            }
        })
    });
    let variants = variants.collect::<Result<Vec<_>>>()?;
    Ok(quote! {
        #model
        #(#variants)*
        #embedded
    })
}

/// A model with the module of its steps.
fn model(plan: &Plan, about: &About, weights: &TokenStream) -> Result<TokenStream> {
    let mut constants = Names::default();
    let inputs = named(&plan.inputs, "input", &mut constants)?;
    let outputs = named(&plan.outputs, "output", &mut constants)?;
    let steps: Vec<(Ident, &Step)> = plan
        .steps
        .iter()
        .map(|step| (constants.constant(&step_name(step), "step"), step))
        .collect();

    let model = model_struct(plan, about);
    let construction = construction(plan, about, weights);
    let outputs_struct = outputs_struct(&outputs);
    let run = run_method(&inputs, &outputs);
    let network = network_impl(plan, about, &inputs, &outputs, &steps);
    let steps_module = steps_module(&inputs, &outputs, &steps);
    Ok(quote! {
        #model
        #outputs_struct

        #[allow(dead_code, clippy::all, clippy::pedantic)]
        impl Model {
            #construction
            #run
        }

        #network
        #steps_module
    })
}

/// Nodes are often named after their operator or after a path of modules: the
/// last words tell them apart.
fn step_name(step: &Step) -> String {
    let words: Vec<&str> =
        step.name.split(['/', '.', ':']).filter(|word| !word.is_empty()).collect();
    let tail = words[words.len().saturating_sub(4)..].join("_");
    match step.multiply_adds {
        0 if !step.name.is_empty() => format!("{tail}_{}", step.operator),
        _ => tail,
    }
}

fn named<'a>(ports: &'a [Port], kind: &str, constants: &mut Names) -> Result<Vec<NamedPort<'a>>> {
    let mut fields = Names::reserving(&["run", "model"]);
    ports
        .iter()
        .map(|port| {
            let view = view_type(port)?;
            let field = fields.identifier(&port.name, kind);
            let place = constants.constant(&format!("{kind}_{field}"), kind);
            Ok(NamedPort { port, field, place, view })
        })
        .collect()
}

fn view_type(port: &Port) -> Result<TokenStream> {
    let tensor_type = &port.tensor_type;
    let element = format_ident!("{}", tensor_type.element.name());
    if port.counts.iter().any(Option::is_some) {
        let rank = Literal::usize_unsuffixed(tensor_type.rank());
        return Ok(quote!(#element, #rank));
    }
    let sizes = tensor_type.sizes()?;
    let shape = format_ident!("Shape{}", sizes.len());
    let sizes = sizes.into_iter().map(Literal::usize_unsuffixed);
    Ok(quote!(#element, ::cnnc_runtime::#shape<#(#sizes),*>))
}

fn model_struct(plan: &Plan, about: &About) -> TokenStream {
    let ports = |ports: &[Port]| {
        ports
            .iter()
            .map(|port| format!(" - `{}`: `{}`", printable(&port.name), port.tensor_type))
            .collect::<Vec<_>>()
    };
    let multiply_adds: u64 = plan.steps.iter().map(|step| step.multiply_adds).sum();
    let mut lines = vec![
        format!(" The network `{}`, compiled by `cnnc`.", printable(&about.model)),
        String::new(),
        " Inputs:".to_owned(),
        String::new(),
    ];
    lines.extend(ports(&plan.inputs));
    lines.extend([String::new(), " Outputs:".to_owned(), String::new()]);
    lines.extend(ports(&plan.outputs));
    lines.push(String::new());
    if !about.producer.is_empty() {
        lines.push(format!(" Exported by {}.", printable(&about.producer)));
    }
    lines.push(format!(
        " {} parameters, {} multiply-adds; {} bytes of weights, {} bytes of arena.",
        amount(about.parameters),
        amount(multiply_adds),
        about.weight_bytes,
        plan.arena_bytes
    ));
    quote! {
        #(#[doc = #lines])*
        #[derive(Debug)]
        pub struct Model {
            engine: ::cnnc_runtime::Engine,
        }
    }
}

/// A number as people say it.
fn amount(number: u64) -> String {
    match number {
        0..1_000_000 => number.to_string(),
        1_000_000..1_000_000_000 => format!("{:.1} million", number as f64 / 1e6),
        1_000_000_000.. => format!("{:.2} billion", number as f64 / 1e9),
    }
}

/// The weights as a part of the program.
fn embedded(about: &About, location: &WeightsLocation) -> TokenStream {
    match about.mode {
        WeightsMode::Embed => {
            let path = location.expression();
            let symbol = format!("cnnc_weights_{:016x}", about.content);
            let bytes = Literal::usize_unsuffixed(about.weight_bytes);
            quote! {
                mod weights {
                    ::cnnc_runtime::embed_weights!(WEIGHTS, #path, #symbol, #bytes);
                }
            }
        }
        WeightsMode::File | WeightsMode::Bytes => TokenStream::new(),
    }
}

fn construction(plan: &Plan, about: &About, weights: &TokenStream) -> TokenStream {
    let arena = Literal::usize_unsuffixed(plan.arena_bytes);
    let bytes = Literal::usize_unsuffixed(about.weight_bytes);
    let content = Literal::u64_unsuffixed(about.content);
    let new = match about.mode {
        WeightsMode::Embed => {
            quote! {
                /// The network with the weights inside this program.
                #[must_use]
                pub fn new() -> Self {
                    match Self::with_weights(#weights::WEIGHTS.weights()) {
                        Ok(model) => model,
                        Err(error) => ::core::panic!("{}", error),
                    }
                }
            }
        }
        WeightsMode::File => {
            let file = format!("{}.weights", super::names::module_name(&about.model));
            let doc =
                format!(" The network with the weights in the file `{file}` beside this program.");
            quote! {
                #[doc = #doc]
                ///
                /// # Errors
                /// Where the file is missing or belongs to another network.
                pub fn new() -> ::core::result::Result<Self, ::cnnc_runtime::LoadError> {
                    Self::with_weights(::cnnc_runtime::Weights::beside_program(#file)?)
                }
            }
        }
        WeightsMode::Bytes => TokenStream::new(),
    };
    quote! {
        #new

        /// The network with these weights, which several models may share.
        ///
        /// # Errors
        /// Where the weights belong to another network.
        pub fn with_weights(
            weights: ::cnnc_runtime::Weights,
        ) -> ::core::result::Result<Self, ::cnnc_runtime::LoadError> {
            let engine = ::cnnc_runtime::Engine::new(weights, #arena, #bytes, #content)?;
            Ok(Self { engine })
        }

        /// The same network on kernels of this instruction set, or of the best
        /// below it that the processor has.
        #[must_use]
        pub fn with_isa(mut self, isa: ::cnnc_runtime::Isa) -> Self {
            self.engine = self.engine.with_isa(isa);
            self
        }
    }
}

fn outputs_struct(outputs: &[NamedPort<'_>]) -> TokenStream {
    if outputs.len() == 1 {
        return TokenStream::new();
    }
    let fields = outputs.iter().map(|output| {
        let NamedPort { port, field, .. } = output;
        let doc = format!(" `{}`", printable(&port.name));
        let view = output.view_type(&quote!('a));
        quote!(#[doc = #doc] pub #field: #view)
    });
    quote! {
        /// What [`Model::run`] computes.
        #[derive(Clone, Copy, Debug)]
        pub struct Outputs<'a> {
            #(#fields,)*
        }
    }
}

fn run_method(inputs: &[NamedPort<'_>], outputs: &[NamedPort<'_>]) -> TokenStream {
    let parameters = inputs.iter().map(|input| {
        let (field, view) = (&input.field, input.view_type(&quote!('_)));
        quote!(#field: #view)
    });
    let writes = inputs.iter().map(
        |NamedPort { field, place, .. }| quote!(run.write(&steps::#place, #field.as_slice());),
    );
    let views = outputs.iter().map(NamedPort::read);
    let (output, result) = match outputs {
        [output] => (output.view_type(&quote!('_)), quote!(#(#views)*)),
        _ => {
            let fields = outputs.iter().map(|output| &output.field);
            (quote!(Outputs<'_>), quote!(Outputs { #(#fields: #views),* }))
        }
    };
    quote! {
        /// Runs the network. Allocates nothing.
        pub fn run(&mut self, #(#parameters),*) -> #output {
            let mut run = self.engine.start();
            #(#writes)*
            <Self as ::cnnc_runtime::Network>::steps(&mut run);
            drop(run);
            #result
        }
    }
}

fn network_impl(
    plan: &Plan,
    about: &About,
    inputs: &[NamedPort<'_>],
    outputs: &[NamedPort<'_>],
    steps: &[(Ident, &Step)],
) -> TokenStream {
    let name = printable(&about.model);
    let ports = |ports: &[NamedPort<'_>]| {
        let ports = ports.iter().map(|named| {
            let NamedPort { port, place, .. } = named;
            let (name, element) = (printable(&port.name), port.tensor_type.element.name());
            let (sizes, counts) = (named.bounds(), named.counts());
            quote! {
                ::cnnc_runtime::Port {
                    name: #name,
                    element: #element,
                    sizes: &[#(#sizes),*],
                    counts: &[#(#counts),*],
                    place: steps::#place,
                }
            }
        });
        quote!(&[#(#ports),*])
    };
    let (inputs, outputs) = (ports(inputs), ports(outputs));
    let layers = plan.steps.iter().map(|step| {
        let (name, operator) = (printable(&step.name), printable(&step.operator));
        let kernel = step.kernel.label();
        let multiply_adds = Literal::u64_unsuffixed(step.multiply_adds);
        quote! {
            ::cnnc_runtime::Layer {
                name: #name,
                operator: #operator,
                kernel: #kernel,
                multiply_adds: #multiply_adds,
            }
        }
    });
    let places = Places::default();
    let calls = steps.iter().map(|(constant, step)| match step.guards.as_slice() {
        [] => quote!(run.step(&steps::#constant);),
        guards => {
            let guards = guards.iter().map(|guard| {
                let guard = guard.emit(&places);
                quote!(::cnnc_runtime::step::#guard)
            });
            quote!(run.step_where(&[#(#guards),*], &steps::#constant);)
        }
    });
    let load = match about.mode {
        WeightsMode::Embed => quote!(Ok(Self::new())),
        WeightsMode::File => quote!(Self::new()),
        WeightsMode::Bytes => quote!(Err(::cnnc_runtime::LoadError::handed_in())),
    };
    quote! {
        #[allow(clippy::all, clippy::pedantic)]
        impl ::cnnc_runtime::Network for Model {
            const NAME: &'static str = #name;
            const INPUTS: &'static [::cnnc_runtime::Port] = #inputs;
            const OUTPUTS: &'static [::cnnc_runtime::Port] = #outputs;
            const LAYERS: &'static [::cnnc_runtime::Layer] = &[#(#layers),*];

            fn load() -> ::core::result::Result<Self, ::cnnc_runtime::LoadError> {
                #load
            }

            fn engine(&mut self) -> &mut ::cnnc_runtime::Engine {
                &mut self.engine
            }

            fn steps(run: &mut ::cnnc_runtime::Run<'_>) {
                #(#calls)*
            }
        }
    }
}

fn steps_module(
    inputs: &[NamedPort<'_>],
    outputs: &[NamedPort<'_>],
    steps: &[(Ident, &Step)],
) -> TokenStream {
    let places = Places::default();
    let ports = inputs.iter().chain(outputs).map(|NamedPort { port, place, .. }| {
        let doc = format!(" Where `{}` lies.", printable(&port.name));
        let value = port.place.emit(&places);
        quote!(#[doc = #doc] pub(super) const #place: Plain = #value;)
    });
    let ports: TokenStream = ports.collect();
    let constants = steps.iter().map(|(constant, step)| {
        let doc =
            format!(" `{}`, {}: {}.", printable(&step.name), step.operator, step.kernel.label());
        let kernel = step.kernel.type_tokens();
        let value = step.kernel.emit(&places);
        quote!(#[doc = #doc] pub(super) const #constant: #kernel = #value;)
    });
    let constants: TokenStream = constants.collect();
    let definitions = places.definitions();
    quote! {
        /// The numbers of every step.
        #[allow(unused_imports, clippy::all, clippy::pedantic)]
        mod steps {
            use ::cnnc_runtime::kernels::General;
            use ::cnnc_runtime::operation::*;
            use ::cnnc_runtime::step::*;
            #ports
            #constants
            #definitions
        }
    }
}
