// SPDX-License-Identifier: GPL-3.0-or-later
//! Tables of scenario texts and what must come of them.

use super::*;
use proptest::prelude::*;

fn check(text: &str) -> Result<Scenario, String> {
    parse(Path::new("t.toml"), text).map_err(|e| e.to_string())
}

#[test]
fn reads_every_step_of_the_manual() {
    let s = check(include_str!("../testdata/all-steps.toml")).unwrap();
    assert_eq!(s.name, "two apps, two colours");
    assert_eq!((s.output.width, s.output.height), (1280, 800));
    // Every step name appears, so the list for suggestions can't fall behind the enum.
    let text = include_str!("../testdata/all-steps.toml");
    for name in STEPS {
        assert!(text.contains(&format!("\n{name} = ")), "{name} is missing from all-steps.toml");
    }
    assert_eq!(s.steps[0].line, 8);
}

#[test]
fn errors_say_where_and_what_was_meant() {
    for (text, expected) in [
        (
            "name = \"x\"\n[[step]]\nlaunhc = { app = \"foot\" }\n",
            "t.toml:3: unknown step `launhc`; did you mean `launch`?",
        ),
        (
            "name = \"x\"\n[[step]]\nlaunch = { ap = \"foot\" }\n",
            "t.toml:3: launch: unknown field `ap`; did you mean `app`?",
        ),
        ("nam = \"x\"\n", "t.toml:1: unknown field `nam`; did you mean `name`?"),
        ("name = \"x\"\n", "t.toml:1: a scenario needs at least one [[step]]"),
        (
            "name = \"x\"\n\n[[step]]\n",
            "t.toml:3: an empty [[step]]; write for instance launch = { app = \"foot\" }",
        ),
        ("name = \"x\"\n[[step]]\nkey = \"ctrl+flurb\"\n", "t.toml:3: unknown key `flurb`"),
        (
            "name = \"x\"\n[[step]]\nwindow_op = { window = \"a\", op = \"move\" }\n",
            "t.toml:3: this op needs to = [x, y]",
        ),
        (
            "name = \"x\"\n[[step]]\nwindow_op = { window = \"a\", op = \"fulscreen\" }\n",
            "t.toml:3: window_op: unknown variant `fulscreen`; did you mean `fullscreen`?",
        ),
        (
            "name = \"x\"\n[output]\nwidth = 3\n[[step]]\nkey = \"a\"\n",
            "t.toml:2: an output is 64 to 16384 pixels wide and high, not 3×800",
        ),
    ] {
        let got = check(text).unwrap_err();
        assert!(got.contains(expected), "\n got {got}\nwant {expected}");
    }
}

/// One step, as an action or as the error without its place.
fn step_of(text: &str) -> Result<Action, String> {
    let all = check(&format!("name = \"x\"\n[[step]]\n{text}\n"));
    all.map(|mut s| s.steps.remove(0).action).map_err(|e| e.replace("t.toml:3: ", ""))
}

