//! How every operator set writes a [`Resize`].

use super::{COORDINATES, Coordinates, Interpolation, ROUNDINGS, Resize, Rounding};
use crate::error::{Error, Result, printable};
use crate::ir::{Signature, Tensor};
use crate::ops::floats::widened;
use crate::ops::reading::{axes, check, constant, list, size};

pub(in crate::ops) fn choice<T: Copy>(
    signature: &Signature<'_>,
    name: &str,
    otherwise: &str,
    among: &[(&str, T)],
) -> Result<T> {
    let given = signature.attributes.string_or(name, otherwise)?;
    let found = among.iter().find(|(spelling, _)| *spelling == given);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = among.iter().map(|(name, _)| *name).collect();
        Error::malformed(format!(
            "expected attribute `{name}` to be one of {}, found `{}`",
            names.join(", "),
            printable(given)
        ))
    })
}

/// Before operator set 11 places are `x / scale`, and the pixel before them is
/// the nearest.
pub(super) fn upsample(signature: &Signature<'_>, input: &[usize]) -> Result<Resize> {
    let given = if signature.operator == "Upsample" && signature.opset < 9 {
        check(signature, &["mode", "scales"], 1)?;
        signature.attributes.floats("scales")?.cloned()
    } else {
        check(signature, &["mode"], 2)?;
        constant(signature, 1, "scales")?.map(floats).transpose()?
    };
    let scales = given.ok_or_else(|| Error::malformed("the scales are missing"))?;
    scaled(old_interpolation(signature)?, Coordinates::Asymmetric, input, &scales)
}

pub(in crate::ops) fn old_interpolation(signature: &Signature<'_>) -> Result<Interpolation> {
    choice(signature, "mode", "nearest", &[
        ("nearest", Interpolation::Nearest { rounding: Rounding::Floor }),
        ("linear", Interpolation::Linear { antialias: false }),
        ("bilinear", Interpolation::Linear { antialias: false }),
    ])
}

/// A resize by factors for every dimension.
fn scaled(
    interpolation: Interpolation,
    coordinates: Coordinates,
    input: &[usize],
    scales: &[f32],
) -> Result<Resize> {
    if scales.len() != input.len() {
        return Err(Error::shape(format!(
            "expected {} scales, one a dimension, found {}",
            input.len(),
            scales.len()
        )));
    }
    let sizes = input.iter().zip(scales).map(|(&size, &scale)| {
        // The product in f32 is what a file's author computed with.
        (size as f32 * scale).floor() as usize
    });
    Ok(Resize {
        interpolation,
        coordinates,
        exclude_outside: false,
        extrapolation: 0.0,
        sizes: sizes.collect(),
        scales: scales.to_vec(),
        region: vec![[0.0, 1.0]; input.len()],
    })
}

fn floats(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(widened(tensor)?.iter().map(|&value| value as f32).collect())
}

pub(in crate::ops) fn interpolation(signature: &Signature<'_>) -> Result<Interpolation> {
    let attributes = signature.attributes;
    let antialias = attributes.flag("antialias")?;
    let a = attributes.float_or("cubic_coeff_a", -0.75)?;
    let rounding = choice(signature, "nearest_mode", "round_prefer_floor", &ROUNDINGS)?;
    choice(signature, "mode", "nearest", &[
        ("nearest", Interpolation::Nearest { rounding }),
        ("linear", Interpolation::Linear { antialias }),
        ("cubic", Interpolation::Cubic { a, antialias }),
    ])
}

/// Attributes of operator set 11, and those that came in 18.
pub(in crate::ops) const WRITTEN: [&str; 9] = [
    "coordinate_transformation_mode",
    "cubic_coeff_a",
    "exclude_outside",
    "extrapolation_value",
    "mode",
    "nearest_mode",
    "antialias",
    "axes",
    "keep_aspect_ratio_policy",
];

