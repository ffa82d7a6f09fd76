// SPDX-License-Identifier: GPL-3.0-or-later
//! In: what a question is about, and the names of the VMs. Out: its words.
//!
//! The words are ours and fixed; what others chose (names, hosts, file names) is short and clean and
//! stands in spans of its own, so that a painter can keep its direction of writing to itself.

use crate::Target;
use crate::host::elide_host;
use cofferdam_ids::{Identity, VmId};
use cofferdam_monitor_wire::screen::{About, Candidate, Prompt};
use cofferdam_policy::{Answer, Contact, Content, FileAccess, Host, Kind, Transport, Zone};

/// Answers that a question can offer besides the refusing ones.
pub(crate) const MAX_CHOICES: usize = 6;
/// Characters of a name in a sentence.
const MAX_NAME: usize = 32;
/// Characters of a host where it is the point; its end is longer if it has to be.
const MAX_HOST: usize = 48;
/// Characters of a host on a choice; a longer one is called "this site".
const MAX_HOST_CHOICE: usize = 34;

/// A piece of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its text.
    pub text: String,
    /// It is what matters.
    pub strong: bool,
    /// Somebody else chose the text.
    pub foreign: bool,
}

impl Span {
    /// Words of ours.
    #[must_use]
    pub fn ours(text: impl Into<String>) -> Self {
        Self { text: text.into(), strong: false, foreign: false }
    }

    /// Somebody's name for something.
    #[must_use]
    pub fn foreign(text: impl Into<String>) -> Self {
        Self { text: text.into(), strong: false, foreign: true }
    }

    /// The same, and it is what matters.
    #[must_use]
    pub fn strong(text: impl Into<String>) -> Self {
        Self { text: text.into(), strong: true, foreign: true }
    }
}

/// The plain text of some spans.
#[must_use]
pub fn plain(spans: &[Span]) -> String {
    spans.iter().map(|span| span.text.as_str()).collect()
}

/// One choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChoiceWords {
    /// What it is to the room.
    pub target: Target,
    /// What it means.
    pub answer: Answer,
    /// Its words.
    pub text: Vec<Span>,
    /// The key that takes it, or a word about it.
    pub hint: String,
    /// Whose colour goes with it.
    pub identity: Option<Identity>,
}

/// All words of a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// The line in large type.
    pub title: Vec<Span>,
    /// The lines below it; may be empty.
    pub detail: Vec<Span>,
    /// "Not now" and the affirmative answers.
    pub choices: Vec<ChoiceWords>,
    /// The other refusing answer.
    pub never: ChoiceWords,
    /// How often this was used before.
    pub uses: Vec<Span>,
}

/// Names of VMs as the desktop gave them.
pub trait Names {
    /// The name of a VM, and how it is marked, if it is known.
    fn of(&self, vm: &VmId) -> Option<(String, Identity)>;
}

/// The answer's name on the desktop control wire, as `cofferdam-policy` writes it.
#[must_use]
pub fn answer_name(answer: Answer) -> String {
    match answer {
        Answer::NotNow => "not-now".into(),
        Answer::ThisTime => "this-time".into(),
        Answer::UntilClosed => "until-closed".into(),
        Answer::Hour => "hour".into(),
        Answer::Today => "today".into(),
        Answer::Always => "always".into(),
        Answer::Never => "never".into(),
        Answer::Pick(n) => format!("pick-{n}"),
    }
}

/// The words of a question.
#[must_use]
pub fn words(prompt: &Prompt, names: &dyn Names) -> Words {
    let name = name_of(&prompt.vm, names);
    let (wish, detail) = about(&prompt.about, names);
    let affirmative = prompt.answers.iter().copied().filter(|answer| answer.is_yes());
    let mut choices = vec![ChoiceWords {
        target: Target::NotNow,
        answer: Answer::NotNow,
        text: vec![Span::ours("Not now")],
        hint: "default · Esc".into(),
        identity: None,
    }];
    choices.extend(affirmative.zip(0u8..).map(|(answer, n)| {
        let (text, identity) = choice(answer, &name, &prompt.about, names);
        let target = Target::Choice(n);
        ChoiceWords { target, answer, text, hint: n.saturating_add(1).to_string(), identity }
    }));
    Words {
        title: vec![Span::foreign(name.clone()), Span::ours(format!(" {wish}"))],
        detail,
        choices,
        never: ChoiceWords {
            target: Target::Never,
            answer: Answer::Never,
            text: vec![Span::ours("Never ask for this again…")],
            hint: String::new(),
            identity: None,
        },
        uses: uses(name, kind(&prompt.about), prompt.uses),
    }
}

fn name_of(vm: &VmId, names: &dyn Names) -> String {
    let known = names.of(vm).map(|(name, _)| name).filter(|name| !name.is_empty());
    short(&known.unwrap_or_else(|| vm.as_str().to_owned()), MAX_NAME)
}

