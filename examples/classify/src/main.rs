//! Prints the five best classes of a picture.
//!
//! `cargo run --release -p classify -- examples/images/chelsea.png`

use std::error::Error;
use std::time::Instant;

/// Runs that are timed; the median is printed.
const RUNS: usize = 21;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("expected a picture: classify PICTURE.png")?;
    let picture = classify::read(&path).map_err(|error| format!("{path}: {error}"))?;
    let mut model = squeezenet::Model::new();
    for (name, probability) in classify::classify(&mut model, &picture, 5) {
        println!("{probability:.2}  {name}");
    }
    let mut times: Vec<_> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            model.run(picture.view());
            start.elapsed()
        })
        .collect();
    times.sort();
    println!("{:.2} ms a picture, on one thread", times[RUNS / 2].as_secs_f64() * 1e3);
    Ok(())
}
