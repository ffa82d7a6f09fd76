// SPDX-License-Identifier: GPL-3.0-or-later
//! The words of questions.

mod support;

use cofferdam_ids::{Identity, Label, VmId};
use cofferdam_monitor_wire::screen::{About, Candidate, Prompt};
use cofferdam_policy::{Answer, Content, FileAccess, Kind, Transport, Zone};
use cofferdam_prompts::{Names, Words, answer_name, plain, words};
use proptest::prelude::*;
use support::{contact, prompt, vm};

struct Book;

impl Names for Book {
    fn of(&self, vm: &VmId) -> Option<(String, Identity)> {
        match vm.as_str() {
            "mail" => Some(("Mail".into(), Identity::Green)),
            "firefox" => Some(("Firefox".into(), Identity::Sky)),
            _ => None,
        }
    }
}

fn said(about: About, answers: &[Answer]) -> Words {
    words(&Prompt { about, answers: answers.to_vec(), ..prompt(1, "mail") }, &Book)
}

fn choices(words: &Words) -> Vec<String> {
    words.choices.iter().map(|choice| plain(&choice.text)).collect()
}

#[test]
fn going_online() {
    let first = About::Network { contact: contact("imap.example.org"), first: true };
    let said =
        said(first, &[Answer::ThisTime, Answer::UntilClosed, Answer::Hour, Answer::Today, Answer::Always]);
    assert_eq!(plain(&said.title), "Mail wants to go online");
    assert_eq!(plain(&said.detail), "to imap.example.org, port 993 — first contact");
    assert_eq!(
        choices(&said),
        [
            "Not now",
            "This time only",
            "Until Mail is closed",
            "For one hour",
            "Until midnight",
            "Always for imap.example.org"
        ]
    );
    let hints: Vec<&str> = said.choices.iter().map(|choice| choice.hint.as_str()).collect();
    assert_eq!(hints, ["default · Esc", "1", "2", "3", "4", "5"]);
    assert_eq!(plain(&said.never.text), "Never ask for this again…");
    assert_eq!(plain(&said.uses), "Mail has never used the network");
}

#[test]
fn every_zone_and_transport_is_named() {
    for (host, zone, transport, title, detail) in [
        (
            "192.168.1.4",
            Zone::Local,
            Transport::Udp,
            "Mail wants to reach your local network",
            "to the bare address 192.168.1.4, port 993 (UDP)",
        ),
        (
            "::1",
            Zone::Host,
            Transport::Tcp,
            "Mail wants to reach this computer",
            "to the bare address ::1, port 993",
        ),
        (
            "x.test",
            Zone::Vm,
            Transport::Echo,
            "Mail wants to reach another app",
            "to x.test, to see if it answers",
        ),
    ] {
        let mut contact = contact(host);
        (contact.zone, contact.transport) = (zone, transport);
        let said = said(About::Network { contact, first: false }, &[Answer::ThisTime]);
        assert_eq!((plain(&said.title).as_str(), plain(&said.detail).as_str()), (title, detail));
    }
}

#[test]
fn other_questions() {
    let from = vm("firefox");
    for (about, title, detail, always) in [
        (
            About::Paste { from: from.clone(), content: Content::Text },
            "Mail wants to paste",
            "text from Firefox",
            "Always from Firefox to Mail",
        ),
        (
            About::Drop { from, content: Content::Files },
            "Mail wants what you drop",
            "files from Firefox",
            "Always from Firefox to Mail",
        ),
        (
            About::File { name: Label::new("a.odt"), access: FileAccess::Write },
            "Mail wants to change a file",
            "a.odt",
            "Always for Mail",
        ),
        (
            About::Plain(Kind::IdleInhibit),
            "Mail wants to keep the screen on",
            "while you do nothing",
            "Always for Mail",
        ),
    ] {
        let said = said(about, &[Answer::Always]);
        assert_eq!((plain(&said.title).as_str(), plain(&said.detail).as_str()), (title, detail));
        assert_eq!(choices(&said), ["Not now", always]);
    }
    for kind in Kind::ALL {
        assert!(plain(&said(About::Plain(kind), &[Answer::ThisTime]).title).starts_with("Mail wants "));
    }
}

#[test]
fn an_address_is_opened_by_whom_the_person_picks() {
    let candidate = |name: &str, vm: Option<&str>| Candidate {
        app: "firefox".parse().unwrap(),
        name: Label::new(name),
        vm: vm.map(support::vm),
        identity: vm.map(|_| Identity::Sky),
    };
    let about = About::OpenUri {
        uri: Label::new("https://example.org/"),
        candidates: vec![candidate("Firefox", Some("firefox")), candidate("", None)],
    };
    let said = said(about, &[Answer::Pick(0), Answer::Pick(1)]);
    assert_eq!(choices(&said), ["Not now", "Open in Firefox", "Open in firefox, which starts now"]);
    assert_eq!(said.choices[1].identity, Some(Identity::Sky));
    assert_eq!(answer_name(said.choices[2].answer), "pick-1");
}

#[test]
fn who_has_no_name_goes_by_its_number_plate() {
    let said = words(&prompt(1, "nobody-3"), &Book);
    assert_eq!(plain(&said.title), "nobody-3 wants to go online");
}

#[test]
fn names_of_answers_are_those_of_the_policy() {
    for (answer, name) in [
        (Answer::NotNow, "not-now"),
        (Answer::ThisTime, "this-time"),
        (Answer::UntilClosed, "until-closed"),
        (Answer::Hour, "hour"),
        (Answer::Today, "today"),
        (Answer::Always, "always"),
        (Answer::Never, "never"),
        (Answer::Pick(3), "pick-3"),
    ] {
        assert_eq!(answer_name(answer), name);
    }
}

proptest! {
    /// Whatever a guest calls its things, the words around it are ours and the end of a host is seen.
    #[test]
    fn foreign_text_stays_in_its_span(file in any::<String>(), labels in prop::collection::vec("[a-z]{1,40}", 1..7)) {
        let host = labels.join(".");
        prop_assume!(host.len() <= 253);
        let network = said(About::Network { contact: contact(&host), first: true }, &[Answer::Always]);
        prop_assert_eq!(plain(&network.title), "Mail wants to go online");
        prop_assert_eq!(network.detail.len(), 3);
        let end = labels[labels.len().saturating_sub(3)..].join(".");
        prop_assert!(network.detail[1].text.ends_with(&end));
        let always = plain(&network.choices[1].text);
        prop_assert!(always.ends_with(&end) || always == "Always for this site");
        let name = Label::new(&file);
        let file = said(About::File { name, access: FileAccess::Read }, &[Answer::ThisTime]);
        prop_assert!(file.detail[0].foreign && file.detail[0].text.chars().count() <= 80);
        prop_assert_eq!(plain(&file.title), "Mail wants to read a file");
    }
}
