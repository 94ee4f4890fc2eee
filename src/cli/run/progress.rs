//! How far a run is: a bar on a terminal, plain lines elsewhere, nothing beside `--json`.

use std::io::{IsTerminal, Write, stderr};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use rehome_domain::lang::Lang;

use crate::{
    driver::{Moved, Standing},
    texts,
};

/// Plain lines: one for each so many of a hundred.
const LINES: usize = 10;

/// How far a run is.
pub(super) struct Progress {
    lang: Lang,
    bar: Option<ProgressBar>,
    lines: bool,
    all: usize,
    closed: usize,
}

impl Progress {
    pub(super) fn start(lang: Lang, all: usize, silent: bool, screen: &MultiProgress) -> Self {
        let terminal = stderr().is_terminal();
        let bar = (terminal && !silent).then(|| {
            let bar = screen.add(ProgressBar::new(all as u64));
            if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} {elapsed}") {
                bar.set_style(style);
            }
            bar
        });
        Self { lang, bar, lines: !terminal && !silent, all, closed: 0 }
    }

    pub(super) fn show(&mut self, moved: &Moved<'_>) {
        let closed = |standing: &Standing| match standing {
            Standing::At(seen) => seen.is_closed(),
            Standing::Rejected(_) | Standing::Unreadable(_) => true,
            Standing::Waiting | Standing::Sent => false,
        };
        if closed(moved.before) || !closed(moved.after) {
            return;
        }
        self.closed += 1;
        if let Some(bar) = &self.bar {
            bar.set_position(self.closed as u64);
        }
        if self.lines && self.closed.is_multiple_of((self.all / LINES).max(1)) {
            // Nobody reading the progress is no reason to stop.
            let _ = writeln!(stderr(), "{}", texts::ended_so_far(self.lang, self.closed, self.all));
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
