//! Where a NETCONF message begins and ends (RFC 6242): by an end mark until both sides have said what they can, then in
//! chunks if both can. Takes bytes as they come, and no more than it may.

/// The end of a message by mark, base 1.0.
const MARK: &[u8] = b"]]>]]>";

/// Digits of a chunk's length, at most: RFC 6242 allows no larger one.
const DIGITS: usize = 10;

/// How messages are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// By a mark at their end.
    Marked,
    /// In chunks.
    Chunked,
}

/// What came is not a NETCONF message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// The message is larger than we take.
    #[error("the device sent a message of more than {limit} bytes")]
    TooLarge {
        /// The most we take, in bytes.
        limit: usize,
    },
    /// A chunk's head is none.
    #[error("the device sent something else than the head of a chunk")]
    NoChunk,
}

/// Puts messages together from the bytes that come.
#[derive(Debug)]
pub struct Deframer {
    framing: Framing,
    limit: usize,
    bytes: Vec<u8>,
    /// Of a chunked message, the chunks so far.
    message: Vec<u8>,
    /// Up to where no mark begins.
    searched: usize,
}

/// A step through what has come.
enum Step {
    More,
    Chunk,
    Message(Vec<u8>),
}

impl Deframer {
    /// One for messages by mark, up to so many bytes.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { framing: Framing::Marked, limit, bytes: Vec::new(), message: Vec::new(), searched: 0 }
    }

    /// From the next message on.
    pub const fn frame(&mut self, framing: Framing) {
        self.framing = framing;
    }

    /// What has come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next message, if all of it has come.
    ///
    /// # Errors
    /// What has come is no message, or too large: nothing after it can be understood.
    pub fn take(&mut self) -> Result<Option<Vec<u8>>, FramingError> {
        loop {
            let step = match self.framing {
                Framing::Marked => self.marked(),
                Framing::Chunked => self.chunk()?,
            };
            match step {
                Step::Message(message) => return Ok(Some(message)),
                Step::Chunk => {}
                Step::More if self.bytes.len() + self.message.len() > self.limit => {
                    return Err(FramingError::TooLarge { limit: self.limit });
                }
                Step::More => return Ok(None),
            }
        }
    }

    fn marked(&mut self) -> Step {
        let begins = self.bytes.get(self.searched..).unwrap_or_default();
        let Some(at) = begins.windows(MARK.len()).position(|bytes| bytes == MARK) else {
            // The mark may come in pieces.
            self.searched = self.bytes.len().saturating_sub(MARK.len() - 1);
            return Step::More;
        };
        let end = self.searched + at;
        let rest = self.bytes.split_off(end + MARK.len());
        self.bytes.truncate(end);
        self.searched = 0;
        Step::Message(std::mem::replace(&mut self.bytes, rest))
    }

    /// `\n#<length>\n<bytes>`, and `\n##\n` after the last one.
    fn chunk(&mut self) -> Result<Step, FramingError> {
        // Between messages some devices send more line ends than they should.
        if self.message.is_empty() {
            let blanks = self.bytes.windows(2).take_while(|pair| *pair == b"\n\n").count();
            self.bytes.drain(..blanks);
        }
        if !self.bytes.starts_with(b"\n#") {
            let begun = b"\n#".starts_with(self.bytes.as_slice());
            return if begun { Ok(Step::More) } else { Err(FramingError::NoChunk) };
        }
        let head = self.bytes.get(2..).unwrap_or_default();
        let Some(line) = head.iter().take(DIGITS + 1).position(|byte| *byte == b'\n') else {
            return if head.len() > DIGITS { Err(FramingError::NoChunk) } else { Ok(Step::More) };
        };
        let begins = 2 + line + 1;
        let length = head.get(..line).unwrap_or_default();
        if length == b"#" {
            self.bytes.drain(..begins);
            return Ok(Step::Message(std::mem::take(&mut self.message)));
        }
        let length: usize = std::str::from_utf8(length)
            .ok()
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0'))
            .and_then(|digits| digits.parse().ok())
            .ok_or(FramingError::NoChunk)?;
        if self.message.len().saturating_add(length) > self.limit {
            return Err(FramingError::TooLarge { limit: self.limit });
        }
        let Some(chunk) = self.bytes.get(begins..begins + length) else { return Ok(Step::More) };
        self.message.extend_from_slice(chunk);
        self.bytes.drain(..begins + length);
        Ok(Step::Chunk)
    }
}

