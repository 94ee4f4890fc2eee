//! Names with `*`.

/// A name to match exactly, or with `*` for any run of characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// A pattern of this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Matches piece by piece: the first piece begins the name, the last ends it, the others follow each other.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return self.0 == name };
        let Some(mut name) = name.strip_prefix(first) else { return false };
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        for piece in middle.split('*') {
            let Some(at) = name.find(piece) else { return false };
            name = &name[at + piece.len()..];
        }
        name.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    /// All ways to let `*` stand for a run of characters.
    fn by_definition(pattern: &str, name: &str) -> bool {
        match pattern.chars().next() {
            None => name.is_empty(),
            Some('*') => (0..=name.len()).any(|at| by_definition(&pattern[1..], &name[at..])),
            Some(first) => name.strip_prefix(first).is_some_and(|name| by_definition(&pattern[1..], name)),
        }
    }

    fn words(alphabet: &[char], longest: usize) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut last = words.clone();
        for _ in 0..longest {
            last = last.iter().flat_map(|word| alphabet.iter().map(move |c| format!("{word}{c}"))).collect();
            words.extend(last.iter().cloned());
        }
        words
    }

    #[test]
    fn matches_exactly_what_the_definition_of_a_star_says_for_all_short_names() {
        for pattern in words(&['a', 'b', '*'], 5) {
            for name in words(&['a', 'b'], 5) {
                let expected = by_definition(&pattern, &name);
                assert_eq!(Pattern::new(&pattern).matches(&name), expected, "{pattern} on {name}");
            }
        }
    }
}