/// The beginning of a text, and `…` if that is not all.
fn short(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(max.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

const fn kind(about: &About) -> Kind {
    match about {
        About::Network { .. } => Kind::Network,
        About::Paste { .. } => Kind::Clipboard,
        About::Drop { .. } => Kind::DragAndDrop,
        About::File { .. } => Kind::Files,
        About::OpenUri { .. } => Kind::OpenUri,
        About::Plain(kind) => *kind,
    }
}

fn about(about: &About, names: &dyn Names) -> (&'static str, Vec<Span>) {
    match about {
        About::Network { contact, first } => network(contact, *first),
        About::Paste { from, content } => {
            ("wants to paste", vec![Span::ours(format!("{} from ", what(*content))), from_whom(from, names)])
        }
        About::Drop { from, content } => (
            "wants what you drop",
            vec![Span::ours(format!("{} from ", what(*content))), from_whom(from, names)],
        ),
        About::File { name, access } => {
            let wish = match access {
                FileAccess::Read => "wants to read a file",
                FileAccess::Write => "wants to change a file",
            };
            (wish, vec![Span::strong(name.as_str())])
        }
        About::OpenUri { uri, .. } => ("wants to open a link", vec![Span::strong(uri.as_str())]),
        About::Plain(kind) => {
            let (wish, detail) = plain_kind(*kind);
            (wish, if detail.is_empty() { Vec::new() } else { vec![Span::ours(detail)] })
        }
    }
}

fn from_whom(vm: &VmId, names: &dyn Names) -> Span {
    Span::strong(name_of(vm, names))
}

const fn what(content: Content) -> &'static str {
    match content {
        Content::Text => "text",
        Content::Image => "a picture",
        Content::Files => "files",
    }
}

fn network(contact: &Contact, first: bool) -> (&'static str, Vec<Span>) {
    let wish = match contact.zone {
        Zone::Internet => "wants to go online",
        Zone::Local => "wants to reach your local network",
        Zone::Host => "wants to reach this computer",
        Zone::Vm => "wants to reach another app",
    };
    let (to, host) = match &contact.host {
        Host::Name(name) => ("to ", elide_host(name, MAX_HOST)),
        Host::Addr(addr) => ("to the bare address ", addr.to_string()),
    };
    let mut rest = match contact.transport {
        Transport::Tcp => format!(", port {}", contact.port),
        Transport::Udp => format!(", port {} (UDP)", contact.port),
        Transport::Echo => ", to see if it answers".to_owned(),
    };
    if first {
        rest.push_str(" — first contact");
    }
    (wish, vec![Span::ours(to), Span::strong(host), Span::ours(rest)])
}

const fn plain_kind(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Network => ("wants to go online", ""),
        Kind::Clipboard => ("wants to paste", "what another app copied"),
        Kind::DragAndDrop => ("wants what you drop", ""),
        Kind::Files => ("wants to use files", "one file or folder that you choose"),
        Kind::OpenUri => ("wants to open a link", ""),
        Kind::Microphone => ("wants to hear you", "through the microphone"),
        Kind::Camera => ("wants to see you", "through the camera"),
        Kind::Devices => ("wants to use a device", ""),
        Kind::ScreenCapture => ("wants to see the screen", "with all windows on it"),
        Kind::Notifications => ("wants to show notifications", ""),
        Kind::IdleInhibit => ("wants to keep the screen on", "while you do nothing"),
        Kind::Background => ("wants to go on without a window", ""),
    }
}

fn choice(answer: Answer, name: &str, about: &About, names: &dyn Names) -> (Vec<Span>, Option<Identity>) {
    let ours = |text: &str| (vec![Span::ours(text)], None);
    match answer {
        Answer::NotNow => ours("Not now"),
        Answer::Never => ours("Never"),
        Answer::ThisTime => ours("This time only"),
        Answer::UntilClosed => {
            (vec![Span::ours("Until "), Span::foreign(name), Span::ours(" is closed")], None)
        }
        Answer::Hour => ours("For one hour"),
        Answer::Today => ours("Until midnight"),
        Answer::Always => (always(about, name, names), None),
        Answer::Pick(n) => match about {
            About::OpenUri { candidates, .. } => pick(candidates.get(usize::from(n))),
            _ => ours("Yes"),
        },
    }
}

fn always(about: &About, name: &str, names: &dyn Names) -> Vec<Span> {
    match about {
        About::Network { contact, .. } => {
            let host = elide_host(&contact.host.to_string(), MAX_HOST_CHOICE);
            if host.chars().count() > MAX_HOST_CHOICE {
                vec![Span::ours("Always for this site")]
            } else {
                vec![Span::ours("Always for "), Span::foreign(host)]
            }
        }
        About::Paste { from, .. } | About::Drop { from, .. } => vec![
            Span::ours("Always from "),
            Span::foreign(name_of(from, names)),
            Span::ours(" to "),
            Span::foreign(name),
        ],
        About::File { .. } | About::OpenUri { .. } | About::Plain(_) => {
            vec![Span::ours("Always for "), Span::foreign(name)]
        }
    }
}

fn pick(candidate: Option<&Candidate>) -> (Vec<Span>, Option<Identity>) {
    let Some(candidate) = candidate else { return (vec![Span::ours("Another app")], None) };
    let label = candidate.name.as_str();
    let name = short(if label.is_empty() { candidate.app.as_str() } else { label }, MAX_NAME);
    let mut text = vec![Span::ours("Open in "), Span::foreign(name)];
    if candidate.vm.is_none() {
        text.push(Span::ours(", which starts now"));
    }
    (text, candidate.identity)
}

fn uses(name: String, kind: Kind, uses: u64) -> Vec<Span> {
    let did = match kind {
        Kind::Network => "used the network",
        Kind::Clipboard => "pasted",
        Kind::DragAndDrop => "taken what you dropped",
        Kind::Files => "used files",
        Kind::OpenUri => "opened links",
        _ => "done this",
    };
    let rest = match uses {
        0 => format!(" has never {did}"),
        1 => format!(" has {did} once"),
        n if n < 10_000 => format!(" has {did} {n} times"),
        _ => format!(" has {did} very often"),
    };
    vec![Span::foreign(name), Span::ours(rest)]
}
