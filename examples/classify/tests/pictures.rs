//! The two pictures are what they are known to be.

use squeezenet::Model;
use std::path::PathBuf;

fn examples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(picture: &str) -> classify::Picture {
    classify::read(&examples().join("images").join(picture)).unwrap()
}

/// What the best class is called, and how probable it is.
fn best(picture: &str) -> (&'static str, f32) {
    classify::classify(&mut Model::new(), &read(picture), 1)[0]
}

#[test]
fn a_cat_is_a_cat() {
    let (name, probability) = best("chelsea.png");
    assert_eq!((name, format!("{probability:.3}")), ("Egyptian cat", "0.484".into()));
}

#[test]
fn coffee_is_espresso() {
    let (name, probability) = best("coffee.png");
    assert_eq!((name, format!("{probability:.3}")), ("espresso", "0.966".into()));
}

#[test]
fn pictures_are_scaled_as_those_of_the_test_data() {
    for (picture, set) in [("chelsea.png", "test_data_set_0"), ("coffee.png", "test_data_set_1")] {
        let found = read(picture);
        // An ONNX tensor, whose last bytes are its values.
        let data = examples().join("models/squeezenet1_1").join(set).join("input_0.pb");
        let bytes = std::fs::read(data).unwrap();
        let (_, values) = bytes.split_at(bytes.len() - 4 * found.as_slice().len());
        for (found, &expected) in found.as_slice().iter().zip(values.as_chunks().0) {
            let difference = (found - f32::from_le_bytes(expected)).abs();
            assert!(difference < 1.01, "{picture} differs by {difference}");
        }
    }
}

#[test]
fn what_is_no_picture_is_refused() {
    assert!(classify::read(&examples().join("images/README.md")).is_err());
    assert!(classify::read(&examples().join("images/absent.png")).is_err());
}
