// SPDX-License-Identifier: GPL-3.0-or-later
//! In: frames, shadows, wallpapers, cursors and overlays of many kinds. Out: what holds for all of
//! them, whatever they look like.

#![allow(clippy::expect_used)] // a test says with it what went wrong

mod support;

use cofferdam_chrome::{
    ButtonStates, Card, Chrome, CursorShape, FrameKind, FrameSpec, Icon, NoticeSpec, PixelRect, QuoteSpec,
    SwitcherItem, SwitcherSpec, TitleButton,
};
use cofferdam_ids::{Identity, Label};
use cofferdam_themes::Rgb;
use support::{Picture, chrome};

const THEMES: [&str; 3] = ["default-dark", "default-light", "high-contrast"];
const SCALES: [f32; 6] = [1.0, 1.25, 1.333, 1.5, 1.75, 2.0];
const KINDS: [FrameKind; 4] =
    [FrameKind::Window, FrameKind::Maximized, FrameKind::Fullscreen, FrameKind::Popup];
/// Nothing of chrome is as green as this: where it stays, nothing was drawn.
const UNTOUCHED: [u8; 4] = [0, 255, 0, 255];

struct Words {
    name: Label,
    title: Label,
}

impl Words {
    fn new(name: &str, title: &str) -> Self {
        Self { name: Label::new(name), title: Label::new(title) }
    }

    const fn spec(&self, kind: FrameKind, identity: Identity, size: (u32, u32), scale: f32) -> FrameSpec<'_> {
        FrameSpec {
            size,
            scale,
            kind,
            identity,
            name: &self.name,
            title: &self.title,
            icon: None,
            focused: true,
            buttons: ButtonStates { hovered: None, pressed: None, focused: None },
            throw_away: false,
        }
    }
}

fn rgb(p: [u8; 4]) -> Rgb {
    Rgb::new(p[0], p[1], p[2])
}

fn drawn(chrome: &mut Chrome, spec: &FrameSpec<'_>) -> Picture {
    let mut picture = Picture::new(spec.size.0, spec.size.1, UNTOUCHED);
    picture.draw(&chrome.frame(spec), 0, 0);
    picture
}

/// The straight parts of a border: all pixels within `thickness` of the outer edge, but for the
/// corners.
fn border_pixels(size: (u32, u32), thickness: u32, corner: u32) -> Vec<(i32, i32)> {
    let (w, h) = size;
    let mut at = Vec::new();
    for depth in 0..thickness {
        at.extend((corner..w - corner).flat_map(|x| [(x, depth), (x, h - 1 - depth)]));
        at.extend((corner..h - corner).flat_map(|y| [(depth, y), (w - 1 - depth, y)]));
    }
    at.into_iter().map(|(x, y)| (x.cast_signed(), y.cast_signed())).collect()
}

fn check_border(chrome: &mut Chrome, spec: &FrameSpec<'_>, what: &str) {
    let picture = drawn(chrome, spec);
    let style = *chrome.identities().get(spec.identity);
    let pixels = border_pixels(spec.size, spec.kind.insets(spec.scale).left, 24);
    let mut filled = 0usize;
    for (x, y) in &pixels {
        let pixel = rgb(picture.pixel(*x, *y));
        assert!(
            style.owns_border_pixel(pixel, 2),
            "{what}: {pixel} at {x}, {y} is not of {}",
            style.identity
        );
        filled += usize::from(pixel.max_difference(style.color) <= 2);
    }
    // The colour leads: a third at the least is nothing but the fill.
    assert!(
        filled * 3 >= pixels.len(),
        "{what}: {filled} of {} pixels are plain {}",
        pixels.len(),
        style.identity
    );
}

