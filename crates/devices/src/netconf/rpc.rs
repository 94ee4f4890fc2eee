//! Requests and replies (RFC 6241).

use rehome_domain::{ports::DriverError, reply::Reason};

use super::xml::{Element, escaped};
use crate::device::{permanent, transient};

/// The namespace of NETCONF itself, of either base.
pub(super) const BASE: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";

/// One thing a device finds wrong, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcError {
    /// `lock-denied`, `data-exists`, …
    pub tag: String,
    /// What it adds to the tag.
    pub app_tag: Option<String>,
    /// Where in the configuration or in the request.
    pub path: Option<String>,
    /// For people.
    pub message: Option<String>,
    /// Which session has the lock, where it is about one that somebody has; 0: nobody who speaks NETCONF.
    pub session: Option<u64>,
    /// Only a warning.
    pub warning: bool,
}

impl RpcError {
    fn of(element: &Element) -> Self {
        let text = |path: &str| element.text_at(path).map(str::to_owned);
        Self {
            tag: text("error-tag").unwrap_or_else(|| "operation-failed".to_owned()),
            app_tag: text("error-app-tag"),
            path: text("error-path"),
            message: text("error-message"),
            session: element.text_at("error-info/session-id").and_then(|id| id.parse().ok()),
            warning: element.text_at("error-severity") == Some("warning"),
        }
    }

    fn sentence(&self) -> String {
        let mut said = self.tag.clone();
        if let Some(app_tag) = &self.app_tag {
            said.push_str(&format!(" ({app_tag})"));
        }
        if let Some(path) = &self.path {
            said.push_str(&format!(" at {path}"));
        }
        if let Some(message) = &self.message {
            said.push_str(&format!(": {message}"));
        }
        said
    }
}

/// All that a device finds wrong with a request. Warnings alone are no refusal.
#[must_use]
pub fn errors(reply: &Element) -> Vec<RpcError> {
    let all: Vec<RpcError> = reply.all("rpc-error").into_iter().map(RpcError::of).collect();
    if all.iter().all(|error| error.warning) { Vec::new() } else { all }
}

/// What a refusal means to whoever asked: somebody else's lock and a busy device pass, everything else stays refused.
#[must_use]
pub fn refusal(device: &str, what: &str, errors: &[RpcError]) -> DriverError {
    let said: Vec<String> = errors.iter().map(RpcError::sentence).collect();
    let text = format!("{device} refused to {what}: {}", said.join("; "));
    let every = |tags: &[&str]| errors.iter().all(|error| tags.contains(&error.tag.as_str()));
    if every(&["lock-denied", "in-use"]) {
        transient(Reason::Locked, text)
    } else if every(&["resource-denied"]) {
        transient(Reason::Unreachable, text)
    } else {
        permanent(Reason::Rejected, text)
    }
}

/// The session that has what could not be locked; 0: none has. None if the device does not say.
///
/// Only `lock-denied` is about somebody's lock. Where a commit waits to be confirmed whose sender is gone, netconfd says `in-use`.
#[must_use]
pub(super) fn lock_holder(errors: &[RpcError]) -> Option<u64> {
    let denied = errors.iter().find(|error| error.tag == "lock-denied");
    denied.map_or(Some(0), |denied| denied.session)
}

/// A request.
#[must_use]
pub fn request(id: u64, operation: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rpc message-id=\"{id}\" xmlns=\"{BASE}\">{operation}</rpc>"
    )
}

/// What we say first: what we can.
#[must_use]
pub fn hello() -> String {
    let bases =
        ["1.0", "1.1"].map(|base| format!("<capability>urn:ietf:params:netconf:base:{base}</capability>"));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<hello xmlns=\"{BASE}\"><capabilities>{}</capabilities></hello>",
        bases.concat()
    )
}

pub(super) fn lock(target: &str) -> String {
    format!("<lock><target><{target}/></target></lock>")
}

pub(super) fn unlock(target: &str) -> String {
    format!("<unlock><target><{target}/></target></unlock>")
}

