//! What changes, as a stream of server-sent events.

use std::fmt::Write as _;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web,
};
use futures::stream;
use rehome_domain::{id::RelocationId, role::Role, webhook::Mark};

use super::{
    query::{self, Query},
    route::{Answer, Content, Parameter, Route},
    unread::Unread,
};
use crate::{
    changes::Heard,
    door::Caller,
    frame::{Language, Problem},
    site::Workbench,
};

const LAST: &str = "Last-Event-ID";

pub(super) fn routes() -> Vec<Route> {
    let from = "Goes on after this event's `id`, without leaving one out; from now on if neither it nor `since` is given";
    vec![
        Route::new(Method::GET, "/stream", "stream", listen)
            .is("Changes of the tickets that a filter lets in, as they are committed: `relocation.changed` and `alarm.raised`, \
                 in order. It ends after ten minutes: come again with the last `id`, as browsers do by themselves")
            .query(query::filter())
            .query([Parameter::one::<String>("since", "As `Last-Event-ID`, which counts if both are given")])
            .header(Parameter::one::<String>(LAST, from))
            .with(Answer {
                status: 200,
                is: "Events: `id`, `event` and `data`, a JSON object with `id`, `type`, `at` and `data`. At first, and every ten \
                     seconds while there are none, a comment with the `id` of the place reached",
                content: Content::Events,
            }),
    ]
}

async fn listen(
    caller: Caller,
    mut query: Query,
    language: Language,
    request: HttpRequest,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    caller.needs(Role::Viewer)?;
    let filter = query.filter();
    query.check(filter.faults());
    let since = query.one("since", read);
    query.done()?;
    let last = match request.headers().get(LAST).map(|value| read(value.to_str().unwrap_or_default())) {
        Some(Err(why)) => {
            return Err(Problem::field(LAST, why.sentence(language.0)));
        }
        Some(Ok(mark)) => Some(mark),
        None => since,
    };
    // One of another store, or of before it was restored, would wait for ever.
    if let Some(mark) = last
        && mark > workbench.feed.end().await?
    {
        return Err(Problem::field(
            "since",
            "is later than all that happened here: begin without it".to_owned(),
        ));
    }
    let listener = workbench.changes.listen(last, filter).await?;
    // The first words at once, so that whoever asks sees that it listens, and can come again before anything happens.
    let told = stream::unfold((listener, true), |(mut listener, first)| async move {
        let text = if first { begun(listener.place()) } else { told(listener.next().await?) };
        Some((Ok::<_, Problem>(web::Bytes::from(text)), (listener, false)))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(told))
}

/// The first words.
fn begun(place: Mark) -> String {
    format!("retry: 1500\n: here\nid: {}\n\n", written(place))
}

/// As a client reads it. Only the last of an entry's events has the id: whoever breaks off before it hears them all again.
fn told(heard: Heard) -> String {
    let mut text = String::new();
    let mut write = |line: std::fmt::Arguments<'_>| _ = text.write_fmt(line);
    match heard {
        Heard::Nothing(place) => write(format_args!(": here\nid: {}\n\n", written(place))),
        Heard::Changes(entries) => {
            for (place, told) in entries {
                let last = told.len().saturating_sub(1);
                for (number, (kind, telling)) in told.into_iter().enumerate() {
                    if number == last {
                        write(format_args!("id: {}\n", written(place)));
                    }
                    write(format_args!("event: {kind}\ndata: {}\n\n", telling.body));
                }
            }
        }
    }
    text
}

/// A place in the stream, as clients keep it.
fn written(Mark { commit, relocation, seq }: Mark) -> String {
    format!("{commit}.{relocation}.{seq}")
}

fn read(text: &str) -> Result<Mark, Unread> {
    let mark = || {
        let mut parts = text.split('.');
        let (commit, relocation, seq) = (parts.next()?, parts.next()?, parts.next()?);
        let relocation: RelocationId = relocation.parse().ok()?;
        let mark = Mark { commit: commit.parse().ok()?, relocation, seq: seq.parse().ok()? };
        parts.next().is_none().then_some(mark)
    };
    mark().ok_or_else(|| Unread::NoMark(text.to_owned()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written_and_nothing_else_is_one() {
        let mark = Mark { commit: 7, relocation: RelocationId(uuid::Uuid::from_u64_pair(1, 2)), seq: 3 };
        assert_eq!(read(&written(mark)), Ok(mark));
        for odd in [
            "",
            "7",
            "7.x.3",
            "7..3",
            "-1.00000000-0000-0001-0000-000000000002.3",
            &format!("{}.4", written(mark)),
        ] {
            assert_eq!(read(odd), Err(Unread::NoMark(odd.to_owned())), "{odd}");
        }
    }
}
