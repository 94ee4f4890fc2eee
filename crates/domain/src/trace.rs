//! W3C trace context: where a message belongs in a trace. Carried along, never looked into; kept only with a dead letter,
//! so that what is sent again goes on in its own trace.

use serde::{Deserialize, Serialize};

/// `tracestate` may be longer by the standard; what is longer than what everybody must carry is dropped.
const LONGEST_STATE: usize = 512;

/// A place in a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// Invariant: `version-trace-parent-flags` in lower-case hex, none of them nought.
    parent: String,
    /// What the vendors of tracing systems say to each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
}

impl Trace {
    /// Reads the two headers. None if `traceparent` is not what the standard says: a trace begins anew then.
    #[must_use]
    pub fn read(parent: &str, state: Option<&str>) -> Option<Self> {
        let hex = |text: &str, digits: usize| {
            text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let not_nought = |text: &str| text.bytes().any(|byte| byte != b'0');
        let mut parts = parent.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let known = hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
        let good = known && hex(trace, 32) && hex(span, 16) && hex(flags, 2);
        let state = state.filter(|state| !state.is_empty() && state.len() <= LONGEST_STATE);
        (good && not_nought(trace) && not_nought(span))
            .then(|| Self { parent: format!("00-{trace}-{span}-{flags}"), state: state.map(str::to_owned) })
    }

    /// The header `traceparent`.
    #[must_use]
    pub fn parent(&self) -> &str {
        &self.parent
    }

    /// The header `tracestate`.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_the_standard_allows_is_carried_as_it_is() {
        let trace = Trace::read(GOOD, Some("vendor=x")).unwrap();
        assert_eq!((trace.parent(), trace.state()), (GOOD, Some("vendor=x")));
        assert_eq!(Trace::read(GOOD, Some("")).unwrap().state(), None);
        assert_eq!(Trace::read(GOOD, Some(&"x".repeat(513))).unwrap().state(), None);
    }

    #[test]
    fn a_newer_version_is_read_as_far_as_we_know_it() {
        let newer = GOOD.replacen("00", "01", 1) + "-more";
        assert_eq!(Trace::read(&newer, None).unwrap().parent(), GOOD);
    }

    #[test]
    fn what_the_standard_forbids_is_no_trace() {
        for bad in [
            "",
            "nonsense",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Trace::read(bad, None), None, "{bad}");
        }
    }
}
