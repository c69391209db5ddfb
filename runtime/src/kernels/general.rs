//! Operations as steps.

use super::bounds::total;
use super::{Step, extent};
use crate::memory::Memory;
use crate::operation::{ElementType, Input, Operation, Output, Truth, Values, ValuesMut};
use crate::simd::Isa;
use crate::step::{Array, Extent, Plain, RANK, Space};
use core::ops::Range;

/// An [`Operation`] of the operands and results that lie at these places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct General<O, const I: usize, const R: usize> {
    /// What is computed.
    pub operation: O,
    /// Operands; `None` where an optional one is absent.
    pub inputs: [Option<Array>; I],
    /// Results.
    pub outputs: [Array; R],
    /// Words of memory for whatever the operation needs, of 8 bytes each.
    pub scratch: Plain,
}

/// Sizes at run time, the first `rank` of which count.
type Sizes = [usize; RANK];

impl<O: Operation, const I: usize, const R: usize> Step for General<O, I, R> {
    unsafe fn skip(&self, memory: &Memory<'_>) {
        for extent in self.outputs.iter().flat_map(|array| &array.sizes[..array.rank]) {
            if let Extent::Found { count, .. } = *extent {
                // SAFETY: `check` found the position inside and aligned.
                unsafe { memory.arena().add(count).cast::<i64>().write(0) }
            }
        }
    }

    fn check(&self, memory: &Memory<'_>) {
        memory.require_plain(&self.scratch, 8);
        for array in self.inputs.iter().flatten().chain(&self.outputs) {
            require(memory, array);
        }
        let written = self.outputs.iter().map(place).chain([byte_range(&self.scratch, 8)]);
        for (i, output) in self.outputs.iter().enumerate() {
            assert!(matches!(output.space, Space::Arena), "a result among the weights");
            let range = place(output);
            let apart = |other: Range<usize>| range.end <= other.start || other.end <= range.start;
            let others = written.clone().enumerate().filter(|&(j, _)| j != i).map(|(_, r)| r);
            let read = self.inputs.iter().flatten();
            let read = read.filter(|array| matches!(array.space, Space::Arena)).map(place);
            assert!(read.chain(others).all(apart), "a result lies where something else does");
        }
        let scratch = byte_range(&self.scratch, 8);
        let apart = |other: Range<usize>| scratch.end <= other.start || other.end <= scratch.start;
        let read = self.inputs.iter().flatten();
        let mut read = read.filter(|array| matches!(array.space, Space::Arena)).map(place);
        assert!(read.all(apart), "scratch memory lies where an operand does");
    }

    fn pieces(&self, _: Isa) -> usize {
        1
    }

    unsafe fn run(&self, memory: &Memory<'_>, _: Isa, pieces: Range<usize>) {
        if pieces.is_empty() {
            return;
        }
        // SAFETY: `check` has passed, so that everything lies inside and what is
        // written lies apart from the rest; the sizes are within their bounds.
        unsafe {
            let inputs = self.inputs.each_ref().map(|array| {
                let array = array.as_ref()?;
                let sizes = sizes(memory, array);
                let values = values(memory, array, &sizes[..array.rank]);
                Some(expect(Input::new(values, &sizes[..array.rank])))
            });
            let mut outputs = self
                .outputs
                .each_ref()
                .map(|array| expect(Output::new(values_mut(memory, array), array.rank)));
            let scratch = memory.arena().add(self.scratch.offset).cast::<u64>();
            let scratch = core::slice::from_raw_parts_mut(scratch, self.scratch.len);
            if let Err(failure) = self.operation.run(&inputs, &mut outputs, scratch) {
                panic!("{:?}: {failure}", self.operation);
            }
            let found = outputs.each_ref().map(|output| {
                let mut sizes = [0; RANK];
                sizes[..output.sizes().len()].copy_from_slice(output.sizes());
                sizes
            });
            for (array, sizes) in self.outputs.iter().zip(&found) {
                write_sizes(memory, array, sizes);
            }
        }
    }
}

