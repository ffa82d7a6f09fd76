// SPDX-License-Identifier: GPL-3.0-or-later
//! What the trusted path adds to a frame of an output.
//!
//! In: what is shown. Out: parts and fills, front to back, above everything of clients, and whether
//! clients are drawn at all: behind a lock and in the attention view not one of their pixels is. Cards
//! are drawn when they change, not with every frame; while nothing is shown this costs nothing.

use super::told::Book;
use crate::clock::Mono;
use crate::render::Painter;
use crate::render::{View, cast, scene_rect_of};
use crate::shell::Desk;
use crate::trusted::Trusted;
use crate::vm::Vms;
use cofferdam_chrome::{
    AttentionSpec, Card, ChoiceSpec, ChoiceState, LockSpec, Overlay, OwnerRow, Part, PlateSpec, PromptSpec,
    TextSpan,
};
use cofferdam_ids::{Identity, Label};
use cofferdam_prompts::{self as prompts, Row, Showing, Span, Stamp, Target, plain, rows, words};
use cofferdam_scene::OutputId;
use cofferdam_themes::Rgb;
use smithay::backend::renderer::element::Id;
use smithay::utils::{Physical, Point, Rectangle, Size};
use std::collections::BTreeMap;

/// How dark it gets around a question: other windows keep a hint of their place and no more.
const DIM: f32 = 0.86;
/// How dark the wallpaper gets around the attention view.
const ATTENTION_DIM: f32 = 0.6;
/// Logical distance of the trust line from the lower edge, and of notes and cards from theirs.
pub(super) const EDGE: f64 = 20.0;
const MARGIN: f64 = 40.0;
const BELOW_BAR: f64 = 54.0;

/// Something to draw.
#[derive(Debug)]
pub(crate) enum Item {
    /// Parts from back to front, and where.
    Parts(Vec<Part>, Point<i32, Physical>),
    /// A plain colour with an opacity.
    Fill(Id, Rectangle<i32, Physical>, Rgb, f32),
}

/// What is added to one frame.
#[derive(Debug, Default)]
pub(crate) struct Scenery {
    /// Front to back.
    pub(crate) items: Vec<Item>,
    /// Nothing of any client is drawn.
    pub(crate) hides_clients: bool,
    ids: Vec<Id>,
    /// Plates of the last frames, by output and place in the frame.
    kept: BTreeMap<(OutputId, usize), (PlateKey, Vec<Part>)>,
}

/// What a plate depends on: look, size, owner, words, scale.
type PlateKey = (u64, (u32, u32), Option<Identity>, String, u32);

impl Scenery {
    /// The `n`th id by which a fill is tracked from frame to frame.
    fn id(&mut self, n: usize) -> Id {
        while self.ids.len() <= n {
            self.ids.push(Id::new());
        }
        self.ids.get(n).cloned().unwrap_or_else(Id::new)
    }

    /// Parts of an earlier frame, if they would look the same, or new ones.
    fn keep(
        &mut self,
        slot: (OutputId, usize),
        key: PlateKey,
        draw: impl FnOnce(&PlateKey) -> Vec<Part>,
    ) -> Vec<Part> {
        if let Some((known, parts)) = self.kept.get(&slot)
            && *known == key
        {
            return parts.clone();
        }
        let parts = draw(&key);
        self.kept.insert(slot, (key, parts.clone()));
        parts
    }
}

/// What a drawn card depends on.
#[derive(Debug, Clone, PartialEq)]
struct Key {
    generation: u64,
    look: u64,
    showing: Showing,
    armed: bool,
    rows: Vec<Row>,
    pixels: (i32, i32),
    scale: f64,
}

/// A card as it was drawn for one output.
#[derive(Debug)]
pub(super) struct Drawn {
    key: Key,
    overlay: Overlay,
    place: Point<i32, Physical>,
    line: Option<Overlay>,
    pub(super) stamp: Stamp,
}

/// One output, for which something is drawn.
#[derive(Clone, Copy)]
pub(crate) struct Canvas {
    pub(crate) id: OutputId,
    pub(crate) view: View,
    pub(crate) pixels: Size<i32, Physical>,
}

/// What the trusted path looks at when it draws or speaks: it changes nothing of it.
#[derive(Clone, Copy)]
pub(crate) struct Around<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) vms: &'a Vms,
    /// Where the pointer is.
    pub(crate) at: Option<Point<f64, smithay::utils::Logical>>,
    pub(crate) now: Mono,
}

impl Canvas {
    pub(super) fn scale(self) -> f32 {
        cast::factor32(self.view.scale)
    }

    pub(super) fn output(self) -> (u32, u32) {
        (cast::length(self.pixels.w), cast::length(self.pixels.h))
    }

    pub(super) fn px(self, logical: f64) -> i32 {
        cast::round(logical * self.view.scale)
    }

