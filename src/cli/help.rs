//! The help, in both languages. The English texts stand at the arguments themselves, where clap's derive reads them;
//! the Chinese ones in the table of [`chinese`], by which the finished command tree is rewritten.

mod chinese;
mod mistake;

use clap::{Arg, Command, CommandFactory, builder::Str};
use rehome_domain::lang::Lang;

pub(super) use mistake::InChinese;

use super::Cli;

/// The command line with its help in a language.
pub(super) fn command(lang: Lang) -> Command {
    let mut root = Cli::command();
    // Only a built tree has the arguments that clap adds by itself, and the global ones at every verb.
    root.build();
    dress(root, lang, "")
}

/// Rewrites a command's help and that of the verbs under it; `above` is the path of the command over it.
fn dress(command: Command, lang: Lang, above: &str) -> Command {
    let path = path(above, &command);
    let shared = match lang {
        Lang::En => "Options of every command",
        Lang::Zh => chinese::SHARED,
    };
    let command = command
        .mut_args(|arg| if is_shared(&arg) { arg.help_heading(shared) } else { arg })
        .mut_subcommands(|verb| dress(verb, lang, &path));
    match lang {
        Lang::En => flow(command),
        Lang::Zh => translate(command, &path),
    }
}

/// Makes one line of each paragraph after the options, so that it is broken where the reader's terminal ends and not also
/// where the source does. Chinese has no blanks to break it at: its lines stay as they were written.
fn flow(command: Command) -> Command {
    let Some(after) = command.get_after_help().map(ToString::to_string) else { return command };
    let mut text = String::new();
    for line in after.lines() {
        let last = text.lines().last().unwrap_or_default();
        let goes_on = [last, line].iter().all(|line| !line.is_empty() && !line.starts_with(' '))
            && !last.ends_with([':', '.']);
        text.push_str(if text.is_empty() {
            ""
        } else if goes_on {
            " "
        } else {
            "\n"
        });
        text.push_str(line);
    }
    command.after_help(text)
}

/// A command's path without the program's name; none for the program itself.
fn path(above: &str, command: &Command) -> String {
    match (above, command.get_name()) {
        (_, "rehome") => String::new(),
        ("", name) => name.to_owned(),
        (above, name) => format!("{above} {name}"),
    }
}

/// Whether an argument is every command's.
fn is_shared(arg: &Arg) -> bool {
    arg.is_global_set() || ["help", "version"].contains(&arg.get_id().as_str())
}

/// Puts the Chinese texts in place of the English ones. What has none keeps its English text; a test fails then.
fn translate(mut command: Command, path: &str) -> Command {
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    let usage = usage.replace("[OPTIONS]", "[选项]").replace("<COMMAND>", "<命令>");
    let about = chinese::about(path).map(str::to_owned);
    let after = chinese::after(path).map(str::to_owned);
    let command = command
        .override_usage(usage)
        .help_template("{about}\n\n用法: {usage}\n\n{all-args}{after-help}\n")
        .subcommand_help_heading("命令")
        .mut_args(|arg| translate_arg(arg, path));
    let command = if let Some(about) = about { command.about(about) } else { command };
    if let Some(after) = after { command.after_help(after) } else { command }
}

fn translate_arg(arg: Arg, path: &str) -> Arg {
    let heading = if arg.is_positional() { "参数" } else { "选项" };
    let arg = if is_shared(&arg) { arg } else { arg.help_heading(heading) };
    let Some(text) = chinese::arg(path, &name(&arg)) else { return arg };
    let mut help = text.to_owned();
    // clap would say these in English.
    if arg.get_action().takes_values() && !arg.is_hide_possible_values_set() {
        let words: Vec<String> =
            arg.get_possible_values().iter().map(|word| word.get_name().to_owned()).collect();
        if !words.is_empty() {
            help.push_str(&format!("\n[可选值: {}]", lines(&words)));
        }
    }
    let defaults: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if arg.get_action().takes_values() && !defaults.is_empty() {
        help.push_str(&format!(" [默认: {}]", defaults.join(" ")));
    }
    arg.help(help).hide_possible_values(true).hide_default_value(true)
}

/// Words with commas between them, in lines that fit beside any option.
fn lines(words: &[String]) -> String {
    const COLUMNS: usize = 44;
    let (mut text, mut column) = (String::new(), 8);
    for (at, word) in words.iter().enumerate() {
        if at > 0 {
            text.push(',');
            let fits = column + word.len() < COLUMNS;
            text.push(if fits { ' ' } else { '\n' });
            column = if fits { column + 2 } else { 0 };
        }
        text.push_str(word);
        column += word.len();
    }
    text
}

