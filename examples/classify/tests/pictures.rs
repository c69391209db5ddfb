//! The two pictures are what they are known to be.

use squeezenet::Model;

fn best(picture: &str) -> (&'static str, f32) {
    let path = format!("{}/../images/{picture}", env!("CARGO_MANIFEST_DIR"));
    let picture = classify::read(&path).unwrap();
    classify::classify(&mut Model::new(), &picture, 1)[0]
}

#[test]
fn a_cat_is_a_cat() {
    let (name, probability) = best("chelsea.png");
    assert_eq!(name, "Egyptian cat");
    assert!((probability - 0.48).abs() < 0.01, "{probability}");
}

#[test]
fn coffee_is_espresso() {
    let (name, probability) = best("coffee.png");
    assert_eq!(name, "espresso");
    assert!((probability - 0.97).abs() < 0.01, "{probability}");
}
