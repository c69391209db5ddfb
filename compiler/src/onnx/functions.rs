//! Functions: operators that the file defines by other operators.
//!
//! A call is replaced by the nodes of the function. These see only its
//! operands; attributes of theirs may refer to attributes of the call. Each
//! function says which operator set its nodes are of.

use super::body::{Body, Node};
use super::graph::Importer;
use super::names::Names;
use super::{attributes, model};
use crate::error::{Error, Result, printable};
use crate::ir::{Attributes, Operator, Value};
use onnx_protobuf::{FunctionProto, NodeProto};
use std::collections::HashMap;
use std::mem::{replace, take};
use std::rc::Rc;

/// Domain, name and overload of a function.
type Key = (String, String, String);

/// The functions of a file.
#[derive(Debug, Default)]
pub(super) struct Functions {
    places: HashMap<Key, usize>,
    protos: Vec<FunctionProto>,
    /// Those that were called.
    read: Vec<Option<Rc<Function>>>,
    /// The calls inside each other that are read now.
    calls: Vec<usize>,
}

/// A function that was read.
#[derive(Debug)]
pub(super) struct Function {
    name: String,
    opset: u32,
    /// Attributes that a call may give.
    attributes: Vec<String>,
    defaults: Attributes,
    body: Body,
}

fn key(domain: &str, name: &str, overload: &str) -> Key {
    let domain = if model::is_default_domain(domain) { "" } else { domain };
    (domain.to_owned(), name.to_owned(), overload.to_owned())
}

impl Functions {
    /// The functions of a file.
    ///
    /// # Errors
    /// Where one is defined twice.
    pub fn new(protos: Vec<FunctionProto>) -> Result<Self> {
        let mut places = HashMap::new();
        for (index, function) in protos.iter().enumerate() {
            let key = key(&function.domain, &function.name, &function.overload);
            if places.insert(key, index).is_some() {
                let name = printable(&function.name);
                return Err(Error::malformed(format!("the function `{name}` is defined twice")));
            }
        }
        let read = vec![None; protos.len()];
        Ok(Self { places, protos, read, calls: Vec::new() })
    }

    /// Which function a node calls, if it calls one.
    pub fn called(&self, node: &NodeProto) -> Option<usize> {
        if self.places.is_empty() {
            return None;
        }
        self.places.get(&key(&node.domain, &node.op_type, &node.overload)).copied()
    }

    /// The nodes of a function that was not called yet.
    pub fn nodes(&self, function: usize) -> &[NodeProto] {
        self.protos.get(function).map_or(&[], |function| &function.node)
    }
}

impl<O: Operator> Importer<'_, O> {
    /// Adds what a function computes in place of the call of it.
    pub(super) fn call(&mut self, node: &Node, index: usize) -> Result<Vec<Value>> {
        let function = self.function(index)?;
        let name = printable(&function.name);
        if self.functions.calls.contains(&index) {
            return Err(Error::malformed(format!("the function `{name}` calls itself")));
        }
        let mut operands = self.operands(node)?;
        let takes = function.body.inputs.len();
        if operands.len() > takes {
            return Err(Error::malformed(format!(
                "expected at most {takes} operands of the function `{name}`, found {}",
                operands.len()
            )));
        }
        operands.resize(takes, None);
        let attributes = function.attributes_of(&*self.attributes(node)?)?;

        let scope = take(&mut self.scope);
        let attributes_outside = replace(&mut self.call_attributes, attributes);
        let opset = replace(&mut self.builder.opset, function.opset);
        self.functions.calls.push(index);
        let results = self.body(&function.body, &operands);
        self.functions.calls.pop();
        self.builder.opset = opset;
        self.call_attributes = attributes_outside;
        self.scope = scope;
        results
    }

    /// A function, read when it is called first.
    fn function(&mut self, index: usize) -> Result<Rc<Function>> {
        let functions = &mut self.functions;
        if let Some(Some(function)) = functions.read.get(index) {
            return Ok(Rc::clone(function));
        }
        let proto = functions.protos.get_mut(index).map(take);
        let mut proto = proto.ok_or_else(|| Error::internal("there is no such function"))?;
        let imports = proto.opset_import.iter();
        let opset = match imports.filter(|set| model::is_default_domain(&set.domain)).count() {
            0 => self.opset,
            _ => model::opset(&proto.opset_import)?,
        };
        let defaults = attributes::convert(take(&mut proto.attribute_proto), &mut self.external)?;
        if !defaults.references.is_empty() || !defaults.graphs.is_empty() {
            return Err(Error::unsupported("attributes of functions that are graphs"));
        }
        let names = Names::of_function(&proto)?;
        let scope = take(&mut self.scope);
        let body = self.read_function(&mut proto, &names)?;
        self.scope = scope;
        let FunctionProto { name, attribute, .. } = proto;
        let function =
            Function { name, opset, attributes: attribute, defaults: defaults.values, body };
        let function = Rc::new(function);
        if let Some(place) = self.functions.read.get_mut(index) {
            *place = Some(Rc::clone(&function));
        }
        Ok(function)
    }

    fn read_function(&mut self, proto: &mut FunctionProto, names: &Names<'_>) -> Result<Body> {
        let (constants, nodes) = self.read_nodes(take(&mut proto.node), names, true)?;
        let (inputs, outputs) = (take(&mut proto.input), take(&mut proto.output));
        Ok(Body { inputs, constants, nodes, outputs })
    }
}

impl Function {
    /// The attributes of a call, and defaults for those that it does not give.
    fn attributes_of(&self, given: &Attributes) -> Result<Attributes> {
        let mut attributes = self.defaults.clone();
        for (name, value) in given.iter() {
            if !self.attributes.iter().any(|known| known == name)
                && self.defaults.iter().all(|(known, _)| known != name)
            {
                return Err(Error::malformed(format!(
                    "the function `{}` has no attribute `{}`",
                    printable(&self.name),
                    printable(name)
                )));
            }
            attributes.insert(name, value.clone());
        }
        Ok(attributes)
    }
}
