//! `rehome`: see `rehome --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    rehome::cli::main(std::env::args_os())
}