/// A message as it is sent.
#[must_use]
pub fn framed(framing: Framing, message: &str) -> Vec<u8> {
    match framing {
        Framing::Marked => [message.as_bytes(), MARK].concat(),
        Framing::Chunked => format!("\n#{}\n{message}\n##\n", message.len()).into_bytes(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

    use super::*;

    fn framings() -> impl Strategy<Value = Framing> {
        prop_oneof![Just(Framing::Marked), Just(Framing::Chunked)]
    }

    /// As devices may send it: a chunked message in several chunks.
    fn sent(framing: Framing, message: &str, at: usize) -> Vec<u8> {
        match framing {
            Framing::Chunked if message.len() > 1 => {
                let (first, second) = message.split_at(1 + at % (message.len() - 1));
                format!("\n#{}\n{first}\n#{}\n{second}\n##\n", first.len(), second.len()).into_bytes()
            }
            _ => framed(framing, message),
        }
    }

    proptest! {
        #[test]
        fn messages_come_out_as_they_went_in_however_they_are_cut(
            framing in framings(),
            messages in prop::collection::vec("[a-z<>#\\]]{1,40}", 1..6),
            cuts in prop::collection::vec(1..7usize, 1..20),
            at in any::<usize>(),
        ) {
            let messages: Vec<String> =
                messages.into_iter().map(|message| message.replace("]]>]]>", "") + "<").collect();
            let stream: Vec<u8> = messages.iter().flat_map(|message| sent(framing, message, at)).collect();
            let mut deframer = Deframer::new(1000);
            deframer.frame(framing);
            let (mut rest, mut cuts, mut out) = (stream.as_slice(), cuts.into_iter().cycle(), Vec::new());
            while !rest.is_empty() {
                let (piece, others) = rest.split_at(cuts.next().unwrap().min(rest.len()));
                rest = others;
                deframer.push(piece);
                while let Some(message) = deframer.take().unwrap() {
                    out.push(String::from_utf8(message).unwrap());
                }
            }
            prop_assert_eq!(out, messages);
        }

        #[test]
        fn whatever_comes_it_neither_panics_nor_keeps_more_than_it_may(
            framing in framings(),
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 0..30),
        ) {
            let mut deframer = Deframer::new(64);
            deframer.frame(framing);
            for piece in pieces {
                deframer.push(&piece);
                loop {
                    match deframer.take() {
                        Ok(Some(message)) => prop_assert!(message.len() <= 64 + 30),
                        Ok(None) => break,
                        Err(_) => return Ok(()),
                    }
                }
                prop_assert!(deframer.bytes.len() + deframer.message.len() <= 64);
            }
        }
    }

    #[test]
    fn a_chunk_that_says_it_is_larger_than_we_take_is_refused_before_it_comes() {
        let mut deframer = Deframer::new(64);
        deframer.frame(Framing::Chunked);
        deframer.push(b"\n#4294967295\n");
        assert_eq!(deframer.take(), Err(FramingError::TooLarge { limit: 64 }));
    }

    #[test]
    fn what_is_no_chunk_is_said_to_be_none() {
        for wrong in ["hello", "\n#0\n", "\n#x\n", "\n#-1\n", "\n#00000000001\n"] {
            let mut deframer = Deframer::new(64);
            deframer.frame(Framing::Chunked);
            deframer.push(wrong.as_bytes());
            assert_eq!(deframer.take(), Err(FramingError::NoChunk), "{wrong:?}");
        }
    }
}
