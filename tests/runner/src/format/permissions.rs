// SPDX-License-Identifier: GPL-3.0-or-later
//! Steps about permissions. In: their tables. Out: what they say, checked as far as that goes without a
//! desktop.

use super::action::default_timeout;
use cofferdam_policy::{Host, Kind, Level};
use serde::Deserialize;

const ANSWERS: &str = "not-now, this-time, until-closed, hour, today, always, never, pick-0 …";
const LIFETIMES: [&str; 6] = ["once", "run", "hour", "today", "always", "never"];

/// A question is on the screen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectPrompt {
    /// Who asks; anybody if absent.
    pub r#as: Option<String>,
    /// What its first line contains.
    pub title: Option<String>,
    /// What the line below contains.
    pub detail: Option<String>,
    /// The answers that it offers, by name, from top to bottom.
    pub choices: Option<Vec<String>>,
    /// How many questions wait behind it.
    pub waiting: Option<u32>,
    /// How long to wait for it.
    #[serde(default = "default_timeout")]
    pub timeout_s: u64,
}

/// With what hand a person answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// With the pointer.
    #[default]
    Click,
    /// With Tab and Space; "not now" with Escape.
    Key,
    /// With the digit of the answer.
    Digit,
}

/// An answer to the question on the screen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Which, by name.
    pub choice: String,
    /// How.
    #[serde(default)]
    pub by: By,
    /// Only if this app asks.
    pub r#as: Option<String>,
    /// How long to wait for the question, and until it takes answers.
    #[serde(default = "default_timeout")]
    pub timeout_s: u64,
}

/// No question is there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectNoPrompt {
    /// Only questions of this app.
    pub r#as: Option<String>,
    /// How long the last one may take to go.
    #[serde(default)]
    pub timeout_s: u64,
}

/// What to do with the panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PanelOp {
    /// Show it, with its key.
    Open,
    /// Hide it, with Escape.
    Close,
    /// Click what has this accessible name.
    Click,
    /// Go there with Tab and press Space.
    Press,
    /// Wait until something has this accessible name.
    Expect,
    /// Wait until nothing has it.
    ExpectGone,
}

/// A step at the panel, the bar or a trusted dialog.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    /// What to do.
    pub op: PanelOp,
    /// With what: its accessible name, or a part of it.
    pub label: Option<String>,
    /// Its accessible role, if several things have that name.
    pub role: Option<String>,
    /// Which of those that have the same name, from the top; there must be one only if absent.
    pub nth: Option<usize>,
    /// Where: `bar`, `panel` or `dialog`.
    #[serde(default = "panel")]
    pub surface: String,
    /// How long to wait for it.
    #[serde(default = "default_timeout")]
    pub timeout_s: u64,
}

fn panel() -> String {
    "panel".to_owned()
}

/// What to do with the clipboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClipboardOp {
    /// Copy what is selected there.
    Copy,
    /// Paste there.
    Paste,
}

/// A person's copy or paste.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clipboard {
    /// Which of the two.
    pub op: ClipboardOp,
    /// In which window; it is given the keyboard.
    pub window: String,
    /// The app's key for it; `ctrl+c` and `ctrl+v` if absent.
    pub key: Option<String>,
}

impl Clipboard {
    /// The key to press.
    #[must_use]
    pub fn chord(&self) -> &str {
        match (&self.key, self.op) {
            (Some(key), _) => key,
            (None, ClipboardOp::Copy) => "ctrl+c",
            (None, ClipboardOp::Paste) => "ctrl+v",
        }
    }
}

/// A jump of the monitor's clock; the parts add up.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdvanceClock {
    /// Days.
    #[serde(default)]
    pub days: u32,
    /// Hours.
    #[serde(default)]
    pub hours: u32,
    /// Minutes.
    #[serde(default)]
    pub minutes: u32,
    /// Seconds.
    #[serde(default)]
    pub seconds: u32,
}

impl AdvanceClock {
    /// All of it in milliseconds.
    #[must_use]
    pub fn millis(&self) -> u64 {
        let parts = [(self.days, 86_400), (self.hours, 3600), (self.minutes, 60), (self.seconds, 1)];
        parts.iter().map(|(n, seconds)| u64::from(*n) * seconds * 1000).sum()
    }
}