/// Asks for state and configuration.
pub(super) fn get(filter: &str) -> String {
    format!("<get><filter type=\"subtree\">{filter}</filter></get>")
}

pub(super) fn get_running(filter: &str) -> String {
    format!("<get-config><source><running/></source><filter type=\"subtree\">{filter}</filter></get-config>")
}

/// Nothing of the configuration: whether a device answers.
pub(super) const ASK_NOTHING: &str = "<get-config><source><running/></source><filter type=\"subtree\"><nothing \
    xmlns=\"urn:rehome:nothing\"/></filter></get-config>";

pub(super) fn edit(target: &str, rollback_on_error: bool, config: &str) -> String {
    let option = if rollback_on_error { "<error-option>rollback-on-error</error-option>" } else { "" };
    format!(
        "<edit-config><target><{target}/></target><default-operation>merge</default-operation>{option}<config>{config}</config></edit-config>"
    )
}

pub(super) const DISCARD: &str = "<discard-changes/>";
pub(super) const VALIDATE: &str = "<validate><source><candidate/></source></validate>";
pub(super) const COMMIT: &str = "<commit/>";

/// A commit that the device takes back by itself if it is not confirmed within so many seconds, whatever becomes of us.
pub(super) fn commit_confirmed(seconds: u32, persist: &str) -> String {
    let persist = escaped(persist);
    format!(
        "<commit><confirmed/><confirm-timeout>{seconds}</confirm-timeout><persist>{persist}</persist></commit>"
    )
}

pub(super) fn confirm(persist: &str) -> String {
    format!("<commit><persist-id>{}</persist-id></commit>", escaped(persist))
}

pub(super) fn cancel(persist: &str) -> String {
    format!("<cancel-commit><persist-id>{}</persist-id></cancel-commit>", escaped(persist))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::netconf::xml;

    fn reply(errors: &str) -> Element {
        xml::read(&format!("<rpc-reply message-id=\"1\" xmlns=\"{BASE}\">{errors}</rpc-reply>")).unwrap()
    }

    fn error(tag: &str, severity: &str) -> String {
        format!(
            "<rpc-error><error-type>protocol</error-type><error-tag>{tag}</error-tag><error-severity>{severity}</error-severity>\
             <error-app-tag>tags-in-use</error-app-tag><error-path>/if:interfaces</error-path>\
             <error-message xml:lang=\"en\">another has it</error-message></rpc-error>"
        )
    }

    #[test]
    fn a_refusal_says_what_the_device_said_with_its_path_and_all_its_errors() {
        let told = errors(&reply(&(error("invalid-value", "error") + &error("data-exists", "error"))));
        let refused = refusal("gw-1", "take the edit", &told);
        assert!(!refused.transient);
        assert_eq!(
            refused.failure.text,
            "gw-1 refused to take the edit: invalid-value (tags-in-use) at /if:interfaces: another has it; \
             data-exists (tags-in-use) at /if:interfaces: another has it"
        );
    }

    #[test]
    fn who_has_the_lock_is_told_apart_from_a_commit_that_nobody_is_at_any_more() {
        let denied = |info: &str| {
            let error = format!("<rpc-error><error-tag>lock-denied</error-tag>{info}</rpc-error>");
            lock_holder(&errors(&reply(&error)))
        };
        assert_eq!(denied("<error-info><session-id>7</session-id></error-info>"), Some(7));
        assert_eq!(denied("<error-info><session-id>0</session-id></error-info>"), Some(0));
        assert_eq!(denied(""), None);
        assert_eq!(lock_holder(&errors(&reply(&error("in-use", "error")))), Some(0));
    }

    #[test]
    fn somebody_elses_lock_passes_and_a_warning_is_no_refusal() {
        let locked = refusal("gw-1", "lock", &errors(&reply(&error("lock-denied", "error"))));
        assert_eq!((locked.transient, locked.failure.reason), (true, Reason::Locked));
        assert_eq!(errors(&reply(&error("operation-failed", "warning"))), []);
        assert_eq!(errors(&reply("<ok/>")), []);
    }
}
