// SPDX-License-Identifier: GPL-3.0-or-later
//! Everything visible on one output, front to back.
//!
//! In: the scene, surfaces, the VMs' marks, the cursor. Out: elements. Whatever a client commits, its
//! pixels are cropped to the content rectangle that the scene gave its node, the frame lies above
//! them, and an opaque ground lies below: nothing of another window ever shows through.

use super::cast;
use super::elements::{ClientElement, OutputElement, PartElement};
use super::geometry::{PixelFrame, View, kind_of};
use super::textures::Textures;
use crate::input::Shown;
use crate::protocols::Drag;
use crate::shell::{Desk, content_offset};
use crate::trusted::{Item, Scenery};
use crate::vm::{Vm, Vms};
use cofferdam_chrome::{
    ButtonStates, Chrome, CursorShape, FrameKind, FrameSpec, Part, SwitcherItem, SwitcherSpec, TitleButton,
};
use cofferdam_ids::{Identity, Label};
use cofferdam_scene::{
    Button, ButtonView, Insets, LayerRole, LayerView, Layout, PopupView, Rect, WindowId, WindowView,
};
use cofferdam_themes::{Metrics, Rgb};
use smithay::backend::renderer::element::solid::SolidColorRenderElement;
use smithay::backend::renderer::element::surface::{
    WaylandSurfaceRenderElement, render_elements_from_surface_tree,
};
use smithay::backend::renderer::element::utils::CropRenderElement;
use smithay::backend::renderer::element::{Id, Kind};
use smithay::backend::renderer::utils::CommitCounter;
use smithay::backend::renderer::{Color32F, ImportAll, ImportMem, Renderer, Texture};
use smithay::desktop::utils::bbox_from_surface_tree;
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::{Buffer, Logical, Physical, Point, Rectangle, Scale, Size};

/// Largest edge of a drag's picture, in logical pixels; the rest is cut.
const MAX_DRAG_ICON: i32 = 256;
/// Width of the ring around a window that a drag could be dropped on, in logical pixels.
const RING: i32 = 4;

/// What a picture shows, borrowed for the time of composing it.
#[derive(Debug)]
pub(crate) struct Picture<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) vms: &'a Vms,
    /// What the trusted path adds.
    pub(crate) scenery: &'a Scenery,
    /// What is being dragged.
    pub(crate) drag: Option<&'a Drag>,
    pub(crate) cursor: &'a Shown,
    /// Where the pointer is.
    pub(crate) pointer: Option<Point<f64, Logical>>,
    pub(crate) view: View,
    /// Size of the output in pixels.
    pub(crate) pixels: Size<i32, Physical>,
}

/// What composing works with.
struct Easel<'a, R: Renderer> {
    renderer: &'a mut R,
    textures: &'a mut Textures<R::TextureId>,
    chrome: &'a mut Chrome,
    view: View,
    bounds: Rectangle<i32, Physical>,
    /// Insides of the windows so far: what lies wholly behind one of them is not composed at all.
    solid: Vec<Rectangle<i32, Physical>>,
    out: Vec<OutputElement<R>>,
}

/// All elements of an output.
pub(crate) fn compose<R>(
    picture: &Picture<'_>,
    chrome: &mut Chrome,
    renderer: &mut R,
    textures: &mut Textures<R::TextureId>,
) -> Vec<OutputElement<R>>
where
    R: Renderer + ImportAll + ImportMem,
    R::TextureId: Texture + Clone + 'static,
{
    textures.turn();
    let bounds = Rectangle::from_size(picture.pixels);
    let mut easel =
        Easel { renderer, textures, chrome, view: picture.view, bounds, solid: Vec::new(), out: Vec::new() };
    easel.cursor(picture);
    easel.scenery(picture.scenery);
    if !picture.scenery.hides_clients {
        easel.desktop(picture);
    }
    let wallpaper = easel.chrome.wallpaper(cast::length(picture.pixels.w), cast::length(picture.pixels.h));
    easel.parts(wallpaper, Point::default(), true);
    easel.out
}

