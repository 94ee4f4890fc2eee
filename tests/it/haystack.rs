//! Looks for secrets in whatever was said or kept, in every form in which they may have got there.

use crate::running::Said;

/// Something that nobody may see.
#[derive(Debug)]
pub(crate) struct Secret {
    name: String,
    text: String,
}

impl Secret {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        assert!(text.len() >= 12, "{name} is so short that it may be found by chance");
        Self { name: name.to_owned(), text: text.to_owned() }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// As it is, escaped for URLs, for JSON and for Rust's debug output, in hexadecimal, and in base64 wherever it begins.
    fn forms(&self) -> Vec<String> {
        let text = &self.text;
        let [percent, lower] = [false, true].map(|lower| percent(text, lower));
        let json = serde_json::to_string(text).unwrap();
        let debug = format!("{text:?}");
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let listed: Vec<String> = text.bytes().map(|byte| byte.to_string()).collect();
        let mut forms = vec![
            text.clone(),
            percent.replace("%20", "+"),
            lower.replace("%20", "+"),
            percent,
            lower,
            json.trim_matches('"').to_owned(),
            debug.trim_matches('"').to_owned(),
            hex.to_uppercase(),
            hex,
            listed.join(", "),
        ];
        for before in 0..3 {
            let bytes = [vec![0; before], text.as_bytes().to_vec()].concat();
            let encoded = base64(&bytes);
            // What the neighbours have a part in is left out.
            let (from, to) = ([0, 2, 3][before], bytes.len() * 8 / 6);
            let own = &encoded[from..to];
            forms.extend([own.to_owned(), own.replace('+', "-").replace('/', "_")]);
        }
        forms
    }
}

/// As in URLs, with digits of either case.
fn percent(text: &str, lower: bool) -> String {
    let encoded = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(byte).to_string(),
        _ if lower => format!("%{byte:02x}"),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encoded).collect()
}

/// The standard alphabet, without padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sextets = |chunk: &[u8]| {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let digits = (0..=chunk.len()).map(move |digit| bits >> (18 - 6 * digit) & 63);
        digits.map(|digit| char::from(ALPHABET[usize::try_from(digit).unwrap()])).collect::<String>()
    };
    bytes.chunks(3).map(sextets).collect()
}

/// All that is searched.
#[derive(Default)]
pub(crate) struct Haystack {
    parts: Vec<(String, Vec<u8>)>,
}

impl Haystack {
    pub(crate) fn add(&mut self, place: &str, text: &str) {
        self.add_bytes(place, text.as_bytes().to_vec());
    }

    pub(crate) fn add_bytes(&mut self, place: &str, bytes: Vec<u8>) {
        assert!(!bytes.is_empty(), "{place} says nothing");
        self.parts.push((place.to_owned(), bytes));
    }

    /// What a command printed, on either channel.
    pub(crate) fn said(&mut self, place: &str, said: &Said) {
        self.add(place, &format!("{}{}", said.stdout, said.stderr));
    }

    /// Which secret was found where, with what is around it.
    pub(crate) fn found(&self, secrets: &[Secret]) -> Vec<String> {
        let mut found = Vec::new();
        for (place, bytes) in &self.parts {
            let text = String::from_utf8_lossy(bytes);
            for secret in secrets {
                let at = secret.forms().into_iter().find_map(|form| Some((text.find(&form)?, form)));
                let Some((at, form)) = at else { continue };
                let from = text.floor_char_boundary(at.saturating_sub(200));
                let to = text.ceil_char_boundary((at + form.len() + 100).min(text.len()));
                found.push(format!("{} in {place}: …{}…", secret.name, &text[from..to]));
            }
        }
        found
    }
}

#[test]
fn a_secret_is_found_in_every_form() {
    let secret = Secret::new("it", "S3cret\"/p@ss w0rd");
    let finds = |text: &str| {
        let mut hay = Haystack::default();
        hay.add("here", text);
        !hay.found(std::slice::from_ref(&secret)).is_empty()
    };
    for text in [
        "x S3cret\"/p@ss w0rd y",
        "amqp://user:S3cret%22%2Fp%40ss%20w0rd@host",
        "password=S3cret%22%2fp%40ss+w0rd&",
        r#"{"password":"S3cret\"/p@ss w0rd"}"#,
        r#"Password("S3cret\"/p@ss w0rd")"#,
        "5333637265",
        &format!(
            "\\x00{}",
            "S3cret\"/p@ss w0rd".bytes().map(|byte| format!("{byte:02x}")).collect::<String>()
        ),
        &format!("{:?}", b"S3cret\"/p@ss w0rd"),
        // `user:` and the secret, as HTTP's basic authentication sends them; and with one and two letters more.
        "dXNlcjpTM2NyZXQiL3BAc3MgdzByZA==",
        "eHVzZXI6UzNjcmV0Ii9wQHNzIHcwcmQ=",
        "eHl1c2VyOlMzY3JldCIvcEBzcyB3MHJk",
    ] {
        assert_eq!(finds(text), text != "5333637265", "{text}");
    }
}
