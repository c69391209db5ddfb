//! Values of tensors in the text form.

/// An element of a tensor as text and as bits.
pub(super) trait Element: Copy + PartialEq {
    /// Its bits; equal exactly where the values are the same.
    fn bits(self) -> u64;

    /// As it is written.
    fn text(self) -> String;

    /// What is written.
    fn read(text: &str) -> Option<Self>;

    /// The element nearest to a number.
    fn nearest(number: f64) -> Self;
}

macro_rules! integers {
    ($($integer:ty),*) => {
        $(impl Element for $integer {
            fn bits(self) -> u64 {
                self as u64
            }

            fn text(self) -> String {
                self.to_string()
            }

            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }

            fn nearest(number: f64) -> Self {
                number.round() as Self
            }
        })*
    };
}

macro_rules! floats {
    ($($float:ty),*) => {
        $(impl Element for $float {
            fn bits(self) -> u64 {
                self.to_bits().into()
            }

            fn text(self) -> String {
                let text = format!("{self:?}");
                text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
            }

            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }

            fn nearest(number: f64) -> Self {
                number as Self
            }
        })*
    };
}

integers!(i8, i16, i32, i64, u8, u16, u32, u64);
floats!(f32, f64);

impl Element for bool {
    fn bits(self) -> u64 {
        self.into()
    }

    fn text(self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn nearest(number: f64) -> Self {
        number > 0.0
    }
}
