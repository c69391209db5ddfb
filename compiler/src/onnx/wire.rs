//! A look at the bytes of a file before the protobuf parser sees them.
//!
//! The parser recurses without a limit into groups (RUSTSEC-2024-0437) and
//! lets a few bytes of input become hundreds of bytes of structures. [`check`]
//! walks the wire format ("Encoding" in the Protocol Buffers documentation)
//! without recursion and without allocating for what it reads, and accepts
//! only bytes that are whole, nested reasonably, free of groups (ONNX has
//! none), and that parse into a bounded amount of memory.

use crate::error::{Error, Result};

/// Most levels of messages inside each other. A subgraph takes three, and real
/// models nest two or three of those.
const MAX_DEPTH: usize = 64;

/// Most memory that parsing may take besides the weights themselves, as
/// estimated by the costs below.
const MAX_OVERHEAD: usize = 1 << 30;

/// At least what the parser allocates for a message, or for a field that it
/// does not know and keeps in a hash table.
const STRUCTURE: usize = 1024;

/// At least what it allocates for a string besides the characters.
const STRING: usize = 48;

/// At least what it allocates for a number, packed or not.
const NUMBER: usize = 8;

/// The messages of the ONNX schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Model,
    OperatorSet,
    Training,
    Function,
    Graph,
    Node,
    Attribute,
    Tensor,
    Segment,
    SparseTensor,
    Annotation,
    ValueInfo,
    Type,
    TensorType,
    SequenceType,
    MapType,
    OptionalType,
    OpaqueType,
    Shape,
    Dimension,
    Entry,
}

/// What a length-delimited field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Message(Message),
    /// Varints of one byte or more.
    Integers,
    /// A string, or numbers that take as much memory as they take in the file.
    Bytes,
    Unknown,
}

impl Message {
    /// The schema: what the parser makes of a length-delimited field. All that
    /// it parses as a message must be here, since nesting is limited here.
    const fn content(self, field: u64) -> Content {
        use Content::{Bytes, Integers, Message as M};
        match (self, field) {
            (Self::Model, 7) => M(Self::Graph),
            (Self::Model, 8) | (Self::Function, 9) => M(Self::OperatorSet),
            (Self::Model, 20) => M(Self::Training),
            (Self::Model, 25) => M(Self::Function),
            (Self::Training, 1 | 2) => M(Self::Graph),
            (Self::Function, 7) => M(Self::Node),
            (Self::Function, 11) => M(Self::Attribute),
            (Self::Function, 12) => M(Self::ValueInfo),
            (Self::Graph, 1) => M(Self::Node),
            (Self::Graph, 5) => M(Self::Tensor),
            (Self::Graph, 11..=13) => M(Self::ValueInfo),
            (Self::Graph, 14) => M(Self::Annotation),
            (Self::Graph, 15) => M(Self::SparseTensor),
            (Self::Node, 5) => M(Self::Attribute),
            (Self::Attribute, 5 | 10) => M(Self::Tensor),
            (Self::Attribute, 6 | 11) => M(Self::Graph),
            (Self::Attribute, 14 | 15) => M(Self::Type),
            (Self::Attribute, 22 | 23) => M(Self::SparseTensor),
            (Self::Tensor, 3) => M(Self::Segment),
            (Self::SparseTensor, 1 | 2) => M(Self::Tensor),
            (Self::ValueInfo, 2) => M(Self::Type),
            (Self::Type, 1 | 8) => M(Self::TensorType),
            (Self::Type, 4) => M(Self::SequenceType),
            (Self::Type, 5) => M(Self::MapType),
            (Self::Type, 7) => M(Self::OpaqueType),
            (Self::Type, 9) => M(Self::OptionalType),
            (Self::TensorType, 2) => M(Self::Shape),
            (Self::SequenceType | Self::OptionalType, 1) | (Self::MapType, 2) => M(Self::Type),
            (Self::Shape, 1) => M(Self::Dimension),
            (Self::Model | Self::Function, 14)
            | (Self::Training, 3 | 4)
            | (Self::Graph | Self::Tensor, 16)
            | (Self::Node, 9)
            | (Self::Tensor, 13)
            | (Self::Annotation, 2)
            | (Self::ValueInfo, 4) => M(Self::Entry),
            (Self::Tensor, 1 | 5 | 7 | 11) | (Self::SparseTensor, 3) | (Self::Attribute, 8) => {
                Integers
            }
            (_, 1..=32) => Bytes,
            (_, _) => Content::Unknown,
        }
    }
}

