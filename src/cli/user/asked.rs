//! A password from whoever runs the command: typed unseen, or from standard input; never an argument, which others on
//! the machine can see and shells keep.

use std::io::{self, Read};

use rehome_domain::{account::AccountName, lang::Lang};
use rehome_web::door::{MOST_PASSWORD, fits};

use super::Failure;
use crate::texts;

#[derive(Debug, clap::Args)]
pub(super) struct PasswordArg {
    /// Take the password from the first line of standard input, instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

impl PasswordArg {
    /// The password.
    pub(super) fn ask(&self, lang: Lang, name: &AccountName) -> Result<String, Failure> {
        let bad = |why: io::Error| Failure::Bad(texts::password_unasked(lang, why));
        let clear = if self.password_stdin {
            first_line(io::stdin().lock()).map_err(bad)?
        } else {
            let first = rpassword::prompt_password(texts::password_for(lang, name)).map_err(bad)?;
            if rpassword::prompt_password(texts::password_again(lang)).map_err(bad)? != first {
                return Err(Failure::Bad(texts::password_differs(lang)));
            }
            first
        };
        match fits(&clear) {
            Ok(()) => Ok(clear),
            Err(unfit) => Err(Failure::Bad(texts::password_unfit(lang, unfit.sentence(lang)))),
        }
    }
}

/// The first line, without its end. Of one that is too long no more is read than shows that it is.
fn first_line(from: impl Read) -> io::Result<String> {
    let mut read = String::new();
    from.take(MOST_PASSWORD as u64 + 3).read_to_string(&mut read)?;
    Ok(read.lines().next().unwrap_or_default().to_owned())
}
