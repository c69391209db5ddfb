//! Loops over runs of elements, and the functions of two values.
//!
//! Functions are types, so that each has a loop of its own without a test. So
//! has each function of two values followed by Relu; other activations are a
//! second pass over a run that is still in the nearest cache, because a loop
//! for each pair would be some hundreds.

use super::scalar;
use crate::simd::{Isa, MOST_LANES, Vector, math, shells};
use crate::step::{Activation, BinaryOperation, LANES};

/// Elements of a run that two passes find in the nearest cache.
const RUN: usize = 2048;

/// Where the values of a run come from.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// One after the other.
    Run(*const f32),
    /// Always the same.
    Same(*const f32),
    /// Eight values again and again: one for each channel of a block.
    Channels(*const f32),
    /// So many elements apart.
    Strided(*const f32, usize),
}

impl Source {
    /// The source from element `i` on, which for channels is a multiple of 8.
    fn from(self, i: usize) -> Self {
        match self {
            Self::Run(start) => Self::Run(start.wrapping_add(i)),
            Self::Strided(start, step) => Self::Strided(start.wrapping_add(i * step), step),
            Self::Same(_) | Self::Channels(_) => self,
        }
    }
}

/// A vector's worth of values of a run.
trait Operand: Copy {
    /// Values from element `i` on, of which `count` exist.
    unsafe fn load<V: Vector>(self, i: usize, count: usize) -> V;
}

#[derive(Clone, Copy)]
struct Run(*const f32);

#[derive(Clone, Copy)]
struct Same(*const f32);

#[derive(Clone, Copy)]
struct Channels(*const f32);

impl Operand for Run {
    #[inline(always)]
    unsafe fn load<V: Vector>(self, i: usize, count: usize) -> V {
        // SAFETY: the caller vouches for `count` values.
        unsafe {
            if count >= V::LANES {
                V::load(self.0.add(i))
            } else {
                V::load_first(self.0.add(i), count, 1.0)
            }
        }
    }
}

impl Operand for Same {
    #[inline(always)]
    unsafe fn load<V: Vector>(self, _: usize, _: usize) -> V {
        // SAFETY: the caller vouches for the value.
        unsafe { V::splat(*self.0) }
    }
}

impl Operand for Channels {
    #[inline(always)]
    unsafe fn load<V: Vector>(self, i: usize, _: usize) -> V {
        // SAFETY: the caller vouches for eight values.
        unsafe { channel_values(self.0, i) }
    }
}

impl Operand for Source {
    #[inline(always)]
    unsafe fn load<V: Vector>(self, i: usize, count: usize) -> V {
        // SAFETY: the caller vouches for the values.
        unsafe {
            match self {
                Self::Run(start) => Run(start).load(i, count),
                Self::Same(start) => Same(start).load(i, count),
                Self::Channels(start) => Channels(start).load(i, count),
                Self::Strided(start, step) => {
                    let mut lanes = [1.0; MOST_LANES];
                    for (j, lane) in lanes.iter_mut().enumerate().take(V::LANES.min(count)) {
                        *lane = *start.add((i + j) * step);
                    }
                    V::load(lanes.as_ptr())
                }
            }
        }
    }
}

/// The values of the channels of a vector that starts at element `i` of a run
/// of pixels of one block.
///
/// # Safety
///
/// Eight values are readable; the processor has the vector's instructions.
#[inline(always)]
pub(super) unsafe fn channel_values<V: Vector>(values: *const f32, i: usize) -> V {
    // SAFETY: the caller vouches for eight values.
    unsafe {
        if V::LANES > LANES {
            V::load_halves(values, values)
        } else {
            V::load(values.add(i % LANES))
        }
    }
}

/// What is computed from an element of each operand.
trait Function: Copy {
    /// The results for the elements from `i` on.
    unsafe fn apply<V: Vector>(self, i: usize, left: V, right: V) -> V;
}