/// A site.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServeHttp {
    /// Its name, for the scenario's own DNS server too.
    pub host: String,
    /// Its port.
    #[serde(default = "http_port")]
    pub port: u16,
    /// What it serves, at every path.
    pub body: Option<String>,
    /// Instead of a body so much of a pattern.
    pub size_kib: Option<u64>,
    /// At most so fast; 0 is as fast as it goes.
    #[serde(default)]
    pub rate_kib_s: u64,
    /// After so much nothing more comes, and the connection stays open.
    pub hold_after_kib: Option<u64>,
}

const fn http_port() -> u16 {
    8080
}

/// What a site has seen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectHttp {
    /// Which.
    pub host: String,
    /// At which port.
    #[serde(default = "http_port")]
    pub port: u16,
    /// Exactly so many requests.
    pub requests: Option<u64>,
    /// At least so much was sent.
    pub min_kib: Option<u64>,
    /// At most so much was sent.
    pub max_kib: Option<u64>,
    /// So many answers were cut before their end.
    pub cut: Option<u64>,
    /// How long to wait for that.
    #[serde(default = "default_timeout")]
    pub timeout_s: u64,
}

/// A permission or a level.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Which app.
    pub r#as: String,
    /// Of which kind.
    pub kind: String,
    /// What.
    pub target: Option<String>,
    /// For how long.
    pub r#for: Option<String>,
    /// A level for the whole kind instead.
    pub level: Option<String>,
}

/// What to take back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// From which app; from all if absent.
    pub r#as: Option<String>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only this.
    pub target: Option<String>,
}

/// A grant that must be there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantWanted {
    /// What it covers.
    pub target: String,
    /// `allow` or `deny`.
    pub effect: Option<String>,
    /// `once`, `run`, `until` or `standing`.
    pub lifetime: Option<String>,
}

/// What an app may do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectPermissions {
    /// Which app.
    pub r#as: String,
    /// Of which kind.
    pub kind: String,
    /// The level that holds.
    pub level: Option<String>,
    /// Exactly these grants, in any order.
    pub grants: Option<Vec<GrantWanted>>,
    /// The panel is open and says the same.
    #[serde(default)]
    pub panel: bool,
    /// How long it may take to come true.
    #[serde(default = "default_timeout")]
    pub timeout_s: u64,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectLog {
    /// Which app.
    pub r#as: String,
    /// `asked`, `granted`, `used`, `refused`, …
    pub what: String,
    /// Of which kind.
    pub kind: Option<String>,
    /// What its target contains.
    pub target: Option<String>,
    /// How long it may take to come.
    #[serde(default = "default_timeout")]
    pub timeout_s: u64,
}

fn kind(name: &str) -> Result<(), String> {
    let names = Kind::ALL.map(Kind::name);
    one_of("kind", name, &names)
}

fn level(name: &str) -> Result<(), String> {
    let all = [Level::Off, Level::Ask, Level::Listed, Level::Internet, Level::All].map(Level::name);
    one_of("level", name, &all)
}

fn one_of(what: &str, word: &str, known: &[&str]) -> Result<(), String> {
    if known.contains(&word) {
        return Ok(());
    }
    Err(match super::nearest(word, known.iter().copied()) {
        Some(near) => format!("unknown {what} `{word}`; did you mean `{near}`?"),
        None => format!("unknown {what} `{word}`; known are {}", known.join(", ")),
    })
}

fn choice(name: &str) -> Result<(), String> {
    let pick = name.strip_prefix("pick-").is_some_and(|n| n.parse::<u8>().is_ok());
    let known = ["not-now", "this-time", "until-closed", "hour", "today", "always", "never"];
    if pick || known.contains(&name) {
        return Ok(());
    }
    Err(match super::nearest(name, known.into_iter()) {
        Some(near) => format!("unknown answer `{name}`; did you mean `{near}`?"),
        None => format!("unknown answer `{name}`; known are {ANSWERS}"),
    })
}

