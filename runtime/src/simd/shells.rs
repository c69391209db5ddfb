//! The macro that compiles a kernel's body for every instruction set.

/// Declares an unsafe function that runs a generic body with the vectors of an
/// [`Isa`](super::Isa), its first parameter.
///
/// ```ignore
/// shells! {
///     /// Doubles `len` values.
///     pub(crate) fn double(data: *mut f32, len: usize) = double_body;
/// }
///
/// #[inline(always)]
/// unsafe fn double_body<V: Vector>(data: *mut f32, len: usize) { .. }
///
/// unsafe { double(isa, data, len) }
/// ```
///
/// Besides what the body asks for, the caller vouches that the processor has
/// the instruction set. One that another architecture has runs the portable
/// body.
macro_rules! shells {
    (
        $(#[$meta:meta])*
        $visibility:vis fn $name:ident
            ($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? = $body:ident;
    ) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $visibility unsafe fn $name(isa: $crate::simd::Isa, $($argument: $type),*) $(-> $result)? {
            #[inline(never)]
            unsafe fn scalar($($argument: $type),*) $(-> $result)? {
                unsafe { $body::<$crate::simd::Scalar>($($argument),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[inline(never)]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2($($argument: $type),*) $(-> $result)? {
                unsafe { $body::<$crate::simd::Avx2>($($argument),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[inline(never)]
            #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2,fma")]
            unsafe fn avx512($($argument: $type),*) $(-> $result)? {
                unsafe { $body::<$crate::simd::Avx512>($($argument),*) }
            }
            #[cfg(target_arch = "aarch64")]
            #[inline(never)]
            unsafe fn neon($($argument: $type),*) $(-> $result)? {
                unsafe { $body::<$crate::simd::Neon>($($argument),*) }
            }
            // SAFETY: the caller vouches for the instruction set and for what
            // the body asks for.
            unsafe {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    $crate::simd::Isa::Avx2 => avx2($($argument),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::simd::Isa::Avx512 => avx512($($argument),*),
                    #[cfg(target_arch = "aarch64")]
                    $crate::simd::Isa::Neon => neon($($argument),*),
                    #[cfg(not(target_arch = "x86_64"))]
                    $crate::simd::Isa::Avx2 | $crate::simd::Isa::Avx512 => {
                        scalar($($argument),*)
                    }
                    #[cfg(not(target_arch = "aarch64"))]
                    $crate::simd::Isa::Neon => scalar($($argument),*),
                    $crate::simd::Isa::Scalar => scalar($($argument),*),
                }
            }
        }
    };
}
pub(crate) use shells;
