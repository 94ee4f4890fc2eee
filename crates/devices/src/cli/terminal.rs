//! A dialogue with a command line: one line, then everything until the prompt comes again.

use std::time::Duration;

use regex::Regex;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

use super::profile::Profile;

/// The longest answer, in bytes: one sub-interface's configuration is a few lines.
const LARGEST: usize = 1 << 20;
/// Bytes read at once.
const PIECE: usize = 4096;

/// Bytes both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why a dialogue broke off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TalkError {
    /// It hung up.
    #[error("the connection broke before its prompt came")]
    Dropped,
    /// No prompt in time.
    #[error(
        "its prompt did not come within {within_ms} ms; the last it said was `{last}`: see `prompt` of the profile"
    )]
    Silent {
        /// How long, in milliseconds.
        within_ms: u32,
        /// The last line.
        last: String,
    },
    /// It does not stop.
    #[error("it answered with more than {LARGEST} bytes")]
    TooMuch,
}

/// A command line that waits for a command.
pub(super) struct Terminal {
    stream: Box<dyn Stream>,
    prompt: Regex,
    more: Option<Regex>,
    /// What the group of the prompt matched at first.
    name: Option<String>,
    answer_ms: u32,
}

impl Terminal {
    /// Waits for the first prompt.
    pub(super) async fn open(
        stream: Box<dyn Stream>,
        profile: &Profile,
        answer_ms: u32,
    ) -> Result<Self, TalkError> {
        let (prompt, more) = (profile.prompt.clone(), profile.more.clone());
        let mut terminal = Self { stream, prompt, more, name: None, answer_ms };
        let (_, prompt) = terminal.until_prompt().await?;
        terminal.name = terminal.named(&prompt);
        Ok(terminal)
    }

    /// Sends a line, and answers what came until the prompt, without the echo.
    pub(super) async fn say(&mut self, line: &str) -> Result<String, TalkError> {
        let bytes = format!("{line}\n");
        let writing = async {
            self.stream.write_all(bytes.as_bytes()).await?;
            self.stream.flush().await
        };
        let limit = Duration::from_millis(self.answer_ms.into());
        timeout(limit, writing).await.map_err(|_| self.silent(""))?.map_err(|_| TalkError::Dropped)?;
        let (answer, _) = self.until_prompt().await?;
        let echoed = answer.split_once('\n').filter(|(first, _)| first.trim_end().ends_with(line.trim()));
        Ok(echoed.map_or(answer.as_str(), |(_, rest)| rest).to_owned())
    }

    /// Everything before the prompt, and the prompt.
    async fn until_prompt(&mut self) -> Result<(String, String), TalkError> {
        let (mut bytes, mut piece) = (Vec::new(), vec![0; PIECE]);
        let limit = Duration::from_millis(self.answer_ms.into());
        loop {
            let read = timeout(limit, self.stream.read(&mut piece)).await;
            let read = read.map_err(|_| self.silent(&plain(&bytes)))?.map_err(|_| TalkError::Dropped)?;
            if read == 0 {
                return Err(TalkError::Dropped);
            }
            bytes.extend_from_slice(piece.get(..read).unwrap_or_default());
            if bytes.len() > LARGEST {
                return Err(TalkError::TooMuch);
            }
            let text = plain(&bytes);
            let (answer, last) = text.rsplit_once('\n').unwrap_or(("", &text));
            if self.more.as_ref().is_some_and(|more| more.is_match(last)) {
                bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1));
                self.stream.write_all(b" ").await.map_err(|_| TalkError::Dropped)?;
            } else if self.is_prompt(last) {
                return Ok((answer.to_owned(), last.to_owned()));
            }
        }
    }

    /// What looks like a prompt in the middle of an answer does not bear the device's name.
    fn is_prompt(&self, line: &str) -> bool {
        self.prompt.is_match(line) && (self.name.is_none() || self.name == self.named(line))
    }

    fn named(&self, prompt: &str) -> Option<String> {
        self.prompt.captures(prompt)?.get(1).map(|name| name.as_str().to_owned())
    }

    fn silent(&self, text: &str) -> TalkError {
        let last = text.rsplit('\n').next().unwrap_or_default().chars().take(80).collect();
        TalkError::Silent { within_ms: self.answer_ms, last }
    }
}

