//! A graph from text.

use super::cursor::Cursor;
use super::element::Element;
use crate::error::{Error, Result, printable};
use crate::ir::{
    Attribute, Attributes, Builder, Data, Dim, ElementType, Operator, Tensor, TensorType, Value,
};
use std::collections::BTreeMap;

/// Most elements of a constant.
const MAX_ELEMENTS: usize = 1 << 28;

/// Reads the text form of [this module](super). Operators are read by
/// [`Operator::parse`] with the newest operator set; nothing is folded.
///
/// # Errors
/// Names the line.
pub fn parse<O: Operator>(text: &str) -> Result<crate::ir::Graph<O>> {
    let mut reader =
        Reader { builder: Builder::as_written(String::new(), u32::MAX), values: BTreeMap::new() };
    for (number, line) in text.lines().enumerate() {
        let mut cursor = Cursor::new(line);
        if cursor.at_end() {
            continue;
        }
        reader
            .line(&mut cursor)
            .and_then(|()| match cursor.at_end() {
                true => Ok(()),
                false => Err(cursor.wrong("the end of the line")),
            })
            .map_err(|error| {
                Error::new(error.kind(), format!("line {}: {error}", number.saturating_add(1)))
            })?;
    }
    Ok(reader.builder.graph)
}

struct Reader<O> {
    builder: Builder<O>,
    values: BTreeMap<String, Value>,
}

impl<O: Operator> Reader<O> {
    fn line(&mut self, line: &mut Cursor<'_>) -> Result<()> {
        let mut names = vec![line.name("a name")?];
        if names[0] == "graph" && !line.at("=") && !line.at(",") {
            self.builder.graph.name = line.name("the name of the graph")?;
            return Ok(());
        }
        if names[0] == "output" && !line.at("=") && !line.at(",") {
            return self.output(line);
        }
        while line.eat(",") {
            names.push(line.word("a name")?.to_owned());
        }
        line.expect("=")?;
        let what = line.word("an operator")?;
        let values = match what {
            "input" => {
                let tensor_type = read_type(line)?;
                vec![self.builder.graph.add_input(&names[0], tensor_type)]
            }
            "constant" => {
                let tensor = read_tensor(line)?;
                vec![self.builder.graph.add_constant(&names[0], tensor)]
            }
            operator => self.operator(&names, operator, line)?,
        };
        if values.len() != names.len() {
            return Err(Error::malformed(format!(
                "expected {} names, one an output, found {}",
                values.len(),
                names.len()
            )));
        }
        for (name, value) in names.into_iter().zip(values) {
            if self.values.contains_key(&name) {
                let name = printable(&name);
                return Err(Error::malformed(format!("the name `{name}` is there twice")));
            }
            self.values.insert(name, value);
        }
        Ok(())
    }

    fn output(&mut self, line: &mut Cursor<'_>) -> Result<()> {
        let name = line.name("the name of an output")?;
        let source = if line.eat("=") { line.word("a value")?.to_owned() } else { name.clone() };
        let value = self.value(&source)?;
        self.builder.graph.add_output(name, value);
        Ok(())
    }

    fn value(&self, name: &str) -> Result<Value> {
        self.values.get(name).copied().ok_or_else(|| {
            Error::malformed(format!("nothing before is called `{}`", printable(name)))
        })
    }

    fn operator(
        &mut self,
        names: &[String],
        operator: &str,
        line: &mut Cursor<'_>,
    ) -> Result<Vec<Value>> {
        let operands = line.list("(", ")", |line| match line.word("an operand")? {
            "_" => Ok(None),
            name => self.value(name).map(Some),
        })?;
        let attributes = if line.at("{") { read_attributes(line)? } else { Attributes::default() };
        let used = vec![true; names.len()];
        let values = self.builder.node(&names[0], operator, &attributes, &operands, &used)?;
        if line.eat("->") {
            for &value in &values {
                if value.output > 0 {
                    line.expect(",")?;
                }
                let (written, inferred) = (read_type(line)?, self.builder.graph.type_of(value));
                if written != *inferred {
                    return Err(Error::shape(format!(
                        "output {} is {inferred}, but {written} is written",
                        value.output
                    )));
                }
            }
        }
        Ok(values)
    }
}

fn read_attributes(line: &mut Cursor<'_>) -> Result<Attributes> {
    let mut attributes = Attributes::default();
    let pairs = line.list("{", "}", |line| {
        let name = line.word("the name of an attribute")?;
        line.expect("=")?;
        Ok((name, read_attribute(line)?))
    })?;
    for (name, value) in pairs {
        if attributes.insert(name, value).is_some() {
            return Err(Error::malformed(format!("attribute `{name}` is there twice")));
        }
    }
    Ok(attributes)
}

