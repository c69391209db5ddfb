//! Reads a handwritten digit: a network in one line of source.
//!
//! `cargo run --release -p digits`

use cnnc_runtime::{Shape4, View};
use std::error::Error;

mod mnist {
    cnnc_runtime::include_model!("../models/mnist/model.onnx");
}

/// A picture of the MNIST data as the ONNX model zoo stores it: a tensor whose
/// last bytes are 28 x 28 little-endian f32.
const PICTURE: &[u8] = include_bytes!("../../models/mnist/test_data_set_0/input_0.pb");

/// The picture's pixels, 0 to 255.
fn pixels() -> Vec<f32> {
    let (_, values) = PICTURE.split_at(PICTURE.len() - 28 * 28 * 4);
    values.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

/// The digit with the highest score.
fn read(picture: View<'_, f32, Shape4<1, 1, 28, 28>>) -> usize {
    let mut model = mnist::Model::new();
    let scores = model.run(picture).as_slice();
    (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap_or_default()
}

fn main() -> Result<(), Box<dyn Error>> {
    let pixels = pixels();
    for row in pixels.chunks_exact(28) {
        let shades = row.iter().map(|&value| [' ', '.', 'o', '#'][(value / 64.0) as usize & 3]);
        println!("{}", shades.collect::<String>());
    }
    println!("this is a {}", read(View::new(&pixels)?));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: &[u8] = include_bytes!("../../models/mnist/test_data_set_0/output_0.pb");

    #[test]
    fn scores_are_those_of_the_model_zoo() {
        let expected: Vec<f32> = SCORES[SCORES.len() - 40..]
            .as_chunks()
            .0
            .iter()
            .map(|&bytes| f32::from_le_bytes(bytes))
            .collect();
        let pixels = pixels();
        let mut model = mnist::Model::new();
        let scores = model.run(View::of(&pixels)).as_slice();
        let largest = expected.iter().fold(0.0f32, |a, b| a.max(b.abs()));
        for (found, expected) in scores.iter().zip(&expected) {
            assert!((found - expected).abs() <= 1e-4 * largest);
        }
        let digit = read(View::of(&pixels));
        assert_eq!(expected[digit], expected.iter().copied().fold(f32::MIN, f32::max));
    }
}
