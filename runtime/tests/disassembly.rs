//! The register tiles keep their sums in registers.
//!
//! A sum that the compiler moves to the stack inside the innermost loop halves
//! the speed of a convolution or worse, and no other test would notice. This
//! one disassembles itself with `objdump`; without that program it says so and
//! passes.

#![cfg(target_arch = "x86_64")]

use cnnc_runtime::Isa;
use cnnc_runtime::kernels::Step;
use cnnc_runtime::step::{
    Activation, Blocked, Blocking, Conv, DepthwiseConv, Halo, Plain, PlanarConv, Section,
};
use std::process::Command;

/// Refers to the kernels, so that they are part of this program.
fn kernels() -> [Box<dyn Step>; 3] {
    let tensor = Blocked::new([1, 8, 4, 4], Halo::default(), 0);
    let section = Section { offset: 0, len: 128 };
    let (one, none) = ([1, 1], [0, 0]);
    let activation = Activation::Identity;
    [
        Box::new(Conv {
            input: tensor,
            output: tensor,
            residual: None,
            weights: section,
            bias: section,
            kernel: one,
            stride: one,
            dilation: one,
            pad: none,
            groups: 1,
            activation,
            blocking: Blocking { input_blocks: 1, rows: 1 },
        }),
        Box::new(PlanarConv {
            input: Plain { offset: 0, len: 16 },
            output: tensor,
            channels: 1,
            height: 4,
            width: 4,
            weights: section,
            bias: section,
            kernel: one,
            stride: one,
            dilation: one,
            activation,
        }),
        Box::new(DepthwiseConv {
            input: tensor,
            output: tensor,
            residual: None,
            weights: section,
            bias: section,
            kernel: one,
            stride: one,
            dilation: one,
            pad: none,
            activation,
        }),
    ]
}

/// Functions of the disassembly with their names.
fn functions(disassembly: &str) -> impl Iterator<Item = (&str, &str)> {
    disassembly.split("\n\n").filter_map(|function| {
        let (head, body) = function.trim_start().split_once(">:\n")?;
        Some((head.split_once('<')?.1, body))
    })
}

/// Whether an instruction stores a wide vector relative to the stack pointer.
fn is_spill(instruction: &str) -> bool {
    let Some((operation, operands)) = instruction.split_once("\tvmov") else { return false };
    let (source, target) = operands
        .split_once(|c: char| c.is_whitespace())
        .and_then(|(_, operands)| operands.trim().split_once(','))
        .unwrap_or_default();
    let wide = source.starts_with("%ymm") || source.starts_with("%zmm");
    !operation.is_empty() && wide && target.contains("(%rsp")
}

#[test]
fn spills_are_recognised() {
    assert!(is_spill("  5e667:\tvmovups %zmm0,0x120(%rsp)"));
    assert!(is_spill("  b6707:\tvmovups %ymm0,-0x30(%rsp)"));
    assert!(!is_spill("  5e667:\tvmovups 0x120(%rsp),%zmm0"));
    assert!(!is_spill("  5e667:\tvmovups %ymm0,0x20(%rbp,%rax,4)"));
    assert!(!is_spill("  5e667:\tmov    %rax,0x120(%rsp)"));
}

#[test]
fn tiles_keep_their_sums_in_registers() {
    let pieces: usize = kernels().iter().map(|step| step.pieces(Isa::detect())).sum();
    assert!(pieces > 0);
    let program = std::env::current_exe().unwrap();
    let arguments = ["--disassemble", "--no-show-raw-insn", "--demangle"];
    let output = match Command::new("objdump").args(arguments).arg(&program).output() {
        Ok(output) if output.status.success() => output,
        _ => {
            eprintln!("skipped: no objdump to look at the tiles with");
            return;
        }
    };
    let disassembly = String::from_utf8_lossy(&output.stdout);
    let is_tile = |name: &str| {
        let wide = name.contains("::avx2") || name.contains("::avx512");
        let tile = name.contains("::tile_function") || name.contains("::convolve_");
        wide && tile && name.contains("kernels::conv::")
    };
    let tiles: Vec<_> = functions(&disassembly).filter(|(name, _)| is_tile(name)).collect();
    if !tiles.iter().any(|(_, body)| body.contains("vfmadd")) {
        eprintln!("skipped: the kernels are not optimised or have no names here");
        return;
    }
    assert!(tiles.len() >= 50, "only {} tiles found", tiles.len());
    for (name, body) in tiles {
        let spills: Vec<_> = body.lines().filter(|line| is_spill(line)).collect();
        assert!(spills.is_empty(), "{name} spills:\n{}", spills.join("\n"));
    }
}
