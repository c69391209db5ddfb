//! What a compiled network runs on.

use crate::kernels::Step;
use crate::memory::{Arena, Memory, elements};
use crate::simd::{Denormals, Isa};
use crate::step::{Guard, Plain};
use crate::tensor::CountedView;
use crate::weights::{LoadError, Weights};
use alloc::vec::Vec;

/// Arena, weights and kernels of one network. Generated code wraps it.
#[derive(Debug)]
pub struct Engine {
    weights: Weights,
    arena: Arena,
    isa: Isa,
    /// Nanoseconds of each step of the last run, where they are recorded.
    times: Option<Vec<u64>>,
}

mod sealed {
    /// Types that some or all patterns of bits are values of.
    pub trait Sealed {
        /// Whether these bytes are values of the type.
        fn holds(bytes: &[u8]) -> bool;
    }

    impl Sealed for bool {
        fn holds(bytes: &[u8]) -> bool {
            bytes.iter().all(|&byte| byte < 2)
        }
    }
}

/// An element type of inputs and outputs: numbers and `bool`.
pub trait Element: Copy + Default + sealed::Sealed + 'static {}

macro_rules! numbers {
    ($($type:ty),*) => {
        $(impl sealed::Sealed for $type {
            fn holds(_: &[u8]) -> bool {
                true
            }
        }
        impl Element for $type {})*
    };
}

numbers!(f32, f64, i8, i16, i32, i64, u8, u16, u32, u64);

impl Element for bool {}

impl Engine {
    /// An engine for a network that needs this many bytes of arena, compiled
    /// with weights of this length and identity.
    ///
    /// # Errors
    /// Where these are not its weights.
    pub fn new(
        weights: Weights,
        arena_bytes: usize,
        weight_bytes: usize,
        content: u64,
    ) -> Result<Self, LoadError> {
        weights.check(weight_bytes, content)?;
        Ok(Self { weights, arena: Arena::new(arena_bytes), isa: Isa::detect(), times: None })
    }

    /// The same on kernels of this instruction set, or of the best below it that
    /// the processor has.
    #[must_use]
    pub fn with_isa(mut self, isa: Isa) -> Self {
        self.isa = isa.or_below();
        self
    }

    /// The instruction set in use.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Bytes of the arena.
    #[must_use]
    pub fn arena_bytes(&self) -> usize {
        self.arena.as_slice().len()
    }

    /// Bytes of the weights.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        self.weights.as_bytes().len()
    }

    /// Starts a run. Until it is dropped, denormal numbers count as zero.
    pub fn start(&mut self) -> Run<'_> {
        if let Some(times) = &mut self.times {
            times.clear();
        }
        Run {
            memory: Memory::new(self.arena.as_mut_slice(), self.weights.as_bytes()),
            isa: self.isa,
            #[cfg(feature = "std")]
            times: self.times.as_mut(),
            _denormals: Denormals::flush(),
        }
    }

    /// A row-major tensor of the arena.
    ///
    /// # Panics
    /// Where it lies outside or holds what are no values of the type; generated
    /// code asks for what was put there.
    #[must_use]
    pub fn read<T: Element>(&self, place: &Plain) -> &[T] {
        elements(&self.arena.as_slice()[place.offset..][..place.len * size_of::<T>()])
    }

    /// A size that the last run found, its bound and position given; the bound
    /// itself where there is no position.
    ///
    /// # Panics
    /// Where the position lies outside, or more was found than was planned for.
    #[must_use]
    pub fn size(&self, max: usize, count: Option<usize>) -> usize {
        let Some(offset) = count else { return max };
        let count = elements::<i64>(&self.arena.as_slice()[offset..][..8])[0];
        match usize::try_from(count) {
            Ok(count) if count <= max => count,
            _ => panic!("a size of {count} where at most {max} was planned"),
        }
    }

    /// A row-major tensor of the arena, at the sizes that the last run found:
    /// the largest are `sizes`, and `counts` says where those lie that were not
    /// known before.
    ///
    /// # Panics
    /// As [`Engine::read`] and [`Engine::size`].
    #[must_use]
    pub fn read_counted<T: Element, const RANK: usize>(
        &self,
        place: &Plain,
        sizes: [usize; RANK],
        counts: [Option<usize>; RANK],
    ) -> CountedView<'_, T, RANK> {
        let sizes = core::array::from_fn(|i| self.size(sizes[i], counts[i]));
        let len = if sizes.contains(&0) { 0 } else { sizes.iter().product() };
        match CountedView::new(self.read(&Plain { offset: place.offset, len }), sizes) {
            Ok(view) => view,
            Err(error) => panic!("{error}"),
        }
    }

    /// The bytes of a row-major tensor of the arena.
    ///
    /// # Panics
    /// Where it lies outside.
    #[must_use]
    pub fn read_bytes(&self, place: &Plain, element_bytes: usize) -> &[u8] {
        &self.arena.as_slice()[place.offset..][..place.len * element_bytes]
    }

    /// Records how long each of the first `steps` steps of a run takes, or stops
    /// recording, which costs nothing then. Without feature `std` there is no
    /// clock, and nothing is recorded.
    pub fn record_times(&mut self, steps: Option<usize>) {
        self.times = steps.map(Vec::with_capacity);
    }

    /// Nanoseconds of each step of the last run; empty where they are not
    /// recorded.
    #[must_use]
    pub fn step_times(&self) -> &[u64] {
        self.times.as_deref().unwrap_or_default()
    }
}