#[test]
fn every_border_pixel_is_the_identitys() {
    let words = Words::new("Terminal", "~/notes");
    for theme in THEMES {
        let mut chrome = chrome(theme);
        for scale in SCALES {
            for identity in Identity::ALL {
                for kind in [FrameKind::Window, FrameKind::Maximized, FrameKind::Popup] {
                    for focused in [false, true] {
                        let spec = FrameSpec { focused, ..words.spec(kind, identity, (300, 200), scale) };
                        check_border(&mut chrome, &spec, &format!("{theme} {scale} {kind:?}"));
                    }
                }
            }
        }
    }
}

#[test]
fn corners_are_round_outside_and_inside() {
    let words = Words::new("Terminal", "");
    let mut chrome = chrome("default-dark");
    for scale in SCALES {
        for kind in [FrameKind::Window, FrameKind::Popup] {
            let picture = drawn(&mut chrome, &words.spec(kind, Identity::Orange, (300, 200), scale));
            let last = (299, 199);
            for (x, y) in [(0, 0), (last.0, 0), (0, last.1), last] {
                assert_eq!(
                    picture.pixel(x, y),
                    UNTOUCHED,
                    "{kind:?} {scale}: the corner at {x}, {y} is square"
                );
            }
            let inset = kind.insets(scale).left.cast_signed();
            let content = picture.pixel(inset, last.1 - inset);
            assert_ne!(content, UNTOUCHED, "{kind:?} {scale}: the content's corner stays square");
            assert_eq!(picture.pixel(150, 100), UNTOUCHED, "the content is not drawn over");
        }
        let picture =
            drawn(&mut chrome, &words.spec(FrameKind::Maximized, Identity::Orange, (300, 200), scale));
        assert_ne!(picture.pixel(0, 0), UNTOUCHED, "a maximised window has square corners");
    }
}

#[test]
fn frames_cover_their_insets_and_nothing_else() {
    let words = Words::new("Terminal", "~/notes");
    let mut chrome = chrome("default-light");
    for scale in SCALES {
        for kind in KINDS {
            let spec = words.spec(kind, Identity::Blue, (320, 220), scale);
            let picture = drawn(&mut chrome, &spec);
            let insets = kind.insets(scale);
            let (right, bottom) = (320 - insets.right, 220 - insets.bottom);
            for y in 24..196u32 {
                for x in 24..296u32 {
                    let inside = (insets.left..right).contains(&x) && (insets.top..bottom).contains(&y);
                    let touched = picture.pixel(x.cast_signed(), y.cast_signed()) != UNTOUCHED;
                    assert_eq!(touched, !inside, "{kind:?} {scale}: {x}, {y}");
                }
            }
        }
    }
}

#[test]
fn no_size_and_no_scale_is_too_odd() {
    let words = Words::new("Terminal", "~/notes");
    let mut chrome = chrome("default-light");
    for kind in KINDS {
        for scale in [0.0, -1.0, 0.3, 1.0, 3.7, 1e9, f32::NAN, f32::INFINITY] {
            for size in [(0, 0), (1, 1), (3, 500), (7, 7), (50, 20), (9, 40), (700, 2), (u32::MAX, 3)] {
                let parts = chrome.frame(&words.spec(kind, Identity::Green, size, scale));
                assert!(parts.len() <= 9);
                for part in &parts {
                    let area = part.area();
                    assert!(
                        area.x >= 0 && area.y >= 0 && area.w > 0 && area.h > 0,
                        "{kind:?} {scale} {size:?}"
                    );
                }
                let _ = chrome.shadow(kind, size, scale, true);
            }
        }
    }
}