impl<R> Easel<'_, R>
where
    R: Renderer + ImportAll + ImportMem,
    R::TextureId: Texture + Clone + 'static,
{
    /// Parts of chrome, given from back to front. Only `solid` ones are told to the damage tracker as
    /// opaque: every opaque rectangle is subtracted from everything below it, and hiding what is
    /// under a border four pixels wide costs more than drawing it.
    fn parts(&mut self, parts: Vec<Part>, origin: Point<i32, Physical>, solid: bool) {
        for part in parts.into_iter().rev() {
            let area = part.area();
            let place = origin + Point::from(part.at);
            let dst = Rectangle::new(place, (cast::coord(area.w), cast::coord(area.h)).into());
            if !self.bounds.overlaps(dst) {
                continue;
            }
            let Some((id, texture)) = self.textures.of(self.renderer, &part.raster) else { continue };
            let src = Rectangle::<i32, Buffer>::new(
                (part.src.x, part.src.y).into(),
                (cast::coord(part.src.w), cast::coord(part.src.h)).into(),
            );
            let element = PartElement { id, texture, src: src.to_f64(), dst, opaque: solid && part.opaque };
            self.out.push(OutputElement::Part(element));
        }
    }

    /// Everything of clients, with the switcher above it.
    fn desktop(&mut self, picture: &Picture<'_>) {
        self.switcher(picture);
        for view in picture.desk.scene.layer_views().rev() {
            self.layer(picture, &view);
        }
        self.drag(picture);
        for view in picture.desk.scene.windows().rev() {
            self.window(picture, &view);
        }
    }

    /// What the trusted path shows: above everything but the desktop's own cursor.
    fn scenery(&mut self, scenery: &Scenery) {
        for item in &scenery.items {
            match item {
                Item::Parts(parts, place) => self.parts(parts.clone(), *place, false),
                Item::Fill(id, rect, color, opacity) => self.veil(id, *rect, *color, *opacity),
            }
        }
    }

    fn fill(&mut self, id: &Id, rect: Rectangle<i32, Physical>, color: Rgb) {
        self.veil(id, rect, color, 1.0);
    }

    fn veil(&mut self, id: &Id, rect: Rectangle<i32, Physical>, color: Rgb, opacity: f32) {
        // Premultiplied, as all pictures are.
        let channel = |v: u8| f32::from(v) / 255.0 * opacity;
        let color = Color32F::new(channel(color.r), channel(color.g), channel(color.b), opacity);
        let commit = CommitCounter::default();
        let element = SolidColorRenderElement::new(id.clone(), rect, commit, color, Kind::Unspecified);
        self.out.push(OutputElement::Fill(element));
    }

    /// A surface tree with its content at `content`, cropped to it.
    fn client(&mut self, root: &WlSurface, content: Rectangle<i32, Physical>) {
        let offset = content_offset(root).to_f64();
        let scale = Scale::from(self.view.scale);
        let place = content.loc - offset.to_physical(scale).to_i32_round();
        self.surface_tree(root, place, content);
    }

    fn surface_tree(
        &mut self,
        root: &WlSurface,
        place: Point<i32, Physical>,
        clip: Rectangle<i32, Physical>,
    ) {
        let Some(clip) = clip.intersection(self.bounds) else { return };
        let scale = Scale::from(self.view.scale);
        let surfaces: Vec<WaylandSurfaceRenderElement<R>> =
            render_elements_from_surface_tree(self.renderer, root, place, scale, 1.0, Kind::Unspecified);
        let cropped = surfaces.into_iter().filter_map(|s| CropRenderElement::from_element(s, scale, clip));
        self.out.extend(cropped.map(|element| OutputElement::Client(ClientElement(element))));
    }

    /// The bar, the panel or a dialog of the desktop itself: it wears no identity, and draws its own edges.
    fn layer(&mut self, picture: &Picture<'_>, view: &LayerView) {
        let Some(entry) = picture.desk.layers.get(&view.layer) else { return };
        let place = self.view.rect(view.rect);
        self.surface_tree(&entry.surface, place.loc, place);
        if view.role != LayerRole::Bar {
            let size = (cast::length(place.size.w), cast::length(place.size.h));
            let scale = cast::factor32(self.view.scale);
            let shadow = self.chrome.shadow(FrameKind::Window, size, scale, true);
            self.parts(shadow, place.loc, false);
        }
    }

    /// A drag's picture, in a frame of its VM.
    fn drag(&mut self, picture: &Picture<'_>) {
        let Some(drag) = picture.drag else { return };
        if let Some(icon) = drag.icon() {
            let drawn = bbox_from_surface_tree(&icon.surface, (0, 0));
            let at = drag.at().to_i32_floor::<i32>() + icon.offset + drawn.loc;
            let (w, h) = (drawn.size.w.min(MAX_DRAG_ICON), drawn.size.h.min(MAX_DRAG_ICON));
            let content = Rect::new(at.x, at.y, w, h);
            let border = i32::from(Metrics::POPUP_BORDER);
            let outer = content.outset(Insets::all(border));
            let vm = drag.identity().vm().and_then(|vm| picture.vms.get(vm));
            let title = &Label::default();
            let buttons = ButtonStates::default();
            // What is dragged is often letters on nothing, dark or light: neither may drown.
            let behind = self.chrome.theme().text.muted;
            let marks = Marks { kind: FrameKind::Popup, title, focused: false, buttons, vm, behind };
            let frame = self.view.frame(FrameKind::Popup, outer, content, content);
            if w > 0 && h > 0 {
                self.framed(&icon.surface, &icon.ground, &frame, &marks);
            }
        }
    }

    /// A ring of a VM's colour around a frame.
    fn ring(&mut self, ids: &[Id; 4], around: Rect, identity: Identity) {
        let color = self.chrome.identities().get(identity).color;
        let outer = around.outset(Insets::all(RING));
        let (w, h) = (outer.w, around.h);
        let sides = [
            Rect::new(outer.x, outer.y, w, RING),
            Rect::new(outer.x, around.bottom(), w, RING),
            Rect::new(outer.x, around.y, RING, h),
            Rect::new(around.right(), around.y, RING, h),
        ];
        for (id, side) in ids.iter().zip(sides) {
            let rect = self.view.rect(side);
            self.fill(id, rect, color);
        }
    }

    /// A window with its popups, and its shadow below.
    fn window(&mut self, picture: &Picture<'_>, view: &WindowView<'_>) {
        let id = view.window.id();
        let Some(entry) = picture.desk.windows.get(&id) else { return };
        let vm = entry.vm.as_ref().and_then(|vm| picture.vms.get(vm));
        for popup in view.popups.iter().rev() {
            self.popup(picture, popup, vm);
        }
        let dropped_on = picture.drag.and_then(Drag::over).filter(|over| over.possible && over.window == id);
        if let (Some(over), Some(vm)) = (dropped_on, vm) {
            // What fills the screen has no outside to be seen.
            let inside = Insets::all(if view.layout == Layout::Floating { 0 } else { RING });
            self.ring(&over.ring, view.frame.outer.inset(inside), vm.identity);
        }
        let kind = kind_of(view.layout);
        let frame = self.view.frame(kind, view.frame.outer, view.frame.inner, view.frame.content);
        let spec = Marks {
            kind,
            title: &entry.title,
            focused: view.active,
            buttons: button_states(&view.buttons),
            vm,
            behind: self.chrome.theme().surface.background,
        };
        self.framed(entry.toplevel.wl_surface(), &entry.ground, &frame, &spec);
    }

    fn popup(&mut self, picture: &Picture<'_>, popup: &PopupView, vm: Option<&Vm>) {
        let Some(entry) = picture.desk.popups.get(&popup.popup) else { return };
        let frame = self.view.frame(FrameKind::Popup, popup.outer, popup.content, popup.content);
        let spec = Marks {
            kind: FrameKind::Popup,
            title: &Label::default(),
            focused: false,
            buttons: ButtonStates::default(),
            vm,
            behind: self.chrome.theme().surface.background,
        };
        self.framed(entry.popup.wl_surface(), &entry.ground, &frame, &spec);
    }

    /// The one way in which client pixels get onto an output: frame, pixels, ground, shadow.
    fn framed(&mut self, surface: &WlSurface, ground: &Ground, frame: &PixelFrame, marks: &Marks<'_>) {
        let size = (cast::length(frame.outer.size.w), cast::length(frame.outer.size.h));
        let scale = cast::factor32(self.view.scale);
        let shadow = self.chrome.shadow(marks.kind, size, scale, marks.focused);
        let reach = shadow.iter().fold(frame.outer, |sum, part| {
            let area = part.area();
            let place = frame.outer.loc + Point::from(part.at);
            sum.merge(Rectangle::new(place, (cast::coord(area.w), cast::coord(area.h)).into()))
        });
        let Some(seen) = reach.intersection(self.bounds) else { return };
        if self.solid.iter().any(|solid| solid.contains_rect(seen)) {
            return;
        }
        if let Some(vm) = marks.vm {
            let parts = self.chrome.frame(&FrameSpec {
                size,
                scale,
                kind: marks.kind,
                identity: vm.identity,
                name: &vm.name,
                title: marks.title,
                icon: vm.icon.as_ref(),
                focused: marks.focused,
                buttons: marks.buttons,
                throw_away: false,
            });
            self.parts(parts, frame.outer.loc, false);
        }
        self.client(surface, frame.content);
        let surfaces = self.chrome.theme().surface;
        self.fill(&ground.inner, frame.inner, marks.behind);
        self.solid.push(frame.inner);
        if marks.vm.is_none() {
            // The desktop's own windows wear no identity: colour means a VM and nothing else.
            self.fill(
                &ground.outer,
                frame.outer,
                if marks.focused { surfaces.control } else { surfaces.base },
            );
        }
        self.parts(shadow, frame.outer.loc, false);
    }

    fn cursor(&mut self, picture: &Picture<'_>) {
        let Some(at) = picture.pointer else { return };
        let place = self.view.place(at.x, at.y);
        match picture.cursor {
            Shown::Nothing => {}
            Shown::Named(icon) => {
                let shape = CursorShape::from_name(icon.name()).unwrap_or(CursorShape::Default);
                let cursor = self.chrome.cursor(shape, cast::factor32(self.view.scale));
                let (x, y) = cursor.hotspot;
                let place = place - Point::from((cast::coord(x), cast::coord(y)));
                self.parts(vec![whole(cursor.raster)], place, false);
            }
            Shown::Surface { surface, hotspot, clip } => {
                let hotspot = hotspot.to_f64().to_physical(Scale::from(self.view.scale)).to_i32_round();
                let clip = self.view.rect(*clip);
                self.surface_tree(surface, place - hotspot, clip);
            }
        }
    }

    fn switcher(&mut self, picture: &Picture<'_>) {
        let Some(cycle) = picture.desk.scene.cycle() else { return };
        let known = |id: &WindowId| {
            let entry = picture.desk.windows.get(id)?;
            let vm = entry.vm.as_ref().and_then(|vm| picture.vms.get(vm));
            Some((*id, vm.map_or(Identity::Grey, |vm| vm.identity), vm.map(|vm| &vm.name), &entry.title))
        };
        let windows: Vec<_> = cycle.windows.iter().filter_map(known).collect();
        let items: Vec<SwitcherItem<'_>> = windows
            .iter()
            .map(|(_, identity, name, title)| SwitcherItem {
                identity: *identity,
                name: name.unwrap_or(title),
                title,
            })
            .collect();
        let spec = SwitcherSpec {
            items: &items,
            selected: windows.iter().position(|(id, ..)| *id == cycle.chosen).unwrap_or(0),
            scale: cast::factor32(self.view.scale),
            output: (cast::length(picture.pixels.w), cast::length(picture.pixels.h)),
        };
        let Some(overlay) = self.chrome.switcher(&spec) else { return };
        let centre = |whole: i32, part: u32| whole.saturating_sub(cast::coord(part)) / 2;
        let place = (centre(picture.pixels.w, overlay.size.0), centre(picture.pixels.h, overlay.size.1));
        self.parts(overlay.parts, place.into(), false);
    }
}

