// SPDX-License-Identifier: GPL-3.0-or-later
//! In: short stories of a desktop. Out: what the user sees and what clients are told.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use cofferdam_scene::{
    Adjust, Anchor, Button, Configure, Edges, Effect, Hit, Insets, Layout, Mono, Node, Op, OutputId, Owner,
    Point, PopupId, Positioner, Rect, Refused, Scene, Size, WindowId,
};

const W1: WindowId = WindowId(1);
const W2: WindowId = WindowId(2);
const W3: WindowId = WindowId(3);

fn vm(name: &str) -> Owner {
    Owner::Vm(name.parse().unwrap())
}

fn size(w: i32, h: i32) -> Size {
    Size { w, h }
}

/// A desktop of one output, 1280×800, with a clock that a test moves.
struct Desk {
    scene: Scene,
    ms: u64,
    effects: Vec<Effect>,
}

impl Desk {
    fn new() -> Self {
        let mut desk = Self { scene: Scene::default(), ms: 0, effects: Vec::new() };
        desk.ok(Op::AddOutput { output: OutputId(1), size: size(1280, 800), scale_120: 120 });
        desk
    }

    fn apply(&mut self, op: Op) -> Result<(), Refused> {
        let result = self.scene.apply(op, Mono::from_millis(self.ms));
        self.effects = std::iter::from_fn(|| self.scene.poll_effect()).collect();
        self.scene.verify_invariants().unwrap();
        result
    }

    fn ok(&mut self, op: Op) {
        assert_eq!(self.apply(op.clone()), Ok(()), "{op:?}");
    }

    fn open(&mut self, window: WindowId, owner: Owner, content: Size) {
        self.ok(Op::AddWindow { window, owner });
        self.ok(Op::Commit { window, size: None, settled: true });
        self.ok(Op::Commit { window, size: Some(content), settled: true });
    }

    fn commit(&mut self, window: WindowId, w: i32, h: i32) {
        self.ok(Op::Commit { window, size: Some(size(w, h)), settled: true });
    }

    fn configured(&self, window: WindowId) -> Option<Configure> {
        self.effects.iter().rev().find_map(|e| match e {
            Effect::Configure { window: w, configure } if *w == window => Some(*configure),
            _ => None,
        })
    }

    fn content(&self, window: WindowId) -> Rect {
        self.scene.frame(window).unwrap().content
    }

    fn outer(&self, window: WindowId) -> Rect {
        self.scene.frame(window).unwrap().outer
    }

    fn press_at(&mut self, x: i32, y: i32) {
        self.ok(Op::PointerMotion(Point { x, y }));
        self.ok(Op::Press);
    }

    fn click_button(&mut self, window: WindowId, button: Button) {
        let view = self.scene.view(window).unwrap();
        let at = view.buttons.iter().find(|b| b.button == button).unwrap().rect.center();
        self.press_at(at.x, at.y);
        self.ok(Op::Release);
    }
}

#[test]
fn first_configure_answers_the_first_commit_and_focus_waits_for_a_buffer() {
    let mut d = Desk::new();
    d.ok(Op::AddWindow { window: W1, owner: vm("a") });
    assert_eq!(d.effects, []);
    d.ok(Op::Commit { window: W1, size: None, settled: true });
    let first = d.configured(W1).unwrap();
    assert_eq!((first.size, first.bounds), (None, Some(size(1272, 762))));
    assert_eq!(d.scene.focus(), None, "no keyboard before the first buffer");
    d.commit(W1, 400, 300);
    assert!(d.effects.contains(&Effect::Focus(Some(Node::Window(W1)))));
    assert_eq!(d.content(W1).size(), size(400, 300));
    assert_eq!(d.outer(W1), Rect::new(72, 48, 408, 338), "where reading starts");
}

#[test]
fn a_background_vm_cannot_take_the_keyboard_twice() {
    let mut d = Desk::new();
    d.open(W1, vm("a"), size(400, 300));
    d.open(W2, vm("b"), size(400, 300));
    assert_eq!(d.scene.active(), Some(W2), "the first window of a VM was asked for by the user");
    d.ok(Op::Activate(W1));
    d.open(W3, vm("b"), size(400, 300));
    assert_eq!(d.scene.active(), Some(W1));
    assert_eq!(d.scene.stack(), [W2, W3, W1], "and it stays below");
    d.ok(Op::Commit { window: W3, size: None, settled: true });
    d.commit(W3, 400, 300);
    assert_eq!(d.scene.active(), Some(W1), "nor by unmapping and mapping again");
}

