// SPDX-License-Identifier: GPL-3.0-or-later
//! Windows as the desktop control wire tells of them.
//!
//! In: the scene and its entries. Out: [`WindowInfo`]s, lowest first.

use super::State;
use crate::shell::Desk;
use crate::vm::Vms;
use cofferdam_control::desktop::{Event, PopupInfo, Rect, WindowId as ControlId, WindowInfo};
use cofferdam_ids::Label;
use cofferdam_scene::{self as scene, LayerRole, LayerView, Layout, WindowId};

/// Numbers of layers begin here.
const LAYERS: u64 = 1 << 63;

impl State {
    /// Tells of windows whose first frame is on the screen now.
    pub(crate) fn announce_mapped(&mut self) {
        for window in std::mem::take(&mut self.desk.to_announce) {
            if let Some(info) = self.desk.window_info(window, &self.vms) {
                self.control.announce(Event::WindowMapped(info));
            }
        }
    }
}

impl Desk {
    pub(crate) fn window_infos(&self, vms: &Vms) -> Vec<WindowInfo> {
        let windows = self.scene.stack().iter().filter_map(|id| self.window_info(*id, vms));
        windows.chain(self.scene.layer_views().map(layer_info)).collect()
    }

    pub(crate) fn window_info(&self, id: WindowId, vms: &Vms) -> Option<WindowInfo> {
        let window = self.scene.window(id)?;
        let entry = self.windows.get(&id)?;
        let frame = self.scene.frame(id)?;
        let popups = self.scene.popups_of(id);
        Some(WindowInfo {
            id: ControlId(id.0),
            vm: entry.vm.clone(),
            identity: entry.vm.as_ref().and_then(|vm| vms.get(vm)).map(|vm| vm.identity),
            title: entry.title.clone(),
            app_id: entry.app_id.clone(),
            frame: rect(frame.outer),
            content: rect(frame.content),
            border: self.scene.metrics().border,
            visible: window.is_visible(),
            focused: self.scene.active() == Some(id),
            maximized: window.is_maximized(),
            fullscreen: window.layout() == Layout::Fullscreen,
            minimized: window.is_minimized(),
            commits: entry.commits,
            popups: popups
                .iter()
                .map(|popup| PopupInfo { frame: rect(popup.outer), content: rect(popup.content) })
                .collect(),
        })
    }
}

/// A surface of the desktop itself. Its number can't be that of a window, so nothing can be done to it.
fn layer_info(view: LayerView) -> WindowInfo {
    let name = match view.role {
        LayerRole::Bar => "bar",
        LayerRole::Panel => "panel",
        LayerRole::Dialog => "dialog",
    };
    WindowInfo {
        id: ControlId(LAYERS | view.layer.0),
        vm: None,
        identity: None,
        title: Label::default(),
        app_id: Label::new(name),
        frame: rect(view.rect),
        content: rect(view.rect),
        border: 0,
        visible: true,
        focused: view.active,
        maximized: false,
        fullscreen: false,
        minimized: false,
        commits: 0,
        popups: Vec::new(),
    }
}

fn rect(r: scene::Rect) -> Rect {
    Rect { x: r.x, y: r.y, w: r.w, h: r.h }
}