/// How a frame is marked.
struct Marks<'a> {
    kind: FrameKind,
    title: &'a Label,
    focused: bool,
    buttons: ButtonStates,
    vm: Option<&'a Vm>,
    /// What shines through where the client draws nothing.
    behind: Rgb,
}

/// By which ids the plain fills of one node are tracked.
#[derive(Debug)]
pub(crate) struct Ground {
    inner: Id,
    outer: Id,
}

impl Default for Ground {
    fn default() -> Self {
        Self { inner: Id::new(), outer: Id::new() }
    }
}

fn whole(raster: std::sync::Arc<cofferdam_chrome::Raster>) -> Part {
    let src = cofferdam_chrome::PixelRect::new(0, 0, raster.width(), raster.height());
    Part { raster, src, at: (0, 0), opaque: false }
}

fn button_states(buttons: &[ButtonView]) -> ButtonStates {
    let find = |wanted: fn(&ButtonView) -> bool| {
        buttons.iter().find(|button| wanted(button)).map(|button| match button.button {
            Button::Minimize => TitleButton::Minimize,
            Button::Maximize => TitleButton::Maximize,
            Button::Close => TitleButton::Close,
        })
    };
    ButtonStates { hovered: find(|b| b.hovered), pressed: find(|b| b.pressed), focused: None }
}