fn host(name: &str) -> Result<(), String> {
    match Host::parse(name) {
        Ok(Host::Name(parsed)) if parsed == name => Ok(()),
        Ok(_) => Err("host is a name in small letters, such as files.example.org".into()),
        Err(error) => Err(format!("host: {error}")),
    }
}

impl Answer {
    pub(super) fn check(&self) -> Result<(), String> {
        choice(&self.choice)?;
        if self.by == By::Digit && matches!(self.choice.as_str(), "not-now" | "never") {
            return Err("refusals have no digit; answer by = \"key\" or by = \"click\"".into());
        }
        Ok(())
    }
}

impl ExpectPrompt {
    pub(super) fn check(&self) -> Result<(), String> {
        self.choices.iter().flatten().try_for_each(|name| choice(name))
    }
}

impl Panel {
    pub(super) fn check(&self) -> Result<(), String> {
        one_of("surface", &self.surface, &["bar", "panel", "dialog"])?;
        let alone = matches!(self.op, PanelOp::Open | PanelOp::Close);
        match (&self.label, alone) {
            (None, false) => Err("this op needs a label".into()),
            (Some(_), true) => Err("this op takes no label".into()),
            _ if self.nth == Some(0) => Err("nth counts from 1".into()),
            _ => Ok(()),
        }
    }
}

impl Clipboard {
    pub(super) fn check(&self) -> Result<(), String> {
        crate::keys::chord(self.chord()).map(|_| ()).map_err(|e| e.to_string())
    }
}

impl AdvanceClock {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.millis() == 0 {
            return Err("say how far, such as { minutes = 61 }".into());
        }
        Ok(())
    }
}

impl ServeHttp {
    pub(super) fn check(&self) -> Result<(), String> {
        host(&self.host)?;
        if self.body.is_some() == self.size_kib.is_some() {
            return Err("say what it serves: either body or size_kib".into());
        }
        if self.size_kib.is_some_and(|kib| kib > 1 << 20) {
            return Err("size_kib is at most 1048576, a GiB".into());
        }
        Ok(())
    }
}

impl ExpectHttp {
    pub(super) fn check(&self) -> Result<(), String> {
        host(&self.host)?;
        if [self.requests, self.min_kib, self.max_kib, self.cut].iter().all(Option::is_none) {
            return Err("say what is expected: requests, min_kib, max_kib or cut".into());
        }
        Ok(())
    }
}

impl Grant {
    pub(super) fn check(&self) -> Result<(), String> {
        kind(&self.kind)?;
        if let Some(lifetime) = &self.r#for {
            one_of("lifetime", lifetime, &LIFETIMES)?;
        }
        match (&self.level, self.target.is_some() || self.r#for.is_some()) {
            (Some(_), true) => Err("a level is for a whole kind; leave target and for out".into()),
            (Some(name), false) => level(name),
            (None, _) => Ok(()),
        }
    }
}

impl Revoke {
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self { r#as: None, kind: Some(_), .. } => Err("say from which app: as = \"…\"".into()),
            Self { kind: None, target: Some(_), .. } => Err("a target needs its kind".into()),
            Self { kind: Some(name), .. } => kind(name),
            _ => Ok(()),
        }
    }
}

impl ExpectPermissions {
    pub(super) fn check(&self) -> Result<(), String> {
        kind(&self.kind)?;
        if let Some(name) = &self.level {
            level(name)?;
        }
        for grant in self.grants.iter().flatten() {
            grant.effect.iter().try_for_each(|e| one_of("effect", e, &["allow", "deny"]))?;
            let lifetimes = ["once", "run", "until", "standing"];
            grant.lifetime.iter().try_for_each(|l| one_of("lifetime", l, &lifetimes))?;
        }
        Ok(())
    }
}

impl ExpectLog {
    pub(super) fn check(&self) -> Result<(), String> {
        let words = [
            "started", "ended", "asked", "answered", "granted", "revoked", "level", "used", "refused",
            "silenced",
        ];
        one_of("event", &self.what, &words)?;
        self.kind.iter().try_for_each(|name| kind(name))
    }
}