    fn whole(self) -> Rectangle<i32, Physical> {
        Rectangle::from_size(self.pixels)
    }

    /// A rectangle of a card at `place`, in the global space. It covers no more than was drawn.
    pub(super) fn global(
        self,
        place: Point<i32, Physical>,
        rect: cofferdam_chrome::PixelRect,
    ) -> prompts::Rect {
        let from = (place.x.saturating_add(rect.x), place.y.saturating_add(rect.y));
        let size = (cast::coord(rect.w), cast::coord(rect.h));
        let r = scene_rect_of(&self.view, Rectangle::new(from.into(), size.into()));
        prompts::Rect::new(r.x, r.y, r.w, r.h)
    }
}

impl Trusted {
    /// Prepares what the trusted path adds to the next frame of an output.
    pub(crate) fn prepare_scenery(&mut self, canvas: Canvas, around: Around<'_>, painter: &mut Painter) {
        self.scenery.items.clear();
        let showing = self.room.showing();
        self.scenery.hides_clients = matches!(showing, Showing::Attention | Showing::Lock);
        if showing != Showing::Attention {
            self.shape = None;
        }
        if showing == Showing::Nothing {
            self.cards.clear();
            self.scenery.kept.clear();
        } else {
            self.prepare_card(canvas, around, painter);
        }
        self.prepare_notice(canvas, around, painter);
        match showing {
            Showing::Nothing | Showing::Lock => {}
            Showing::Prompt => self.dim(canvas, DIM),
            Showing::Attention => {
                self.prepare_plates(canvas, around, painter);
                self.dim(canvas, ATTENTION_DIM);
            }
        }
    }

    fn dim(&mut self, canvas: Canvas, opacity: f32) {
        let id = self.scenery.id(0);
        let black = Rgb::new(0, 0, 0);
        self.scenery.items.push(Item::Fill(id, canvas.whole(), black, opacity));
    }

    /// The output that has the card: where the pointer is, or the first. It stays there.
    fn settle_home(&mut self, around: Around<'_>) -> Option<OutputId> {
        let outputs = around.desk.scene.outputs();
        let there = self.home.filter(|home| outputs.iter().any(|output| output.id() == *home));
        let at = around.at.map(crate::input::pixel);
        let under = || outputs.iter().find(|o| at.is_some_and(|at| o.rect().contains(at)));
        let home = there.or_else(|| under().or_else(|| outputs.first()).map(cofferdam_scene::Output::id));
        self.home = home;
        home
    }

    fn prepare_card(&mut self, canvas: Canvas, around: Around<'_>, painter: &mut Painter) {
        if self.settle_home(around) != Some(canvas.id) {
            self.cards.remove(&canvas.id);
            return;
        }
        let showing = self.room.showing();
        let key = Key {
            generation: self.generation,
            look: self.look,
            showing,
            armed: self.room.is_armed(around.now),
            rows: if showing == Showing::Attention { self.owner_rows(around.desk) } else { Vec::new() },
            pixels: (canvas.pixels.w, canvas.pixels.h),
            scale: canvas.view.scale,
        };
        if self.cards.get(&canvas.id).is_none_or(|drawn| drawn.key != key)
            && let Some(drawn) = self.draw_card(canvas, key, around, painter)
        {
            self.cards.insert(canvas.id, drawn);
        }
        let Some(drawn) = self.cards.get(&canvas.id) else { return };
        let line = drawn.line.clone().map(|line| {
            let x = canvas.pixels.w.saturating_sub(cast::coord(line.size.0)) / 2;
            let y = canvas.pixels.h.saturating_sub(cast::coord(line.size.1)).saturating_sub(canvas.px(EDGE));
            Item::Parts(line.parts, (x, y).into())
        });
        let card = Item::Parts(drawn.overlay.parts.clone(), drawn.place);
        self.scenery.items.push(card);
        self.scenery.items.extend(line);
    }

