// SPDX-License-Identifier: GPL-3.0-or-later
//! Rule files, good and bad. In: texts and folders. Out: rules, or a line and a reason.

use super::*;
use cofferdam_ids::VmId;
use cofferdam_policy::{Contact, Decision, Glob, Host, Kind, Level, Millis, Refusal, Resource, State};
use cofferdam_policy::{Event, Transport, Zone};
use proptest::prelude::*;
use std::os::unix::fs::PermissionsExt as _;

const FLEET: &str = r#"
# What holds on all machines.
[[rule]]
host = "ads.example.org"
verdict = "deny"

[[rule]]
app = "firefox*"
kind = "network"
host = "*.intra.example.org"
zone = "local"
verdict = "allow"

[[rule]]
kind = "microphone"
at_most = "off"

[[rule]]
vm = "bank"
kind = "clipboard"
initially = "off"
"#;

fn rules(text: &str) -> Result<Vec<Parsed>, String> {
    parse("a.toml", Origin::Admin, text).map_err(|fault| format!("{}: {}", fault.line, fault.reason))
}

#[test]
fn a_file_and_what_it_means() {
    let all = rules(FLEET).unwrap();
    assert_eq!(all.iter().map(|p| p.line).collect::<Vec<_>>(), [3, 7, 14, 18]);
    let rule = |n: usize| all[n].rule.clone();
    assert_eq!(rule(0).host, Some(Host::Name("ads.example.org".into())));
    assert_eq!(
        (rule(0).says, rule(0).who, rule(0).name.as_str()),
        (Says::Deny, Who::Everyone, "a.toml, line 3")
    );
    assert_eq!(rule(1).who, Who::App(Glob::Prefix("firefox".into())));
    assert_eq!(rule(1).host, Some(Host::Name("intra.example.org".into())));
    assert_eq!((rule(1).zone, rule(1).says), (Some(Zone::Local), Says::Allow));
    assert_eq!((rule(2).kind, rule(2).says), (Some(Kind::Microphone), Says::AtMost(Level::Off)));
    assert_eq!(rule(3).who, Who::Vm(Glob::Exact("bank".into())));
    assert_eq!(rule(3).says, Says::Initially(Level::Off));
    assert_eq!(rules("# nothing\n"), Ok(Vec::new()));
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    for (text, expected) in [
        (
            "[[rule]]\nverdict = \"deny\"\n\n[[rule]]\napp = \"foot\"\nverdikt = \"deny\"",
            "6: there is no key \"verdikt\"; did you mean \"verdict\"?",
        ),
        ("[[rules]]\nverdict = \"deny\"", "1: there is no key \"rules\"; did you mean \"rule\"?"),
        ("[rule]\nverdict = \"deny\"", "1: each rule begins with a line [[rule]]"),
        ("rule = 3", "1: each rule begins with a line [[rule]]"),
        ("rule = [3]", "1: each rule begins with a line [[rule]]"),
        (
            "[[rule]]\nkind = \"netwrok\"\nverdict = \"deny\"",
            "2: there is no kind \"netwrok\"; did you mean \"network\"?",
        ),
        ("[[rule]]\nkind = \"network\"", "1: this rule says nothing; add verdict"),
        ("[[rule]]\nverdict = \"maybe\"", "2: there is no verdict \"maybe\"; there is allow, deny"),
        ("[[rule]]\nverdict = true", "2: write this in quotes; it is of type boolean"),
        (
            "[[rule]]\nkind = \"network\"\nat_most = \"some\"",
            "3: there is no level \"some\"; there is off, ask",
        ),
        ("[[rule]]\nverdict = \"deny\"\nat_most = \"off\"", "3: a rule says one thing, this one has both"),
        ("[[rule]]\napp = \"a\"\nvm = \"b\"\nverdict = \"deny\"", "3: a rule is about an app or a VM"),
        ("[[rule]]\napp = \"A*\"\nverdict = \"deny\"", "2: "),
        ("[[rule]]\nhost = \"a..b\"\nverdict = \"deny\"", "2: a part of a host name has 1 to 63 characters"),
        (
            "[[rule]]\nzone = \"lokal\"\nverdict = \"deny\"",
            "2: there is no zone \"lokal\"; did you mean \"local\"?",
        ),
        ("[[rule]]\nverdict = \"deny\"\nverdict = \"deny\"", "3: duplicate key"),
        ("[[rule]]\n\n\nverdict = ", "4: "),
        ("\"\\u001b[2J\" = 1", "1: there is no key \"\\u{1b}[2J\""),
    ] {
        let fault = rules(text).unwrap_err();
        assert!(fault.starts_with(expected), "{text:?}\n gives {fault:?}\n not   {expected:?}");
    }
}

fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Vec<RuleFolder>) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }
    let folders = vec![
        RuleFolder { path: dir.path().join("admin"), origin: Origin::Admin },
        RuleFolder { path: dir.path().join("person"), origin: Origin::Person },
    ];
    (dir, folders)
}

