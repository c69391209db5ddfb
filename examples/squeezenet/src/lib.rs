//! SqueezeNet 1.1 (Iandola et al. 2016), trained on ImageNet: a model crate
//! made by a build script.
//!
//! The network takes pictures of 227 x 227 pixels, channels blue, green, red,
//! minus their mean; it gives the probabilities of 1000 classes.

cnnc_runtime::include_generated!("squeezenet");

/// Mean of blue, green and red over the training pictures, of 255.
pub const MEAN: [f32; 3] = [104.006, 116.669, 122.679];