/// The operator as sets from 11 on write it.
pub(super) fn resize(signature: &Signature<'_>, input: &[usize]) -> Result<Resize> {
    let known = if signature.opset < 18 { &WRITTEN[..6] } else { &WRITTEN[..] };
    check(signature, known, 4)?;
    let coordinates =
        choice(signature, "coordinate_transformation_mode", "half_pixel", &COORDINATES)?;
    let rank = input.len();
    let axes = match signature.attributes.ints("axes")? {
        Some(given) => axes(given, rank)?,
        None => (0..rank).collect(),
    };
    let given = |slot, what| {
        let tensor = constant(signature, slot, what)?;
        Ok::<_, Error>(tensor.filter(|tensor| !tensor.is_empty()))
    };
    let mut scales = vec![1.0f32; rank];
    let resize = match (given(2, "scales")?, given(3, "sizes")?) {
        (Some(factors), None) => {
            let factors = floats(factors)?;
            check_count(factors.len(), axes.len(), "scales")?;
            axes.iter().zip(factors).for_each(|(&axis, factor)| scales[axis] = factor);
            scaled(interpolation(signature)?, coordinates, input, &scales)?
        }
        (None, Some(wanted)) => {
            let wanted = list(wanted, "sizes")?;
            check_count(wanted.len(), axes.len(), "sizes")?;
            let wanted =
                wanted.into_iter().map(|s| size(s, "sizes")).collect::<Result<Vec<_>>>()?;
            let sizes = fitted(signature, input, &axes, &wanted)?;
            let mut resize = scaled(interpolation(signature)?, coordinates, input, &scales)?;
            for (axis, size, scale) in sizes {
                resize.sizes[axis] = size;
                resize.scales[axis] = scale;
            }
            resize
        }
        _ => return Err(Error::malformed("expected either scales or sizes")),
    };
    let mut region = resize.region.clone();
    if coordinates == Coordinates::CropAndResize {
        let places = given(1, "roi")?
            .ok_or_else(|| Error::malformed("tf_crop_and_resize needs the operand `roi`"))?;
        let places = floats(places)?;
        check_count(places.len(), 2 * axes.len(), "roi")?;
        for (i, &axis) in axes.iter().enumerate() {
            region[axis] = [places[i], places[axes.len() + i]];
        }
    }
    Ok(Resize {
        exclude_outside: signature.attributes.flag("exclude_outside")?,
        extrapolation: signature.attributes.float_or("extrapolation_value", 0.0)?,
        region,
        ..resize
    })
}

fn check_count(found: usize, expected: usize, what: &str) -> Result<()> {
    match found == expected {
        true => Ok(()),
        false => Err(Error::shape(format!("expected {expected} values in `{what}`, found {found}"))),
    }
}

/// Axes with their sizes and factors, where the sizes are given.
fn fitted(
    signature: &Signature<'_>,
    input: &[usize],
    axes: &[usize],
    wanted: &[usize],
) -> Result<Vec<(usize, usize, f32)>> {
    let factor = |axis: usize, size: usize| size as f32 / input[axis].max(1) as f32;
    let factors = axes.iter().zip(wanted).map(|(&axis, &size)| factor(axis, size));
    let policy = signature.attributes.string_or("keep_aspect_ratio_policy", "stretch")?;
    let common = match policy {
        "stretch" => None,
        "not_larger" => factors.reduce(f32::min),
        "not_smaller" => factors.reduce(f32::max),
        other => {
            return Err(Error::malformed(format!(
                "attribute `keep_aspect_ratio_policy` is `{}`",
                printable(other)
            )));
        }
    };
    Ok(axes
        .iter()
        .zip(wanted)
        .map(|(&axis, &size)| match common {
            None => (axis, size, factor(axis, size)),
            Some(scale) => (axis, (scale * input[axis] as f32 + 0.5).floor() as usize, scale),
        })
        .collect())
}

/// The operator as the text form writes it.
pub(super) fn as_text(signature: &Signature<'_>, input: &[usize]) -> Result<Resize> {
    check(signature, &[&WRITTEN[..], &["roi", "scales", "sizes"]].concat(), 1)?;
    let attributes = signature.attributes;
    let scales = attributes.floats("scales")?.cloned().unwrap_or_default();
    let coordinates =
        choice(signature, "coordinate_transformation_mode", "half_pixel", &COORDINATES)?;
    let mut resize = scaled(interpolation(signature)?, coordinates, input, &scales)?;
    if let Some(sizes) = attributes.ints("sizes")? {
        check_count(sizes.len(), input.len(), "sizes")?;
        resize.sizes = sizes.iter().map(|&s| size(s, "sizes")).collect::<Result<_>>()?;
    }
    if let Some(region) = attributes.floats("roi")? {
        check_count(region.len(), 2 * input.len(), "roi")?;
        resize.region = region.as_chunks().0.to_vec();
    }
    resize.exclude_outside = attributes.flag("exclude_outside")?;
    resize.extrapolation = attributes.float_or("extrapolation_value", 0.0)?;
    Ok(resize)
}