#[test]
fn folders_are_read_in_order_and_other_files_left_alone() {
    let deny = "[[rule]]\nverdict = \"deny\"\n";
    let (dir, folders) = folder(&[
        ("admin/20.toml", deny),
        ("admin/10.toml", deny),
        ("admin/readme", "hello"),
        ("admin/.10.toml.swp", "hello"),
        ("admin/.hidden.toml", "hello"),
        ("person/own.toml", deny),
    ]);
    assert_eq!(load(&folders).unwrap().len(), 3);
    let none = RuleFolder { path: dir.path().join("none"), origin: Origin::Admin };
    assert!(load(&[none]).unwrap().is_empty());
}

#[test]
fn one_bad_file_and_nothing_is_taken_over() {
    let good = ("admin/10.toml", FLEET);
    let said = |name: &str, text: &str| {
        let (dir, folders) = folder(&[good, (name, text)]);
        let error = load(&folders).unwrap_err().to_string();
        error.replace(dir.path().to_str().unwrap(), "DIR")
    };
    assert_eq!(
        said("person/a.toml", "[[rule]]\nverdict = \"deny\"\nhots = \"a\"\n"),
        "DIR/person/a.toml:3: there is no key \"hots\"; did you mean \"host\"?"
    );
    // Faults that only the whole rule has are found as well.
    assert_eq!(
        said("admin/90.toml", "\n[[rule]]\nkind = \"files\"\nat_most = \"all\"\n"),
        "DIR/admin/90.toml:2: files has no level \"all\"; it has off, ask"
    );
    assert!(said("admin/90.toml", "\n[[rule]]\nverdict = \"allow\"\n").starts_with("DIR/admin/90.toml:2: "));
}

#[test]
fn files_that_others_could_have_written_are_refused() {
    let (dir, folders) = folder(&[("admin/10.toml", FLEET)]);
    let path = dir.path().join("admin/10.toml");
    for mode in [0o664, 0o646, 0o666] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert!(matches!(load(&folders), Err(RulesError::Open(at)) if at == path), "{mode:o}");
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(load(&folders), Err(RulesError::Read { path: at, .. }) if at == path));
}

#[test]
fn text_in_another_encoding_is_refused_with_its_line() {
    let (dir, folders) = folder(&[("admin/10.toml", "")]);
    let path = dir.path().join("admin/10.toml");
    fs::write(&path, b"# one\n# two\n# \xff\n").unwrap();
    let error = load(&folders).unwrap_err().to_string();
    assert_eq!(error, format!("{}:3: this is not text in UTF-8", path.display()));
}

fn contact(vm: &VmId, state: &State) -> Decision {
    let contact = Contact {
        host: Host::parse("example.org").unwrap(),
        zone: Zone::Internet,
        transport: Transport::Tcp,
        port: 443,
    };
    state.decide(vm, &Resource::Network(contact), Millis(5))
}

#[test]
fn a_monitor_that_starts_with_a_bad_file_allows_nothing() {
    let (_dir, folders) = folder(&[("person/a.toml", "[[rule]]\n")]);
    let error = load(&folders).unwrap_err();
    let vm: VmId = "foot".parse().unwrap();
    let mut state = State::new();
    let registered = Event::Registered {
        vm: vm.clone(),
        app: "foot".parse().unwrap(),
        name: cofferdam_ids::Label::new("Terminal"),
        identity: "orange".parse().unwrap(),
        parent: None,
        run: 1,
    };
    state.apply(Millis(1), &registered).unwrap();
    assert!(matches!(contact(&vm, &state), Decision::Ask { .. }));
    state.set_admin(closed(&error));
    assert_eq!(contact(&vm, &state), Decision::Deny(Refusal::Admin));
}

proptest! {
    /// No text does more than be refused, for a line that it has.
    #[test]
    fn any_text_can_be_read(text in "(\\PC|[\\n\\x1b]){0,200}", key in "[a-z_\\[\\]]{0,12}") {
        for text in [format!("[[rule]]\n{key} = \"{text}\"\n"), text] {
            if let Err(fault) = parse("a.toml", Origin::Person, &text) {
                prop_assert!((1..=text.split('\n').count()).contains(&fault.line), "{}", fault);
                let plain = !fault.reason.chars().any(char::is_control);
                prop_assert!(plain, "{:?}", fault.reason);
            }
        }
    }
}

/// The example of the manual is the first thing that people copy.
#[test]
fn the_manual_is_right() {
    let page = include_str!("../../../../dist/man/cofferdam-policy.5");
    let example = page.split(".EX\n").nth(1).and_then(|rest| rest.split(".EE\n").next()).unwrap();
    let all = rules(&example.replace("\\-", "-")).unwrap();
    assert_eq!(all.len(), 4);
    let rules = all.into_iter().map(|p| p.rule).collect();
    assert_eq!(AdminRules::new(rules).unwrap().len(), 4);
    let said = page.replace("\\-", "-");
    for name in Kind::ALL.map(Kind::name) {
        assert!(said.contains(&format!("\\fI{name}\\fR")), "{name} is not in the manual");
    }
}