    fn draw_card(
        &mut self,
        canvas: Canvas,
        key: Key,
        around: Around<'_>,
        painter: &mut Painter,
    ) -> Option<Drawn> {
        let targets = self.room.targets();
        let card = match key.showing {
            Showing::Nothing => return None,
            Showing::Prompt => self.draw_prompt(canvas, key.armed, around, painter)?,
            Showing::Attention => self.draw_attention(canvas, &key, around, painter),
            Showing::Lock => self.draw_lock(canvas, key.armed, painter),
        };
        let (w, h) = (cast::coord(card.overlay.size.0), cast::coord(card.overlay.size.1));
        let place: Point<i32, Physical> = if key.showing == Showing::Attention {
            let x = canvas.pixels.w.saturating_sub(w).saturating_sub(canvas.px(MARGIN));
            let y = canvas.px(BELOW_BAR + 36.0).min(canvas.pixels.h.saturating_sub(h));
            (x.max(0), y.max(0)).into()
        } else {
            let x = canvas.pixels.w.saturating_sub(w) / 2;
            // A little above the middle, where eyes are, but clear of the line below.
            let y = canvas.pixels.h.saturating_sub(h).saturating_mul(3) / 8;
            (x.max(0), y.max(0)).into()
        };
        let line = (key.showing == Showing::Prompt)
            .then(|| painter.chrome.trust_line(&self.phrase, canvas.scale(), canvas.output()));
        // A line that would lie on the card is left out; the phrase is in the attention view.
        let line = line.filter(|line| {
            let top = canvas.pixels.h - canvas.px(EDGE) - cast::coord(line.size.1);
            place.y.saturating_add(h) < top
        });
        let whole = cofferdam_chrome::PixelRect::new(0, 0, card.overlay.size.0, card.overlay.size.1);
        let places = targets.into_iter().zip(card.places).map(|(t, rect)| (t, canvas.global(place, rect)));
        let stamp = Stamp {
            output: canvas.id.0,
            look: key.look,
            card: canvas.global(place, whole),
            places: places.collect(),
        };
        Some(Drawn { key, overlay: card.overlay, place, line, stamp })
    }

    fn choice_state(&self, target: Target, armed: bool) -> ChoiceState {
        let room = &self.room;
        ChoiceState {
            focused: room.focused() == Some(target),
            hovered: room.hovered() == Some(target),
            pressed: room.pressed() == Some(target),
            dead: !armed && (target.gives() || target == Target::Never),
        }
    }

    fn draw_prompt(
        &self,
        canvas: Canvas,
        armed: bool,
        around: Around<'_>,
        painter: &mut Painter,
    ) -> Option<Card> {
        let words = self.prompt_words(around.vms)?;
        let vm = around.vms.get(&self.room.prompt()?.vm)?;
        let (title, detail, uses) = (spans(&words.title), spans(&words.detail), spans(&words.uses));
        let texts: Vec<Vec<TextSpan<'_>>> = words.choices.iter().map(|choice| spans(&choice.text)).collect();
        let spec = |choice: &prompts::ChoiceWords| self.choice_state(choice.target, armed);
        let choices: Vec<ChoiceSpec<'_>> = words
            .choices
            .iter()
            .zip(&texts)
            .map(|(choice, text)| ChoiceSpec {
                text,
                hint: &choice.hint,
                identity: choice.identity,
                danger: false,
                state: spec(choice),
            })
            .collect();
        let never_text = spans(&words.never.text);
        let never = ChoiceSpec {
            text: &never_text,
            hint: "",
            identity: None,
            danger: false,
            state: spec(&words.never),
        };
        Some(painter.chrome.prompt(&PromptSpec {
            identity: vm.identity,
            icon: vm.icon.as_ref(),
            title: &title,
            detail: &detail,
            choices: &choices,
            never,
            uses: &uses,
            waiting: self.room.waiting(),
            scale: canvas.scale(),
            output: canvas.output(),
        }))
    }

