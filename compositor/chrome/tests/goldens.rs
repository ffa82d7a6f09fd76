// SPDX-License-Identifier: GPL-3.0-or-later
//! In: cases. Out: whether each still looks as in `goldens/CASE-THEME-SCALE.png`.
//!
//! `UPDATE_GOLDENS=1 cargo test -p cofferdam-chrome` accepts what is drawn now; look at it first.

#![allow(clippy::expect_used)] // a test says with it what went wrong

mod cards;
mod notices;
mod support;

use cofferdam_chrome::{
    ButtonStates, Chrome, CursorShape, FrameKind, FrameSpec, Icon, Part, PixelRect, SwitcherItem,
    SwitcherSpec, TitleButton,
};
use cofferdam_ids::{Identity, Label};
use std::path::{Path, PathBuf};
use support::{Picture, chrome};

/// Themes and the scales at which each is compared; drawing at scale 2 does not depend on the theme.
const THEMES: [(&str, &[f32]); 3] =
    [("default-dark", &[1.0, 1.5, 2.0]), ("default-light", &[1.0, 1.5]), ("high-contrast", &[1.0, 1.5])];
/// Largest difference of a channel that rounding on another machine may make.
const TOLERANCE: u8 = 8;

fn px(logical: u32, scale: f32) -> u32 {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let px = (logical as f32 * scale).round() as u32;
    px
}

fn ground(chrome: &Chrome, w: u32, h: u32, scale: f32) -> Picture {
    let c = chrome.theme().surface.background;
    Picture::new(px(w, scale), px(h, scale), [c.r, c.g, c.b, 255])
}

struct Frame {
    kind: FrameKind,
    identity: Identity,
    name: &'static str,
    title: &'static str,
    size: (u32, u32),
    focused: bool,
    buttons: ButtonStates,
    throw_away: bool,
    icon: Option<Icon>,
}

const fn frame(identity: Identity, name: &'static str, title: &'static str) -> Frame {
    let buttons = ButtonStates { hovered: None, pressed: None, focused: None };
    let kind = FrameKind::Window;
    Frame {
        kind,
        identity,
        name,
        title,
        size: (150, 54),
        focused: true,
        buttons,
        throw_away: false,
        icon: None,
    }
}

fn draw(chrome: &mut Chrome, picture: &mut Picture, f: &Frame, at: (u32, u32), scale: f32) {
    let (name, title) = (Label::new(f.name), Label::new(f.title));
    let size = (px(f.size.0, scale), px(f.size.1, scale));
    let (x, y) = (px(at.0, scale).cast_signed(), px(at.1, scale).cast_signed());
    let insets = f.kind.insets(scale);
    picture.fill(
        x + insets.left.cast_signed(),
        y + insets.top.cast_signed(),
        size.0 - insets.left - insets.right,
        size.1 - insets.top - insets.bottom,
        [0x80, 0x80, 0x80, 255],
    );
    let parts = chrome.frame(&FrameSpec {
        size,
        scale,
        kind: f.kind,
        identity: f.identity,
        name: &name,
        title: &title,
        icon: f.icon.as_ref(),
        focused: f.focused,
        buttons: f.buttons,
        throw_away: f.throw_away,
    });
    picture.draw(&parts, x, y);
}

/// All eight identities: border, pattern and mark.
fn identities(chrome: &mut Chrome, scale: f32) -> Picture {
    let mut picture = ground(chrome, 324, 252, scale);
    for (identity, n) in Identity::ALL.into_iter().zip(0u32..) {
        let at = (8 + n % 2 * 158, 8 + n / 2 * 61);
        draw(chrome, &mut picture, &frame(identity, identity.name(), ""), at, scale);
    }
    picture
}

/// A black disc on white: an icon that shows whether it is scaled well.
fn disc() -> Icon {
    let rgba: Vec<u8> = (0..64 * 64i32)
        .flat_map(|n| {
            let (x, y) = (n % 64 - 32, n / 64 - 32);
            let c = if x * x + y * y < 700 { 0 } else { 255 };
            [c, c, c, 255]
        })
        .collect();
    Icon::new(64, rgba.into()).expect("64 by 64")
}

/// Focus, buttons, titles too long, right-to-left, icon, dashes, square corners, popup, strip.
fn states(chrome: &mut Chrome, scale: f32) -> Picture {
    let mut picture = ground(chrome, 312, 420, scale);
    let wide = |f: Frame| Frame { size: (296, 54), ..f };
    let press = |hovered, pressed, focused| ButtonStates { hovered, pressed, focused };
    let frames = [
        Frame {
            buttons: press(Some(TitleButton::Close), None, None),
            ..wide(frame(Identity::Orange, "Terminal", "~/notes"))
        },
        Frame { focused: false, ..wide(frame(Identity::Sky, "Firefox", "Wayland documentation")) },
        Frame {
            buttons: press(
                Some(TitleButton::Minimize),
                Some(TitleButton::Minimize),
                Some(TitleButton::Maximize),
            ),
            ..wide(frame(Identity::Green, "Mail", "Rechnungsabschlussbestätigung der Donaudampfschifffahrt"))
        },
        Frame { throw_away: true, ..wide(frame(Identity::Purple, "Video call", "")) },
        Frame {
            kind: FrameKind::Maximized,
            icon: Some(disc()),
            ..wide(frame(Identity::Blue, "Notes", "one\u{2013}two"))
        },
        Frame { kind: FrameKind::Fullscreen, ..wide(frame(Identity::Vermilion, "Film", "full screen")) },
    ];
    for (f, n) in frames.iter().zip(0u32..) {
        draw(chrome, &mut picture, f, (8, 8 + n * 61), scale);
    }
    let popup = Frame { kind: FrameKind::Popup, size: (120, 36), ..frame(Identity::Yellow, "", "") };
    draw(chrome, &mut picture, &popup, (8, 376), scale);
    let narrow = Frame { size: (104, 40), ..frame(Identity::Grey, "Scratch", "narrow") };
    draw(chrome, &mut picture, &narrow, (140, 374), scale);
    picture
}