/// Checks that these bytes are a whole, harmless message of this kind.
///
/// # Errors
/// [`crate::ErrorKind::Malformed`], naming the byte.
pub(super) fn check(bytes: &[u8], message: Message) -> Result<()> {
    let mut cursor = Cursor { bytes, at: 0, end: bytes.len() };
    let mut open = vec![(message, bytes.len())];
    let mut overhead = 0usize;
    while let Some(&(message, end)) = open.last() {
        cursor.end = end;
        if cursor.at == end {
            open.pop();
            continue;
        }
        let start = cursor.at;
        let (field, content, length) = cursor.field(message)?;
        let cost = match content {
            None if field > 32 => STRUCTURE,
            None => NUMBER,
            Some(Content::Message(_) | Content::Unknown) => STRUCTURE,
            Some(Content::Integers) => length.saturating_mul(NUMBER),
            Some(Content::Bytes) => STRING,
        };
        overhead = overhead.saturating_add(cost);
        if overhead > MAX_OVERHEAD {
            return Err(Error::malformed(
                "the file is made of more pieces than any network has; it would not fit in memory",
            ));
        }
        match content {
            Some(Content::Message(inner)) => {
                if open.len() == MAX_DEPTH {
                    return Err(Error::malformed(format!(
                        "messages are nested more than {MAX_DEPTH} deep at byte {start}"
                    )));
                }
                open.push((inner, cursor.at + length));
            }
            _ => cursor.at += length,
        }
    }
    Ok(())
}

/// Reads fields one after the other; `at <= end <= bytes.len()` always holds.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

