//! Denormal numbers as zero.

use core::marker::PhantomData;

/// While it lives, the thread's floating-point unit treats denormal numbers as
/// zero: each one it meets would cost more than a hundred ordinary operations.
/// The mode that was before comes back when it is dropped, which must happen
/// on the same thread: it cannot be sent to another.
#[derive(Debug)]
pub(crate) struct Denormals {
    before: u64,
    thread: PhantomData<*mut ()>,
}

/// `MXCSR`: flush results to zero (bit 15) and take operands as zero (bit 6).
#[cfg(target_arch = "x86_64")]
const FLUSH: u64 = 1 << 15 | 1 << 6;

/// `FPCR.FZ`.
#[cfg(target_arch = "aarch64")]
const FLUSH: u64 = 1 << 24;

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const FLUSH: u64 = 0;

impl Denormals {
    pub(crate) fn flush() -> Self {
        let before = read();
        write(before | FLUSH);
        Self { before, thread: PhantomData }
    }
}

impl Drop for Denormals {
    fn drop(&mut self) {
        write(self.before);
    }
}

#[cfg(target_arch = "x86_64")]
fn read() -> u64 {
    let mut control = 0u32;
    // SAFETY: stores the 4 bytes of a register that every x86-64 processor has.
    unsafe {
        core::arch::asm!("stmxcsr [{}]", in(reg) &raw mut control, options(nostack, preserves_flags));
    }
    control.into()
}

#[cfg(target_arch = "x86_64")]
fn write(control: u64) {
    let control = control as u32;
    // SAFETY: only bits of denormals differ from a value that was read; exact
    // numbers are not affected, and all code here runs between `flush` and drop.
    unsafe {
        core::arch::asm!("ldmxcsr [{}]", in(reg) &raw const control, options(nostack, preserves_flags));
    }
}

#[cfg(target_arch = "aarch64")]
fn read() -> u64 {
    let control: u64;
    // SAFETY: reads a register that every aarch64 processor has.
    unsafe { core::arch::asm!("mrs {}, fpcr", out(reg) control, options(nomem, nostack)) };
    control
}

#[cfg(target_arch = "aarch64")]
fn write(control: u64) {
    // SAFETY: only the bit of denormals differs from a value that was read.
    unsafe { core::arch::asm!("msr fpcr, {}", in(reg) control, options(nomem, nostack)) };
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn read() -> u64 {
    0
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn write(_: u64) {}

#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use super::Denormals;
    use core::hint::black_box;

    #[test]
    fn denormals_are_zero_only_meanwhile() {
        let half = || black_box(f32::MIN_POSITIVE) * black_box(0.5);
        assert!(half() > 0.0);
        let denormals = Denormals::flush();
        assert_eq!(half(), 0.0);
        drop(denormals);
        assert!(half() > 0.0);
    }
}