#[test]
fn a_change_redraws_only_what_it_changes() {
    let words = Words::new("Terminal", "~/notes");
    let other = Words::new("Terminal", "~/other");
    let mut chrome = chrome("default-dark");
    let spec = words.spec(FrameKind::Window, Identity::Orange, (600, 400), 1.0);
    let hover = ButtonStates { hovered: Some(TitleButton::Close), ..ButtonStates::default() };
    let steps: [(&str, FrameSpec<'_>, u64); 8] = [
        ("first", spec.clone(), 9),
        ("again", spec.clone(), 0),
        ("taller", FrameSpec { size: (600, 500), ..spec.clone() }, 0),
        ("wider", FrameSpec { size: (700, 400), ..spec.clone() }, 1),
        ("renamed", FrameSpec { title: &other.title, ..spec.clone() }, 1),
        ("pointed at", FrameSpec { buttons: hover, ..spec.clone() }, 1),
        ("out of focus", FrameSpec { focused: false, ..spec.clone() }, 1),
        ("back", spec.clone(), 0),
    ];
    for (what, spec, cost) in steps {
        let before = chrome.drawn();
        chrome.frame(&spec);
        assert_eq!(chrome.drawn() - before, cost, "{what}");
    }
    let before = chrome.drawn();
    for size in [(600, 400), (300, 200), (512, 490)] {
        chrome.shadow(FrameKind::Window, size, 1.0, true);
    }
    assert_eq!(chrome.drawn() - before, 8, "all windows share one shadow");
}

#[test]
fn titles_stay_clear_of_the_buttons() {
    let mut chrome = chrome("default-dark");
    let long = Words::new(
        "Rechnungsabschlussbestätigung",
        "Donaudampfschifffahrtsgesellschaftskapitän مرحبا بالعالم",
    );
    let empty = Words::new("", "");
    for scale in SCALES {
        for width in [104, 150, 200, 320, 700] {
            let width = cofferdam_themes::Metrics::px(width, scale);
            let at = |words: &Words, chrome: &mut Chrome| {
                drawn(chrome, &words.spec(FrameKind::Window, Identity::Grey, (width, 120), scale))
            };
            let (with, without) = (at(&long, &mut chrome), at(&empty, &mut chrome));
            let insets = FrameKind::Window.insets(scale);
            let button = cofferdam_themes::Metrics::px(32, scale);
            for y in insets.left..insets.top {
                for x in (width - insets.right).saturating_sub(button)..width {
                    let (x, y) = (x.cast_signed(), y.cast_signed());
                    assert_eq!(
                        with.pixel(x, y),
                        without.pixel(x, y),
                        "width {width} scale {scale}: text at {x}, {y}"
                    );
                }
            }
        }
    }
}

#[test]
fn names_stand_in_the_middle_of_the_bar() {
    // Letters as high as capitals, and nothing below the baseline.
    let (words, empty) = (Words::new("HHHH", ""), Words::new("", ""));
    let mut chrome = chrome("default-dark");
    for scale in SCALES {
        let at = |w: &Words, chrome: &mut Chrome| {
            drawn(chrome, &w.spec(FrameKind::Window, Identity::Orange, (400, 120), scale))
        };
        let (with, without) = (at(&words, &mut chrome), at(&empty, &mut chrome));
        let insets = FrameKind::Window.insets(scale);
        let rows: Vec<u32> = (insets.left..insets.top)
            .filter(|y| (0..400).any(|x| with.pixel(x, y.cast_signed()) != without.pixel(x, y.cast_signed())))
            .collect();
        let (first, last) = (rows.first().expect("text"), rows.last().expect("text"));
        let (above, below) = (first - insets.left, insets.top - 1 - last);
        assert!(above.abs_diff(below) <= 2, "scale {scale}: {above} pixels above, {below} below");
    }
}

#[test]
fn icons_are_shown() {
    let words = Words::new("Terminal", "");
    let mut chrome = chrome("default-dark");
    let spec = words.spec(FrameKind::Window, Identity::Sky, (300, 100), 1.0);
    let red = Icon::new(32, [255, 0, 0, 255].repeat(32 * 32).into()).expect("fits");
    let picture = drawn(&mut chrome, &FrameSpec { icon: Some(&red), ..spec.clone() });
    assert_eq!(picture.pixel(4 + 8 + 16 + 8 + 8, 19), [255, 0, 0, 255]);
    let clear = Icon::new(1, vec![255, 255, 255, 0].into()).expect("fits");
    let ground = chrome.theme().surface.base;
    let picture = drawn(&mut chrome, &FrameSpec { icon: Some(&clear), ..spec });
    assert_eq!(rgb(picture.pixel(44, 19)), ground, "a transparent icon shows the bar");
    for (side, bytes) in [(0, 0), (2, 15), (513, 4), (u32::MAX, 4)] {
        assert!(Icon::new(side, vec![0; bytes].into()).is_none(), "{side} {bytes}");
    }
}

#[test]
fn shadows_fade_without_steps() {
    for theme in ["default-dark", "default-light"] {
        let mut chrome = chrome(theme);
        let white = [255, 255, 255, 255];
        for focused in [true, false] {
            let parts = chrome.shadow(FrameKind::Window, (400, 300), 1.0, focused);
            let mut picture = Picture::new(560, 460, white);
            picture.draw(&parts, 80, 80);
            let darkness = |x, y| 255 - picture.pixel(x, y)[0];
            // From outside to the frame, on all four sides: darker and darker, in small steps.
            let ways: [Vec<(i32, i32)>; 4] = [
                (0..80).map(|n| (280, n)).collect(),
                (0..80).map(|n| (n, 230)).collect(),
                (0..80).map(|n| (559 - n, 230)).collect(),
                (0..80).map(|n| (280, 459 - n)).collect(),
            ];
            for way in ways {
                let values: Vec<u8> = way.iter().map(|(x, y)| darkness(*x, *y)).collect();
                assert!(
                    values.first().is_some_and(|v| *v <= 1),
                    "{theme}: the shadow is cut off: {values:?}"
                );
                assert!(
                    values.last().is_some_and(|v| *v >= 6),
                    "{theme}: no shadow at the frame: {values:?}"
                );
                for pair in values.windows(2) {
                    assert!(
                        pair[1] + 2 >= pair[0] && pair[1] <= pair[0] + 8,
                        "{theme}: a step in {values:?}"
                    );
                }
            }
            // Corners and edges join: along the frame neighbours differ little.
            for x in 1..559 {
                for y in [70, 385] {
                    assert!(darkness(x, y).abs_diff(darkness(x - 1, y)) <= 8, "{theme}: a seam at {x}, {y}");
                }
            }
        }
    }
}

#[test]
fn focus_deepens_the_shadow() {
    let mut chrome = chrome("default-dark");
    let mut depth = |focused| {
        let mut picture = Picture::new(400, 400, [255; 4]);
        picture.draw(&chrome.shadow(FrameKind::Window, (200, 200), 1.0, focused), 100, 100);
        u32::from(255 - picture.pixel(200, 320)[0])
    };
    assert!(depth(true) > depth(false) + 10);
}

#[test]
fn wallpaper_fills_the_output_and_costs_little() {
    let mut chrome = chrome("default-dark");
    for (w, h) in [(1280, 800), (1366, 768), (1, 1), (64, 64), (1080, 1920)] {
        let parts = chrome.wallpaper(w, h);
        let mut picture = Picture::new(w, h, UNTOUCHED);
        picture.draw(&parts, 0, 0);
        let area: u64 = parts.iter().map(|p| u64::from(p.src.w) * u64::from(p.src.h)).sum();
        assert_eq!(area, u64::from(w) * u64::from(h), "no pixel twice");
        assert!(picture.rgba.chunks_exact(4).all(|p| p != UNTOUCHED), "{w} × {h} has a hole");
        // No step between neighbours that the dither did not make: bands join.
        for y in 1..h.cast_signed() {
            let (a, b) = (picture.pixel(w.cast_signed() / 2, y - 1), picture.pixel(w.cast_signed() / 2, y));
            assert!(rgb(a).max_difference(rgb(b)) <= 2, "{w} × {h}: a seam at row {y}");
        }
    }
    let parts = chrome.wallpaper(3840, 2160);
    let bytes = parts.first().map_or(0, |p| p.raster.pixels().len());
    assert!(bytes < 1_600_000, "{bytes} bytes for 4K");
}

#[test]
fn cursors_point_with_their_ink() {
    let mut chrome = chrome("default-dark");
    for shape in CursorShape::ALL {
        assert_eq!(CursorShape::from_name(shape.name()), Some(*shape));
        for scale in [1.0, 1.25, 1.5, 2.0, 3.0] {
            let cursor = chrome.cursor(*shape, scale);
            let (w, h) = (cursor.raster.width(), cursor.raster.height());
            assert!(cursor.hotspot.0 < w && cursor.hotspot.1 < h);
            let near = (0..=4u32).flat_map(|dy| (0..=4u32).map(move |dx| (dx, dy))).any(|(dx, dy)| {
                let (x, y) =
                    ((cursor.hotspot.0 + dx).saturating_sub(2), (cursor.hotspot.1 + dy).saturating_sub(2));
                let at = usize::try_from((y.min(h - 1) * w + x.min(w - 1)) * 4 + 3).expect("small");
                cursor.raster.pixels()[at] > 100
            });
            assert!(near, "{} at {scale} points at nothing", shape.name());
        }
    }
    assert_eq!(CursorShape::from_name("banana"), None);
}

#[test]
fn the_switcher_stays_on_the_screen_with_any_number_of_windows() {
    let mut chrome = chrome("default-dark");
    let words = Words::new("Rechnungsabschlussbestätigung", "مرحبا بالعالم");
    for (output, scale) in [((1280, 800), 1.0), ((2560, 1440), 2.0), ((320, 240), 1.0)] {
        for count in [0, 1, 2, 7, 40, 500] {
            let item = SwitcherItem { identity: Identity::Purple, name: &words.name, title: &words.title };
            let items = vec![item; count];
            for selected in [0, count / 2, count.saturating_sub(1), count + 5] {
                let overlay = chrome.switcher(&SwitcherSpec { items: &items, selected, scale, output });
                let Some(overlay) = overlay else {
                    assert_eq!(count, 0);
                    continue;
                };
                assert!(overlay.size.0 <= output.0 && overlay.size.1 <= output.1, "{count} on {output:?}");
                let mut picture = Picture::new(overlay.size.0, overlay.size.1, UNTOUCHED);
                picture.draw(&overlay.parts, 0, 0);
                let accent = chrome.theme().accent;
                let ringed = picture.rgba.chunks_exact(4).any(|p| Rgb::new(p[0], p[1], p[2]) == accent);
                assert!(ringed, "{selected} of {count}: the chosen window can't be seen");
            }
        }
    }
}

#[test]
fn notices_fit() {
    let mut chrome = chrome("default-light");
    let heading = Label::new("Rechnungsabschlussbestätigung stopped");
    for text in ["", "short", &"A sentence that goes on and on. ".repeat(50), &"x".repeat(4000)] {
        for (output, scale) in [((1280, 800), 1.0), ((1920, 1080), 1.5), ((360, 300), 1.0)] {
            let spec = NoticeSpec {
                identity: Some(Identity::Sky),
                icon: None,
                heading: &heading,
                text,
                quote: None,
                waiting: 0,
                hovered: false,
                close_hovered: false,
                scale,
                output,
            };
            let fits = |card: &Card, most: u32| {
                let ((w, h), [close]) = (card.overlay.size, card.places[..].try_into().expect("one cross"));
                let close: PixelRect = close;
                assert!(w <= output.0 && h <= most, "{w} {h} on {output:?}");
                let (right, bottom) = (close.x.cast_unsigned() + close.w, close.y.cast_unsigned() + close.h);
                assert!(right <= w && bottom <= h, "the cross is on the card: {close:?} on {w} {h}");
            };
            let own = chrome.notice(&spec);
            fits(&own, output.1 / 2);
            fits(&chrome.notice(&NoticeSpec { identity: None, ..spec.clone() }), own.overlay.size.1);
            let quote = Some(QuoteSpec { title: text, body: text });
            let said = chrome.notice(&NoticeSpec { quote, text: "", waiting: usize::MAX, ..spec });
            fits(&said, output.1 * 3 / 4);
        }
    }
}
