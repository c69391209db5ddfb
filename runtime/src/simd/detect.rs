//! Which instruction sets there are and which the processor has.

/// An instruction set that kernels are compiled for, from the least to the
/// most capable on each architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isa {
    /// Portable code without intrinsics.
    Scalar,
    /// 128-bit vectors of 64-bit ARM.
    Neon,
    /// 256-bit vectors and fused multiply-add of x86-64.
    Avx2,
    /// 512-bit vectors of x86-64.
    Avx512,
}

impl Isa {
    const ALL: [Self; 4] = [Self::Scalar, Self::Neon, Self::Avx2, Self::Avx512];

    /// The best instruction set of this processor, or of those below the one
    /// that the environment variable `CNNC_ISA` (`scalar`, `neon`, `avx2`,
    /// `avx512`) names. Without the feature `std`, the best that the program is
    /// compiled for.
    #[must_use]
    pub fn detect() -> Self {
        requested().unwrap_or(Self::Avx512).or_below()
    }

    /// This instruction set, or the best below it that the processor has.
    #[must_use]
    pub fn or_below(self) -> Self {
        Self::available().filter(|isa| isa.rank() <= self.rank()).last().unwrap_or(Self::Scalar)
    }

    /// Those that this processor has, the best last.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|isa| isa.is_available())
    }

    /// Whether this processor has it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
            Self::Neon => cfg!(target_arch = "aarch64"),
            Self::Avx2 => has_avx2(),
            Self::Avx512 => has_avx512(),
        }
    }

    /// The name that `CNNC_ISA` takes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Neon => "neon",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    const fn rank(self) -> usize {
        self as usize
    }
}

impl core::fmt::Display for Isa {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(feature = "std")]
fn requested() -> Option<Isa> {
    let name = std::env::var("CNNC_ISA").ok()?;
    Isa::ALL.into_iter().find(|isa| isa.name().eq_ignore_ascii_case(name.trim()))
}

#[cfg(not(feature = "std"))]
fn requested() -> Option<Isa> {
    None
}

#[cfg(all(target_arch = "x86_64", feature = "std"))]
fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
}

#[cfg(not(all(target_arch = "x86_64", feature = "std")))]
fn has_avx2() -> bool {
    cfg!(all(target_arch = "x86_64", target_feature = "avx2", target_feature = "fma"))
}

#[cfg(all(target_arch = "x86_64", feature = "std"))]
fn has_avx512() -> bool {
    has_avx2()
        && std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512dq")
        && std::arch::is_x86_feature_detected!("avx512vl")
}

#[cfg(not(all(target_arch = "x86_64", feature = "std")))]
fn has_avx512() -> bool {
    has_avx2()
        && cfg!(all(
            target_feature = "avx512f",
            target_feature = "avx512dq",
            target_feature = "avx512vl"
        ))
}