impl Cursor<'_> {
    /// The next field up to its content: its number, what it holds unless it
    /// is a number, and the bytes of the content, which lie before `end`.
    fn field(&mut self, message: Message) -> Result<(u64, Option<Content>, usize)> {
        let start = self.at;
        let tag = self.varint()?;
        let (field, wire_type) = (tag >> 3, tag & 7);
        if field == 0 || tag > u32::MAX.into() {
            return Err(Error::malformed(format!("there is no field {field} (byte {start})")));
        }
        let (content, length) = match wire_type {
            0 => {
                self.varint()?;
                (None, 0)
            }
            1 => (None, 8),
            2 => (Some(message.content(field)), self.varint()?),
            5 => (None, 4),
            3 | 4 => {
                return Err(Error::malformed(format!(
                    "ONNX has no groups, but there is one at byte {start}"
                )));
            }
            _ => {
                return Err(Error::malformed(format!(
                    "unknown wire type {wire_type} at byte {start}"
                )));
            }
        };
        match usize::try_from(length) {
            Ok(length) if length <= self.end - self.at => Ok((field, content, length)),
            _ => Err(Error::malformed(format!(
                "field {field} of {message:?} at byte {start} should have {length} bytes, but \
                 only {} are left: the file is truncated or corrupt",
                self.end - self.at
            ))),
        }
    }

    fn varint(&mut self) -> Result<u64> {
        let start = self.at;
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = match self.bytes.get(self.at) {
                Some(&byte) if self.at < self.end => byte,
                _ => {
                    return Err(Error::malformed(format!(
                        "the number at byte {start} is cut off: the file is truncated or corrupt"
                    )));
                }
            };
            self.at += 1;
            // The parser drops the bits of a tenth byte beyond 64, and so does this.
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Error::malformed(format!("the number at byte {start} has more than ten bytes")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `levels` messages inside each other along these fields, round and round.
    fn nested(fields: &[u8], levels: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for level in (0..levels).rev() {
            let mut length = bytes.len();
            let mut outer = vec![fields[level % fields.len()] << 3 | 2];
            while length >= 0x80 {
                outer.push((length & 0x7f) as u8 | 0x80);
                length >>= 7;
            }
            outer.push(length as u8);
            outer.append(&mut bytes);
            bytes = outer;
        }
        bytes
    }

    fn message(bytes: &[u8], kind: Message) -> String {
        check(bytes, kind).unwrap_err().to_string()
    }

    #[test]
    fn nesting_is_limited() {
        // Graph, node, attribute, graph, ...
        let subgraphs = |levels| nested(&[1, 5, 6], levels);
        assert_eq!(check(&subgraphs(MAX_DEPTH - 1), Message::Graph), Ok(()));
        assert!(message(&subgraphs(MAX_DEPTH), Message::Graph).contains("nested more than 64"));
        assert!(message(&subgraphs(10_000), Message::Graph).contains("nested more than 64"));
        // A sequence of sequences of sequences.
        assert!(message(&nested(&[4, 1], 10_000), Message::Type).contains("nested more than 64"));
    }

    #[test]
    fn strings_may_look_like_messages() {
        let name = nested(&[1], 10_000);
        let mut bytes = vec![2 << 3 | 2];
        bytes.extend([(name.len() & 0x7f) as u8 | 0x80, (name.len() >> 7 & 0x7f) as u8 | 0x80]);
        bytes.push((name.len() >> 14) as u8);
        bytes.extend(name);
        assert_eq!(check(&bytes, Message::Graph), Ok(()));
    }

    #[test]
    fn groups_are_refused_anywhere() {
        let start = 100 << 3 | 3;
        let groups: Vec<u8> = [(start & 0x7f) as u8 | 0x80, (start >> 7) as u8].repeat(10_000);
        assert!(message(&groups, Message::Model).contains("groups"));
        assert!(message(&[0x0b], Message::Graph).contains("groups"));
        assert!(message(&[0x0c], Message::Graph).contains("groups"));
    }

    #[test]
    fn lengths_and_numbers_must_end_inside() {
        assert!(message(&[0x12], Message::Model).contains("cut off"));
        assert!(message(&[0x12, 3, b'a', b'b'], Message::Model).contains("only 2 are left"));
        assert!(message(&[0x3a, 2, 0x12, 3, 0, 0, 0], Message::Model).contains("only 0 are left"));
        let huge = [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert!(message(&huge, Message::Model).contains("18446744073709551615 bytes"));
        assert!(message(&[0x08, 0x80], Message::Model).contains("cut off"));
        assert!(message(&[0xff; 11], Message::Model).contains("more than ten bytes"));
        assert!(message(&[0x02, 0], Message::Model).contains("no field 0"));
        assert!(message(&[0x0f, 0], Message::Model).contains("wire type 7"));
        assert!(message(&[0x0d, 0, 0, 0], Message::Tensor).contains("only 3 are left"));
        assert!(message(&[0x09, 0, 0, 0, 0, 0, 0, 0], Message::Tensor).contains("only 7 are left"));
    }

    #[test]
    fn tiny_pieces_cannot_fill_the_memory() {
        let nodes = [0x0a, 0].repeat(2_000_000);
        assert!(message(&nodes, Message::Graph).contains("more pieces"));
        let unknown = [0xf8, 0x7f, 0].repeat(2_000_000);
        assert!(message(&unknown, Message::Graph).contains("more pieces"));
        // The parser makes eight bytes of each of these.
        let mut integers = vec![7 << 3 | 2, 0x80, 0x80, 0x80, 0x50];
        integers.resize(5 + (0x50 << 21), 0);
        assert!(message(&integers, Message::Tensor).contains("more pieces"));
        // But values stored as bytes may be as long as they like.
        integers[0] = 9 << 3 | 2;
        assert_eq!(check(&integers, Message::Tensor), Ok(()));
    }
}