/// Applies a function to `len` elements. The output may be an operand.
#[inline(always)]
unsafe fn map<V: Vector>(
    function: impl Function,
    left: impl Operand,
    right: impl Operand,
    output: *mut f32,
    len: usize,
) {
    let whole = len / V::LANES * V::LANES;
    // SAFETY: the caller vouches for `len` elements everywhere.
    unsafe {
        for i in (0..whole).step_by(V::LANES) {
            let (left, right) = (left.load(i, V::LANES), right.load(i, V::LANES));
            function.apply::<V>(i, left, right).store(output.add(i));
        }
        if whole < len {
            let rest = len - whole;
            let (left, right) = (left.load(whole, rest), right.load(whole, rest));
            function.apply::<V>(whole, left, right).store_first(output.add(whole), rest);
        }
    }
}

shells! {
    /// Applies an activation to `len` elements. `slopes` are those of the
    /// channels of a block, or null.
    pub(super) fn activate_run(
        input: *const f32,
        output: *mut f32,
        len: usize,
        activation: Activation,
        slopes: *const f32
    ) = activate_run_body;
}

#[derive(Clone, Copy)]
struct Activate {
    activation: Activation,
    slopes: *const f32,
}

impl Function for Activate {
    #[inline(always)]
    unsafe fn apply<V: Vector>(self, i: usize, left: V, _: V) -> V {
        // SAFETY: the caller vouches for the slopes, if there are any.
        let slopes = unsafe {
            if self.slopes.is_null() { left.like(0.0) } else { channel_values(self.slopes, i) }
        };
        math::activate(&self.activation, slopes, left)
    }
}

#[inline(always)]
unsafe fn activate_run_body<V: Vector>(
    input: *const f32,
    output: *mut f32,
    len: usize,
    activation: Activation,
    slopes: *const f32,
) {
    // SAFETY: the caller has this contract.
    unsafe {
        map::<V>(Activate { activation, slopes }, Run(input), Run(input), output, len);
    }
}

/// `activation(input * scale + shift)` for a run of pixels of one block.
#[derive(Clone, Copy)]
pub(super) struct Scaling {
    /// First element.
    pub(super) input: *const f32,
    /// First element; may be the input.
    pub(super) output: *mut f32,
    /// Elements.
    pub(super) len: usize,
    /// Eight factors.
    pub(super) scale: *const f32,
    /// Eight offsets.
    pub(super) shift: *const f32,
    /// Applied to the result.
    pub(super) activation: Activation,
    /// Eight slopes, or null.
    pub(super) slopes: *const f32,
}

shells! {
    /// Scales a run of pixels.
    pub(super) fn scale_run(job: &Scaling) = scale_run_body;
}

impl Function for &Scaling {
    #[inline(always)]
    unsafe fn apply<V: Vector>(self, i: usize, left: V, right: V) -> V {
        // SAFETY: the caller vouches for eight values of each.
        unsafe {
            let (scale, shift) = (channel_values(self.scale, i), channel_values(self.shift, i));
            let Scaling { activation, slopes, .. } = *self;
            Activate { activation, slopes }.apply(i, left.fma(scale, shift), right)
        }
    }
}

#[inline(always)]
unsafe fn scale_run_body<V: Vector>(job: &Scaling) {
    // SAFETY: the caller has this contract.
    unsafe { map::<V>(job, Run(job.input), Run(job.input), job.output, job.len) }
}

/// A function of two runs.
#[derive(Clone, Copy)]
pub(super) struct Combination {
    /// Left operand.
    pub(super) left: Source,
    /// Right operand.
    pub(super) right: Source,
    /// First element; may be that of an operand that is a run.
    pub(super) output: *mut f32,
    /// Elements.
    pub(super) len: usize,
    /// What is computed.
    pub(super) operation: BinaryOperation,
    /// Applied to the result, without slopes.
    pub(super) activation: Activation,
}

