//! The command line: one file a verb.
//!
//! Results go to stdout, progress and the log to stderr. What other programs call (verbs, options, exit codes, `--json`)
//! is kept.

mod act;
mod bench;
mod check;
mod completions;
mod dead;
mod entries;
mod export;
mod help;
mod lab;
mod list;
mod offline;
mod plan;
mod ready;
mod remote;
mod replay;
mod run;
mod schema;
mod serve;
mod show;
mod steer;
mod submit;
mod tables;
mod token;
mod user;
mod watch;

use std::{
    ffi::OsString,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::{FromArgMatches, Parser, Subcommand, ValueEnum};
use indicatif::MultiProgress;
use rehome_domain::lang::Lang;

use crate::{
    settings::{self, LogFormat, SettingsError, Telemetry},
    telemetry::{self, traces::Collector},
    texts,
};

/// Carries customers' circuit relocations through reservation and cutover.
#[derive(Debug, Parser)]
#[command(name = "rehome", version, disable_help_subcommand = true, arg_required_else_help = true, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  all is well: every relocation succeeded, the journal replays, nothing is wrong
  1  some did not, or it could not be carried out
  2  what was given can't be used: the arguments, the configuration, the sheet,
     the fault plan, the journal";

/// What every verb takes.
#[derive(Debug, clap::Args)]
struct Global {
    /// Configuration file (TOML) over the built-in values; the environment (REHOME__SECTION__KEY) goes over both
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Language of texts for people; from LC_ALL, LC_MESSAGES or LANG if not given
    #[arg(long, global = true, value_name = "LANG")]
    lang: Option<Tongue>,
    /// Log format, to stderr
    #[arg(long, global = true, value_name = "FORMAT")]
    log: Option<LogKind>,
    /// Log level or filter (warn, rehome_actors=debug); before RUST_LOG and the configuration
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Tongue {
    En,
    Zh,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogKind {
    Human,
    Json,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Run(run::Args),
    Serve(serve::Args),
    Submit(submit::Args),
    Plan(plan::Args),
    List(list::Args),
    Show(show::Args),
    Watch(watch::Args),
    Deploy(act::Deploy),
    Force(act::Force),
    Cancel(act::Cancel),
    Retry(act::Retry),
    Export(export::Args),
    Dead(dead::Args),
    Pause(steer::Pause),
    Resume(steer::Resume),
    Drain(steer::Drain),
    User(user::Args),
    Token(token::Args),
    Replay(replay::Args),
    Check(check::Args),
    Lab(lab::Args),
    Bench(bench::Args),
    Schema(schema::Args),
    Completions(completions::Args),
}

/// What a verb says in the end.
struct Told {
    /// For stdout.
    text: String,
    /// Whether all is well: exit code 0 or 1.
    good: bool,
}

impl Told {
    const fn good(text: String) -> Self {
        Self { text, good: true }
    }
}

/// Why a verb could not do its work.
enum Failure {
    /// What was given can't be used: exit code 2.
    Bad(String),
    /// It could not be carried out: exit code 1.
    Broken(anyhow::Error),
}

impl Failure {
    /// What a person reads.
    fn sentence(&self) -> String {
        match self {
            Self::Bad(why) => why.clone(),
            Self::Broken(error) => chain(error),
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Broken(error.into())
    }
}

type Ended = Result<Told, Failure>;

/// What every verb is given beside its arguments.
struct Setting {
    loaded: settings::Loaded,
    lang: Lang,
    screen: MultiProgress,
}

/// Reads the arguments and does what they say.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let lang = lang(&args, |variable| std::env::var(variable).ok());
    let read = help::command(lang).try_get_matches_from(args);
    let cli = match read.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            let code = ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
            // Nobody listening is no reason to fail otherwise than the error says.
            let _ = match lang {
                Lang::En => error.print(),
                Lang::Zh => error.apply::<help::InChinese>().print(),
            };
            return code;
        }
    };
    match cli.work(lang) {
        Ok(told) => {
            say(io::stdout().lock(), &told.text);
            ExitCode::from(u8::from(!told.good))
        }
        Err(Failure::Bad(why)) => {
            say(io::stderr().lock(), &format!("{}\n", tables::plain(&why)));
            ExitCode::from(2)
        }
        Err(Failure::Broken(error)) => {
            say(io::stderr().lock(), &format!("{}\n", tables::plain(&texts::broken(lang, chain(&error)))));
            ExitCode::FAILURE
        }
    }
}

/// An error with its causes, each once: some say their cause themselves.
fn chain(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if said.is_empty() {
            said = cause;
        } else if !said.contains(&cause) {
            said = format!("{said}: {cause}");
        }
    }
    said
}

