//! What is shown while long work is done.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// Shows what is done on a terminal, with a clock, until it is dropped;
/// elsewhere nothing.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn start(what: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