impl Combination {
    /// Computes the run; `slopes` are those of the channels of a block, or
    /// null.
    ///
    /// # Safety
    ///
    /// The operands, the output and, if the activation has slopes, eight of
    /// them exist; the processor has `isa`.
    pub(super) unsafe fn run(&self, isa: Isa, slopes: *const f32) {
        let Self { output, activation, .. } = *self;
        for first in (0..self.len).step_by(RUN) {
            let len = RUN.min(self.len - first);
            let output = output.wrapping_add(first);
            let (left, right) = (self.left.from(first), self.right.from(first));
            // SAFETY: the caller vouches for the whole run.
            unsafe {
                combine(isa, &Self { left, right, output, len, ..*self });
                if !matches!(activation, Activation::Identity | Activation::Relu) {
                    activate_run(isa, output, output, len, activation, slopes);
                }
            }
        }
    }
}

shells! {
    /// Combines two runs, and applies the activation if it is Relu.
    fn combine(job: &Combination) = combine_body;
}

/// A function followed by Relu.
#[derive(Clone, Copy)]
struct Rectified<F>(F);

impl<F: Function> Function for Rectified<F> {
    #[inline(always)]
    unsafe fn apply<V: Vector>(self, i: usize, left: V, right: V) -> V {
        // SAFETY: the caller has this contract.
        let result = unsafe { self.0.apply(i, left, right) };
        result.like(0.0).max(result)
    }
}

/// Declares a type for each operation.
macro_rules! operations {
    ($($name:ident($left:ident, $right:ident) = $result:expr;)*) => {
        $(#[derive(Clone, Copy)]
        struct $name;

        impl Function for $name {
            #[inline(always)]
            unsafe fn apply<V: Vector>(self, _: usize, $left: V, $right: V) -> V {
                $result
            }
        })*

        #[inline(always)]
        unsafe fn combine_body<V: Vector>(job: &Combination) {
            // SAFETY: the caller has this contract.
            unsafe {
                match job.operation {
                    $(BinaryOperation::$name if job.activation == Activation::Relu => {
                        combine_by::<V>(job, Rectified($name));
                    }
                    BinaryOperation::$name => combine_by::<V>(job, $name),)*
                }
            }
        }
    };
}

operations! {
    Add(a, b) = a + b;
    Sub(a, b) = a - b;
    Mul(a, b) = a * b;
    Div(a, b) = a / b;
    Min(a, b) = keep_nan(a, a.min(b));
    Max(a, b) = keep_nan(a, a.max(b));
    Pow(a, b) = power(a, b);
    ParametricRelu(a, b) = a.select_greater(a.like(0.0), a, a * b);
}

/// `x` where it is NaN, else `result`. Vectors let the right operand win where
/// either is NaN; a magnitude is above -1 unless it is NaN.
#[inline(always)]
fn keep_nan<V: Vector>(x: V, result: V) -> V {
    x.abs().select_greater(x.like(-1.0), result, x)
}

#[inline(always)]
fn power<V: Vector>(bases: V, exponents: V) -> V {
    let (mut x, mut y) = ([0.0; MOST_LANES], [0.0; MOST_LANES]);
    // SAFETY: there are at least `LANES` places; an operand proves the
    // instructions.
    unsafe {
        bases.store(x.as_mut_ptr());
        exponents.store(y.as_mut_ptr());
        if y[..V::LANES].iter().all(|&y| y == 2.0) {
            return bases * bases;
        }
        for (x, y) in x.iter_mut().zip(y).take(V::LANES) {
            *x = scalar::pow(*x, y);
        }
        V::load(x.as_ptr())
    }
}

#[inline(always)]
unsafe fn combine_by<V: Vector>(job: &Combination, function: impl Function) {
    let Combination { output, len, .. } = *job;
    // SAFETY: the caller has this contract.
    unsafe {
        match (job.left, job.right) {
            (Source::Run(a), Source::Run(b)) => map::<V>(function, Run(a), Run(b), output, len),
            (Source::Run(a), Source::Same(b)) => map::<V>(function, Run(a), Same(b), output, len),
            (Source::Same(a), Source::Run(b)) => map::<V>(function, Same(a), Run(b), output, len),
            (Source::Run(a), Source::Channels(b)) => {
                map::<V>(function, Run(a), Channels(b), output, len);
            }
            (left, right) => map::<V>(function, left, right, output, len),
        }
    }
}
