// SPDX-License-Identifier: GPL-3.0-or-later
//! In: strings. Out: shaped lines, and their glyphs on a canvas.
//!
//! Shapes with the bundled font only. Directories with further fonts may be named; they are looked
//! at when a character turns up that the bundled font lacks, and not before, because scanning costs
//! memory and time that most sessions never need.

use crate::canvas::Canvas;
use crate::px;
use cofferdam_themes::{INTER, Rgb};
use cosmic_text::fontdb::{Database, Source};
use cosmic_text::{
    Align, Attrs, Buffer, Ellipsize, EllipsizeHeightLimit, Fallback, Family, FeatureTag, FontFeatures,
    FontSystem, LayoutGlyph, Metrics, Shaping, SwashCache, SwashContent, Weight, Wrap,
};
use std::path::PathBuf;
use std::sync::Arc;
use unicode_script::Script;

/// Height of Inter's capitals as a share of the type size.
const CAP_HEIGHT: f32 = 0.727;
/// Glyph pictures kept; a title bar needs about thirty.
const MAX_GLYPHS: usize = 768;

/// Weights in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Face {
    /// Text.
    Regular,
    /// Names.
    SemiBold,
}

/// How a line is set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextStyle {
    /// Type size in pixels.
    pub(crate) size: f32,
    pub(crate) face: Face,
}

/// A line ready to be drawn.
pub(crate) struct Line {
    glyphs: Vec<LayoutGlyph>,
    /// Pixels from the first to the end of the last glyph.
    pub(crate) width: f32,
}

/// A piece of a sentence of several voices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextSpan<'a> {
    /// Its text.
    pub text: &'a str,
    /// It is what matters.
    pub strong: bool,
    /// Somebody else chose the text: its direction of writing stays its own.
    pub foreign: bool,
}

impl<'a> TextSpan<'a> {
    /// Words of the desktop.
    #[must_use]
    pub const fn ours(text: &'a str) -> Self {
        Self { text, strong: false, foreign: false }
    }

    /// The same text with marks that keep it, and what follows it, in place: a Hebrew name must not
    /// turn the sentence round that it stands in.
    fn isolated(&self, first: bool) -> String {
        let mark = if first { "\u{200E}" } else { "" };
        if self.foreign {
            format!("{mark}\u{2068}{}\u{2069}", self.text)
        } else {
            format!("{mark}{}", self.text)
        }
    }
}

/// The fonts that cosmic-text would try on its own are not ours to use.
struct NoNamedFallback;

impl Fallback for NoNamedFallback {
    fn common_fallback(&self) -> &[&'static str] {
        &[]
    }
    fn forbidden_fallback(&self) -> &[&'static str] {
        &[]
    }
    fn script_fallback(&self, _script: Script, _locale: &str) -> &[&'static str] {
        &[]
    }
}

/// The font system with its caches.
pub(crate) struct TextEngine {
    fonts: FontSystem,
    glyphs: SwashCache,
    buffer: Buffer,
    /// Directories not looked at yet.
    fallback_dirs: Vec<PathBuf>,
}

impl TextEngine {
    pub(crate) fn new(fallback_dirs: Vec<PathBuf>) -> Self {
        let mut db = Database::new();
        db.load_font_source(Source::Binary(Arc::new(INTER)));
        Self {
            fonts: FontSystem::new_with_locale_and_db_and_fallback("en-US".to_owned(), db, NoNamedFallback),
            glyphs: SwashCache::new(),
            buffer: Buffer::new_empty(Metrics::new(16.0, 16.0)),
            fallback_dirs,
        }
    }

    /// Shapes `text` into at most `max_lines` lines no wider than `max_width` pixels; what does not
    /// fit ends in an ellipsis.
    pub(crate) fn lines(
        &mut self,
        text: &str,
        style: TextStyle,
        max_width: f32,
        max_lines: usize,
    ) -> Vec<Line> {
        let lines = self.shape(text, style, max_width, max_lines);
        if !self.lacks_glyphs(&lines) {
            return lines;
        }
        self.load_fallbacks();
        self.shape(text, style, max_width, max_lines)
    }

    /// [`Self::lines`] for a single line; `None` when there is nothing to show or no room for it.
    pub(crate) fn line(&mut self, text: &str, style: TextStyle, max_width: f32) -> Option<Line> {
        if text.is_empty() || max_width < style.size {
            return None;
        }
        self.lines(text, style, max_width, 1).into_iter().next()
    }

    fn shape(&mut self, text: &str, style: TextStyle, max_width: f32, max_lines: usize) -> Vec<Line> {
        self.shape_spans(&[(text, attrs(style.face))], style.size, max_width, max_lines)
    }

