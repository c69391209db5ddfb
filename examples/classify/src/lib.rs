//! From a picture to the names of what is on it, by SqueezeNet 1.1.

mod scale;

use cnnc_runtime::{Shape4, Tensor};
use image::RgbImage;
use image::imageops::crop_imm;
use scale::scale;
use squeezenet::{MEAN, Model};
use std::path::Path;

/// Side of the pictures that the network takes.
const SIDE: u32 = 227;

/// What the shorter side is scaled to before the middle is cut out: 256/224,
/// as usual for ImageNet.
const SCALED: u32 = 259;

/// Names of the classes, one a line.
const CLASSES: &str = include_str!("../../models/imagenet_classes.txt");

/// The network's input.
pub type Picture = Tensor<f32, Shape4<1, 3, 227, 227>>;

/// Reads a picture.
///
/// # Errors
/// Where the file is no PNG picture.
pub fn read(path: &Path) -> image::ImageResult<Picture> {
    Ok(prepare(&image::open(path)?.into_rgb8()))
}

/// Scales a picture and cuts out the middle; channels blue, green, red, minus
/// their mean.
#[must_use]
pub fn prepare(picture: &RgbImage) -> Picture {
    let (width, height) = picture.dimensions();
    let scaled = |side: u32| (side * SCALED).div_ceil(width.min(height));
    let (width, height) = (scaled(width), scaled(height));
    let scaled = scale(picture, width, height);
    let picture = crop_imm(&scaled, (width - SIDE) / 2, (height - SIDE) / 2, SIDE, SIDE).to_image();
    let mut input = Picture::zeros();
    let planes = input.as_mut_slice().chunks_exact_mut((SIDE * SIDE) as usize);
    for (plane, (channel, mean)) in planes.zip([2, 1, 0].into_iter().zip(MEAN)) {
        for (value, pixel) in plane.iter_mut().zip(picture.pixels()) {
            *value = f32::from(pixel[channel]) - mean;
        }
    }
    input
}

/// The most probable classes, best first: name and probability.
pub fn classify(model: &mut Model, picture: &Picture, count: usize) -> Vec<(&'static str, f32)> {
    let probabilities = model.run(picture.view());
    let mut classes: Vec<_> =
        CLASSES.lines().zip(probabilities.as_slice().iter().copied()).collect();
    classes.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    classes.truncate(count);
    classes
}
