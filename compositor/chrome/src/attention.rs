// SPDX-License-Identifier: GPL-3.0-or-later
//! In: who owns what, the person's phrase. Out: the attention card, the plates that stand where the
//! windows are, and the lock screen's card.

use crate::Chrome;
use crate::border::BorderStyle;
use crate::canvas::Canvas;
use crate::card::{Card, ChoiceSpec, Ruler, tall};
use crate::overlay::Overlay;
use crate::pattern::{Edge, draw_mark};
use crate::prompt::border_parts;
use crate::px;
use crate::raster::{Part, PixelRect};
use crate::text::{Face, TextSpan, TextStyle, centred_baseline};
use cofferdam_ids::Identity;
use cofferdam_themes::{Metrics, Rgb};

/// One line of the attention view.
#[derive(Debug, Clone, Copy)]
pub struct OwnerRow<'a> {
    /// How it is marked; none for the desktop itself.
    pub identity: Option<Identity>,
    /// Its name.
    pub name: &'a str,
    /// What it may do, in a word or two.
    pub state: &'a str,
}

/// How the room of the attention view's card is divided: [`Chrome::attention_shape`]. A card that keeps its
/// shape keeps its size and the places of its buttons, whatever its lines say by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttentionShape {
    width: u32,
    rows: usize,
    /// A line below the rows says how many more there are.
    more: bool,
    asks: usize,
}

/// The attention view's card.
#[derive(Debug, Clone, Copy)]
pub struct AttentionSpec<'a> {
    /// The person's phrase; may be empty.
    pub phrase: &'a str,
    /// Who owns what.
    pub rows: &'a [OwnerRow<'a>],
    /// Questions that wait, as sentences.
    pub asks: &'a [String],
    /// The buttons.
    pub choices: &'a [ChoiceSpec<'a>],
    /// The shape that it had before, if it is to keep it.
    pub shape: Option<AttentionShape>,
    /// Pixels per logical unit.
    pub scale: f32,
    /// The output's size in pixels; the card stays inside it.
    pub output: (u32, u32),
}

/// What stands where a window is.
#[derive(Debug, Clone, Copy)]
pub struct PlateSpec<'a> {
    /// The window's outer size in pixels.
    pub size: (u32, u32),
    /// Whose it is; none for the desktop's own.
    pub identity: Option<Identity>,
    /// The owner's name, colour and pattern in words.
    pub words: &'a str,
    /// Pixels per logical unit.
    pub scale: f32,
}

/// The lock screen's card.
#[derive(Debug, Clone, Copy)]
pub struct LockSpec<'a> {
    /// What it says.
    pub text: &'a str,
    /// How to leave it, if that is open to whoever asks.
    pub choice: Option<ChoiceSpec<'a>>,
    /// Pixels per logical unit.
    pub scale: f32,
    /// The output's size in pixels.
    pub output: (u32, u32),
}

const ROW: f32 = 40.0;
const ASK: f32 = 20.0;
const BUTTON_STEP: f32 = 48.0;
/// Around everything in the card.
const PAD: f32 = 21.0;
/// Width of the card, and how wide long names may make it.
const WIDTH: (f32, f32) = (300.0, 420.0);
/// Questions that are spelled out.
const MAX_ASKS: usize = 3;

/// Where the parts of the card begin.
struct Plan {
    ruler: Ruler,
    width: u32,
    height: u32,
    pad: u32,
    rows_top: u32,
    /// Owners that are named.
    rows: usize,
    /// Where the line about the others is.
    more_top: u32,
    more_high: u32,
    asks: usize,
    asks_top: u32,
    buttons_top: u32,
}

impl Chrome {
    /// The card that says who owns what. [`Card::places`] are the buttons.
    pub fn attention(&mut self, spec: &AttentionSpec<'_>) -> Card {
        let ruler = Ruler { scale: Metrics::clamp_scale(spec.scale) };
        let plan = self.attention_plan(spec, ruler);
        let mut canvas = self.card(plan.width, plan.height, ruler.scale);
        self.attention_head(&mut canvas, spec, &plan);
        let room = plan.width - 2 * plan.pad;
        for (row, n) in spec.rows.iter().take(plan.rows).zip(0u32..) {
            let top = plan.rows_top + n * ruler.px(ROW);
            self.owner_row(&mut canvas, row, (plan.pad, top, room), ruler);
        }
        let small = ruler.style(Metrics::TYPE.small, Face::Regular);
        let muted = self.theme.text.muted;
        let more = match spec.rows.len().saturating_sub(plan.rows) {
            0 if spec.rows.is_empty() => "No app has a window.".to_owned(),
            0 => String::new(),
            n => format!("and {n} more"),
        };
        self.one_line(&mut canvas, &more, small, (plan.pad, plan.more_top, room, plan.more_high), muted);
        let mut top = plan.asks_top;
        for line in ask_lines(spec, plan.asks) {
            let color = self.theme.text.secondary;
            self.one_line(&mut canvas, &line, small, (plan.pad, top, room, ruler.px(ASK)), color);
            top += ruler.px(ASK);
        }
        let mut places = Vec::with_capacity(spec.choices.len());
        for (choice, n) in spec.choices.iter().zip(0u32..) {
            let top = plan.buttons_top + n * ruler.px(BUTTON_STEP);
            let high = ruler.px(f32::from(Metrics::BUTTON));
            let place = PixelRect::new(px::coord(plan.pad), px::coord(top), room, high);
            self.choice(&mut canvas, choice, place, ruler);
            places.push(place);
        }
        Card { overlay: self.overlay(canvas, ruler.scale), places }
    }