    /// A sentence whose strong parts are semi-bold, like [`Self::lines`]; see [`Self::draw_rich`].
    pub(crate) fn rich(
        &mut self,
        spans: &[TextSpan<'_>],
        style: TextStyle,
        max_width: f32,
        max_lines: usize,
    ) -> Vec<Line> {
        if max_width < style.size || spans.iter().all(|span| span.text.is_empty()) {
            return Vec::new();
        }
        let texts: Vec<String> = spans.iter().enumerate().map(|(n, span)| span.isolated(n == 0)).collect();
        let faces = spans.iter().map(|span| match span.strong {
            true => attrs(Face::SemiBold).metadata(STRONG),
            false => attrs(style.face),
        });
        let parts: Vec<(&str, Attrs<'_>)> = texts.iter().map(String::as_str).zip(faces).collect();
        let lines = self.shape_spans(&parts, style.size, max_width, max_lines);
        if !self.lacks_glyphs(&lines) {
            return lines;
        }
        self.load_fallbacks();
        self.shape_spans(&parts, style.size, max_width, max_lines)
    }

    fn lacks_glyphs(&self, lines: &[Line]) -> bool {
        !self.fallback_dirs.is_empty() && lines.iter().flat_map(|l| &l.glyphs).any(|g| g.glyph_id == 0)
    }

    fn load_fallbacks(&mut self) {
        for dir in self.fallback_dirs.drain(..) {
            self.fonts.db_mut().load_fonts_dir(dir);
        }
    }

    fn shape_spans(
        &mut self,
        spans: &[(&str, Attrs<'_>)],
        size: f32,
        max_width: f32,
        max_lines: usize,
    ) -> Vec<Line> {
        let size = size.clamp(4.0, 1024.0);
        let buffer = &mut self.buffer;
        buffer.set_metrics(Metrics::new(size, size));
        buffer.set_wrap(if max_lines > 1 { Wrap::WordOrGlyph } else { Wrap::None });
        buffer.set_ellipsize(Ellipsize::End(EllipsizeHeightLimit::Lines(max_lines)));
        buffer.set_size(Some(max_width.ceil()), None);
        let plain = attrs(Face::Regular);
        buffer.set_rich_text(spans.iter().cloned(), &plain, Shaping::Advanced, Some(Align::Left));
        buffer.shape_until_scroll(&mut self.fonts, false);
        buffer
            .layout_runs()
            .take(max_lines)
            .map(|run| without_leading_space(run.text, run.glyphs, run.line_w))
            .collect()
    }

    /// Draws `line` from `x` on `baseline`, in pixels.
    pub(crate) fn draw(&mut self, canvas: &mut Canvas, line: &Line, x: f32, baseline: i32, color: Rgb) {
        self.draw_rich(canvas, line, x, baseline, (color, color));
    }

    /// The same with a colour for the strong parts.
    pub(crate) fn draw_rich(
        &mut self,
        canvas: &mut Canvas,
        line: &Line,
        x: f32,
        baseline: i32,
        (normal, strong): (Rgb, Rgb),
    ) {
        if self.glyphs.image_cache.len() > MAX_GLYPHS {
            self.glyphs.image_cache.clear();
        }
        for glyph in &line.glyphs {
            let color = if glyph.metadata == STRONG { strong } else { normal };
            let place = glyph.physical((x, 0.0), 1.0);
            let Some(image) = self.glyphs.get_image(&mut self.fonts, place.cache_key) else { continue };
            let left = place.x + image.placement.left;
            let top = baseline + place.y - image.placement.top;
            let rows = |bytes: u32| image.data.chunks_exact(px::index(image.placement.width.max(1) * bytes));
            match image.content {
                SwashContent::Mask => {
                    for (row, dy) in rows(1).zip(0i32..) {
                        for (coverage, dx) in row.iter().zip(0i32..) {
                            canvas.blend(left + dx, top + dy, color, *coverage);
                        }
                    }
                }
                SwashContent::Color => {
                    for (row, dy) in rows(4).zip(0i32..) {
                        let (pixels, _) = row.as_chunks::<4>();
                        for (pixel, dx) in pixels.iter().zip(0i32..) {
                            canvas.over(left + dx, top + dy, *pixel);
                        }
                    }
                }
                SwashContent::SubpixelMask => {}
            }
        }
    }
}

/// A wrapped line, moved to the left by the space at which it was wrapped.
fn without_leading_space(text: &str, glyphs: &[LayoutGlyph], width: f32) -> Line {
    let blank = |g: &&LayoutGlyph| text.get(g.start..g.end).is_some_and(|t| t.trim().is_empty());
    let skipped = glyphs.iter().take_while(blank).count();
    let mut glyphs: Vec<LayoutGlyph> = glyphs.iter().skip(skipped).cloned().collect();
    let shift = glyphs.first().map_or(0.0, |g| g.x).max(0.0);
    if skipped == 0 {
        return Line { glyphs, width };
    }
    glyphs.iter_mut().for_each(|g| g.x -= shift);
    Line { glyphs, width: (width - shift).max(0.0) }
}

/// Marks the glyphs of what matters.
const STRONG: usize = 1;

fn attrs(face: Face) -> Attrs<'static> {
    let mut features = FontFeatures::new();
    // Numbers that change in place must not make their neighbours jump.
    features.enable(FeatureTag::new(b"tnum"));
    let weight = match face {
        Face::Regular => Weight::NORMAL,
        Face::SemiBold => Weight::SEMIBOLD,
    };
    Attrs::new().family(Family::Name("Inter")).weight(weight).font_features(features)
}

/// The baseline that centres capitals of `size` in `top..top + height`.
pub(crate) fn centred_baseline(top: u32, height: u32, size: f32) -> i32 {
    px::i(px::f(top) + CAP_HEIGHT.mul_add(size, px::f(height)) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: TextStyle = TextStyle { size: 13.0, face: Face::Regular };

    #[test]
    fn font_directories_are_opened_for_a_missing_character_only() {
        let fonts = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../themes/fonts"));
        let mut engine = TextEngine::new(vec![fonts, PathBuf::from("/nonexistent")]);
        let bundled = engine.fonts.db().len();
        assert!(engine.line("Überweisung – “42” → ok…", STYLE, 400.0).is_some());
        assert_eq!(
            (engine.fonts.db().len(), engine.fallback_dirs.len()),
            (bundled, 2),
            "nothing was missing"
        );
        assert!(engine.line("漢字", STYLE, 400.0).is_some(), "no font has it, still something is shown");
        assert_eq!(engine.fallback_dirs.len(), 0);
        assert!(engine.fonts.db().len() > bundled, "the directory was read");
    }

    #[test]
    fn a_name_does_not_turn_its_sentence_round() {
        let mut engine = TextEngine::new(vec![PathBuf::from("/nonexistent")]);
        let name = |text| TextSpan { text, strong: true, foreign: true };
        let line = engine.rich(&[name("Mail"), TextSpan::ours(" wants this")], STYLE, 400.0, 1);
        assert!(line.iter().all(|l| l.glyphs.iter().all(|g| g.glyph_id != 0 || g.w == 0.0)));
        for text in ["\u{5D3}\u{5D5}\u{5D0}\u{5E8}", "\u{628}\u{631}\u{64A}\u{62F}"] {
            let lines = engine.rich(&[name(text), TextSpan::ours(" wants this")], STYLE, 400.0, 1);
            let x_of = |strong| {
                let glyphs = lines[0].glyphs.iter().filter(move |g| (g.metadata == STRONG) == strong);
                glyphs.map(|g| g.x).fold(f32::MAX, f32::min)
            };
            assert!(x_of(true) < x_of(false), "the name comes first, {text:?}");
        }
    }

    #[test]
    fn lines_keep_to_their_width() {
        let mut engine = TextEngine::new(Vec::new());
        let long = "Rechnungsabschlussbestätigung der Donaudampfschifffahrtsgesellschaft";
        for width in [20.0, 55.5, 120.0, 300.0] {
            let line = engine.line(long, STYLE, width).map_or(0.0, |l| l.width);
            assert!(line <= width.ceil() && line > 0.0, "{line} in {width}");
            for line in engine.lines(long, STYLE, width, 3) {
                assert!(line.width <= width.ceil(), "{} in {width}", line.width);
            }
        }
        assert!(engine.lines(long, STYLE, 60.0, 3).len() <= 3);
        assert!(engine.line("x", STYLE, 5.0).is_none(), "no room, no line");
    }

    #[test]
    fn numbers_are_as_wide_as_each_other() {
        let mut engine = TextEngine::new(Vec::new());
        let mut width = |text| engine.line(text, STYLE, 400.0).map_or(0.0, |l| l.width);
        assert!((width("11:11") - width("08:48")).abs() < 0.01);
        let semi =
            engine.line("Mail", TextStyle { face: Face::SemiBold, ..STYLE }, 400.0).map_or(0.0, |l| l.width);
        let regular = engine.line("Mail", STYLE, 400.0).map_or(0.0, |l| l.width);
        assert!(semi > regular, "the variable font knows weights");
    }
}
