//! Functions of one value that only the standard library has.

/// Natural logarithm.
pub(super) fn ln(x: f32) -> f32 {
    (logarithm(f64::from(x))) as f32
}

/// Power.
pub(super) fn pow(x: f32, exponent: f32) -> f32 {
    #[cfg(feature = "std")]
    {
        x.powf(exponent)
    }
    #[cfg(not(feature = "std"))]
    {
        power(x, exponent)
    }
}

/// Natural logarithm in f64.
fn logarithm(x: f64) -> f64 {
    #[cfg(feature = "std")]
    {
        x.ln()
    }
    #[cfg(not(feature = "std"))]
    {
        portable_logarithm(x)
    }
}

/// `x = 2^n m`; `ln m = 2 artanh((m - 1) / (m + 1))` by its series, with `m`
/// between the square roots of 1/2 and 2.
#[cfg(any(not(feature = "std"), test))]
fn portable_logarithm(x: f64) -> f64 {
    if x.is_nan() || x < 0.0 {
        return f64::NAN;
    }
    if x == 0.0 {
        return f64::NEG_INFINITY;
    }
    if x.is_infinite() {
        return x;
    }
    let scaled = if x < f64::MIN_POSITIVE { x * (1u64 << 54) as f64 } else { x };
    let bits = scaled.to_bits();
    let mut exponent = ((bits >> 52) as i64 - 1023) as f64;
    if x < f64::MIN_POSITIVE {
        exponent -= 54.0;
    }
    let mut m = f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52);
    if m > core::f64::consts::SQRT_2 {
        m /= 2.0;
        exponent += 1.0;
    }
    let t = (m - 1.0) / (m + 1.0);
    let series = (0..16).rev().fold(0.0, |sum, k| sum * t * t + 1.0 / f64::from(2 * k + 1));
    exponent * core::f64::consts::LN_2 + 2.0 * t * series
}

/// `x = n ln 2 + r`; the series of `e^r` to degree 16.
#[cfg(any(not(feature = "std"), test))]
fn exponential(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x > 709.78 {
        return f64::INFINITY;
    }
    if x < -708.0 {
        return 0.0;
    }
    let turns = x * core::f64::consts::LOG2_E;
    let n = (turns + if turns < 0.0 { -0.5 } else { 0.5 }) as i64;
    let r = x - n as f64 * core::f64::consts::LN_2;
    let series = (1..=16).rev().fold(1.0, |sum, k| 1.0 + r / f64::from(k) * sum);
    let half = n / 2;
    let power = |n: i64| f64::from_bits(((n + 1023) as u64) << 52);
    series * power(half) * power(n - half)
}

#[cfg(any(not(feature = "std"), test))]
fn power(x: f32, exponent: f32) -> f32 {
    let (x, exponent) = (f64::from(x), f64::from(exponent));
    let whole = exponent as i64 as f64 == exponent;
    if exponent == 0.0 || x == 1.0 {
        return 1.0;
    }
    if x < 0.0 && !whole {
        return f32::NAN;
    }
    let magnitude = exponential(exponent * portable_logarithm(x.abs()));
    let odd = whole && exponent.abs() < 9e15 && exponent as i64 % 2 != 0;
    (if x.is_sign_negative() && odd { -magnitude } else { magnitude }) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portable_functions_agree_with_the_standard_library() {
        for i in -200..200 {
            let x = f64::from(i) * 0.37;
            assert!((exponential(x) / x.exp() - 1.0).abs() < 1e-13, "exp {x}");
            let y = x.abs() + 1e-3;
            assert!((portable_logarithm(y) - y.ln()).abs() < 1e-13 * y.ln().abs().max(1.0));
            let (base, exponent) = (y as f32, (x * 0.1) as f32);
            let (found, expected) = (power(base, exponent), base.powf(exponent));
            assert!((found - expected).abs() <= expected * 1e-6, "{base}^{exponent}");
        }
        assert_eq!(power(-2.0, 3.0), -8.0);
        assert!(power(-2.0, 0.5).is_nan());
        assert_eq!(portable_logarithm(0.0), f64::NEG_INFINITY);
        assert_eq!(exponential(1000.0), f64::INFINITY);
    }
}
