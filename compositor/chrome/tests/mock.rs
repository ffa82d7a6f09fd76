// SPDX-License-Identifier: GPL-3.0-or-later
//! In: all of chrome. Out: a whole desktop as a PNG under the target directory, to be looked at,
//! and the properties every such picture has.

#![allow(clippy::expect_used)]

mod support;

use cofferdam_chrome::{
    ButtonStates, Chrome, CursorShape, FrameKind, FrameSpec, NoticeSpec, Part, PixelRect, SwitcherItem,
    SwitcherSpec, TitleButton,
};
use cofferdam_ids::{Identity, Label};
use std::path::Path;
use support::{Picture, chrome};

struct Window {
    identity: Identity,
    name: &'static str,
    title: &'static str,
    /// Logical: x, y, width, height of the frame.
    at: (i32, i32, u32, u32),
    content: [u8; 4],
    focused: bool,
    kind: FrameKind,
}

const fn window(
    identity: Identity,
    name: &'static str,
    title: &'static str,
    at: (i32, i32, u32, u32),
) -> Window {
    Window {
        identity,
        name,
        title,
        at,
        content: [0xF5, 0xF6, 0xF8, 255],
        focused: false,
        kind: FrameKind::Window,
    }
}

fn scaled(v: i32, scale: f32) -> i32 {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    let px = (v as f32 * scale).round() as i32;
    px
}

fn desktop(theme: &str, scale: f32) -> Picture {
    let mut chrome = chrome(theme);
    let size = |v: u32| scaled(v.cast_signed(), scale).cast_unsigned();
    let (w, h) = (size(1280), size(800));
    let mut picture = Picture::new(w, h, [0, 0, 0, 255]);
    picture.draw(&chrome.wallpaper(w, h), 0, 0);
    let dark = [0x11, 0x12, 0x15, 255];
    let windows = [
        window(Identity::Sky, "Firefox", "Wayland documentation", (24, 60, 760, 520)),
        window(
            Identity::Green,
            "Mail",
            "Posteingang – Rechnungsabschlussbestätigung der Donaudampfschifffahrt",
            (820, 70, 380, 200),
        ),
        window(Identity::Purple, "Video call", "Standup", (60, 610, 260, 160)),
        window(Identity::Yellow, "Calculator", "", (350, 610, 260, 160)),
        Window {
            content: dark, ..window(Identity::Blue, "Notes", "مرحبا بالعالم", (110, 330, 300, 180))
        },
        window(Identity::Vermilion, "Banking", "Überweisung", (420, 250, 200, 120)),
        window(Identity::Grey, "Scratch", "1000:0123456789", (420, 400, 190, 120)),
        Window {
            content: dark,
            focused: true,
            ..window(Identity::Orange, "Terminal", "~/notes", (640, 300, 600, 380))
        },
        Window {
            kind: FrameKind::Maximized,
            ..window(Identity::Sky, "Docs", "maximised", (900, 700, 380, 100))
        },
        Window {
            kind: FrameKind::Fullscreen,
            focused: true,
            ..window(Identity::Green, "Video", "fullscreen", (0, 0, 1280, 40))
        },
        Window { kind: FrameKind::Popup, ..window(Identity::Orange, "Terminal", "", (700, 380, 180, 120)) },
    ];
    for w in windows {
        let (name, title) = (Label::new(w.name), Label::new(w.title));
        let frame = FrameSpec {
            size: (size(w.at.2), size(w.at.3)),
            scale,
            kind: w.kind,
            identity: w.identity,
            name: &name,
            title: &title,
            icon: None,
            focused: w.focused,
            buttons: ButtonStates {
                hovered: w.focused.then_some(TitleButton::Close),
                focused: (w.identity == Identity::Green).then_some(TitleButton::Maximize),
                ..ButtonStates::default()
            },
            throw_away: w.identity == Identity::Grey,
        };
        let (x, y) = (scaled(w.at.0, scale), scaled(w.at.1, scale));
        picture.draw(&chrome.shadow(w.kind, frame.size, scale, w.focused), x, y);
        let insets = w.kind.insets(scale);
        picture.fill(
            x + insets.left.cast_signed(),
            y + insets.top.cast_signed(),
            frame.size.0 - insets.left - insets.right,
            frame.size.1 - insets.top - insets.bottom,
            w.content,
        );
        picture.draw(&chrome.frame(&frame), x, y);
    }
    overlays(&mut chrome, &mut picture, scale);
    assert!(chrome.cached_bytes() <= 6 << 20, "{theme} {scale}: {} bytes kept", chrome.cached_bytes());
    picture
}

/// The switcher, a notice and some cursors over the desktop.
fn overlays(chrome: &mut Chrome, picture: &mut Picture, scale: f32) {
    let output = (picture.width, picture.height);
    let names = ["Firefox", "Terminal", "Mail", "Calculator"].map(Label::new);
    let titles = ["Wayland documentation", "~/notes", "Posteingang – 3 neue Nachrichten", ""].map(Label::new);
    let identities = [Identity::Sky, Identity::Orange, Identity::Green, Identity::Yellow];
    let items: Vec<_> = names
        .iter()
        .zip(&titles)
        .zip(identities)
        .map(|((name, title), identity)| SwitcherItem { identity, name, title })
        .collect();
    let switcher =
        chrome.switcher(&SwitcherSpec { items: &items, selected: 1, scale, output }).expect("four windows");
    let (x, y) = (output.0 - switcher.size.0, output.1 - switcher.size.1);
    picture.draw(&switcher.parts, x.cast_signed() / 2, y.cast_signed() - scaled(12, scale));
    let heading = Label::new("Terminal stopped");
    let text = "It ended by itself with exit code 1. Its files are kept; start it again from the panel.";
    let notice = chrome.notice(&NoticeSpec {
        identity: Some(Identity::Orange),
        icon: None,
        heading: &heading,
        text,
        quote: None,
        waiting: 0,
        hovered: false,
        close_hovered: false,
        scale,
        output,
    });
    let notice = notice.overlay;
    let x = output.0 - notice.size.0;
    picture.draw(&notice.parts, x.cast_signed() - scaled(24, scale), scaled(200, scale));
    for (shape, n) in CursorShape::ALL.iter().zip(0i32..) {
        let cursor = chrome.cursor(*shape, scale);
        let (x, y) = (scaled(60 + n % 20 * 28, scale), scaled(110 + n / 20 * 40, scale));
        let parts = [Part {
            src: PixelRect::new(0, 0, cursor.raster.width(), cursor.raster.height()),
            raster: cursor.raster,
            at: (0, 0),
            opaque: false,
        }];
        picture.draw(&parts, x, y);
    }
}

#[test]
fn whole_desktops() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chrome-mock");
    for theme in ["default-dark", "default-light", "high-contrast"] {
        for scale in [1.0, 1.25, 1.5, 2.0] {
            desktop(theme, scale).save(&out.join(format!("{theme}-{scale}.png")));
        }
    }
}
