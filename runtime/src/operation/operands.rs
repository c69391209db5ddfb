//! Operands by their slot.

use super::{Failure, Input, Native, Output};

/// The operand in a slot; `None` where it is missing.
pub(super) fn optional<'a>(inputs: &[Option<Input<'a>>], slot: usize) -> Option<Input<'a>> {
    inputs.get(slot).copied().flatten()
}

/// The operand in a slot.
pub(super) fn required<'a>(
    inputs: &[Option<Input<'a>>],
    slot: usize,
) -> Result<Input<'a>, Failure> {
    optional(inputs, slot).ok_or(Failure("an operand is missing"))
}

/// The elements of the operand in a slot; none where it is missing.
pub(super) fn elements<'a, T: Native>(
    inputs: &[Option<Input<'a>>],
    slot: usize,
) -> Result<&'a [T], Failure> {
    optional(inputs, slot).map_or(Ok(&[]), |input| input.values())
}

/// The only result.
pub(super) fn only<'a, 'b>(outputs: &'b mut [Output<'a>]) -> Result<&'b mut Output<'a>, Failure> {
    match outputs {
        [output] => Ok(output),
        _ => Err(Failure("expected one result")),
    }
}