/// The switcher.
fn overlays(chrome: &mut Chrome, scale: f32) -> Picture {
    let mut picture = ground(chrome, 460, 180, scale);
    let output = (picture.width, picture.height);
    let names = ["Firefox", "Terminal"].map(Label::new);
    let titles = ["Posteingang – drei neue Nachrichten", "~/notes"].map(Label::new);
    let item = |n: usize, identity| SwitcherItem { identity, name: &names[n], title: &titles[n] };
    let items = [item(0, Identity::Sky), item(1, Identity::Yellow), item(1, Identity::Grey)];
    let spec = SwitcherSpec { items: &items, selected: 1, scale, output };
    let switcher = chrome.switcher(&spec).expect("three windows");
    // Without the shadows, which have tests of their own: their dither makes large files.
    let card = |parts: &[Part]| parts.last().cloned().into_iter().collect::<Vec<_>>();
    picture.draw(&card(&switcher.parts), px(16, scale).cast_signed(), px(8, scale).cast_signed());
    picture
}

/// Every cursor, on light and on dark.
fn cursors(chrome: &mut Chrome, scale: f32) -> Picture {
    let mut picture = Picture::new(px(288, scale), px(168, scale), [0xF5, 0xF6, 0xF8, 255]);
    let (w, h) = (picture.width, picture.height);
    picture.fill(0, (h / 2).cast_signed(), w, h, [0x11, 0x12, 0x15, 255]);
    for (shape, n) in CursorShape::ALL.iter().zip(0u32..) {
        let cursor = chrome.cursor(*shape, scale);
        let (x, y) = (px(n % 12 * 24, scale), px(n / 12 * 28 + 2, scale));
        let src = PixelRect::new(0, 0, cursor.raster.width(), cursor.raster.height());
        let part = [Part { raster: cursor.raster, src, at: (0, 0), opaque: false }];
        picture.draw(&part, x.cast_signed(), y.cast_signed());
        picture.draw(&part, x.cast_signed(), (y + h / 2).cast_signed());
    }
    picture
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens")
}

/// Compares with the golden, or becomes it; says what is wrong.
fn check(name: &str, drawn: &Picture) -> Result<(), String> {
    let golden_path = folder().join(format!("{name}.png"));
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        // A picture within tolerance stays as it is, or every update would touch every file.
        if Picture::load(&golden_path).is_none_or(|g| worst(&g, drawn).is_none_or(|w| w > TOLERANCE)) {
            drawn.save(&golden_path);
        }
        return Ok(());
    }
    let golden = Picture::load(&golden_path)
        .ok_or_else(|| format!("{name}: no golden; UPDATE_GOLDENS=1 makes one"))?;
    let problem = match worst(&golden, drawn) {
        None => format!("is {} × {}, was {} × {}", drawn.width, drawn.height, golden.width, golden.height),
        Some(w) if w > TOLERANCE => format!("a channel differs by {w}"),
        Some(_) => return Ok(()),
    };
    let actual = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chrome-goldens/{name}.png"));
    drawn.save(&actual);
    Err(format!("{name}: {problem}; compare {} with {}", actual.display(), golden_path.display()))
}

/// The largest difference of any channel; `None` when the sizes differ.
fn worst(a: &Picture, b: &Picture) -> Option<u8> {
    let same = (a.width, a.height) == (b.width, b.height);
    same.then(|| a.rgba.iter().zip(&b.rgba).map(|(x, y)| x.abs_diff(*y)).max().unwrap_or(0))
}

#[test]
fn everything_looks_as_agreed() {
    type Case = (&'static str, fn(&mut Chrome, f32) -> Picture);
    let cases: [Case; 8] = [
        ("identities", identities),
        ("states", states),
        ("overlays", overlays),
        ("notices", notices::notices),
        ("prompt", cards::prompt),
        ("prompt-long", cards::prompt_long),
        ("attention", cards::attention),
        ("lock", cards::lock),
    ];
    let mut names = Vec::new();
    let mut problems = Vec::new();
    let mut compare = |name: String, picture: &Picture| {
        problems.extend(check(&name, picture).err());
        names.push(name);
    };
    for (theme, scales) in THEMES {
        let mut chrome = chrome(theme);
        for scale in scales {
            for (case, draw) in cases {
                compare(format!("{case}-{theme}-{scale}"), &draw(&mut chrome, *scale));
            }
        }
    }
    for scale in [1.0, 1.5, 2.0] {
        // Cursors are the same in all themes.
        compare(format!("cursors-{scale}"), &cursors(&mut chrome("default-dark"), scale));
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    for entry in std::fs::read_dir(folder()).expect("the goldens are there").flatten() {
        let stem = entry.path().file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_owned();
        assert!(names.contains(&stem), "{} belongs to no case", entry.path().display());
    }
}
