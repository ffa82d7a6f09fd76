// SPDX-License-Identifier: GPL-3.0-or-later
//! The cards of the trusted path, as they come and with the longest words.

use crate::support::Picture;
use crate::{disc, ground, px};
use cofferdam_chrome::{
    AttentionSpec, Card, ChoiceSpec, ChoiceState, Chrome, LockSpec, OwnerRow, Part, PlateSpec, PromptSpec,
    TextSpan,
};
use cofferdam_ids::Identity;

const fn ours(text: &str) -> TextSpan<'_> {
    TextSpan::ours(text)
}

const fn name(text: &str) -> TextSpan<'_> {
    TextSpan { text, strong: false, foreign: true }
}

const fn strong(text: &str) -> TextSpan<'_> {
    TextSpan { text, strong: true, foreign: true }
}

const fn choice<'a>(text: &'a [TextSpan<'a>], hint: &'a str, state: ChoiceState) -> ChoiceSpec<'a> {
    ChoiceSpec { text, hint, identity: None, danger: false, state }
}

const IDLE: ChoiceState = ChoiceState { focused: false, hovered: false, pressed: false, dead: false };
const DEAD: ChoiceState = ChoiceState { dead: true, ..IDLE };
const FOCUS: ChoiceState = ChoiceState { focused: true, ..IDLE };
const HOVER: ChoiceState = ChoiceState { hovered: true, ..IDLE };
const PRESSED: ChoiceState = ChoiceState { pressed: true, hovered: true, ..IDLE };