/// Text without what moves a terminal's cursor.
fn plain(bytes: &[u8]) -> String {
    let mut text = String::new();
    let lossy = String::from_utf8_lossy(bytes);
    let mut chars = lossy.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' if chars.peek() == Some(&'[') => {
                chars.next();
                while chars.next().is_some_and(|c| !c.is_ascii_alphabetic()) {}
            }
            '\u{8}' => {
                text.pop();
            }
            '\n' | '\t' => text.push(c),
            c if c.is_control() => {}
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

    use super::{TalkError, Terminal};
    use crate::cli::Profile;

    fn profile() -> Profile {
        toml::from_str(
            "prompt = '^([\\w-]+)[>#] ?$'\nmore = '--More--'\nrefused = ['^%']\ndescription_limit = 80\nreserve = []\n\
             install = []\nremove = []\n[show]\nlines = []\nexists = 'x'\ndescription = 'x'\n",
        )
        .unwrap()
    }

    async fn says(device: &mut DuplexStream, pieces: &[&str]) {
        for piece in pieces {
            device.write_all(piece.as_bytes()).await.unwrap();
            // Each is read by itself.
            tokio::task::yield_now().await;
        }
    }

    /// What a dialogue comes to: the device's words at login and after one line.
    async fn dialogue(login: &[&str], answer: &[&str]) -> Result<String, TalkError> {
        let (ours, mut device) = tokio::io::duplex(1 << 16);
        let talking = async {
            let mut terminal = Terminal::open(Box::new(ours), &profile(), 1000).await?;
            terminal.say("show it").await
        };
        let answering = async {
            says(&mut device, login).await;
            let mut line = [0; 64];
            let read = device.read(&mut line).await.unwrap();
            assert!(read == 0 || &line[..read] == b"show it\n");
            says(&mut device, answer).await;
            // Until the other side has all it wants.
            let _ = device.read(&mut line).await;
        };
        tokio::join!(talking, answering).0
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_what_stands_between_the_echo_and_the_prompt_however_it_arrives() {
        let answers: [&[&str]; 4] = [
            &["show it\r\none\r\ntwo\r\ngw-1#"],
            &["sh", "ow it\r", "\none\r\nt", "wo\r\n", "gw-", "1# "],
            &["show it\r\none\r\nother#", "\r\n", "gw-1#"],
            &["show it\r\n\u{1b}[7mone\u{1b}[0m\r\ntwox\u{8}\r\ngw-1#"],
        ];
        let expected = ["one\ntwo", "one\ntwo", "one\nother#", "one\ntwo"];
        for (answer, expected) in answers.into_iter().zip(expected) {
            assert_eq!(dialogue(&["Welcome\r\nto gw-1\r\n", "gw-1>"], answer).await.as_deref(), Ok(expected));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_device_that_pages_is_asked_for_more() {
        let (ours, mut device) = tokio::io::duplex(1 << 16);
        let talking = async {
            let mut terminal = Terminal::open(Box::new(ours), &profile(), 1000).await?;
            terminal.say("show it").await
        };
        let answering = async {
            let mut line = [0; 64];
            says(&mut device, &["gw-1#"]).await;
            assert_eq!(device.read(&mut line).await.unwrap(), "show it\n".len());
            says(&mut device, &["show it\r\none\r\n --More-- "]).await;
            assert_eq!(device.read(&mut line).await.unwrap(), 1);
            assert_eq!(line[0], b' ');
            says(&mut device, &["two\r\ngw-1#"]).await;
        };
        let (answer, ()) = tokio::join!(talking, answering);
        assert_eq!(answer.as_deref(), Ok("one\ntwo"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_prompt_that_does_not_come_is_told_by_the_last_that_came() {
        let expected = TalkError::Silent { within_ms: 1000, last: "Password:".to_owned() };
        assert_eq!(dialogue(&["Welcome\r\nPassword:"], &[]).await, Err(expected));
        let expected = TalkError::Silent { within_ms: 1000, last: "other#".to_owned() };
        assert_eq!(dialogue(&["gw-1#"], &["show it\r\nother#"]).await, Err(expected));
    }
}
