//! Marks in descriptions: how a device that keeps nothing but a description remembers whose a sub-interface is.
//!
//! `<description> [rehome <service> <relocation>]`, with `-` where no relocation has put it there. Whoever reads the
//! device's configuration sees whose it is, and by which ticket.

use rehome_domain::id::RelocationId;

use crate::device::Mark;

const BEGINS: &str = "[rehome ";

/// A description with a mark behind it, in so many characters at most: the description is cut, never the mark.
#[must_use]
pub fn write(description: &str, mark: &Mark, limit: Option<usize>) -> String {
    let relocation = mark.relocation.map_or_else(|| "-".to_owned(), |id| id.to_string());
    let mark = format!("{BEGINS}{} {relocation}]", masked(&mark.service_id));
    let room = limit.map_or(usize::MAX, |limit| limit.saturating_sub(mark.chars().count() + 1));
    let description: String = description.chars().take(room).collect();
    let description = description.trim();
    if description.is_empty() { mark } else { format!("{description} {mark}") }
}

/// The description and the mark that a device has; no mark if there is none that can be read.
#[must_use]
pub fn read(text: &str) -> (String, Option<Mark>) {
    let unmarked = || (text.trim().to_owned(), None);
    let Some((description, mark)) = text.trim().strip_suffix(']').and_then(|text| text.rsplit_once(BEGINS))
    else {
        return unmarked();
    };
    let Some((service, relocation)) = mark.split_once(' ') else { return unmarked() };
    let relocation = match relocation {
        "-" => None,
        id => match id.parse::<RelocationId>() {
            Ok(id) => Some(id),
            Err(_) => return unmarked(),
        },
    };
    let Some(service_id) = unmasked(service) else { return unmarked() };
    (description.trim().to_owned(), Some(Mark { service_id, relocation }))
}

/// A service's id without blanks and brackets, so that a mark's parts can be told apart.
fn masked(service: &str) -> String {
    let mut masked = String::with_capacity(service.len());
    for character in service.chars() {
        match character {
            ' ' | '[' | ']' | '%' => masked.push_str(&format!("%{:02X}", u32::from(character))),
            other => masked.push(other),
        }
    }
    masked
}

fn unmasked(masked: &str) -> Option<String> {
    let mut parts = masked.split('%');
    let mut service = parts.next()?.to_owned();
    for part in parts {
        let code = part.get(..2)?;
        service.push(u8::from_str_radix(code, 16).ok()?.into());
        service.push_str(part.get(2..)?);
    }
    Some(service)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};
    use uuid::Uuid;

    use super::*;

    proptest! {
        #[test]
        fn a_mark_that_was_written_is_read_whatever_the_texts_are(
            description in "[ -~专线]{0,60}",
            service in "[ -~专线]{1,20}",
            relocation in prop::option::of(any::<u128>()),
            limit in prop::option::of(100..200usize),
        ) {
            let relocation = relocation.map(|id| RelocationId(Uuid::from_u128(id)));
            let mark = Mark { service_id: service, relocation };
            let written = write(&description, &mark, limit);
            let (read, found) = read(&written);
            prop_assert_eq!(found, Some(mark));
            prop_assert!(description.trim().starts_with(&read));
            if limit.is_none() {
                prop_assert_eq!(read, description.trim());
            }
        }

        #[test]
        fn what_bears_no_mark_is_taken_as_it_is(text in "[ -~]{0,60}") {
            let (description, mark) = read(&text);
            prop_assert!(mark.is_some() || description == text.trim());
        }
    }

    #[test]
    fn a_description_is_cut_where_the_device_takes_no_longer_one_and_the_mark_stays_whole() {
        let mark = Mark { service_id: "S-1".to_owned(), relocation: None };
        assert_eq!(write("a long description", &mark, Some(20)), "a lon [rehome S-1 -]");
        assert_eq!(write("a long description", &mark, Some(3)), "[rehome S-1 -]");
    }
}
