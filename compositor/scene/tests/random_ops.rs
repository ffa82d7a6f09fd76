// SPDX-License-Identifier: GPL-3.0-or-later
//! In: random sequences of ops, among them the extremes of `i32`. Out: after each op the invariants
//! hold, effects name things that exist, and what every client was told adds up to the scene's state.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use cofferdam_ids::VmId;
use cofferdam_scene::{
    Adjust, Anchor, Configure, Edges, Effect, Hit, Insets, LayerId, LayerRole, Metrics, Mono, Node, Op,
    OutputId, Owner, Point, PopupId, Positioner, Rect, Refused, Scene, Size, WindowId,
};
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;

/// Mostly sane numbers, sometimes the ones that break arithmetic.
fn number() -> impl Strategy<Value = i32> {
    prop_oneof![
        10 => -200..2600i32,
        1 => select(vec![i32::MIN, i32::MIN + 1, -1, 0, 1, i32::MAX - 1, i32::MAX, 1 << 20, 16_384]),
    ]
}

fn point() -> impl Strategy<Value = Point> {
    (number(), number()).prop_map(|(x, y)| Point { x, y })
}

fn size() -> impl Strategy<Value = Size> {
    prop_oneof![
        8 => (1..900i32, 1..700i32).prop_map(|(w, h)| Size { w, h }),
        1 => (number(), number()).prop_map(|(w, h)| Size { w, h }),
    ]
}

fn window() -> impl Strategy<Value = WindowId> {
    (1..9u64).prop_map(WindowId)
}

fn popup() -> impl Strategy<Value = PopupId> {
    (1..12u64).prop_map(PopupId)
}

fn layer() -> impl Strategy<Value = LayerId> {
    (1..9u64).prop_map(LayerId)
}

fn output() -> impl Strategy<Value = OutputId> {
    (1..5u32).prop_map(OutputId)
}

fn owner() -> impl Strategy<Value = Owner> {
    select(vec!["", "a", "b"]).prop_map(|n| n.parse::<VmId>().map_or(Owner::Trusted, Owner::Vm))
}

fn node() -> impl Strategy<Value = Node> {
    prop_oneof![window().prop_map(Node::Window), popup().prop_map(Node::Popup)]
}

fn edges() -> impl Strategy<Value = Edges> {
    any::<[bool; 4]>().prop_map(|[l, t, r, b]| Edges::new(l, t, r, b))
}

fn positioner() -> impl Strategy<Value = Positioner> {
    let adjust = || any::<[bool; 3]>().prop_map(|[slide, flip, resize]| Adjust { slide, flip, resize });
    let anchor = || (0..9u32).prop_map(|v| Anchor::from_wire(v).unwrap());
    (size(), point(), size(), anchor(), anchor(), adjust(), adjust(), point(), any::<bool>()).prop_map(
        |(size, at, len, anchor, gravity, adjust_x, adjust_y, offset, reactive)| Positioner {
            size,
            anchor_rect: Rect { x: at.x, y: at.y, w: len.w, h: len.h },
            anchor,
            gravity,
            adjust_x,
            adjust_y,
            offset,
            reactive,
        },
    )
}