    /// How the room of a card with this in it is divided best.
    pub fn attention_shape(&mut self, spec: &AttentionSpec<'_>) -> AttentionShape {
        let ruler = Ruler { scale: Metrics::clamp_scale(spec.scale) };
        let pad = ruler.px(PAD);
        let row_style = ruler.style(Metrics::TYPE.row, Face::Regular);
        let small = ruler.style(Metrics::TYPE.small, Face::Regular);
        let mut wide =
            |text: &str, style| self.text.line(text, style, px::f(px::MAX_SIDE)).map_or(0.0, |l| l.width);
        let mut need = wide(spec.phrase, ruler.style(Metrics::TYPE.title, Face::SemiBold));
        for row in spec.rows {
            need = need.max(wide(row.name, row_style) + wide(row.state, small) + 48.0 * ruler.scale);
        }
        let most = ruler.px(WIDTH.1).min(spec.output.0.saturating_sub(ruler.px(16.0))).max(ruler.px(160.0));
        let width = (px::u(need.ceil()) + 2 * pad).clamp(ruler.px(WIDTH.0).min(most), most);
        let asks = spec.asks.len().min(MAX_ASKS + 1);
        let (rows_top, below) = (rows_top(spec, ruler), below_rows(spec, asks));
        let fixed = rows_top + ruler.px(below + 12.0) + pad;
        let free = spec.output.1.saturating_sub(fixed + ruler.px(24.0));
        let fit = px::index(free / ruler.px(ROW).max(1));
        let all = spec.rows.len();
        let rows = if all <= fit { all.max(1) } else { fit.saturating_sub(1) };
        AttentionShape { width, rows, more: rows < all, asks }
    }

    fn attention_plan(&mut self, spec: &AttentionSpec<'_>, ruler: Ruler) -> Plan {
        let shape = spec.shape.unwrap_or_else(|| self.attention_shape(spec));
        let pad = ruler.px(PAD);
        let rows_top = rows_top(spec, ruler);
        let asks_room = asks_room(shape.asks);
        // More owners than room: without a line of its own, the last row says so.
        let all = spec.rows.len();
        let rows = if all <= shape.rows || shape.more { shape.rows } else { shape.rows.saturating_sub(1) };
        let rows = rows.min(all);
        let slot = |n: usize| rows_top + u32::try_from(n).unwrap_or(0) * ruler.px(ROW);
        let (more, more_top, more_high) = if shape.more {
            (ruler.px(ASK), slot(shape.rows), ruler.px(ASK))
        } else {
            (0, slot(shape.rows.saturating_sub(1)), ruler.px(ROW))
        };
        let asks_top = slot(shape.rows) + more + ruler.px(4.0);
        let buttons_top = asks_top + ruler.px(asks_room + 8.0);
        let height = buttons_top + ruler.px(buttons_room(spec)) + pad - ruler.px(8.0);
        let (width, asks) = (shape.width, shape.asks);
        Plan { ruler, width, height, pad, rows_top, rows, more_top, more_high, asks, asks_top, buttons_top }
    }

    fn attention_head(&mut self, canvas: &mut Canvas, spec: &AttentionSpec<'_>, plan: &Plan) {
        let (ruler, pad) = (plan.ruler, plan.pad);
        let room = plan.width - 2 * pad;
        let text = self.theme.text;
        let heading = ruler.style(Metrics::TYPE.heading, Face::SemiBold);
        self.one_line(
            canvas,
            "Who owns what you see",
            heading,
            (pad, ruler.px(20.0), room, ruler.px(22.0)),
            text.primary,
        );
        let says = if spec.phrase.is_empty() {
            "Only the desktop can show this."
        } else {
            "Only the desktop can show this. Your phrase:"
        };
        let body = ruler.style(Metrics::TYPE.body, Face::Regular);
        let lines = self.text.rich(&[TextSpan::ours(says)], body, px::f(room), 2);
        let step = ruler.px(19.0);
        self.paragraph(
            canvas,
            &lines,
            (pad, ruler.px(47.0)),
            (body.size, step),
            (text.secondary, text.secondary),
        );
        let title = ruler.style(Metrics::TYPE.title, Face::SemiBold);
        let place = (pad, ruler.px(98.0), room, ruler.px(32.0));
        self.one_line(canvas, spec.phrase, title, place, text.primary);
    }