#[test]
fn a_window_comes_back_where_it_was() {
    let mut d = Desk::new();
    d.open(W1, vm("a"), size(400, 300));
    d.ok(Op::MoveTo { window: W1, frame: Point { x: 20, y: 40 } });
    d.ok(Op::Commit { window: W1, size: None, settled: true });
    d.commit(W1, 200, 100);
    assert_eq!(d.outer(W1), Rect::new(20, 40, 208, 138));
}

#[test]
fn dialogs_stay_above_and_go_with_their_window() {
    let mut d = Desk::new();
    d.open(W1, vm("a"), size(600, 400));
    d.ok(Op::AddWindow { window: W2, owner: vm("a") });
    d.ok(Op::SetParent { window: W2, parent: Some(W1) });
    d.commit(W2, 200, 100);
    assert_eq!(d.outer(W2).center(), d.outer(W1).center());
    d.ok(Op::Activate(W1));
    assert_eq!(d.scene.stack(), [W1, W2]);
    d.open(W3, vm("b"), size(100, 100));
    assert_eq!(d.apply(Op::SetParent { window: W3, parent: Some(W1) }), Err(Refused::ForeignParent));
    assert_eq!(d.apply(Op::SetParent { window: W1, parent: Some(W2) }), Err(Refused::Nesting));
    d.ok(Op::Minimize(W1));
    assert_eq!(d.scene.windows().count(), 1);
    d.ok(Op::Activate(W2));
    assert_eq!(d.scene.windows().count(), 3);
    assert_eq!(d.scene.stack(), [W3, W1, W2]);
}

#[test]
fn maximise_and_back() {
    let mut d = Desk::new();
    d.ok(Op::SetWorkAreaInsets { output: OutputId(1), insets: Insets { top: 36, ..Insets::default() } });
    d.open(W1, vm("a"), size(400, 300));
    let before = d.outer(W1);
    d.ok(Op::SetMaximized { window: W1, on: true });
    assert_eq!(d.outer(W1), Rect::new(0, 36, 1280, 764));
    let told = d.configured(W1).unwrap();
    assert!(told.states.maximized);
    assert_eq!(told.size, Some(size(1272, 726)));
    d.commit(W1, 1272, 726);
    d.ok(Op::SetMaximized { window: W1, on: false });
    assert_eq!(d.configured(W1).unwrap().size, Some(size(400, 300)));
    assert_eq!(d.outer(W1), before);
    // A frame of the old size is still on its way: it is cropped, not obeyed.
    d.ok(Op::Commit { window: W1, size: Some(size(1272, 726)), settled: false });
    assert_eq!(d.outer(W1), before);
    d.commit(W1, 400, 300);
    assert_eq!(d.outer(W1), before);
}

#[test]
fn maximised_from_the_start() {
    let mut d = Desk::new();
    d.ok(Op::AddWindow { window: W1, owner: vm("a") });
    d.ok(Op::SetMaximized { window: W1, on: true });
    d.ok(Op::Commit { window: W1, size: None, settled: true });
    assert_eq!(d.configured(W1).unwrap().size, Some(size(1272, 762)));
    d.commit(W1, 1272, 762);
    d.ok(Op::SetMaximized { window: W1, on: false });
    assert_eq!(d.configured(W1).unwrap().size, Some(size(640, 400)), "half the work area");
}

#[test]
fn fullscreen_keeps_its_strip_and_centres_what_is_too_small() {
    let mut d = Desk::new();
    d.open(W1, vm("a"), size(400, 300));
    d.ok(Op::SetFullscreen { window: W1, on: true, output: None });
    let f = d.scene.frame(W1).unwrap();
    assert_eq!(f.outer, Rect::new(0, 0, 1280, 800));
    assert_eq!(f.bar, Rect::new(0, 0, 1280, 24));
    assert_eq!(f.content, Rect::new(440, 262, 400, 300));
    assert_eq!(d.configured(W1).unwrap().size, Some(size(1280, 776)));
    d.commit(W1, 4000, 4000);
    assert_eq!(d.content(W1), f.inner, "cropped");
    d.click_button(W1, Button::Maximize);
    assert_eq!(d.scene.window(W1).unwrap().layout(), Layout::Floating, "the strip leads out");
}