    fn draw_attention(
        &mut self,
        canvas: Canvas,
        key: &Key,
        around: Around<'_>,
        painter: &mut Painter,
    ) -> Card {
        let names: Vec<(Option<Identity>, String)> = key
            .rows
            .iter()
            .map(|row| match row.vm.as_ref() {
                Some(id) => around.vms.get(id).map_or((None, id.as_str().to_owned()), |vm| {
                    (Some(vm.identity), vm.name.as_str().to_owned())
                }),
                None => (None, "The desktop's own".to_owned()),
            })
            .collect();
        let rows: Vec<OwnerRow<'_>> = key
            .rows
            .iter()
            .zip(&names)
            .map(|(row, (identity, name))| OwnerRow { identity: *identity, name, state: &row.state })
            .collect();
        let book = Book(around.vms);
        let asks: Vec<String> = self.room.queued().map(|prompt| plain(&words(prompt, &book).title)).collect();
        let labels: Vec<[TextSpan<'_>; 1]> =
            self.room.targets().into_iter().map(|target| [TextSpan::ours(label(target))]).collect();
        let choices: Vec<ChoiceSpec<'_>> = self
            .room
            .targets()
            .into_iter()
            .zip(&labels)
            .map(|(target, text)| ChoiceSpec {
                text,
                hint: "",
                identity: None,
                danger: target == Target::Cut,
                state: self.choice_state(target, key.armed),
            })
            .collect();
        let mut spec = AttentionSpec {
            phrase: &self.phrase,
            rows: &rows,
            asks: &asks,
            choices: &choices,
            shape: None,
            scale: canvas.scale(),
            output: canvas.output(),
        };
        // Apps come and go and change what they do while the person aims at a button: the card keeps the
        // shape that it had when it was opened.
        let fits = (key.look, key.pixels, key.scale.to_bits());
        let kept = self.shape.filter(|(to, _)| *to == fits).map(|(_, shape)| shape);
        let shape = kept.unwrap_or_else(|| painter.chrome.attention_shape(&spec));
        self.shape = Some((fits, shape));
        spec.shape = Some(shape);
        painter.chrome.attention(&spec)
    }

    fn draw_lock(&self, canvas: Canvas, armed: bool, painter: &mut Painter) -> Card {
        let text = [TextSpan::ours(label(Target::Unlock))];
        let choice = self.room.opens_freely().then(|| ChoiceSpec {
            text: &text,
            hint: "",
            identity: None,
            danger: false,
            state: self.choice_state(Target::Unlock, armed),
        });
        let text = if choice.is_some() {
            "Your apps are hidden and hear nothing. This desktop has no password yet."
        } else {
            "Your apps are hidden and hear nothing."
        };
        let (scale, output) = (canvas.scale(), canvas.output());
        painter.chrome.lock(&LockSpec { text, choice, scale, output })
    }

    /// Who owns the windows, uppermost first, and who else does something.
    pub(super) fn owner_rows(&self, desk: &Desk) -> Vec<Row> {
        let owners: Vec<_> = desk
            .scene
            .stack()
            .iter()
            .rev()
            .filter_map(|id| desk.windows.get(id))
            .map(|entry| entry.vm.clone())
            .collect();
        let room = &self.room;
        rows(&owners, self.standings.values(), |vm| room.queued().filter(|p| p.vm == *vm).count())
    }

    /// Where windows are, plates that say whose.
    fn prepare_plates(&mut self, canvas: Canvas, around: Around<'_>, painter: &mut Painter) {
        let scale = canvas.scale();
        let windows: Vec<_> = around
            .desk
            .scene
            .windows()
            .rev()
            .filter_map(|view| {
                let entry = around.desk.windows.get(&view.window.id())?;
                Some((view.frame.outer, entry.vm.as_ref().and_then(|vm| around.vms.get(vm))))
            })
            .map(|(outer, vm)| (outer, vm.map(|vm| (vm.identity, vm.name.clone()))))
            .collect();
        let mut covered: Vec<Rectangle<i32, Physical>> = Vec::new();
        for (n, (outer, owner)) in windows.into_iter().enumerate() {
            // A window may be larger than any output: what is drawn is no larger than this one.
            let Some(rect) = canvas.view.rect(outer).intersection(canvas.whole()) else { continue };
            if rect.is_empty() || covered.iter().any(|upper| upper.contains_rect(rect)) {
                continue;
            }
            covered.push(rect);
            let size = (cast::length(rect.size.w), cast::length(rect.size.h));
            let (identity, words) = match owner {
                Some((identity, name)) => (Some(identity), painter.owner_words(identity, &name)),
                None => (None, "The desktop's own".to_owned()),
            };
            let key = (self.look, size, identity, words, scale.to_bits());
            let chrome = &mut painter.chrome;
            let parts = self.scenery.keep((canvas.id, n), key, |(_, size, identity, words, _)| {
                chrome.plate(&PlateSpec { size: *size, identity: *identity, words, scale })
            });
            self.scenery.items.push(Item::Parts(parts, rect.loc));
            let (id, ground) = (self.scenery.id(n.saturating_add(1)), painter.chrome.plate_ground());
            // Inside the border, so that its round corners stay round.
            let inset = canvas.px(4.0);
            let inner = Rectangle::new(
                (rect.loc.x.saturating_add(inset), rect.loc.y.saturating_add(inset)).into(),
                (
                    rect.size.w.saturating_sub(inset.saturating_mul(2)).max(0),
                    rect.size.h.saturating_sub(inset.saturating_mul(2)).max(0),
                )
                    .into(),
            );
            self.scenery.items.push(Item::Fill(id, inner, ground, 1.0));
        }
    }
}

impl Painter {
    /// `Mail — green · dots`.
    pub(super) fn owner_words(&self, identity: Identity, name: &Label) -> String {
        let pattern = self.chrome.identities().get(identity).pattern;
        format!("{name} — {} · {}", identity.name(), pattern.name().replace('-', " "))
    }
}

fn spans(spans: &[Span]) -> Vec<TextSpan<'_>> {
    spans
        .iter()
        .map(|span| TextSpan { text: &span.text, strong: span.strong, foreign: span.foreign })
        .collect()
}

/// What a button of the attention view or the lock says.
pub(super) const fn label(target: Target) -> &'static str {
    match target {
        Target::Lock => "Lock",
        Target::Cut => "Cut everything off",
        Target::Undo => "Undo",
        Target::Unlock => "Unlock",
        Target::NotNow => "Not now",
        Target::Never => "Never",
        Target::Choice(_) => "Yes",
    }
}