    fn owner_row(
        &mut self,
        canvas: &mut Canvas,
        row: &OwnerRow<'_>,
        (x, y, room): (u32, u32, u32),
        ruler: Ruler,
    ) {
        let (high, mark) = (ruler.px(ROW), ruler.px(f32::from(Metrics::MARK)));
        let left = x + mark + ruler.px(10.0);
        let top = y + (high - mark) / 2;
        match row.identity {
            Some(identity) => draw_mark(canvas, self.identities.get(identity), x, top, mark),
            None => {
                let [fx, fy, s] = [x, top, mark].map(px::f);
                let shape = crate::canvas::rounded(fx, fy, s, s, [s * 0.22; 4]);
                canvas.fill(shape.as_ref(), self.theme.surface.control, 1.0);
            }
        }
        let small = ruler.style(Metrics::TYPE.small, Face::Regular);
        let state = self.text.line(row.state, small, px::f(room / 2));
        let taken = state.as_ref().map_or(0, |line| px::u(line.width.ceil()) + ruler.px(12.0));
        if let Some(line) = state {
            let baseline = centred_baseline(y, high, small.size);
            let color = self.theme.text.secondary;
            self.text.draw(canvas, &line, px::f(x + room) - line.width, baseline, color);
        }
        let style = ruler.style(Metrics::TYPE.row, Face::Regular);
        let wide = (x + room).saturating_sub(left + taken);
        self.one_line(canvas, row.name, style, (left, y, wide, high), self.theme.text.primary);
    }

    fn one_line(
        &mut self,
        canvas: &mut Canvas,
        text: &str,
        style: TextStyle,
        (x, y, w, h): (u32, u32, u32, u32),
        color: Rgb,
    ) {
        let span = TextSpan { text, strong: false, foreign: true };
        for line in self.text.rich(&[span], style, px::f(w), 1) {
            self.text.draw(canvas, &line, px::f(x), centred_baseline(y, h, style.size), color);
        }
    }

    /// What stands where a window is while the attention view is shown: border, pattern and owner in
    /// large, and nothing of the window. Parts from back to front, relative to the window's frame; the
    /// inside is for the caller to fill with [`Self::plate_ground`].
    pub fn plate(&mut self, spec: &PlateSpec<'_>) -> Vec<Part> {
        let ruler = Ruler { scale: Metrics::clamp_scale(spec.scale) };
        let (w, h) = (spec.size.0.clamp(1, px::MAX_SIDE), spec.size.1.clamp(1, px::MAX_SIDE));
        let thickness = ruler.px(8.0).min(w.min(h) / 2).max(1);
        let strip = ruler.px(44.0).min(h.saturating_sub(thickness)).max(1);
        let inner = w.saturating_sub(2 * thickness).max(1);
        let Some(identity) = spec.identity else {
            let mut canvas = Canvas::filled(w, (strip + thickness).min(h), self.theme.surface.control);
            let style = ruler.style(17, Face::SemiBold);
            let place = (ruler.px(22.0), thickness, inner, strip);
            self.one_line(&mut canvas, spec.words, style, place, self.theme.text.primary);
            return vec![Part::whole(canvas.finish(), 0, 0, true)];
        };
        let style = *self.identities.get(identity);
        let mut canvas = Canvas::filled(inner, strip, style.color);
        let edge = Edge::new(style.pattern, ruler.px(8.0), ruler.scale);
        // One tile is worked out, the rest is copied: plates are as wide as windows want to be.
        let (wide, high) = (edge.period(), ruler.px(8.0));
        let colour = |x, y| style.color.mix(style.ink, edge.ink(x, y) * 0.75);
        let tile: Vec<Vec<Rgb>> = (0..high).map(|y| (0..wide).map(|x| colour(x, y)).collect()).collect();
        for (y, row) in (0..strip).zip(tile.iter().cycle()) {
            for (x, pixel) in (0..inner).zip(row.iter().cycle()) {
                canvas.set(px::coord(x), px::coord(y), *pixel);
            }
        }
        self.plate_words(&mut canvas, spec.words, &style, (inner, strip), ruler);
        let border = BorderStyle {
            style,
            thickness,
            radius: ruler.px(f32::from(Metrics::WINDOW_RADIUS)).min(w.min(h) / 2),
            keyline: if self.theme.keyline && thickness > 1 { px::hairline(ruler.scale) } else { 0 },
            dashed: false,
            scale: ruler.scale,
        };
        let at = px::coord(thickness);
        let mut parts = vec![Part::whole(canvas.finish(), at, at, true)];
        parts.extend(border_parts(&border, w, h));
        parts
    }