fn expect<T>(result: Result<T, crate::operation::Failure>) -> T {
    match result {
        Ok(value) => value,
        Err(failure) => panic!("{failure}"),
    }
}

/// Panics unless a tensor and the sizes that it shares lie inside.
fn require(memory: &Memory<'_>, array: &Array) {
    let Some(extents) = array.extents() else { panic!("{array:?} has too many dimensions") };
    let mut sizes = [1; RANK];
    for (size, extent) in sizes.iter_mut().zip(extents) {
        *size = extent.max();
        extent::require(memory, extent);
    }
    let plain = Plain { offset: array.offset, len: total(&sizes) };
    match array.space {
        Space::Arena => memory.require_plain(&plain, array.element.size()),
        Space::Weights => memory.require_weights(&plain, array.element.size()),
    }
}

/// Number of elements that a tensor has place for; `check` bounds it.
fn room(array: &Array) -> usize {
    array.sizes.iter().take(array.rank).fold(1usize, |all, extent| all.wrapping_mul(extent.max()))
}

fn byte_range(plain: &Plain, size: usize) -> Range<usize> {
    plain.offset..plain.offset.saturating_add(plain.len.saturating_mul(size))
}

/// The bytes of a tensor.
fn place(array: &Array) -> Range<usize> {
    byte_range(&Plain { offset: array.offset, len: room(array) }, array.element.size())
}

/// The sizes of an operand.
unsafe fn sizes(memory: &Memory<'_>, array: &Array) -> Sizes {
    let mut sizes = [0; RANK];
    for (size, extent) in sizes.iter_mut().zip(&array.sizes[..array.rank]) {
        // SAFETY: `check` found the position inside and aligned.
        *size = unsafe { extent::size(memory, extent) };
    }
    sizes
}

/// Notes the sizes that a result turned out to have.
unsafe fn write_sizes(memory: &Memory<'_>, array: &Array, sizes: &Sizes) {
    for (&size, extent) in sizes.iter().zip(&array.sizes[..array.rank]) {
        let planned = match *extent {
            Extent::Fixed { size } => size,
            Extent::Counted { count, .. } => {
                // SAFETY: `check` found the position inside and aligned.
                unsafe { memory.arena().add(count).cast::<i64>().read() as usize }
            }
            Extent::Found { count, max } => {
                assert!(size <= max, "a result of {size} where at most {max} were planned");
                // SAFETY: as above, and the memory is ours to write.
                unsafe { memory.arena().add(count).cast::<i64>().write(size as i64) }
                size
            }
        };
        assert_eq!(size, planned, "a result has another size than was planned");
    }
}

unsafe fn start(memory: &Memory<'_>, array: &Array) -> *mut u8 {
    let base = match array.space {
        Space::Arena => memory.arena(),
        Space::Weights => memory.weights().cast_mut(),
    };
    base.wrapping_add(array.offset)
}

macro_rules! views {
    ($($variant:ident: $type:ty,)*) => {
        unsafe fn values<'a>(memory: &Memory<'_>, array: &Array, sizes: &[usize]) -> Values<'a> {
            let len = sizes.iter().product();
            // SAFETY: `check` found so many aligned elements inside; any bytes
            // are elements of these types.
            unsafe {
                let start = start(memory, array);
                match array.element {
                    $(ElementType::$variant => Values::$variant(
                        core::slice::from_raw_parts(start.cast::<$type>(), len),
                    ),)*
                }
            }
        }

        unsafe fn values_mut<'a>(memory: &Memory<'_>, array: &Array) -> ValuesMut<'a> {
            let len = room(array);
            // SAFETY: as above, and nothing else lies there.
            unsafe {
                let start = start(memory, array);
                match array.element {
                    $(ElementType::$variant => ValuesMut::$variant(
                        core::slice::from_raw_parts_mut(start.cast::<$type>(), len),
                    ),)*
                }
            }
        }
    };
}

views! {
    F32: f32,
    F64: f64,
    I8: i8,
    I16: i16,
    I32: i32,
    I64: i64,
    U8: u8,
    U16: u16,
    U32: u32,
    U64: u64,
    Bool: Truth,
}
