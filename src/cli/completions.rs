//! `rehome completions`: what a shell needs to complete the command line.

use clap_complete::{Shell, generate};

use super::{Ended, Setting, Told, help};

/// Print what a shell needs to complete the command line
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome completions bash > /etc/bash_completion.d/rehome
  rehome completions zsh > ~/.zfunc/_rehome
  rehome completions fish > ~/.config/fish/completions/rehome.fish")]
pub(super) struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(super) fn completions(args: &Args, setting: &Setting) -> Ended {
    let mut script = Vec::new();
    generate(args.shell, &mut help::command(setting.lang), "rehome", &mut script);
    Ok(Told::good(String::from_utf8(script).map_err(anyhow::Error::from)?))
}
