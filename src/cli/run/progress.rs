//! How far a run is: a bar on a terminal, plain lines elsewhere, nothing beside `--json`.

use std::io::{IsTerminal, Write, stderr};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use rehome_domain::lang::Lang;

use crate::{
    driver::{Deploy, Moved, Standing},
    texts,
};

/// Plain lines: one for each so many of a hundred.
const LINES: usize = 10;

/// How far a run is: how many relocations are settled, which is that they have ended or wait for a person. One that a
/// scripted operator takes up again is not settled any more.
pub(super) struct Progress {
    lang: Lang,
    deploy: Deploy,
    bar: Option<ProgressBar>,
    lines: bool,
    all: usize,
    settled: usize,
    /// The most that a plain line has said.
    said: usize,
}

impl Progress {
    pub(super) fn start(
        lang: Lang,
        all: usize,
        deploy: Deploy,
        silent: bool,
        screen: &MultiProgress,
    ) -> Self {
        let terminal = stderr().is_terminal();
        let bar = (terminal && !silent).then(|| {
            let bar = screen.add(ProgressBar::new(all as u64));
            let (title, unit) = (texts::bar_title(lang), texts::bar_unit(lang));
            let template = format!("{title} {{wide_bar}} {{pos}}/{{len}} {unit}, {{elapsed}}");
            if let Ok(style) = ProgressStyle::with_template(&template) {
                bar.set_style(style);
            }
            bar
        });
        Self { lang, deploy, bar, lines: !terminal && !silent, all, settled: 0, said: 0 }
    }

    pub(super) fn show(&mut self, moved: &Moved<'_>) {
        match (self.is_settled(moved.before), self.is_settled(moved.after)) {
            (false, true) => self.settled += 1,
            (true, false) => self.settled = self.settled.saturating_sub(1),
            (false, false) | (true, true) => return,
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.settled as u64);
        }
        let step = (self.all / LINES).max(1);
        if self.lines && self.settled >= self.said + step {
            self.said = self.settled;
            // Nobody reading the progress is no reason to stop.
            let _ = writeln!(stderr(), "{}", texts::settled_so_far(self.lang, self.settled, self.all));
        }
    }

    fn is_settled(&self, standing: &Standing) -> bool {
        match standing {
            Standing::At(seen) => {
                let deployed_next = self.deploy == Deploy::Auto && seen.awaits_cutover();
                seen.is_closed() || !(seen.in_flight || deployed_next)
            }
            Standing::Rejected(_) | Standing::Unreadable(_) => true,
            Standing::Waiting | Standing::Sent => false,
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
