// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the built-in files. Out: whether everybody can tell the eight identities apart, whether all
//! text can be read, and whether broken files are refused with the right words.

#![allow(clippy::expect_used)] // a test says with it what went wrong

use cofferdam_ids::Identity;
use cofferdam_themes::vision::{Vision, difference};
use cofferdam_themes::{
    IDENTITY_CONTRAST, INTER, Identities, Library, Pattern, Problem, Rgb, Theme, ThemeError,
};

/// CIEDE2000 from which two fills count as told apart by colour alone.
const APART: f32 = 10.0;

fn library() -> Library {
    Library::built_in().expect("the built-in files are good")
}

#[test]
fn three_themes_are_built_in() {
    let library = library();
    assert_eq!(library.names().collect::<Vec<_>>(), ["default-dark", "default-light", "high-contrast"]);
    assert!(library.theme(Library::DEFAULT).is_some());
    assert!(INTER.len() < 900_000);
}

#[test]
fn every_identity_stands_out_in_every_theme() {
    let library = library();
    for name in library.names() {
        let theme = library.theme(name).expect("listed");
        for style in library.identities.iter() {
            let outline = theme.outline(style);
            for ground in [theme.surface.background, theme.wallpaper_glow, theme.wallpaper_field] {
                let ratio = outline.contrast(ground);
                assert!(ratio >= IDENTITY_CONTRAST, "{name}: {} on {ground}: {ratio:.2}", style.identity);
            }
            // Where a line of ink makes the contrast, the colour inside has to stand out from the line.
            if outline != style.color {
                assert!(style.color.contrast(outline) >= IDENTITY_CONTRAST, "{name}: {}", style.identity);
            }
        }
    }
}

#[test]
fn patterns_show_on_their_fill() {
    for style in library().identities.iter() {
        assert!(style.color.contrast(style.ink) >= IDENTITY_CONTRAST, "{}", style.identity);
    }
}

#[test]
fn identities_are_told_apart_by_every_vision() {
    let library = library();
    let all: Vec<_> = library.identities.iter().collect();
    for vision in Vision::ALL {
        for (n, a) in all.iter().enumerate() {
            for b in all.iter().skip(n + 1) {
                let apart = difference(vision.see(a.color), vision.see(b.color));
                assert!(
                    apart >= APART || a.pattern != b.pattern,
                    "{vision:?}: {} and {} are {apart:.1} apart and share a pattern",
                    a.identity,
                    b.identity
                );
                if vision == Vision::Normal {
                    assert!(apart >= APART, "{} and {}: {apart:.1}", a.identity, b.identity);
                }
            }
        }
    }
}

#[test]
fn look_of_the_identities_is_the_agreed_one() {
    let library = library();
    for (identity, color, pattern) in [
        (Identity::Orange, "#E69F00", Pattern::Plain),
        (Identity::Sky, "#56B4E9", Pattern::Stripes),
        (Identity::Green, "#009E73", Pattern::Dots),
        (Identity::Purple, "#CC79A7", Pattern::VerticalBars),
        (Identity::Yellow, "#F0E442", Pattern::HorizontalBars),
        (Identity::Blue, "#3D8FD1", Pattern::Checks),
        (Identity::Vermilion, "#E8662B", Pattern::Zigzag),
        (Identity::Grey, "#9AA3AF", Pattern::Grid),
    ] {
        let style = library.identities.get(identity);
        assert_eq!(
            (style.identity, style.color.to_string().as_str(), style.pattern),
            (identity, color, pattern)
        );
    }
}

#[test]
fn a_border_pixel_belongs_to_one_identity() {
    let library = library();
    for style in library.identities.iter() {
        for t in [0.0, 0.3, 0.5, 1.0] {
            assert!(style.owns_border_pixel(style.color.mix(style.ink, t), 2), "{} {t}", style.identity);
        }
        for other in library.identities.iter().filter(|o| o.identity != style.identity) {
            assert!(!style.owns_border_pixel(other.color, 8), "{} takes {}", style.identity, other.identity);
        }
        for foreign in [Rgb::new(255, 255, 255), Rgb::new(0, 0, 0), Rgb::new(0x1B, 0x1E, 0x24)] {
            assert!(!style.owns_border_pixel(foreign, 8), "{} {foreign}", style.identity);
        }
    }
}

const DARK: &str = include_str!("../data/default-dark.toml");
const STYLES: &str = include_str!("../data/identities.toml");

