//! The log: for people or for machines, to stderr, without tearing a progress bar apart; and the figures
//! and traces of what is done.

pub mod metrics;
pub mod traces;

use std::io::{self, Write};

use indicatif::MultiProgress;
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{FilterExt as _, LevelFilter, Targets},
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    registry,
    util::SubscriberInitExt as _,
};

use self::traces::{Collector, Traces};
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
    /// Traces can't be told.
    #[error("traces can't be told to {endpoint}: {detail}")]
    Traces {
        /// Where.
        endpoint: String,
        /// Why not.
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
    if let Some(word) = given
        .split(',')
        .map(str::trim)
        .find(|part| !part.contains(['=', '[']) && part.parse::<LevelFilter>().is_err())
    {
        return Err(wrong(format!("`{word}` is no level")));
    }
    EnvFilter::try_new(given).map_err(|error| wrong(error.to_string()))
}

/// Starts the log, and traces if there is a collector; those end with what this gives. Lines go around the progress
/// bars of `screen`.
///
/// # Errors
/// If the filter can't be read, the collector's address can't be used, or the log has been started before.
pub fn start(
    format: LogFormat,
    level: &str,
    screen: &MultiProgress,
    collector: Option<&Collector>,
) -> Result<Option<Traces>, TelemetryError> {
    let log = fmt::layer().with_writer(AroundBars(screen.clone()));
    let log = match format {
        LogFormat::Human => log.with_ansi(console_is_a_terminal()).boxed(),
        LogFormat::Json => log.json().flatten_event(true).boxed(),
    };
    let log = registry().with(log.with_filter(filter(level)?.and(discretion())));
    let Some(collector) = collector else {
        return log.try_init().map(|()| None).map_err(|_| TelemetryError::Twice);
    };
    let (traces, tracer) = traces::start(collector)
        .map_err(|detail| TelemetryError::Traces { endpoint: collector.endpoint.clone(), detail })?;
    // What the actors do; not what libraries say to themselves.
    let ours = Targets::new().with_target("rehome_actors", LevelFilter::INFO);
    let told = tracing_opentelemetry::layer().with_tracer(tracer).with_filter(ours);
    log.with(told).try_init().map_err(|_| TelemetryError::Twice)?;
    Ok(Some(traces))
}

/// Below this nothing is logged, whatever is asked for: the broker's client tells every frame that it sends at `trace`, the one
/// with the password too.
fn discretion() -> Targets {
    Targets::new().with_default(LevelFilter::TRACE).with_target("lapin", LevelFilter::DEBUG)
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