fn read_attribute(line: &mut Cursor<'_>) -> Result<Attribute> {
    if line.at("\"") {
        return line.string().map(Attribute::String);
    }
    if line.at("[") {
        let items = line.list("[", "]", read_attribute)?;
        return joined(&items)
            .ok_or_else(|| Error::malformed("a list should hold integers, floats or strings"));
    }
    if ElementType::ALL.iter().any(|element| line.at(&format!("{element}["))) {
        return read_tensor(line).map(|tensor| Attribute::Tensor(tensor.into()));
    }
    let word = line.word("a value")?;
    let number = word.parse().map(Attribute::Int).ok();
    let number = number.or_else(|| word.parse().map(Attribute::Float).ok());
    number.ok_or_else(|| Error::malformed(format!("expected a number, found `{word}`")))
}

/// A list of attributes of one type as one attribute.
fn joined(items: &[Attribute]) -> Option<Attribute> {
    macro_rules! all {
        ($variant:ident) => {
            items.iter().map(|item| match item {
                Attribute::$variant(value) => Some(value.clone()),
                _ => None,
            })
        };
    }
    let ints = all!(Int).collect::<Option<_>>().map(Attribute::Ints);
    let floats = || all!(Float).collect::<Option<_>>().map(Attribute::Floats);
    let strings = || all!(String).collect::<Option<_>>().map(Attribute::Strings);
    ints.or_else(floats).or_else(strings)
}

fn read_type(line: &mut Cursor<'_>) -> Result<TensorType> {
    let name = line.word("a type")?;
    let element = ElementType::ALL.into_iter().find(|element| element.name() == name);
    let element =
        element.ok_or_else(|| Error::malformed(format!("`{name}` is no element type")))?;
    let shape = line.list("[", "]", |line| {
        let word = line.word("a size")?;
        let Some(symbol) = word.strip_suffix('<') else { return size(word).map(Dim::Fixed) };
        line.expect("=")?;
        Ok(Dim::Bounded { symbol: symbol.to_owned(), max: size(line.word("a bound")?)? })
    })?;
    let tensor_type = TensorType { element, shape };
    tensor_type.elements()?;
    Ok(tensor_type)
}

fn size(word: &str) -> Result<usize> {
    word.parse().map_err(|_| Error::malformed(format!("expected a size, found `{word}`")))
}

fn read_tensor(line: &mut Cursor<'_>) -> Result<Tensor> {
    let tensor_type = read_type(line)?;
    let shape = tensor_type.sizes()?;
    let elements = tensor_type.elements()?;
    if elements > MAX_ELEMENTS {
        return Err(Error::malformed(format!("{tensor_type} is too large for text")));
    }
    let data: Data = match tensor_type.element {
        ElementType::F32 => read_values::<f32>(line, elements)?.into(),
        ElementType::F64 => read_values::<f64>(line, elements)?.into(),
        ElementType::I8 => read_values::<i8>(line, elements)?.into(),
        ElementType::I16 => read_values::<i16>(line, elements)?.into(),
        ElementType::I32 => read_values::<i32>(line, elements)?.into(),
        ElementType::I64 => read_values::<i64>(line, elements)?.into(),
        ElementType::U8 => read_values::<u8>(line, elements)?.into(),
        ElementType::U16 => read_values::<u16>(line, elements)?.into(),
        ElementType::U32 => read_values::<u32>(line, elements)?.into(),
        ElementType::U64 => read_values::<u64>(line, elements)?.into(),
        ElementType::Bool => read_values::<bool>(line, elements)?.into(),
    };
    Tensor::new(&shape, data)
}

fn read_values<T: Element>(line: &mut Cursor<'_>, elements: usize) -> Result<Vec<T>> {
    if line.at("[") {
        return line.list("[", "]", read_value);
    }
    match line.word("`[`, `fill` or `random`")? {
        "fill" => {
            line.expect("(")?;
            let value = read_value(line)?;
            line.expect(")")?;
            Ok(vec![value; elements])
        }
        "random" => {
            let numbers = line.list("(", ")", read_value::<f64>)?;
            let (seed, low, high) = match numbers.as_slice() {
                [seed] => (*seed, -1.0, 1.0),
                [seed, low, high] => (*seed, *low, *high),
                _ => return Err(Error::malformed("expected a seed, or a seed and two bounds")),
            };
            let mut random = SplitMix64(seed as u64);
            Ok((0..elements).map(|_| T::nearest(low + (high - low) * random.unit())).collect())
        }
        "hash" | ".." => Err(Error::malformed("the values of this constant are not written")),
        other => Err(line.wrong(&format!("`[`, `fill` or `random` instead of `{other}`"))),
    }
}

fn read_value<T: Element>(line: &mut Cursor<'_>) -> Result<T> {
    let word = line.word("a value")?;
    T::read(word).ok_or_else(|| Error::malformed(format!("`{word}` is no value of this type")))
}

/// The generator of Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators" (2014).
struct SplitMix64(u64);

impl SplitMix64 {
    /// Uniform from 0 to 1.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 11) as f64 / (1u64 << 53) as f64
    }
}