/// Writes all of it. A reader that has seen enough (`| head`) is no failure.
fn say(mut out: impl Write, text: &str) {
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

impl Cli {
    fn work(self, lang: Lang) -> Ended {
        let loaded = settings::load(self.global.config.as_deref())
            .map_err(|error| Failure::Bad(configuration_error(lang, &error)))?;
        let screen = MultiProgress::new();
        let format = match self.global.log {
            Some(LogKind::Human) => LogFormat::Human,
            Some(LogKind::Json) => LogFormat::Json,
            None => loaded.settings.log.format,
        };
        let level = self.global.log_level.or_else(|| std::env::var("RUST_LOG").ok());
        let level = level.as_deref().unwrap_or(&loaded.settings.log.level);
        let Telemetry { otlp_endpoint, otlp_timeout_ms } = &loaded.settings.telemetry;
        let collector = (!otlp_endpoint.is_empty()).then(|| Collector {
            endpoint: otlp_endpoint.clone(),
            timeout: Duration::from_millis((*otlp_timeout_ms).into()),
        });
        // Kept to the end: what is left is told when it is dropped.
        let _traces = telemetry::start(format, level, &screen, collector.as_ref())
            .map_err(|error| Failure::Bad(error.to_string()))?;
        self.verb.work(&Setting { loaded, lang, screen })
    }
}

impl Verb {
    fn work(self, setting: &Setting) -> Ended {
        match self {
            Self::Run(args) => on_system(run::run(args, setting)),
            Self::Serve(args) => on_system(serve::serve(args, setting)),
            Self::Plan(args) => on_system(plan::plan(args, setting)),
            Self::Submit(args) => on_system(submit::submit(args, setting)),
            Self::Watch(args) => on_system(watch::watch(args, setting)),
            Self::Deploy(args) => act::deploy(&args, setting),
            Self::Force(args) => act::force(&args, setting),
            Self::Cancel(args) => act::cancel(&args, setting),
            Self::Retry(args) => act::retry(&args, setting),
            Self::Pause(args) => on_system(steer::pause(args, setting)),
            Self::Resume(args) => on_system(steer::resume(args, setting)),
            Self::Drain(args) => on_system(steer::drain(args, setting)),
            Self::User(args) => on_system(user::user(args, setting)),
            Self::Token(args) => on_system(token::token(args, setting)),
            Self::List(args) => on_system(list::list(args, setting)),
            Self::Show(args) => on_system(show::show(args, setting)),
            Self::Export(args) => on_system(export::export(args, setting)),
            Self::Dead(args) => dead::dead(&args, setting),
            Self::Replay(args) => replay::replay(&args, setting),
            Self::Check(args) => on_system(check::check(args, setting)),
            Self::Lab(args) => lab::lab(args, setting),
            Self::Bench(args) => on_system(bench::bench(args, setting)),
            Self::Schema(args) => Ok(schema::schema(&args, setting)),
            Self::Completions(args) => completions::completions(&args, setting),
        }
    }
}

/// Runs a verb on an actix system over tokio's worker threads: actors stay on this thread, the rest spreads out.
fn on_system(verb: impl Future<Output = Ended>) -> Ended {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    actix::System::with_tokio_rt(|| runtime).block_on(verb)
}

fn configuration_error(lang: Lang, error: &SettingsError) -> String {
    match error {
        SettingsError::Wrong(mistakes) => {
            let mistakes: Vec<String> = mistakes.iter().map(|mistake| mistake.sentence(lang)).collect();
            mistakes.join("\n")
        }
        SettingsError::Unreadable { path, source } => {
            texts::settings_unreadable(lang, path.display(), source)
        }
        SettingsError::Malformed(why) => texts::settings_malformed(lang, why),
    }
}

/// The language, before the arguments are read in earnest: the help is in it too.
fn lang(args: &[OsString], variable: impl Fn(&str) -> Option<String>) -> Lang {
    let words: Vec<&str> = args.iter().filter_map(|word| word.to_str()).collect();
    let given = words.iter().enumerate().find_map(|(at, word)| match *word {
        "--lang" => words.get(at + 1).copied(),
        word => word.strip_prefix("--lang="),
    });
    let set = || {
        ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(&variable).find(|value| !value.is_empty())
    };
    match given.map(str::to_owned).or_else(set) {
        Some(lang) if lang.starts_with("zh") => Lang::Zh,
        _ => Lang::En,
    }
}

/// Who runs it, for the journal.
fn person() -> String {
    std::env::var("USER").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "operator".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn of(args: &[&str], environment: &[(&str, &str)]) -> Lang {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        lang(&args, |wanted| {
            environment.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_language_is_the_one_asked_for_else_the_environments_else_english() {
        assert_eq!(of(&[], &[]), Lang::En);
        assert_eq!(of(&[], &[("LANG", "zh_CN.UTF-8")]), Lang::Zh);
        assert_eq!(of(&[], &[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")]), Lang::En);
        assert_eq!(of(&[], &[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "")]), Lang::Zh);
        assert_eq!(of(&["--lang", "en"], &[("LANG", "zh_CN.UTF-8")]), Lang::En);
        assert_eq!(of(&["run", "--lang=zh", "x"], &[]), Lang::Zh);
    }

    #[test]
    fn the_command_line_has_no_contradictions() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_has_examples_in_its_help() {
        for verb in Cli::command().get_subcommands() {
            let after = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            let example = format!("rehome {}", verb.get_name());
            assert!(after.starts_with("Examples:") && after.contains(&example), "{}", verb.get_name());
        }
    }
}
