//! The convolutions as steps.

use super::{depthwise, direct, pad, planar, transposed, transposed_depthwise};
use crate::kernels::Step;
use crate::memory::Memory;
use crate::simd::Isa;
use crate::step::{Activation, Conv, ConvTranspose, DepthwiseConv, DepthwiseConvTranspose};
use crate::step::{PadPlanes, PlanarConv, Residual, Section};
use core::ops::Range;

/// Panics unless the weights hold what every convolution reads of them.
fn require_weights(memory: &Memory<'_>, sections: [&Section; 2], activation: &Activation) {
    sections.into_iter().for_each(|section| memory.require_section(section));
    if let Activation::ChannelRelu { slopes } = activation {
        memory.require_section(slopes);
    }
}

fn require_residual(memory: &Memory<'_>, residual: Option<&Residual>) {
    if let Some(residual) = residual {
        memory.require_blocked(&residual.view);
    }
}

impl Step for Conv {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_blocked(&self.input);
        memory.require_blocked(&self.output);
        require_residual(memory, self.residual.as_ref());
        require_weights(memory, [&self.weights, &self.bias], &self.activation);
        direct::check(self);
    }

    fn pieces(&self, isa: Isa) -> usize {
        direct::pieces(self, isa)
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        // SAFETY: this is the contract of `Step::run`.
        unsafe { direct::run(self, memory.arena(), memory.weights(), isa, pieces) }
    }
}

impl Step for PlanarConv {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_plain(&self.input, 4);
        memory.require_blocked(&self.output);
        require_weights(memory, [&self.weights, &self.bias], &self.activation);
        planar::check(self);
    }

    fn pieces(&self, isa: Isa) -> usize {
        planar::pieces(self, isa)
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        // SAFETY: this is the contract of `Step::run`.
        unsafe { planar::run(self, memory.arena(), memory.weights(), isa, pieces) }
    }
}

impl Step for DepthwiseConv {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_blocked(&self.input);
        memory.require_blocked(&self.output);
        require_residual(memory, self.residual.as_ref());
        require_weights(memory, [&self.weights, &self.bias], &self.activation);
        depthwise::check(self);
    }

    fn pieces(&self, _: Isa) -> usize {
        depthwise::pieces(self)
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        // SAFETY: this is the contract of `Step::run`.
        unsafe { depthwise::run(self, memory.arena(), memory.weights(), isa, pieces) }
    }
}

impl Step for ConvTranspose {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_blocked(&self.input);
        memory.require_blocked(&self.output);
        require_weights(memory, [&self.weights, &self.bias], &self.activation);
        transposed::check(self);
    }

    fn pieces(&self, isa: Isa) -> usize {
        transposed::pieces(self, isa)
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        // SAFETY: this is the contract of `Step::run`.
        unsafe { transposed::run(self, memory.arena(), memory.weights(), isa, pieces) }
    }
}

impl Step for DepthwiseConvTranspose {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_blocked(&self.input);
        memory.require_blocked(&self.output);
        require_weights(memory, [&self.weights, &self.bias], &self.activation);
        transposed_depthwise::check(self);
    }

    fn pieces(&self, _: Isa) -> usize {
        transposed_depthwise::pieces(self)
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        // SAFETY: this is the contract of `Step::run`.
        unsafe { transposed_depthwise::run(self, memory.arena(), memory.weights(), isa, pieces) }
    }
}

impl Step for PadPlanes {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_plain(&self.input, 4);
        memory.require_plain(&self.output, 4);
        pad::check(self);
    }

    fn pieces(&self, _: Isa) -> usize {
        pad::pieces(self)
    }

    unsafe fn run(&self, memory: &Memory<'_>, _: Isa, pieces: Range<usize>) {
        // SAFETY: this is the contract of `Step::run`.
        unsafe { pad::run(self, memory.arena(), pieces) }
    }
}
