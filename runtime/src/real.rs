//! Functions of real numbers, which only the standard library has.

macro_rules! functions {
    ($($name:ident: $method:ident;)*) => {
        $(#[doc = concat!("[`f64::", stringify!($method), "`].")]
        pub fn $name(x: f64) -> f64 {
            x.$method()
        })*
    };
}

functions! {
    acos: acos; acosh: acosh; asin: asin; asinh: asinh; atan: atan; atanh: atanh;
    ceil: ceil; cos: cos; cosh: cosh; exp: exp; exp_m1: exp_m1; floor: floor;
    ln: ln; ln_1p: ln_1p; round_ties_even: round_ties_even; sin: sin; sinh: sinh; sqrt: sqrt;
    tan: tan; tanh: tanh; trunc: trunc;
}

/// [`f64::powf`].
pub fn pow(x: f64, y: f64) -> f64 {
    x.powf(y)
}