const NEVER: &[TextSpan<'static>] = &[ours("Never ask for this again…")];
const NOT_NOW: &[TextSpan<'static>] = &[ours("Not now")];

/// Without the shadow, which has tests of its own: its dither makes large files.
fn put(picture: &mut Picture, card: &Card, shadows: usize, at: (u32, u32), scale: f32) {
    let parts: Vec<Part> = card.overlay.parts.iter().skip(shadows).cloned().collect();
    picture.draw(&parts, px(at.0, scale).cast_signed(), px(at.1, scale).cast_signed());
}

/// How many parts in front of the card are its shadow.
fn shadows(card: &Card, own: usize) -> usize {
    card.overlay.parts.len() - own
}

/// A question as it comes, armed and with the focus on the refusal.
pub(crate) fn prompt(chrome: &mut Chrome, scale: f32) -> Picture {
    let mut picture = ground(chrome, 572, 476, scale);
    let output = (picture.width, picture.height);
    let choices = [
        choice(NOT_NOW, "default · Esc", FOCUS),
        choice(const { &[ours("This time only")] }, "1", IDLE),
        choice(const { &[ours("Until "), name("Mail"), ours(" is closed")] }, "2", HOVER),
        choice(const { &[ours("For one hour")] }, "3", PRESSED),
        choice(const { &[ours("Always for "), name("imap.example.org")] }, "4", IDLE),
    ];
    let card = chrome.prompt(&PromptSpec {
        identity: Identity::Green,
        icon: None,
        title: &[name("Mail"), ours(" wants to go online")],
        detail: &[ours("to "), strong("imap.example.org"), ours(", port 993 — first contact")],
        choices: &choices,
        never: choice(NEVER, "", IDLE),
        uses: &[name("Mail"), ours(" has never used the network")],
        waiting: 2,
        scale,
        output,
    });
    put(&mut picture, &card, shadows(&card, 9), (16, 8), scale);
    let line = chrome.trust_line("slow green lighthouse", scale, output);
    let x = (output.0 - line.size.0) / 2;
    picture.draw(&line.parts, x.cast_signed(), px(434, scale).cast_signed());
    picture
}

/// The same while it is dead, with an icon, a Hebrew name, and an address of the longest kind.
pub(crate) fn prompt_long(chrome: &mut Chrome, scale: f32) -> Picture {
    let mut picture = ground(chrome, 572, 480, scale);
    let output = (picture.width, picture.height);
    let host =
        "rechnungsabschlussbestaetigung.donaudampfschifffahrtsgesellschaft…beispielverzeichnis.example.co.uk";
    let choices = [
        choice(NOT_NOW, "default · Esc", IDLE),
        choice(
            const { &[ours("Nur dieses eine Mal und danach gleich wieder vergessen, ganz sicher")] },
            "1",
            DEAD,
        ),
        ChoiceSpec {
            identity: Some(Identity::Sky),
            ..choice(const { &[ours("Open in "), name("Firefox"), ours(", which starts now")] }, "2", DEAD)
        },
        choice(const { &[ours("Always for this site")] }, "3", ChoiceState { focused: true, ..DEAD }),
    ];
    let icon = disc();
    let card = chrome.prompt(&PromptSpec {
        identity: Identity::Vermilion,
        icon: Some(&icon),
        title: &[name("שלום Postverwaltungsprogramm"), ours(" wants to reach your local network")],
        detail: &[ours("to "), strong(host), ours(", port 50000 (UDP) — first contact")],
        choices: &choices,
        never: choice(NEVER, "", DEAD),
        uses: &[name("שלום Postverwaltungsprogramm"), ours(" has used the network very often")],
        waiting: 1,
        scale,
        output,
    });
    put(&mut picture, &card, shadows(&card, 9), (16, 8), scale);
    picture
}

/// Plates of two windows and the card beside them.
pub(crate) fn attention(chrome: &mut Chrome, scale: f32) -> Picture {
    let mut picture = ground(chrome, 660, 500, scale);
    let output = (picture.width, picture.height);
    for (n, (identity, words)) in [
        (Some(Identity::Sky), "Firefox — sky · stripes"),
        (Some(Identity::Vermilion), "Terminal — vermilion · zigzag"),
        (None, "The desktop"),
    ]
    .into_iter()
    .enumerate()
    {
        let size = (px(300, scale), px(110, scale));
        let parts = chrome.plate(&PlateSpec { size, identity, words, scale });
        let y = px(12 + u32::try_from(n).expect("small") * 130, scale).cast_signed();
        picture.draw(&parts, px(12, scale).cast_signed(), y);
    }
    let row = |identity, name, state| OwnerRow { identity, name, state };
    let rows = [
        row(Some(Identity::Sky), "Firefox", "hears you, online"),
        row(Some(Identity::Vermilion), "שלום", "nothing"),
        row(None, "Panel", "the desktop"),
    ];
    let danger = ChoiceSpec { danger: true, ..choice(const { &[ours("Cut everything off")] }, "", IDLE) };
    let card = chrome.attention(&AttentionSpec {
        phrase: "slow green lighthouse",
        rows: &rows,
        asks: &["Mail wants to go online".to_owned()],
        choices: &[choice(const { &[ours("Lock")] }, "", FOCUS), danger],
        shape: None,
        scale,
        output,
    });
    put(&mut picture, &card, shadows(&card, 1), (336, 12), scale);
    picture
}

/// The lock screen's card, and an attention card with more owners than fit.
pub(crate) fn lock(chrome: &mut Chrome, scale: f32) -> Picture {
    let mut picture = ground(chrome, 720, 420, scale);
    let output = (picture.width, picture.height);
    let text = "Your apps are hidden and hear nothing. There is no password yet.";
    let choice_unlock = choice(const { &[ours("Unlock")] }, "", FOCUS);
    let card = chrome.lock(&LockSpec { text, choice: Some(choice_unlock), scale, output });
    put(&mut picture, &card, shadows(&card, 1), (12, 12), scale);
    let names: Vec<String> = (0..40).map(|n| format!("App number {n}")).collect();
    let rows: Vec<OwnerRow<'_>> = names
        .iter()
        .zip(Identity::ALL.into_iter().cycle())
        .map(|(name, identity)| OwnerRow { identity: Some(identity), name, state: "may go online" })
        .collect();
    let asks: Vec<String> = (0..9).map(|n| format!("App number {n} wants to go online")).collect();
    let card = chrome.attention(&AttentionSpec {
        phrase: "",
        rows: &rows,
        asks: &asks,
        choices: &[choice(const { &[ours("Lock")] }, "", IDLE), choice(const { &[ours("Undo")] }, "", DEAD)],
        shape: None,
        scale,
        output,
    });
    put(&mut picture, &card, shadows(&card, 1), (390, 4), scale);
    picture
}
