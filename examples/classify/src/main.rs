//! Prints the five best classes of a picture.
//!
//! `cargo run --release -p classify -- examples/images/chelsea.png`

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Runs that are timed after the first.
const RUNS: usize = 21;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("expected a picture: classify PICTURE.png")?;
    let path = PathBuf::from(path);
    let picture = classify::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut model = squeezenet::Model::new();
    let mut time = || {
        let start = Instant::now();
        model.run(picture.view());
        start.elapsed()
    };
    let first = time();
    let mut times: Vec<_> = (0..RUNS).map(|_| time()).collect();
    times.sort();
    for (name, probability) in classify::classify(&mut model, &picture, 5) {
        println!("{probability:.2}  {name}");
    }
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{:.2} ms a picture on one thread, {:.2} ms the first",
        milliseconds(times[RUNS / 2]),
        milliseconds(first)
    );
    Ok(())
}