/// An argument's name as it is written: `--data`, `-n`, `SHEET`.
fn name(arg: &Arg) -> String {
    if let Some(long) = arg.get_long() {
        return format!("--{long}");
    }
    if let Some(short) = arg.get_short() {
        return format!("-{short}");
    }
    arg.get_value_names().and_then(|names| names.first()).map_or_else(String::new, Str::to_string)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every visible command with its path.
    fn commands(lang: Lang) -> Vec<(String, Command)> {
        fn walk(above: &str, command: &Command, all: &mut Vec<(String, Command)>) {
            let path = path(above, command);
            all.push((path.clone(), command.clone()));
            for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
                walk(&path, verb, all);
            }
        }
        let mut all = Vec::new();
        walk("", &command(lang), &mut all);
        all
    }

    fn help(command: &Command) -> String {
        command.clone().term_width(80).render_help().to_string()
    }

    /// How many columns of a terminal a text takes: Chinese characters take two.
    fn columns(text: &str) -> usize {
        text.chars().map(|character| if character < '\u{1100}' { 1 } else { 2 }).sum()
    }

    #[test]
    fn every_visible_verb_and_argument_has_a_chinese_text() {
        let mut lacking = Vec::new();
        for (path, command) in commands(Lang::En) {
            if chinese::about(&path).is_none() {
                lacking.push(format!("`{path}`"));
            }
            if command.get_after_help().is_some() && chinese::after(&path).is_none() {
                lacking.push(format!("after help of `{path}`"));
            }
            let visible = command.get_arguments().filter(|arg| !arg.is_hide_set());
            let unknown = visible.map(name).filter(|name| chinese::arg(&path, name).is_none());
            lacking.extend(unknown.map(|name| format!("`{path}` {name}")));
        }
        assert_eq!(lacking, Vec::<String>::new(), "write their texts in src/cli/help/chinese.rs");
    }

    #[test]
    fn no_chinese_text_is_left_of_what_there_is_no_more() {
        let commands = commands(Lang::En);
        let paths: BTreeSet<&str> = commands.iter().map(|(path, _)| path.as_str()).collect();
        let args: BTreeSet<(&str, String)> = commands
            .iter()
            .flat_map(|(path, command)| command.get_arguments().map(|arg| (path.as_str(), name(arg))))
            .collect();
        for (path, _) in chinese::ABOUT.iter().chain(chinese::AFTER) {
            assert!(paths.contains(path), "there is no `{path}`");
        }
        for (path, given, _) in chinese::ARGS {
            let found = args.iter().any(|(at, name)| (*path == "*" || path == at) && given == name);
            assert!(found, "`{path}` has no {given}");
        }
    }

    #[test]
    fn chinese_help_has_no_english_heading_and_no_english_text() {
        let english: Vec<String> = commands(Lang::En)
            .iter()
            .flat_map(|(_, command)| {
                let args = command.get_arguments().filter_map(|arg| arg.get_help().map(ToString::to_string));
                args.chain(command.get_about().map(ToString::to_string)).collect::<Vec<_>>()
            })
            .collect();
        for (path, command) in commands(Lang::Zh) {
            let help = help(&command);
            let headings = ["Usage", "Commands", "Arguments", "Options", "Examples", "Exit codes", "OPTIONS"];
            for word in headings.into_iter().chain(["[default", "[possible"]) {
                assert!(!help.contains(word), "{path}: {word}\n{help}");
            }
            for text in &english {
                assert!(!help.contains(text), "{path}: {text}");
            }
            assert!(help.contains("用法: rehome"), "{help}");
        }
    }

    #[test]
    fn chinese_help_shows_the_same_options_and_examples_as_the_english_one() {
        let words = |help: &str, lead: &str| -> BTreeSet<String> {
            let lines = help.lines().map(str::trim_start).filter(|line| line.starts_with(lead));
            // An example's explanation stands two blanks behind it.
            lines.map(|line| line.split("  ").next().unwrap().to_owned()).collect()
        };
        for ((path, english), (_, chinese)) in commands(Lang::En).into_iter().zip(commands(Lang::Zh)) {
            let (english, chinese) = (help(&english), help(&chinese));
            for lead in ["rehome ", "-", "<"] {
                assert_eq!(words(&english, lead), words(&chinese, lead), "{path}");
            }
        }
    }

    #[test]
    fn help_in_either_language_fits_a_terminal_of_80_columns() {
        for (path, command) in commands(Lang::Zh).into_iter().chain(commands(Lang::En)) {
            for line in help(&command).lines() {
                assert!(columns(line) <= 80, "{path}: {} columns: {line}", columns(line));
            }
        }
    }

    #[test]
    fn no_sentence_after_the_options_is_broken_where_the_terminal_does_not_end() {
        for (path, command) in commands(Lang::En) {
            let help = command.clone().term_width(80).render_help().to_string();
            let lines: Vec<&str> = help.lines().skip_while(|line| *line != "Examples:").collect();
            for pair in lines.windows(2) {
                let [line, next] = pair else { continue };
                let prose = [line, next].iter().all(|line| !line.is_empty() && !line.starts_with(' '));
                let word = next.split(' ').next().unwrap_or_default();
                let fits = line.len() + 1 + word.len() <= 80;
                assert!(!prose || !fits || line.ends_with(['.', ':']), "{path}: {line} | {next}");
            }
        }
    }

    #[test]
    fn the_language_of_the_help_does_not_change_what_is_understood() {
        let lines = [
            "rehome run sheet.csv --deploy manual --json",
            "rehome list --data d --status failed --lang zh",
            "rehome bench -n 5",
            "rehome schema table --format json",
            "rehome run",
            "rehome run sheet.csv --deploy never",
            "rehome fly",
        ];
        for line in lines {
            let read = |lang| {
                let read = command(lang).try_get_matches_from(line.split(' '));
                read.map(|matches| format!("{matches:?}")).map_err(|error| error.kind())
            };
            assert_eq!(read(Lang::En), read(Lang::Zh), "{line}");
        }
    }
}