#[test]
fn resize_from_the_upper_left_pins_the_other_corner() {
    let mut d = Desk::new();
    d.open(W1, vm("a"), size(400, 300));
    d.ok(Op::SetLimits { window: W1, min: size(100, 100), max: size(0, 0) });
    let start = d.content(W1);
    d.press_at(d.outer(W1).x, d.outer(W1).y);
    d.ok(Op::PointerMotion(Point::new(d.outer(W1).x - 50, d.outer(W1).y - 20)));
    let told = d.configured(W1).unwrap();
    assert_eq!((told.size, told.states.resizing), (Some(size(450, 320)), true));
    // The client rounds to its cells; the lower right corner stays where it was.
    d.ok(Op::Commit { window: W1, size: Some(size(448, 315)), settled: false });
    assert_eq!((d.content(W1).right(), d.content(W1).bottom()), (start.right(), start.bottom()));
    d.ok(Op::PointerMotion(Point { x: 5000, y: 5000 }));
    assert_eq!(d.configured(W1).unwrap().size, Some(size(100, 100)), "the client's minimum");
    d.ok(Op::Release);
    assert!(!d.configured(W1).unwrap().states.resizing);
    d.commit(W1, 100, 100);
    assert_eq!((d.content(W1).right(), d.content(W1).bottom()), (start.right(), start.bottom()));
}

#[test]
fn a_client_may_move_only_what_is_held() {
    let mut d = Desk::new();
    d.open(W1, vm("a"), size(400, 300));
    d.open(W2, vm("b"), size(200, 100));
    let edges = Edges::new(true, false, false, false);
    assert_eq!(d.apply(Op::BeginMove(W1)), Err(Refused::NoPointer));
    let inside = d.content(W2).center();
    d.press_at(inside.x, inside.y);
    assert_eq!(d.apply(Op::BeginMove(W1)), Err(Refused::NoPointer), "held on another window");
    assert_eq!(d.apply(Op::BeginResize { window: W1, edges }), Err(Refused::NoPointer));
    assert_eq!(d.scene.pointer_target().map(|t| t.0), Some(Node::Window(W2)));
    d.ok(Op::BeginMove(W2));
    assert_eq!(d.scene.pointer_target(), None, "chrome has the pointer");
    let before = d.outer(W2);
    d.ok(Op::PointerMotion(inside.shifted(30, -20)));
    assert_eq!(d.outer(W2), before.shifted(30, -20));
    d.ok(Op::PointerMotion(Point { x: -9000, y: -9000 }));
    assert_eq!(d.outer(W2).y, 0, "the title stays in reach");
    d.ok(Op::Release);
    assert!(!d.scene.pointer_is_grabbed());
}

#[test]
fn what_the_pointer_would_do() {
    let mut d = Desk::new();
    d.open(W1, vm("a"), size(400, 300));
    let f = d.outer(W1);
    let edges = |l, t, r, b| Some(Edges::new(l, t, r, b));
    for (x, y, expected) in [
        (f.x, f.y + 100, edges(true, false, false, false)),
        (f.x - 4, f.y + 100, edges(true, false, false, false)),
        (f.x - 5, f.y + 100, None),
        (f.right() - 1, f.y + 100, edges(false, false, true, false)),
        (f.x + 200, f.bottom() + 3, edges(false, false, false, true)),
        (f.x + 200, f.y, edges(false, true, false, false)),
        (f.x, f.y + 10, edges(true, true, false, false)),
        (f.right() - 10, f.bottom() - 1, edges(false, false, true, true)),
        (f.x + 200, f.y + 10, None),
        (f.x + 200, f.y + 100, None),
    ] {
        d.ok(Op::PointerMotion(Point { x, y }));
        assert_eq!(d.scene.pointer_edges(), expected, "{x},{y} of {f:?}");
        assert_eq!(d.scene.pointer(), Some(Point { x, y }));
    }
    assert!(!d.scene.pointer_is_held());
    d.press_at(f.x, f.y + 100);
    assert!(d.scene.pointer_is_held() && d.scene.pointer_is_grabbed());
    d.ok(Op::PointerMotion(Point { x: 5, y: 5 }));
    assert_eq!(d.scene.pointer_edges(), edges(true, false, false, false), "as long as it is dragged");
    d.ok(Op::Release);
    let inside = d.content(W1).center();
    d.press_at(inside.x, inside.y);
    assert!(d.scene.pointer_is_held() && !d.scene.pointer_is_grabbed());
    d.ok(Op::PointerLeave);
    assert_eq!((d.scene.pointer_is_held(), d.scene.pointer()), (false, None));
    d.ok(Op::SetLimits { window: W1, min: size(400, 300), max: size(400, 300) });
    d.ok(Op::PointerMotion(Point { x: f.x, y: f.y + 100 }));
    assert_eq!(d.scene.pointer_edges(), None, "its client wants one size only");
}

