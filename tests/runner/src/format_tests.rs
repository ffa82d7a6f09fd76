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

proptest! {
    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        let _ = check(&text);
    }
}
