//! Who looks at a page, in which language and theme.

use actix_web::{
    FromRequest, HttpRequest,
    cookie::{Cookie, SameSite, time::Duration},
    dev::Payload,
};
use futures::future::LocalBoxFuture;
use jiff::Timestamp;
use rehome_domain::{lang::Lang, role::Role};

use super::{Frame, words::Say};
use crate::{
    door::Caller,
    frame::{Language, Problem},
};

/// Keeps the theme that was asked for.
const COOKIE: &str = "rehome-theme";
/// For so long.
const KEPT: Duration = Duration::days(365);

/// Light, dark, or as the system has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Theme {
    /// As the system has it.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// Its name in links, cookies and the page.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(super) fn of(request: &HttpRequest) -> Self {
        let kept = || named(request.cookie(COOKIE)?.value());
        asked(request).or_else(kept).unwrap_or_default()
    }

    /// What is to be kept, if it was asked for.
    pub(crate) fn cookie(request: &HttpRequest, secure: bool) -> Option<Cookie<'static>> {
        let theme = asked(request)?.word();
        let cookie = Cookie::build(COOKIE, theme).path("/").same_site(SameSite::Lax).secure(secure);
        Some(cookie.max_age(KEPT).finish())
    }
}

/// `?theme=`.
fn asked(request: &HttpRequest) -> Option<Theme> {
    request.query_string().split('&').find_map(|pair| named(pair.strip_prefix("theme=")?))
}

fn named(word: &str) -> Option<Theme> {
    Theme::ALL.into_iter().find(|theme| theme.word() == word)
}

/// A part of the workbench, for the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Tickets,
    Overview,
    New,
    Letters,
    Devices,
    Steering,
    Passes,
    Reference,
}

/// Who looks.
pub(super) struct View {
    pub(super) caller: Caller,
    pub(super) say: Say,
    theme: Theme,
    path: String,
}

impl View {
    pub(super) const fn lang(&self) -> Lang {
        self.say.0
    }

    pub(super) fn may(&self, role: Role) -> bool {
        self.caller.role() >= role
    }

    /// The frame of a page.
    pub(super) fn frame(&self, section: Section, title: impl Into<String>) -> Frame {
        Frame {
            theme: self.theme,
            inside: Some(Inside {
                name: self.caller.account().name.to_string(),
                role: self.caller.role().label(self.lang()),
                section,
                path: self.path.clone(),
            }),
            ..Frame::new(self.lang(), title.into())
        }
    }
}

/// What a page has for who is signed in.
pub(super) struct Inside {
    pub(super) name: String,
    pub(super) role: &'static str,
    section: Section,
    path: String,
}

impl Inside {
    /// Whether the page belongs to this part.
    pub(super) fn is(&self, section: &str) -> bool {
        let here = match self.section {
            Section::Tickets => "tickets",
            Section::Overview => "overview",
            Section::New => "new",
            Section::Letters => "letters",
            Section::Devices => "devices",
            Section::Steering => "steering",
            Section::Passes => "passes",
            Section::Reference => "reference",
        };
        here == section
    }

    /// The same page with this in its address.
    pub(super) fn with(&self, key: &str, value: &str) -> String {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let other = |pair: &&str| !pair.is_empty() && pair.split('=').next() != Some(key);
        let rest: Vec<&str> = query.split('&').filter(other).collect();
        let more = if rest.is_empty() { String::new() } else { format!("{}&", rest.join("&")) };
        format!("{path}?{more}{key}={value}")
    }
}

impl FromRequest for View {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload);
        let language = Language::from_request(request, payload);
        let theme = Theme::of(request);
        // A form's answer has no address of its own to come back to by a link.
        let path = match *request.method() {
            actix_web::http::Method::GET => request.uri().to_string(),
            _ => "/".to_owned(),
        };
        Box::pin(async move {
            let caller = caller.await?;
            let lang = language.await.map_err(|error| Problem::Failed(error.to_string()))?.0;
            Ok(Self { caller, say: Say(lang), theme, path })
        })
    }
}

/// An instant as a page tells it: the script shows it in the reader's own zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct When {
    /// For machines.
    pub(super) machine: String,
    /// For people, in UTC.
    pub(super) text: String,
}

impl When {
    pub(super) fn of(at: Timestamp) -> Self {
        Self { machine: format!("{at:.3}"), text: at.strftime("%m-%d %H:%M:%S").to_string() }
    }
}

/// How long ago, in the largest unit that tells enough: `42 s`, `7 min`, `3 h 20`, `5 d`.
pub(super) fn age(lang: Lang, since: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(since).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (lang, seconds) {
        (Lang::En, ..60) => format!("{seconds} s"),
        (Lang::En, ..3600) => format!("{minutes} min"),
        (Lang::En, ..86_400) => format!("{hours} h {:02}", minutes % 60),
        (Lang::En, _) => format!("{days} d"),
        (Lang::Zh, ..60) => format!("{seconds} 秒"),
        (Lang::Zh, ..3600) => format!("{minutes} 分"),
        (Lang::Zh, ..86_400) => format!("{hours} 时 {:02}", minutes % 60),
        (Lang::Zh, _) => format!("{days} 天"),
    }
}