fn check_theme(change: (&str, &str), line: usize, words: &str) {
    let text = DARK.replacen(change.0, change.1, 1);
    assert_ne!(text, DARK, "{change:?} changes nothing");
    let error = Theme::parse("my.toml", &text, &library().identities).expect_err(change.1);
    assert_eq!(error.to_string(), format!("my.toml:{line}: {words}"));
}

#[test]
fn theme_errors_say_where_and_what_was_meant() {
    check_theme(("raised =", "rasied ="), 13, "unknown key `surface.rasied`; did you mean `surface.raised`?");
    check_theme(("[accent]", "[acent]"), 22, "unknown key `acent`; did you mean `accent`?");
    check_theme(("[motion]", "[motion]\nqqqqqqqqqq = 1"), 43, "unknown key `motion.qqqqqqqqqq`");
    check_theme(
        ("\"#2D323C\"", "\"2D323C\""),
        14,
        "`surface.control` must be a colour, written as \"#RRGGBB\"",
    );
    check_theme(("scheme = \"dark\"", "scheme = \"dusk\""), 8, "`scheme` must be \"dark\" or \"light\"");
    check_theme(("scheme = \"dark\"", ""), 1, "`scheme` is missing");
    check_theme(("focused = 0.55", "focused = 5.5"), 36, "`shadow.focused` must be a number from 0 to 1");
    check_theme(
        ("duration_ms = 120", "duration_ms = 99999"),
        43,
        "`motion.duration_ms` must be milliseconds, a whole number from 0 to 1000",
    );
    check_theme(
        ("\"#A8AFBB\"", "\"#444444\""),
        19,
        "text.secondary on surface.background has contrast 1.86, at least 4.5 is needed",
    );
    check_theme(
        ("neutral = \"#C9D1DD\"", "neutral = \"#E69F00\""),
        23,
        "accent.neutral (#E69F00) is too near to the identity orange: saturated colour says whose window it is",
    );
    check_theme(
        ("neutral = \"#C9D1DD\"", "neutral = \"#E0A010\""),
        23,
        "accent.neutral (#E0A010) is too near to the identity orange: saturated colour says whose window it is",
    );
}

#[test]
fn identity_errors() {
    for (change, problem) in [
        (("plain", "dots"), Problem::SamePattern("orange", "green")),
        (("[sky]", "[blau]"), Problem::UnknownKey { key: "blau".into(), meant: Some("blue".into()) }),
        (
            ("\"checks\"", "\"cheques\""),
            Problem::BadValue {
                key: "blue.pattern".into(),
                expected: "one of plain, stripes, dots, vertical-bars, horizontal-bars, checks, zigzag, grid",
            },
        ),
    ] {
        let error = Identities::parse("i.toml", &STYLES.replacen(change.0, change.1, 1)).expect_err(change.1);
        assert_eq!(error.problem, problem);
    }
}

#[test]
fn no_text_panics() {
    let library = library();
    for cut in 0..DARK.len() {
        if let Some(text) = DARK.get(..cut) {
            let _ = Theme::parse("cut.toml", text, &library.identities);
        }
    }
    for text in ["", "\0", "=", "[[surface]]", "surface = 3", "name = 1\nscheme = []", "a.b.c = 1"] {
        assert!(Theme::parse("x.toml", text, &library.identities).is_err(), "{text:?}");
        assert!(Identities::parse("x.toml", text).is_err(), "{text:?}");
    }
}

#[test]
fn a_directory_adds_and_replaces() {
    let dir = std::env::temp_dir().join(format!("cofferdam-themes-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("temp dir");
    let mine = DARK.replace("Default dark", "Mine");
    for (file, text) in [
        ("mine.toml", mine.as_str()),
        ("default-dark.toml", mine.as_str()),
        ("broken.toml", "name = "),
        ("notes.txt", "not a theme"),
    ] {
        std::fs::write(dir.join(file), text).expect("write");
    }
    std::fs::write(dir.join("big.toml"), "#".repeat(70_000)).expect("write");
    let mut library = library();
    let errors: Vec<ThemeError> = library.add_directory(&dir);
    std::fs::remove_dir_all(&dir).expect("clean up");

    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors.iter().all(|e| e.file.ends_with("big.toml") || e.file.ends_with("broken.toml")));
    for name in ["mine", "default-dark"] {
        assert_eq!(library.theme(name).map(|t| t.name.as_str()), Some("Mine"));
    }
    assert_eq!(library.names().count(), 4);
    assert!(library.add_directory(&dir).is_empty(), "a directory that is gone is empty");
}
