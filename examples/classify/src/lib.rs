//! From a picture to the names of what is on it, by SqueezeNet 1.1.

use cnnc_runtime::{Shape4, Tensor};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;
use squeezenet::{MEAN, Model};
use std::error::Error;

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
pub fn read(path: &str) -> Result<Picture, Box<dyn Error>> {
    prepare(&image::open(path)?.into_rgb8())
}

/// Scales a picture and cuts out the middle; channels blue, green, red, minus
/// their mean.
///
/// # Errors
/// Where the picture is too large to be scaled.
pub fn prepare(picture: &RgbImage) -> Result<Picture, Box<dyn Error>> {
    let (width, height) = picture.dimensions();
    let scaled = |side: u32| (side * SCALED).div_ceil(width.min(height));
    let source = ImageRef::new(width, height, picture.as_raw(), PixelType::U8x3)?;
    let mut target = Image::new(scaled(width), scaled(height), PixelType::U8x3);
    let bilinear = ResizeAlg::Convolution(FilterType::Bilinear);
    let options = ResizeOptions::new().resize_alg(bilinear);
    Resizer::new().resize(&source, &mut target, &options)?;
    let row = 3 * target.width() as usize;
    let left = 3 * ((target.width() - SIDE) / 2) as usize;
    let top = ((target.height() - SIDE) / 2) as usize;
    let rows = target.buffer().chunks_exact(row).skip(top).take(SIDE as usize);
    let pixels = rows.flat_map(|row| row[left..][..3 * SIDE as usize].chunks_exact(3));
    let mut input = Picture::zeros();
    let planes = input.as_mut_slice().chunks_exact_mut((SIDE * SIDE) as usize);
    for (plane, (channel, mean)) in planes.zip([2, 1, 0].into_iter().zip(MEAN)) {
        for (value, pixel) in plane.iter_mut().zip(pixels.clone()) {
            *value = f32::from(pixel[channel]) - mean;
        }
    }
    Ok(input)
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