#[test]
fn title_bar_double_click_and_tearing_loose() {
    let mut d = Desk::new();
    d.open(W1, vm("a"), size(400, 300));
    let title = d.scene.frame(W1).unwrap().bar.origin().shifted(60, 10);
    for (wait, layout) in [(900, Layout::Floating), (200, Layout::Maximized)] {
        d.ms += wait;
        d.press_at(title.x, title.y);
        d.ok(Op::Release);
        assert_eq!(d.scene.window(W1).unwrap().layout(), layout);
    }
    d.ms += 900;
    d.press_at(640, 10);
    d.ok(Op::PointerMotion(Point { x: 644, y: 12 }));
    assert_eq!(d.scene.window(W1).unwrap().layout(), Layout::Maximized, "a small slip");
    d.ok(Op::PointerMotion(Point { x: 700, y: 200 }));
    assert_eq!(d.scene.window(W1).unwrap().layout(), Layout::Floating);
    let loose = d.outer(W1);
    assert_eq!((loose.x, loose.y, loose.size()), (700 - 204, 190, size(408, 338)), "under the hand");
}

#[test]
fn buttons() {
    let mut d = Desk::new();
    d.open(W1, vm("a"), size(400, 300));
    d.click_button(W1, Button::Maximize);
    assert_eq!(d.scene.window(W1).unwrap().layout(), Layout::Maximized);
    d.click_button(W1, Button::Close);
    assert!(d.effects.contains(&Effect::Close(W1)));
    let close = d.scene.view(W1).unwrap().buttons[0].rect.center();
    d.press_at(close.x, close.y);
    d.ok(Op::PointerMotion(Point { x: 600, y: 600 }));
    d.ok(Op::Release);
    assert!(!d.effects.contains(&Effect::Close(W1)), "slipping off a button takes the click back");
    d.click_button(W1, Button::Minimize);
    assert_eq!((d.scene.windows().count(), d.scene.focus()), (0, None));
}

#[test]
fn alt_tab() {
    let mut d = Desk::new();
    for (w, owner) in [(W1, "a"), (W2, "b"), (W3, "c")] {
        d.open(w, vm(owner), size(300, 200));
    }
    d.ok(Op::Minimize(W2));
    d.ok(Op::Cycle { backwards: false });
    assert_eq!(d.scene.cycle().unwrap().chosen, W2);
    assert_eq!(d.scene.active(), Some(W3), "nothing changes before the keys are released");
    d.ok(Op::EndCycle { accept: true });
    assert_eq!(d.scene.active(), Some(W2), "minimised windows come back");
    d.ok(Op::Cycle { backwards: true });
    d.ok(Op::RemoveWindow(W1));
    assert_eq!(d.scene.cycle().unwrap().chosen, W3, "the choice closed meanwhile");
    d.ok(Op::EndCycle { accept: false });
    assert_eq!(d.scene.active(), Some(W2));
}

#[test]
fn alt_tab_brings_back_what_was_hidden_last() {
    let mut d = Desk::new();
    d.open(W1, vm("a"), size(300, 200));
    d.open(W2, vm("b"), size(300, 200));
    d.ok(Op::Minimize(W1));
    d.ok(Op::Minimize(W2));
    assert_eq!(d.apply(Op::EndCycle { accept: true }), Err(Refused::State));
    d.ok(Op::Cycle { backwards: false });
    d.ok(Op::EndCycle { accept: true });
    assert_eq!(d.scene.active(), Some(W2));
    assert_eq!(d.scene.windows().count(), 1, "the other one stays hidden");
}

fn menu(at: Point) -> Positioner {
    Positioner {
        size: size(150, 200),
        anchor_rect: Rect::at(at, size(20, 20)),
        anchor: Anchor::BottomLeft,
        gravity: Anchor::BottomRight,
        adjust_x: Adjust { slide: true, ..Adjust::default() },
        adjust_y: Adjust { flip: true, ..Adjust::default() },
        ..Positioner::default()
    }
}

