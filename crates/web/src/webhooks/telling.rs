//! What is told of an entry of a journal.

use rehome_domain::{event::Raised, journal::Moment, lang::Lang, webhook::Format};
use serde_json::{Value, json};

use super::query::Query;
use crate::tmf::notice::notices;

/// What is told in [`Format::Rehome`].
pub(super) const CHANGED_AND_RAISED: [&str; 2] = ["relocation.changed", "alarm.raised"];

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    /// The same each time it is told: whoever hears it twice knows by it.
    pub id: String,
    /// What is posted, as JSON.
    pub body: String,
}

/// What is told of the last of a ticket's moments: the same each time.
#[must_use]
pub fn tellings(format: Format, query: &Query, moments: &[Moment]) -> Vec<Telling> {
    let Some(last) = moments.last() else { return Vec::new() };
    let all = match format {
        Format::Tmf => {
            let told = |notice: crate::tmf::notice::Notice| {
                (notice.kind, Telling { id: notice.id, body: notice.body.to_string() })
            };
            notices(moments).into_iter().map(told).collect()
        }
        Format::Rehome => changed_and_raised(last),
    };
    all.into_iter().filter(|(kind, _)| query.admits(kind, &last.after)).map(|(_, told)| told).collect()
}

/// What is published on the bus after an entry, each with its kind.
#[must_use]
pub fn changed_and_raised(moment: &Moment) -> Vec<(&'static str, Telling)> {
    let Moment { after, entry, .. } = moment;
    let [changed, raised] = CHANGED_AND_RAISED;
    let tell = |kind: &'static str, number: usize, data: Value| {
        let id = format!("{}:{}:{kind}:{number}", entry.relocation, entry.seq);
        let body = json!({ "id": id, "type": kind, "at": entry.at, "data": data });
        (kind, Telling { id, body: body.to_string() })
    };
    let alarms = entry.alarms.iter().enumerate().map(|(number, alarm)| {
        let told = Raised {
            relocation: entry.relocation,
            service_id: Some(after.request.service_id.clone()),
            alarm: *alarm,
            severity: alarm.severity(),
            at: entry.at,
            detail: alarm.label(Lang::En).to_owned(),
        };
        tell(raised, number, json!(told))
    });
    std::iter::once(tell(changed, 0, json!(after.event(&entry.alarms)))).chain(alarms).collect()
}