    /// The owner's words on a plain ground of the colour, so that the pattern does not eat them.
    fn plate_words(
        &mut self,
        canvas: &mut Canvas,
        words: &str,
        style: &cofferdam_themes::IdentityStyle,
        (w, h): (u32, u32),
        ruler: Ruler,
    ) {
        let type_style = ruler.style(17, Face::SemiBold);
        let (left, pad) = (ruler.px(14.0), ruler.px(8.0));
        let room = w.saturating_sub(2 * left);
        let span = TextSpan { text: words, strong: false, foreign: true };
        for line in self.text.rich(&[span], type_style, px::f(room), 1) {
            let high = ruler.px(28.0).min(h);
            let [x, y, gw, gh] =
                [left - pad, (h - high) / 2, px::u(line.width.ceil()) + 2 * pad, high].map(px::f);
            let ground =
                crate::canvas::rounded(x, y, gw, gh, [f32::from(Metrics::CONTROL_RADIUS) * ruler.scale; 4]);
            canvas.fill(ground.as_ref(), style.color, 1.0);
            let baseline = centred_baseline(0, h, type_style.size);
            let ink = style.ink.mix(Rgb::new(0, 0, 0), 0.5);
            self.text.draw(canvas, &line, px::f(left), baseline, ink);
        }
    }

    /// The colour inside a plate.
    #[must_use]
    pub const fn plate_ground(&self) -> Rgb {
        self.theme.surface.base
    }

    /// The lock screen's card. [`Card::places`] has its button, if it has one.
    pub fn lock(&mut self, spec: &LockSpec<'_>) -> Card {
        let ruler = Ruler { scale: Metrics::clamp_scale(spec.scale) };
        let width = ruler.px(360.0).min(spec.output.0.saturating_sub(ruler.px(16.0))).max(ruler.px(120.0));
        let pad = ruler.px(28.0);
        let room = width - 2 * pad;
        let body = ruler.style(Metrics::TYPE.row, Face::Regular);
        let lines = self.text.rich(&[TextSpan::ours(spec.text)], body, px::f(room), 4);
        let step = ruler.px(21.0);
        let text_top = pad + ruler.px(38.0);
        let button_top = text_top + tall(&lines, step) + ruler.px(20.0);
        let button = ruler.px(f32::from(Metrics::BUTTON));
        let height =
            if spec.choice.is_some() { button_top + button } else { text_top + tall(&lines, step) } + pad;
        let mut canvas = self.card(width, height, ruler.scale);
        let text = self.theme.text;
        let title = ruler.style(Metrics::TYPE.title, Face::SemiBold);
        self.one_line(&mut canvas, "Locked", title, (pad, pad, room, ruler.px(28.0)), text.primary);
        self.paragraph(
            &mut canvas,
            &lines,
            (pad, text_top),
            (body.size, step),
            (text.secondary, text.secondary),
        );
        let mut places = Vec::new();
        if let Some(choice) = &spec.choice {
            let place = PixelRect::new(px::coord(pad), px::coord(button_top), room, button);
            self.choice(&mut canvas, choice, place, ruler);
            places.push(place);
        }
        Card { overlay: self.overlay(canvas, ruler.scale), places }
    }
}

/// Where the rows begin.
fn rows_top(spec: &AttentionSpec<'_>, ruler: Ruler) -> u32 {
    ruler.px(if spec.phrase.is_empty() { 86.0 } else { 148.0 })
}

/// What so many questions take, in logical units.
fn asks_room(asks: usize) -> f32 {
    if asks > 0 { px::f(u32::try_from(asks).unwrap_or(0)) * ASK + 12.0 } else { 0.0 }
}

fn buttons_room(spec: &AttentionSpec<'_>) -> f32 {
    px::f(u32::try_from(spec.choices.len()).unwrap_or(0)) * BUTTON_STEP
}

fn below_rows(spec: &AttentionSpec<'_>, asks: usize) -> f32 {
    asks_room(asks) + buttons_room(spec)
}

/// The questions, in so many lines.
fn ask_lines(spec: &AttentionSpec<'_>, room: usize) -> Vec<String> {
    let all = spec.asks.len();
    if all <= room.min(MAX_ASKS) {
        return spec.asks.to_vec();
    }
    let Some(named) = room.checked_sub(1) else { return Vec::new() };
    let named = named.min(MAX_ASKS);
    let rest = format!("and {} more questions wait", all - named);
    spec.asks.iter().take(named).cloned().chain([rest]).collect()
}

/// An overlay as it is, for callers that put it somewhere.
impl From<Card> for Overlay {
    fn from(card: Card) -> Self {
        card.overlay
    }
}