fn op() -> impl Strategy<Value = Op> {
    let insets = (number(), number(), number(), number()).prop_map(|(left, top, right, bottom)| Insets {
        left,
        top,
        right,
        bottom,
    });
    let scale = select(vec![0u32, 60, 120, 180, 240, u32::MAX]);
    let outputs = prop_oneof![
        3 => (output(), size(), scale.clone())
            .prop_map(|(output, size, scale_120)| Op::AddOutput { output, size, scale_120 }),
        1 => (output(), size(), scale)
            .prop_map(|(output, size, scale_120)| Op::UpdateOutput { output, size, scale_120 }),
        1 => (output(), insets).prop_map(|(output, insets)| Op::SetWorkAreaInsets { output, insets }),
        1 => output().prop_map(Op::RemoveOutput),
    ];
    let life = prop_oneof![
        6 => (window(), owner()).prop_map(|(window, owner)| Op::AddWindow { window, owner }),
        2 => (window(), proptest::option::of(window()))
            .prop_map(|(window, parent)| Op::SetParent { window, parent }),
        1 => (window(), size(), size()).prop_map(|(window, min, max)| Op::SetLimits { window, min, max }),
        12 => (window(), proptest::option::weighted(0.9, size()), any::<bool>())
            .prop_map(|(window, size, settled)| Op::Commit { window, size, settled }),
        1 => window().prop_map(Op::RemoveWindow),
        1 => owner().prop_map(Op::ForgetOwner),
    ];
    let wishes = prop_oneof![
        2 => window().prop_map(Op::Activate),
        1 => window().prop_map(Op::Close),
        2 => (window(), any::<bool>()).prop_map(|(window, on)| Op::SetMaximized { window, on }),
        2 => (window(), any::<bool>(), proptest::option::of(output()))
            .prop_map(|(window, on, output)| Op::SetFullscreen { window, on, output }),
        2 => window().prop_map(Op::Minimize),
        2 => (window(), point()).prop_map(|(window, frame)| Op::MoveTo { window, frame }),
        2 => (window(), size()).prop_map(|(window, size)| Op::ResizeTo { window, size }),
        2 => window().prop_map(Op::BeginMove),
        2 => (window(), edges()).prop_map(|(window, edges)| Op::BeginResize { window, edges }),
        1 => Just(Op::EndGrab),
    ];
    let popups = prop_oneof![
        4 => (popup(), node(), positioner())
            .prop_map(|(popup, parent, positioner)| Op::AddPopup { popup, parent, positioner }),
        2 => (popup(), positioner(), any::<u32>())
            .prop_map(|(popup, positioner, token)| Op::RepositionPopup { popup, positioner, token }),
        2 => popup().prop_map(Op::GrabPopup),
        6 => (popup(), proptest::option::weighted(0.8, size()))
            .prop_map(|(popup, size)| Op::CommitPopup { popup, size }),
        1 => popup().prop_map(Op::RemovePopup),
        1 => Just(Op::DismissPopups),
    ];
    let role = select(vec![LayerRole::Bar, LayerRole::Panel, LayerRole::Dialog]);
    let layers = prop_oneof![
        3 => (layer(), role, proptest::option::of(output()), proptest::option::of(owner()))
            .prop_map(|(layer, role, output, owner)| Op::AddLayer {
                layer, role, output, vm: owner.and_then(|o| o.vm().cloned())
            }),
        2 => (layer(), size()).prop_map(|(layer, size)| Op::ResizeLayer { layer, size }),
        6 => (layer(), proptest::option::weighted(0.7, size()))
            .prop_map(|(layer, size)| Op::CommitLayer { layer, size }),
        1 => layer().prop_map(Op::FocusLayer),
        1 => layer().prop_map(Op::RemoveLayer),
    ];
    let user = prop_oneof![
        6 => point().prop_map(Op::PointerMotion),
        1 => Just(Op::PointerLeave),
        5 => Just(Op::Press),
        4 => Just(Op::Release),
        2 => any::<bool>().prop_map(|backwards| Op::Cycle { backwards }),
        1 => any::<bool>().prop_map(|accept| Op::EndCycle { accept }),
    ];
    prop_oneof![1 => outputs, 3 => life, 2 => wishes, 2 => popups, 1 => layers, 3 => user]
}

/// What a faithful session would know from effects alone.
#[derive(Default)]
struct Told {
    windows: BTreeMap<WindowId, Configure>,
    focus: Option<Node>,
}

impl Told {
    fn take(&mut self, scene: &Scene, effect: Effect) {
        match effect {
            Effect::Configure { window, configure } => {
                assert!(configure.size.is_none_or(|s| !s.is_empty()), "a configured size has an area");
                self.windows.insert(window, configure);
            }
            Effect::ConfigurePopup { popup, rect, .. } => {
                assert!(scene.popup(popup).is_some(), "a configured popup exists");
                assert!(!rect.is_empty(), "a configured popup has an area");
            }
            Effect::Focus(node) => self.focus = node,
            Effect::ConfigureLayer { layer, size } => {
                assert!(scene.layer(layer).is_some() && !size.is_empty(), "a layer is told a size");
            }
            Effect::CloseLayer(layer) => assert!(scene.layer(layer).is_some(), "{layer:?} exists"),
            Effect::Damage(rect) => assert!(!rect.is_empty(), "damage has an area"),
            Effect::Mapped(w) | Effect::Close(w) => {
                assert!(scene.window(w).is_some(), "{w:?} exists");
            }
            Effect::DismissPopup(_) | Effect::PointerFocus => {}
        }
    }

    fn agrees(&self, scene: &Scene) {
        assert_eq!(self.focus, scene.focus(), "the session was told who has the keyboard");
        for w in scene.all_windows().filter(|w| w.is_mapped()) {
            let told = self.windows.get(&w.id()).expect("a mapped window was configured");
            assert_eq!(told.states.activated, scene.active() == Some(w.id()));
            assert_eq!(told.states.suspended, w.is_minimized());
        }
    }
}

/// Where a press would act, is where something is drawn.
fn hits_agree_with_views(scene: &Scene, at: Point) {
    let shown = |r: Rect| r.contains(at);
    match scene.hit(at) {
        Hit::Layer { layer, .. } => {
            assert!(scene.layer_views().any(|v| v.layer == layer && shown(v.rect)));
        }
        Hit::Nothing => assert!(!scene.windows().any(|v| shown(v.frame.outer))),
        Hit::Content { window, .. } => assert!(scene.view(window).is_some_and(|v| shown(v.frame.content))),
        Hit::Title(window) => assert!(scene.view(window).is_some_and(|v| shown(v.frame.bar))),
        Hit::Button { window, button } => assert!(
            scene
                .view(window)
                .is_some_and(|v| { v.buttons.iter().any(|b| b.button == button && shown(b.rect)) })
        ),
        Hit::Border { window, .. } => {
            let band = Insets::all(Metrics::default().grip);
            assert!(scene.view(window).is_some_and(|v| shown(v.frame.outer.outset(band))));
        }
        Hit::Popup { window, popup, .. } => {
            assert!(scene.popups_of(window).iter().any(|p| p.popup == popup && shown(p.outer)))
        }
    }
}

