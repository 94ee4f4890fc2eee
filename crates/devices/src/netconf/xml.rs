//! What devices say, as a tree: small, bounded, and without entities of their own making.

use quick_xml::{Reader, events::Event};

/// Elements within elements, at most. Configurations of interfaces are a dozen deep.
const DEPTH: usize = 64;

/// An element: its name without a prefix, its text, and what is in it. Devices of one profile use no name of two namespaces
/// at one place, so that a name says enough.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name.
    pub name: String,
    /// Its attributes, by name without a prefix.
    pub attributes: Vec<(String, String)>,
    /// Its own text, without the blanks around it.
    pub text: String,
    /// The elements in it.
    pub children: Vec<Element>,
}

/// It is not XML that we take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the device sent XML that can't be read: {0}")]
pub struct XmlError(String);

impl Element {
    /// The first element at a path of names, `a/b/c`; itself for the empty one. A name may have a condition:
    /// `a/b[c/d=text]` is a `b` that has this text at `c/d`.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&Self> {
        self.all(path).into_iter().next()
    }

    /// All elements at a path.
    #[must_use]
    pub fn all<'a>(&'a self, path: &str) -> Vec<&'a Self> {
        let mut here = vec![self];
        for step in steps(path) {
            let (name, condition) = match step.split_once('[') {
                Some((name, condition)) => {
                    (name, condition.strip_suffix(']').and_then(|text| text.split_once('=')))
                }
                None => (step, None),
            };
            let holds = |child: &&Self| {
                child.name == name
                    && condition
                        .is_none_or(|(path, text)| child.all(path).iter().any(|found| found.text == text))
            };
            here = here.into_iter().flat_map(|one| &one.children).filter(holds).collect();
        }
        here
    }

    /// The text at a path, if there is one that is not empty.
    #[must_use]
    pub fn text_at(&self, path: &str) -> Option<&str> {
        self.at(path).map(|element| element.text.as_str()).filter(|text| !text.is_empty())
    }

    /// An attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The steps of a path. A slash within a condition, as in a port's name, parts none.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    let mut within = false;
    let parts = path.split(move |letter| {
        within = (within || letter == '[') && letter != ']';
        letter == '/' && !within
    });
    parts.filter(|step| !step.is_empty())
}

/// Reads a document.
///
/// # Errors
/// It is not well formed, too deep, or defines something of its own.
pub fn read(text: &str) -> Result<Element, XmlError> {
    let wrong = |error: &dyn std::fmt::Display| XmlError(error.to_string());
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = vec![Element::default()];
    loop {
        match reader.read_event().map_err(|error| wrong(&error))? {
            Event::Start(start) => {
                if open.len() > DEPTH {
                    return Err(XmlError(format!("more than {DEPTH} elements within each other")));
                }
                open.push(begun(&start).map_err(|error| wrong(&error))?);
            }
            Event::Empty(start) => {
                let element = begun(&start).map_err(|error| wrong(&error))?;
                if let Some(parent) = open.last_mut() {
                    parent.children.push(element);
                }
            }
            Event::End(_) => {
                let mut done = open.pop().unwrap_or_default();
                done.text = done.text.trim().to_owned();
                match open.last_mut() {
                    Some(parent) => parent.children.push(done),
                    None => return Err(XmlError("an element ends that never began".to_owned())),
                }
            }
            Event::Text(piece) => add(&mut open, &piece),
            Event::CData(piece) => add(&mut open, &piece),
            Event::GeneralRef(reference) => {
                let known = match reference.resolve_char_ref().map_err(|error| wrong(&error))? {
                    Some(character) => Some(character.to_string()),
                    None => quick_xml::escape::resolve_predefined_entity(&reference).map(str::to_owned),
                };
                let text = known.ok_or_else(|| XmlError("an entity that XML does not define".to_owned()))?;
                add(&mut open, &text);
            }
            Event::DocType(_) => {
                return Err(XmlError("a document type, which NETCONF does not allow".to_owned()));
            }
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    let root = open.pop().filter(|_| open.is_empty()).and_then(|outer| outer.children.into_iter().next());
    root.ok_or_else(|| XmlError("it ends before its element does".to_owned()))
}

fn add(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn begun(start: &quick_xml::events::BytesStart<'_>) -> Result<Element, quick_xml::Error> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute?;
        let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0)?.into_owned();
        attributes.push((attribute.key.local_name().as_ref().to_owned(), value));
    }
    let name = start.local_name().as_ref().to_owned();
    Ok(Element { name, attributes, ..Element::default() })
}

/// A text as it stands in XML. Characters that XML has no way to write become `?`; our requests have none.
#[must_use]
pub fn escaped(text: &str) -> String {
    let written: String = text
        .chars()
        .map(|character| match character {
            '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => '?',
            other => other,
        })
        .collect();
    quick_xml::escape::escape(written).into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn a_condition_in_a_path_picks_among_elements_of_one_name() {
        let tree = read("<d><i><n>ge-0/0/1</n><x>1</x></i><i><n>ge-0/0/2</n><s><k>7</k></s><x>2</x></i></d>")
            .unwrap();
        assert_eq!(tree.text_at("i[n=ge-0/0/2]/x"), Some("2"));
        assert_eq!(tree.text_at("i[s/k=7]/n"), Some("ge-0/0/2"));
        assert_eq!(tree.text_at("i[n=ge-0/0/3]/x"), None);
        assert_eq!(tree.all("i/x").len(), 2);
    }

    #[test]
    fn names_texts_attributes_and_places_are_read_without_prefixes() {
        let read =
            read("<n:a xmlns:n=\"u\" n:id='1'> <b>x &amp; &#x79;</b><c/><b><![CDATA[<z>]]></b> </n:a>")
                .unwrap();
        assert_eq!((read.name.as_str(), read.attribute("id")), ("a", Some("1")));
        assert_eq!(read.text_at("b"), Some("x & y"));
        assert_eq!(read.all("b").iter().map(|b| b.text.as_str()).collect::<Vec<_>>(), ["x & y", "<z>"]);
        assert!(read.at("c").is_some() && read.text_at("c").is_none());
    }

    #[test]
    fn what_could_make_us_do_more_work_than_its_size_is_refused() {
        let deep = "<a>".repeat(DEPTH + 2) + &"</a>".repeat(DEPTH + 2);
        for wrong in
            ["<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "<a>&b;</a>", "<a><b></a>", "<a>", "", &deep]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(text in "[ -~\u{4e00}-\u{4eff}]{0,40}") {
            let read = read(&format!("<a>{}</a>", escaped(&text))).unwrap();
            prop_assert_eq!(read.text, text.trim());
        }

        #[test]
        fn whatever_comes_it_does_not_panic(text in any::<String>()) {
            let _ = read(&text);
        }
    }
}
