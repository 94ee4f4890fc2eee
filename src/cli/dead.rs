//! `rehome dead`: messages that no ticket could take, and what is done about them.

use rehome_domain::{command::By, lang::Lang, wording};
use serde_json::{Value, json};

use super::{
    Ended, Failure, Setting, Told,
    list::at_least_one,
    remote::{Answer, At, Remote, path_part, word},
    tables,
};
use crate::texts;

/// Letters that are listed if nothing is said.
const LIMIT: usize = 50;

/// Messages that no ticket could take: see them, send them again, or drop them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome dead list
  rehome dead show 'amqp:crm:17#9f2c0d5e1b7a4c33'
  rehome dead resend 'amqp:crm:17#9f2c0d5e1b7a4c33' --reason \"the target is free now\"
  rehome dead drop 'amqp:crm:17#9f2c0d5e1b7a4c33' --reason \"sent by a test\"

Asks a running system over HTTP. Dealing with a message takes the role supervisor; it stays, with who did what
and why.")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// List those that nobody has dealt with, newest first
    List(List),
    /// Show one: what it said, why nobody took it, what was done about it
    Show(One),
    /// Send a request or a command again, as a new message in your name
    Resend(Settle),
    /// Say that one needs nothing
    Drop(Settle),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Those too that somebody has dealt with
    #[arg(long)]
    all: bool,
    /// So many at most
    #[arg(long, value_name = "N", default_value_t = LIMIT, value_parser = at_least_one())]
    limit: usize,
    #[command(flatten)]
    at: At,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct One {
    /// Which, as `rehome dead list` shows it
    #[arg(value_name = "LETTER")]
    key: String,
    #[command(flatten)]
    at: At,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Settle {
    #[command(flatten)]
    one: One,
    /// Why, to be kept with it
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub(super) fn dead(args: &Args, setting: &Setting) -> Ended {
    match &args.what {
        What::List(args) => list(args, setting),
        What::Show(args) => show(args, setting),
        What::Resend(args) => resend(args, setting),
        What::Drop(args) => drop(args, setting),
    }
}

fn list(args: &List, setting: &Setting) -> Ended {
    let (lang, remote) = (setting.lang, args.at.remote(setting)?);
    let (mut letters, mut more) = (Vec::new(), false);
    let which = if args.all { "all" } else { "open" };
    remote.pages("/dead-letters", "letters", &[("show", which.to_owned())], |letter| {
        more = letters.len() >= args.limit;
        if !more {
            letters.push(letter);
        }
        !more
    })?;
    if args.json {
        let document = json!({ "letters": letters, "more": more });
        return Ok(Told::good(serde_json::to_string_pretty(&document)? + "\n"));
    }
    if letters.is_empty() {
        return Ok(Told::good(texts::no_letters(lang) + "\n"));
    }
    let mut table = tables::table(&[
        texts::head_letter(lang),
        texts::head_time(lang),
        texts::head_from(lang),
        texts::head_who(lang),
        texts::head_reason(lang),
        texts::head_state(lang),
    ]);
    for letter in &letters {
        table.add_row([
            word(&letter["key"]).to_owned(),
            time(letter).to_owned(),
            word(&letter["origin"]).to_owned(),
            who(lang, &letter["by"]),
            word(&letter["reason"]).to_owned(),
            state(lang, letter),
        ]);
    }
    let more = if more { texts::there_are_more(lang, args.limit) + "\n" } else { String::new() };
    Ok(Told::good(tables::text(&table) + &more))
}

fn show(args: &One, setting: &Setting) -> Ended {
    let lang = setting.lang;
    let letter = match args.at.remote(setting)?.get(&path(&args.key), &[])? {
        Answer::Good(_, letter) => letter,
        Answer::Refused(why) => return refused(&args.at.remote(setting)?, &args.key, &why, lang),
    };
    if args.json {
        return Ok(Told::good(serde_json::to_string_pretty(&letter)? + "\n"));
    }
    let said = serde_json::from_str::<Value>(word(&letter["body"]))
        .and_then(|body| serde_json::to_string_pretty(&body));
    let mut lines = vec![
        word(&letter["key"]).to_owned(),
        texts::letter_came(
            lang,
            time(&letter),
            word(&letter["origin"]),
            word(&letter["routing_key"]),
            who(lang, &letter["by"]),
        ),
        texts::letter_reason(lang, word(&letter["reason"])),
        state(lang, &letter),
    ];
    if let (true, Some(why)) = (letter["settled"].is_null(), letter["not_resent"].as_str()) {
        lines.push(texts::letter_not_resent(lang, why));
    }
    lines.push(said.unwrap_or_else(|_| word(&letter["body"]).to_owned()));
    Ok(Told::good(tables::plain(&lines.join("\n")) + "\n"))
}

fn resend(args: &Settle, setting: &Setting) -> Ended {
    let lang = setting.lang;
    let Settle { one: One { key, at, json }, reason } = args;
    let remote = at.remote(setting)?;
    let (status, became) =
        match remote.post(&format!("{}/resend", path(key)), key, &json!({ "reason": reason }))? {
            Answer::Good(status, became) => (status, became),
            Answer::Refused(why) => return refused(&remote, key, &why, lang),
        };
    let good = status == 202 || became["result"] == "accepted";
    if *json {
        return Ok(Told { text: serde_json::to_string_pretty(&became)? + "\n", good });
    }
    let (id, why) = (word(&became["relocation"]), word(&became["why"]));
    let text = match word(&became["result"]) {
        "accepted" => texts::letter_taken(lang, id),
        "refused" => texts::letter_refused(lang, id, why),
        "rejected" => texts::letter_rejected(lang, why),
        _ => texts::letter_on_its_way(lang, id),
    };
    Ok(Told { text: tables::plain(&text) + "\n", good })
}

fn drop(args: &Settle, setting: &Setting) -> Ended {
    let Settle { one: One { key, at, json }, reason } = args;
    let remote = at.remote(setting)?;
    match remote.post(&format!("{}/drop", path(key)), key, &json!({ "reason": reason }))? {
        Answer::Good(..) if *json => {
            Ok(Told::good(serde_json::to_string_pretty(&json!({ "key": key, "result": "dropped" }))? + "\n"))
        }
        Answer::Good(..) => Ok(Told::good(texts::letter_dropped(setting.lang) + "\n")),
        Answer::Refused(why) => refused(&remote, key, &why, setting.lang),
    }
}

fn path(key: &str) -> String {
    format!("/dead-letters/{}", path_part(key))
}

fn refused(remote: &Remote, key: &str, why: &super::remote::Refused, lang: Lang) -> Ended {
    match why.status {
        404 => Err(Failure::Bad(texts::no_such_letter(lang, key))),
        _ => Err(remote.failure(why)),
    }
}

fn time(letter: &Value) -> &str {
    word(&letter["at"]).get(..19).unwrap_or_default()
}

/// Who it is that the API names.
fn who(lang: Lang, by: &Value) -> String {
    serde_json::from_value::<By>(by.clone()).map_or_else(|_| "-".to_owned(), |by| wording::by(lang, &by))
}

/// How it stands, in a line.
fn state(lang: Lang, letter: &Value) -> String {
    let settled = &letter["settled"];
    let (who, at, why) = (who(lang, &settled["by"]), time(settled), word(&settled["reason"]));
    match word(&settled["what"]) {
        "resent" => texts::letter_was_resent(lang, who, at, why),
        "dropped" => texts::letter_was_dropped(lang, who, at, why),
        _ => texts::letter_open(lang),
    }
}