/// A run of a network: steps in their order. It changes how this thread
/// computes, so that it cannot be sent to another:
///
/// ```compile_fail
/// fn sent<T: Send>() {}
/// sent::<cnnc_runtime::Run<'static>>();
/// ```
#[derive(Debug)]
pub struct Run<'a> {
    memory: Memory<'a>,
    isa: Isa,
    #[cfg(feature = "std")]
    times: Option<&'a mut Vec<u64>>,
    _denormals: Denormals,
}

impl Run<'_> {
    /// Copies an input into the arena.
    ///
    /// # Panics
    /// Where the lengths differ; generated code passes views of its own shape.
    pub fn write<T: Element>(&mut self, place: &Plain, values: &[T]) {
        assert_eq!(values.len(), place.len, "an input has another length than its place");
        self.memory.write(place, values);
    }

    /// Copies the bytes of an input into the arena.
    ///
    /// # Panics
    /// Where the lengths differ.
    pub fn write_bytes(&mut self, place: &Plain, element_bytes: usize, bytes: &[u8]) {
        assert_eq!(bytes.len(), place.len * element_bytes, "an input of another length");
        let place = Plain { offset: place.offset, len: bytes.len() };
        self.memory.write(&place, bytes);
    }

    /// Runs one step.
    ///
    /// # Panics
    /// Where the step does not fit the memory; generated code holds only steps
    /// that do.
    pub fn step(&mut self, step: &impl Step) {
        self.step_where(&[], step);
    }

    /// Runs one step if all conditions hold.
    ///
    /// # Panics
    /// As [`Run::step`].
    pub fn step_where(&mut self, guards: &[Guard], step: &impl Step) {
        #[cfg(feature = "std")]
        let start = self.times.is_some().then(std::time::Instant::now);
        if guards.iter().all(|guard| self.memory.holds(guard)) {
            self.memory.run(step, self.isa);
        } else {
            self.memory.skip(step);
        }
        #[cfg(feature = "std")]
        if let (Some(times), Some(start)) = (&mut self.times, start)
            && times.len() < times.capacity()
        {
            times.push(start.elapsed().as_nanos() as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::{PadPlanes, seal};

    fn engine(arena: usize) -> Engine {
        let mut weights = [0.0; 16];
        let content = seal(&mut weights);
        let bytes: Vec<u8> = weights.iter().flat_map(|value| value.to_le_bytes()).collect();
        Engine::new(Weights::copied(&bytes), arena, 64, content).unwrap()
    }

    const IN: Plain = Plain { offset: 0, len: 4 };
    const OUT: Plain = Plain { offset: 64, len: 6 };
    const PAD: PadPlanes = PadPlanes {
        input: IN,
        output: OUT,
        planes: 1,
        height: 2,
        width: 2,
        padded_height: 2,
        padded_width: 3,
        top: 0,
        left: 1,
    };

    #[test]
    fn steps_read_what_was_written_and_leave_results() {
        let mut engine = engine(128);
        engine.record_times(Some(1));
        let mut run = engine.start();
        run.write(&IN, &[1.0f32, 2.0, 3.0, 4.0]);
        run.step(&PAD);
        drop(run);
        assert_eq!(engine.read::<f32>(&OUT), [0.0, 1.0, 2.0, 0.0, 3.0, 4.0]);
        assert_eq!(engine.read_bytes(&OUT, 4).len(), 24);
        assert_eq!(engine.step_times().len(), usize::from(cfg!(feature = "std")));
    }

    const FLAGS: Plain = Plain { offset: 64, len: 3 };

    #[test]
    fn truth_values_are_written_and_read() {
        let mut engine = engine(128);
        engine.start().write(&FLAGS, &[true, false, true]);
        assert_eq!(engine.read::<bool>(&FLAGS), [true, false, true]);
    }

    #[test]
    #[should_panic(expected = "other values than its type has")]
    fn bytes_that_are_no_truth_values_are_refused() {
        let mut engine = engine(128);
        engine.start().write(&FLAGS, &[1u8, 2, 0]);
        let _ = engine.read::<bool>(&FLAGS);
    }

    #[test]
    fn an_instruction_set_that_is_missing_gives_way_to_one_below() {
        for isa in [Isa::Scalar, Isa::Neon, Isa::Avx2, Isa::Avx512] {
            let engine = engine(64).with_isa(isa);
            assert!(engine.isa().is_available() && engine.isa() as usize <= isa as usize);
            assert!(!isa.is_available() || engine.isa() == isa);
        }
    }

    #[test]
    #[should_panic(expected = "outside the arena")]
    fn a_step_that_does_not_fit_is_refused() {
        engine(64).start().step(&PAD);
    }

    #[test]
    #[should_panic(expected = "another length")]
    fn an_input_of_another_length_is_refused() {
        engine(64).start().write(&IN, &[1.0f32]);
    }
}
