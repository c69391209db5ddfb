//! Scaling pictures with a triangle filter that widens with the reduction, as
//! Pillow's `BILINEAR` does: first along rows, then along columns, rounding to
//! whole values after each.

use image::{Rgb, RgbImage};

/// The picture in another size.
pub(crate) fn scale(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    let (columns, rows) = (taps(picture.width(), width), taps(picture.height(), height));
    let wide = RgbImage::from_fn(width, picture.height(), |x, y| {
        blend(&columns[x as usize], |x| picture.get_pixel(x, y))
    });
    RgbImage::from_fn(width, height, |x, y| blend(&rows[y as usize], |y| wide.get_pixel(x, y)))
}

/// For each new pixel of a row: the old pixels that it is made of, and their
/// weights.
fn taps(from: u32, to: u32) -> Vec<Vec<(u32, f32)>> {
    let step = from as f32 / to as f32;
    let radius = step.max(1.0);
    let pixel = |x: u32| {
        let center = (x as f32 + 0.5) * step;
        let (first, end) = ((center - radius).max(0.0), (center + radius).min(from as f32));
        let near = first.floor() as u32..end.ceil() as u32;
        let weight = |x: u32| 1.0 - (x as f32 + 0.5 - center).abs() / radius;
        let taps = near.map(|x| (x, weight(x).max(0.0)));
        let sum: f32 = taps.clone().map(|(_, weight)| weight).sum();
        taps.map(|(x, weight)| (x, weight / sum)).collect()
    };
    (0..to).map(pixel).collect()
}

fn blend<'a>(taps: &[(u32, f32)], pixel: impl Fn(u32) -> &'a Rgb<u8>) -> Rgb<u8> {
    let mut sums = [0.0; 3];
    for &(x, weight) in taps {
        for (sum, &channel) in sums.iter_mut().zip(&pixel(x).0) {
            *sum += weight * f32::from(channel);
        }
    }
    Rgb(sums.map(|sum| sum.round() as u8))
}