#[test]
fn steps_about_permissions() {
    let prompt =
        step_of("expect_prompt = { as = \"mail\", title = \"online\", choices = [\"not-now\", \"pick-3\"] }");
    let Ok(Action::ExpectPrompt(prompt)) = prompt else { panic!("{prompt:?}") };
    assert_eq!((prompt.r#as.as_deref(), prompt.timeout_s, prompt.detail), (Some("mail"), 60, None));
    let answer = step_of("answer = { choice = \"hour\", by = \"digit\" }");
    assert!(matches!(answer, Ok(Action::Answer(Answer { by: By::Digit, .. }))), "{answer:?}");
    let clock = step_of("advance_clock = { days = 1, hours = 1, minutes = 1, seconds = 1 }");
    assert!(matches!(clock, Ok(Action::AdvanceClock(c)) if c.millis() == 90_061_000));
    let site = step_of("serve_http = { host = \"a.example.org\", size_kib = 64, rate_kib_s = 8 }");
    assert!(matches!(site, Ok(Action::ServeHttp(s)) if s.port == 8080 && s.body.is_none()));
    let paste = step_of("clipboard = { op = \"paste\", window = \"a\" }");
    assert!(matches!(paste, Ok(Action::Clipboard(c)) if c.chord() == "ctrl+v"));
    let panel = step_of("panel = { op = \"click\", label = \"Stop\", surface = \"bar\" }");
    assert!(matches!(panel, Ok(Action::Panel(p)) if p.surface == "bar" && p.op == PanelOp::Click));
    for (text, action) in
        [("lock = true", Action::Lock(true)), ("attention = false", Action::Attention(false))]
    {
        assert_eq!(step_of(text), Ok(action));
    }
    for good in [
        "expect_no_prompt = {}",
        "expect_http = { host = \"a.example.org\", cut = 1 }",
        "grant = { as = \"a\", kind = \"network\", target = \"b.org\", for = \"hour\" }",
        "grant = { as = \"a\", kind = \"network\", level = \"internet\" }",
        "revoke = {}",
        "revoke = { as = \"a\" }",
        "revoke = { as = \"a\", kind = \"network\", target = \"b.org\" }",
        "expect_permissions = { as = \"a\", kind = \"clipboard\", level = \"off\", grants = [] }",
        "expect_permissions = { as = \"a\", kind = \"network\", grants = [{ target = \"b.org\", effect = \"allow\", lifetime = \"until\" }] }",
        "expect_log = { as = \"a\", what = \"used\", kind = \"network\", target = \"b.org\" }",
    ] {
        assert!(step_of(good).is_ok(), "{good}: {:?}", step_of(good));
    }
}

/// What packagers copy first.
#[test]
fn the_example_of_the_manual_is_right() {
    let manual = include_str!("../../scenarios/README.md");
    let section = manual.split("## Permissions, prompts and the network").nth(1).unwrap();
    let example = section.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let scenario = check(&format!("name = \"x\"\n{example}")).unwrap();
    assert_eq!(scenario.steps.len(), 8);
    for name in STEPS {
        assert!(manual.contains(&format!("| `{name}` |")), "{name} is not in the manual");
    }
}

#[test]
fn mistakes_in_steps_about_permissions() {
    for (text, expected) in [
        ("expect_prompt = { titel = \"x\" }", "expect_prompt: unknown field `titel`; did you mean `title`?"),
        ("expect_prompt = { choices = [\"yes\"] }", "unknown answer `yes`; known are not-now"),
        ("answer = { choice = \"nevr\" }", "unknown answer `nevr`; did you mean `never`?"),
        (
            "answer = { choice = \"hour\", by = \"clik\" }",
            "answer: unknown variant `clik`; did you mean `click`?",
        ),
        ("answer = { choice = \"never\", by = \"digit\" }", "refusals have no digit"),
        ("answer = {}", "answer: missing field `choice`"),
        ("panel = { op = \"click\" }", "this op needs a label"),
        ("panel = { op = \"open\", label = \"x\" }", "this op takes no label"),
        (
            "panel = { op = \"click\", label = \"x\", surface = \"pannel\" }",
            "unknown surface `pannel`; did you mean `panel`?",
        ),
        ("clipboard = { op = \"copy\", window = \"a\", key = \"ctrl+flurb\" }", "unknown key `flurb`"),
        ("advance_clock = {}", "say how far, such as { minutes = 61 }"),
        ("advance_clock = { minutes = -1 }", "advance_clock: invalid value"),
        ("serve_http = { host = \"a.org\" }", "say what it serves: either body or size_kib"),
        ("serve_http = { host = \"127.0.0.1\", body = \"x\" }", "host is a name in small letters"),
        ("serve_http = { host = \"a.org\", port = 99999, body = \"x\" }", "serve_http: invalid value"),
        ("serve_http = { host = \"a.org\", size_kib = 2000000 }", "size_kib is at most"),
        ("expect_http = { host = \"a.org\" }", "say what is expected"),
        ("grant = { as = \"a\", kind = \"netwrok\" }", "unknown kind `netwrok`; did you mean `network`?"),
        (
            "grant = { as = \"a\", kind = \"network\", for = \"hours\" }",
            "unknown lifetime `hours`; did you mean `hour`?",
        ),
        (
            "grant = { as = \"a\", kind = \"network\", level = \"of\" }",
            "unknown level `of`; did you mean `off`?",
        ),
        (
            "grant = { as = \"a\", kind = \"network\", for = \"hour\", level = \"off\" }",
            "a level is for a whole kind",
        ),
        ("revoke = { kind = \"network\" }", "say from which app"),
        ("revoke = { as = \"a\", target = \"b.org\" }", "a target needs its kind"),
        (
            "expect_permissions = { as = \"a\", kind = \"network\", grants = [{ target = \"b\", effect = \"alow\" }] }",
            "unknown effect `alow`; did you mean `allow`?",
        ),
        ("expect_log = { as = \"a\", what = \"pasted\" }", "unknown event `pasted`"),
        ("carry = { window = \"a\", from = [1, 2] }", "carry: missing field `to`"),
        ("expect_drag = { as = \"a\", posible = true }", "unknown field `posible`; did you mean `possible`?"),
        ("let_go = { button = \"lift\" }", "unknown variant `lift`; did you mean `left`?"),
        ("expect_note = { heading = \"x\" }", "expect_note: missing field `as`"),
        ("click_note = { as = \"a\", cross = true }", "unknown field `cross`; did you mean `close`?"),
        ("lock = 1", "lock: invalid type"),
        ("advance_clok = {}", "unknown step `advance_clok`; did you mean `advance_clock`?"),
    ] {
        let got = step_of(text).unwrap_err();
        assert!(got.contains(expected), "{text}\n got {got}\nwant {expected}");
    }
}

proptest! {
    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        let _ = check(&text);
    }
}
