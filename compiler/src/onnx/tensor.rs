//! Tensors as files store them.

use super::external::External;
use super::format::{Format, bf16_to_f32, f16_to_f32};
use crate::error::{Error, ErrorKind, Result, printable};
use crate::ir::{Data, Tensor, TensorType};
use onnx_protobuf::TensorProto;
use onnx_protobuf::tensor_proto::DataLocation;
use protobuf::Enum;
use std::mem::take;

/// Most dimensions of a tensor.
const MAX_RANK: usize = 32;

/// What is known of a stored tensor before its values are read.
pub(super) struct Stored {
    /// Its name in the file, maybe empty.
    name: String,
    pub format: Format,
    sizes: Vec<usize>,
    elements: usize,
}

impl Stored {
    fn of(proto: &mut TensorProto) -> Result<Self> {
        let name = take(&mut proto.name);
        let format = Format::of(proto.data_type)
            .map_err(|error| in_tensor(&name, error.kind(), error.to_string()))?;
        if proto.segment.is_some() {
            return Err(in_tensor(&name, ErrorKind::Unsupported, "stored in segments"));
        }
        let wrong = || {
            let shown = proto.dims.get(..MAX_RANK).unwrap_or(&proto.dims);
            in_tensor(&name, ErrorKind::Malformed, format!("sizes {shown:?} make no sense"))
        };
        if proto.dims.len() > MAX_RANK {
            return Err(wrong());
        }
        let sizes = proto.dims.iter().map(|&size| usize::try_from(size).map_err(|_| wrong()));
        let sizes = sizes.collect::<Result<Vec<_>>>()?;
        let elements =
            TensorType::fixed(format.element(), &sizes).elements().map_err(|_| wrong())?;
        Ok(Self { name, format, sizes, elements })
    }

    /// Bytes of the stored elements.
    pub fn bytes(&self) -> Result<usize> {
        self.elements.checked_mul(self.format.size()).ok_or_else(|| self.error("too large"))
    }

    /// An error that names the tensor.
    pub fn error(&self, message: impl AsRef<str>) -> Error {
        in_tensor(&self.name, ErrorKind::Malformed, message)
    }

    /// An error of this kind that names the tensor.
    pub fn error_of(&self, kind: ErrorKind, message: impl AsRef<str>) -> Error {
        in_tensor(&self.name, kind, message)
    }

    /// As [`Format::room`].
    pub fn room(&self) -> Result<Data> {
        self.format.room(self.elements).map_err(|e| self.error(e.to_string()))
    }

    /// The elements stored as bytes.
    fn raw(&self, bytes: &[u8]) -> Result<Data> {
        let expected = self.bytes()?;
        if bytes.len() != expected {
            return Err(self.error(format!(
                "shape {:?} takes {expected} bytes, but {} are stored",
                self.sizes,
                bytes.len()
            )));
        }
        let mut data = self.room()?;
        self.format.append(&mut data, bytes);
        Ok(data)
    }

    /// The elements stored as numbers.
    fn numbers(&self, proto: &mut TensorProto) -> Result<Data> {
        let data: Data = match self.format {
            Format::F32 => take(&mut proto.float_data).into(),
            Format::F64 => take(&mut proto.double_data).into(),
            Format::I64 => take(&mut proto.int64_data).into(),
            Format::U64 => take(&mut proto.uint64_data).into(),
            Format::I32 => take(&mut proto.int32_data).into(),
            Format::U32 => self.narrow::<_, u32>(&proto.uint64_data)?,
            Format::I8 => self.narrow::<_, i8>(&proto.int32_data)?,
            Format::I16 => self.narrow::<_, i16>(&proto.int32_data)?,
            Format::U8 => self.narrow::<_, u8>(&proto.int32_data)?,
            Format::U16 => self.narrow::<_, u16>(&proto.int32_data)?,
            Format::Bool => {
                proto.int32_data.iter().map(|&value| value != 0).collect::<Vec<_>>().into()
            }
            Format::F16 => self.halves(&proto.int32_data, f16_to_f32)?,
            Format::BF16 => self.halves(&proto.int32_data, bf16_to_f32)?,
        };
        if data.len() != self.elements {
            return Err(self.error(format!(
                "shape {:?} takes {} values, but {} of type {} are stored",
                self.sizes,
                self.elements,
                data.len(),
                self.format.element()
            )));
        }
        Ok(data)
    }

    fn narrow<S: Copy + std::fmt::Display, T: TryFrom<S>>(&self, stored: &[S]) -> Result<Data>
    where
        Data: From<Vec<T>>,
    {
        let values = stored.iter().map(|&value| self.narrowed(value));
        Ok(values.collect::<Result<Vec<T>>>()?.into())
    }

    fn halves(&self, stored: &[i32], widen: impl Fn(u16) -> f32) -> Result<Data> {
        let values = stored.iter().map(|&bits| self.narrowed(bits).map(&widen));
        Ok(values.collect::<Result<Vec<f32>>>()?.into())
    }

    fn narrowed<S: Copy + std::fmt::Display, T: TryFrom<S>>(&self, value: S) -> Result<T> {
        value.try_into().map_err(|_| {
            self.error(format!("the value {value} does not fit elements of {:?}", self.format))
        })
    }
}

fn in_tensor(name: &str, kind: ErrorKind, message: impl AsRef<str>) -> Error {
    let message = message.as_ref();
    Error::new(
        kind,
        match name {
            "" => format!("a tensor without a name: {message}"),
            name => format!("tensor `{}`: {message}", printable(name)),
        },
    )
}

/// How many of the fields that hold values are in use.
fn fields_in_use(proto: &TensorProto) -> usize {
    [
        !proto.raw_data.is_empty(),
        !proto.float_data.is_empty(),
        !proto.double_data.is_empty(),
        !proto.int32_data.is_empty(),
        !proto.int64_data.is_empty(),
        !proto.uint64_data.is_empty(),
        !proto.string_data.is_empty(),
        proto.data_location.value() == DataLocation::EXTERNAL.value(),
    ]
    .into_iter()
    .filter(|&used| used)
    .count()
}

/// The tensor. Its stored form is taken apart on the way, so that large
/// weights are in memory twice for as short as possible.
///
/// # Errors
/// Where the values do not match the type and the sizes; names the tensor.
pub(super) fn convert(mut proto: TensorProto, external: &mut External<'_>) -> Result<Tensor> {
    let stored = Stored::of(&mut proto)?;
    if fields_in_use(&proto) > 1 {
        return Err(stored.error("its values are stored in several ways at once"));
    }
    let data = if proto.data_location.value() == DataLocation::EXTERNAL.value() {
        external.read(&stored, &proto.external_data)?
    } else if proto.raw_data.is_empty() {
        stored.numbers(&mut proto)?
    } else {
        stored.raw(&take(&mut proto.raw_data))?
    };
    Tensor::new(&stored.sizes, data).map_err(|error| stored.error(error.to_string()))
}
