//! The log: for people or for machines, to stderr, without tearing a progress bar apart; and the figures.

pub mod metrics;

use std::io::{self, Write};

use indicatif::MultiProgress;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::settings::LogFormat;

/// The log can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter can't be read.
    #[error(
        "`{given}` is not a log filter, expected a level (error, warn, info, debug, trace, off) or a list such as \
         `warn,rehome_actors=debug`: {detail}"
    )]
    Filter {
        /// What was written.
        given: String,
        /// What is wrong with it.
        detail: String,
    },
    /// There is a log already.
    #[error("the log is set up already")]
    Twice,
}

/// Reads a level or a filter.
///
/// # Errors
/// If it is neither.
pub fn filter(given: &str) -> Result<EnvFilter, TelemetryError> {
    let wrong = |detail: String| TelemetryError::Filter { given: given.to_owned(), detail };
    // A bare word that is no level would be taken for the name of a module, and silence everything.
    if let Some(word) = given.split(',').map(str::trim).find(|part| {
        !part.contains(['=', '[']) && part.parse::<tracing_subscriber::filter::LevelFilter>().is_err()
    }) {
        return Err(wrong(format!("`{word}` is no level")));
    }
    EnvFilter::try_new(given).map_err(|error| wrong(error.to_string()))
}

/// Starts the log. Lines go around the progress bars of `screen`.
///
/// # Errors
/// If the filter can't be read, or the log has been started before.
pub fn start(format: LogFormat, level: &str, screen: &MultiProgress) -> Result<(), TelemetryError> {
    let filter = filter(level)?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(AroundBars(screen.clone()));
    match format {
        LogFormat::Human => log.with_ansi(console_is_a_terminal()).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    }
    .map_err(|_| TelemetryError::Twice)
}

fn console_is_a_terminal() -> bool {
    io::IsTerminal::is_terminal(&io::stderr())
}

/// Writes to stderr while the bars are out of the way.
struct AroundBars(MultiProgress);

impl<'a> MakeWriter<'a> for AroundBars {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { bars: &self.0, text: Vec::new() }
    }
}

/// One event's text, written whole when it is complete.
struct Line<'a> {
    bars: &'a MultiProgress,
    text: Vec<u8>,
}

impl Write for Line<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        // A log that nobody can read any more must not stop the work.
        let _ = self.bars.suspend(|| io::stderr().write_all(&self.text));
    }
}