/// What is drawn of each window: its frame with everything in it, and its popups.
fn drawn(scene: &Scene) -> BTreeMap<WindowId, (Rect, String)> {
    let whole = |v: &cofferdam_scene::WindowView<'_>| {
        v.popups.iter().fold(v.frame.outer, |sum, p| sum.union(p.outer))
    };
    scene
        .windows()
        .map(|v| {
            let look = format!("{:?}", (v.frame, v.layout, v.active, &v.buttons, &v.popups));
            (v.window.id(), (whole(&v), look))
        })
        .collect()
}

/// The session draws only what it is told to: whatever looks different was damaged, where it was and
/// where it is.
fn changes_are_damaged(before: &Scene, after: &Scene, damage: &[Rect]) {
    let (old, new) = (drawn(before), drawn(after));
    let stale = |one: &BTreeMap<WindowId, (Rect, String)>, other: &BTreeMap<WindowId, (Rect, String)>| {
        let changed = one.iter().filter(|(id, look)| other.get(id) != Some(look));
        // Only what is on an output is drawn at all.
        let seen = changed.flat_map(|(_, (rect, _))| {
            after.outputs().iter().filter_map(|o| o.rect().intersection(*rect)).collect::<Vec<_>>()
        });
        seen.into_iter().find(|r| !damage.iter().any(|d| d.contains_rect(*r)))
    };
    assert_eq!(stale(&old, &new), None, "what was there is drawn over");
    assert_eq!(stale(&new, &old), None, "what is there is drawn");
    let order = |s: &Scene| s.windows().map(|v| v.window.id()).collect::<Vec<_>>();
    let same = order(before) == order(after) || after.outputs().is_empty();
    assert!(same || !damage.is_empty(), "a new order is drawn");
}

fn run(ops: Vec<Op>) {
    let mut scene = Scene::default();
    let mut told = Told::default();
    let mut done = Vec::new();
    for (n, op) in ops.into_iter().enumerate() {
        done.push(op.clone());
        let before = scene.clone();
        let result = scene.apply(op, Mono::from_millis(n as u64 * 130));
        let mut damage = Vec::new();
        while let Some(effect) = scene.poll_effect() {
            if let Effect::Damage(rect) = effect {
                damage.push(rect);
            }
            told.take(&scene, effect);
        }
        changes_are_damaged(&before, &scene, &damage);
        if let Err(sentence) = scene.verify_invariants() {
            panic!("broken: {sentence}\nafter {done:?}");
        }
        told.agrees(&scene);
        if let Some(at) = scene.pointer() {
            hits_agree_with_views(&scene, at);
        }
        if matches!(result, Err(Refused::Unknown | Refused::Reused | Refused::Quota)) {
            assert_eq!(format!("{before:?}"), format!("{scene:?}"), "a refused op changes nothing");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn invariants_hold(ops in proptest::collection::vec(op(), 1..120)) {
        run(ops);
    }

    #[test]
    fn a_populated_desktop_survives(ops in proptest::collection::vec(op(), 1..60)) {
        let a: Owner = Owner::Vm("a".parse().unwrap());
        let mut start = vec![
            Op::AddOutput { output: OutputId(1), size: Size { w: 1280, h: 800 }, scale_120: 120 },
            Op::AddOutput { output: OutputId(2), size: Size { w: 640, h: 480 }, scale_120: 240 },
        ];
        for n in 1..5u64 {
            let owner = if n % 2 == 0 { a.clone() } else { Owner::Trusted };
            let window = WindowId(n);
            start.push(Op::AddWindow { window, owner });
            start.push(Op::Commit { window, size: None, settled: true });
            start.push(Op::Commit { window, size: Some(Size { w: 300, h: 200 }), settled: true });
        }
        let positioner = Positioner { size: Size { w: 50, h: 60 }, ..Positioner::default() };
        for (n, parent) in [(1, Node::Window(WindowId(4))), (2, Node::Popup(PopupId(1)))] {
            let popup = PopupId(n);
            start.push(Op::AddPopup { popup, parent, positioner });
            start.push(Op::CommitPopup { popup, size: None });
            start.push(Op::GrabPopup(popup));
            start.push(Op::CommitPopup { popup, size: Some(Size { w: 50, h: 60 }) });
        }
        start.extend(ops);
        run(start);
    }
}
