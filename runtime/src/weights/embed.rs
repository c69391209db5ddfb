//! Weights inside a program's own image.
//!
//! The assembler includes the file, so that its bytes are no constant of the
//! compiler's. For a library with 100 MB of weights that takes rustc 1.95 one
//! second and 0.5 GB at most, and `cargo check` nothing; `include_bytes!` takes
//! ten seconds and 1.5 GB, writes the bytes into the library three times, and is
//! paid by `cargo check` too. It serves only where the assembler cannot.

use super::{Storage, Weights};

/// Weights that another part of the program holds; made by
/// [`embed_weights!`](crate::embed_weights).
#[doc(hidden)]
#[derive(Debug)]
pub struct Embedded<const BYTES: usize>(#[doc(hidden)] pub &'static EmbeddedBytes<BYTES>);

/// Bytes at the alignment of cache lines.
#[doc(hidden)]
#[derive(Debug)]
#[repr(C, align(64))]
pub struct EmbeddedBytes<const BYTES: usize>(#[doc(hidden)] pub [u8; BYTES]);

impl<const BYTES: usize> Embedded<BYTES> {
    /// The weights.
    #[must_use]
    pub fn weights(&self) -> Weights {
        Weights(Storage::Static(&self.0.0))
    }
}

/// Fails to compile where the assembler would not read a path as it stands.
#[doc(hidden)]
pub const fn require_assembler_path(path: &str) {
    let bytes = path.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        assert!(
            bytes[i] != b'"' && bytes[i] != b'\\' && !bytes[i].is_ascii_control(),
            "the path of embedded weights holds a quote, a backslash or a control character, \
             which the assembler misreads: rename the folder, or compile the model with its \
             weights in a file beside the program"
        );
        i += 1;
    }
}

/// Puts a file of so many bytes into the program's image and names it:
/// `embed_weights!(NAME, path, symbol, bytes)`. Generated code calls it, in a
/// module of its own. The path is absolute, and may be made by `concat!` and
/// `env!`; the symbol stands for the file's content: of those of the same name
/// in a program only one is kept. It allows no `unsafe_code`, which would be an
/// error in a crate that forbids it: the lint passes over macros of others.
#[doc(hidden)]
#[macro_export]
#[cfg(all(
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "x86",
        target_arch = "arm",
        target_arch = "riscv32",
        target_arch = "riscv64",
        target_arch = "loongarch64",
    ),
    // A path with the backslashes of Windows is no string to the assembler, and
    // macros cannot change it.
    not(any(windows, target_os = "uefi", target_os = "cygwin")),
))]
macro_rules! embed_weights {
    ($name:ident, $path:expr, $symbol:literal, $bytes:literal) => {
        $crate::weights_section!($path, $symbol, $bytes);
        pub(super) static $name: $crate::Embedded<$bytes> = {
            // SAFETY: `weights_section!` defines the symbol, aligned, as the
            // whole file; generated code knows how long the file is.
            unsafe extern "C" {
                #[link_name = $symbol]
                safe static BYTES: $crate::EmbeddedBytes<$bytes>;
            }
            $crate::Embedded(&BYTES)
        };
    };
}

/// Puts a file into the program's image and names it.
#[doc(hidden)]
#[macro_export]
#[cfg(not(all(
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "x86",
        target_arch = "arm",
        target_arch = "riscv32",
        target_arch = "riscv64",
        target_arch = "loongarch64",
    ),
    not(any(windows, target_os = "uefi", target_os = "cygwin")),
)))]
macro_rules! embed_weights {
    ($name:ident, $path:expr, $symbol:literal, $bytes:literal) => {
        pub(super) static $name: $crate::Embedded<$bytes> = {
            static BYTES: $crate::EmbeddedBytes<$bytes> =
                $crate::EmbeddedBytes(*::core::include_bytes!($path));
            $crate::Embedded(&BYTES)
        };
    };
}

/// The section that holds a file: ELF. The group makes the linker keep one
/// copy where several crates hold the same network, the condition makes the
/// assembler keep one where one crate does.
#[doc(hidden)]
#[macro_export]
#[cfg(not(target_vendor = "apple"))]
macro_rules! weights_section {
    ($path:expr, $symbol:literal, $bytes:literal) => {
        const _: () = $crate::require_assembler_path($path);
        ::core::arch::global_asm!(
            ::core::concat!(".ifndef ", $symbol),
            ::core::concat!(
                ".pushsection .rodata.",
                $symbol,
                ",\"aG\",%progbits,",
                $symbol,
                ",comdat"
            ),
            ::core::concat!(".weak ", $symbol),
            ::core::concat!(".hidden ", $symbol),
            ::core::concat!(".type ", $symbol, ", %object"),
            ".balign 64",
            ::core::concat!($symbol, ":"),
            ::core::concat!(".incbin \"", $path, "\""),
            ::core::concat!(".size ", $symbol, ", . - ", $symbol),
            // The first fails where the file is shorter than its network's
            // weights, the second where it is longer: the static must not reach
            // past the file. (`.if` fails in optimised builds, in which LLVM
            // looks for symbols before it lays anything out.)
            ::core::concat!(".org . + (. - ", $symbol, ") - ", $bytes),
            ::core::concat!(".org ", $symbol, " + ", $bytes),
            ".popsection",
            ".endif",
            options(raw)
        );
    };
}

/// The section that holds a file: Mach-O, whose symbols begin with `_` and
/// whose linker keeps one of several weak definitions.
#[doc(hidden)]
#[macro_export]
#[cfg(target_vendor = "apple")]
macro_rules! weights_section {
    ($path:expr, $symbol:literal, $bytes:literal) => {
        const _: () = $crate::require_assembler_path($path);
        ::core::arch::global_asm!(
            ::core::concat!(".ifndef _", $symbol),
            ".section __TEXT,__const",
            ::core::concat!(".globl _", $symbol),
            ::core::concat!(".weak_definition _", $symbol),
            ::core::concat!(".private_extern _", $symbol),
            ".p2align 6",
            ::core::concat!("_", $symbol, ":"),
            ::core::concat!(".incbin \"", $path, "\""),
            ".text",
            ".endif",
            options(raw)
        );
    };
}

/// Includes what `cnnc::Build` compiled in this
/// package's build script.
///
/// ```ignore
/// mod squeezenet {
///     cnnc_runtime::include_generated!("squeezenet");
/// }
/// ```
#[macro_export]
macro_rules! include_generated {
    ($name:literal) => {
        ::core::include!(::core::concat!(::core::env!("OUT_DIR"), "/", $name, ".rs"));
    };
}