#[test]
fn popup_with_grab() {
    let mut d = Desk::new();
    d.open(W2, vm("b"), size(300, 200));
    d.ok(Op::MoveTo { window: W2, frame: Point { x: 900, y: 500 } });
    d.open(W3, vm("a"), size(300, 200));
    d.ok(Op::MoveTo { window: W3, frame: Point { x: 0, y: 0 } });
    let p = PopupId(1);
    d.ok(Op::AddPopup { popup: p, parent: Node::Window(W3), positioner: menu(Point { x: 10, y: 10 }) });
    d.ok(Op::CommitPopup { popup: p, size: None });
    let rect = Rect::new(10, 30, 150, 200);
    assert!(d.effects.contains(&Effect::ConfigurePopup { popup: p, rect, token: None }));
    d.ok(Op::GrabPopup(p));
    assert_eq!(d.scene.focus(), Some(Node::Window(W3)), "no keyboard before the first buffer");
    assert!(!d.scene.popup(p).unwrap().is_mapped());
    d.ok(Op::CommitPopup { popup: p, size: Some(size(150, 200)) });
    assert_eq!(d.scene.focus(), Some(Node::Popup(p)));
    assert!(d.scene.popup(p).unwrap().is_mapped());
    let view = d.scene.popups_of(W3)[0];
    assert_eq!(view.content, Rect::new(14, 64, 150, 200));
    assert_eq!(view.outer, view.content.outset(Insets::all(3)));
    assert!(matches!(
        d.scene.hit(Point { x: 20, y: 70 }),
        Hit::Popup { local: Some(Point { x: 6, y: 6 }), .. }
    ));
    let other = d.content(W2).center();
    d.press_at(other.x, other.y);
    assert!(d.effects.contains(&Effect::DismissPopup(p)));
    assert_eq!(d.scene.focus(), Some(Node::Window(W2)));
    assert!(!d.scene.popup(p).unwrap().is_mapped(), "it is gone from the screen before its client agrees");
    assert_eq!(d.scene.popups_of(W3), []);
}

#[test]
fn a_vm_in_the_background_gets_no_popup_grab() {
    let mut d = Desk::new();
    d.open(W1, vm("a"), size(300, 200));
    d.open(W2, vm("b"), size(300, 200));
    let p = PopupId(1);
    d.ok(Op::AddPopup { popup: p, parent: Node::Window(W1), positioner: menu(Point { x: 0, y: 0 }) });
    assert_eq!(d.apply(Op::GrabPopup(p)), Err(Refused::State));
}

#[test]
fn a_popup_larger_than_the_screen_keeps_its_border_in_sight() {
    let mut d = Desk::new();
    d.open(W1, vm("a"), size(300, 200));
    let (p, huge) = (PopupId(1), size(9000, 9000));
    let positioner = Positioner { size: huge, ..menu(Point { x: 0, y: 0 }) };
    d.ok(Op::AddPopup { popup: p, parent: Node::Window(W1), positioner });
    d.ok(Op::CommitPopup { popup: p, size: None });
    d.ok(Op::CommitPopup { popup: p, size: Some(huge) });
    assert_eq!(d.scene.popups_of(W1)[0].content, Rect::new(3, 3, 1274, 794));
}

#[test]
fn outputs_come_and_go() {
    let mut d = Desk::new();
    d.ok(Op::AddOutput { output: OutputId(2), size: size(640, 480), scale_120: 240 });
    d.open(W1, vm("a"), size(300, 200));
    d.ok(Op::MoveTo { window: W1, frame: Point { x: 1500, y: 100 } });
    assert_eq!(d.scene.window(W1).unwrap().home(), Some(OutputId(2)));
    d.ok(Op::UpdateOutput { output: OutputId(1), size: size(1920, 1080), scale_120: 120 });
    assert_eq!(d.outer(W1).origin(), Point { x: 2140, y: 100 }, "it moves along with its output");
    d.ok(Op::RemoveOutput(OutputId(2)));
    assert_eq!(d.outer(W1).origin(), Point { x: 220, y: 100 });
    d.ok(Op::RemoveOutput(OutputId(1)));
    d.ok(Op::AddOutput { output: OutputId(3), size: size(800, 600), scale_120: 120 });
    assert_eq!(d.scene.window(W1).unwrap().home(), Some(OutputId(3)));
    assert_eq!(
        d.apply(Op::AddOutput { output: OutputId(3), size: size(9, 9), scale_120: 120 }),
        Err(Refused::Reused)
    );
}

#[test]
fn quotas() {
    let mut d = Desk::new();
    for n in 1..=64 {
        d.ok(Op::AddWindow { window: WindowId(n), owner: vm("a") });
    }
    assert_eq!(d.apply(Op::AddWindow { window: WindowId(65), owner: vm("a") }), Err(Refused::Quota));
    d.ok(Op::AddWindow { window: WindowId(65), owner: vm("b") });
    d.ok(Op::ForgetOwner(vm("a")));
    assert_eq!(d.scene.all_windows().count(), 1);
    let parent = Node::Window(WindowId(65));
    for n in 1..=64 {
        d.ok(Op::AddPopup { popup: PopupId(n), parent, positioner: menu(Point::default()) });
    }
    let popup = PopupId(65);
    assert_eq!(
        d.apply(Op::AddPopup { popup, parent, positioner: menu(Point::default()) }),
        Err(Refused::Quota)
    );
}
