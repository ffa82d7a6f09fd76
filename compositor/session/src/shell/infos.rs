// SPDX-License-Identifier: GPL-3.0-or-later
//! Windows as the desktop control wire tells of them.
//!
//! In: the scene and its entries. Out: [`WindowInfo`]s, lowest first.

use super::State;
use cofferdam_control::desktop::{Event, PopupInfo, Rect, WindowId as ControlId, WindowInfo};
use cofferdam_scene::{self as scene, Layout, WindowId};

impl State {
    pub(crate) fn window_infos(&self) -> Vec<WindowInfo> {
        self.desk.scene.stack().iter().filter_map(|id| self.window_info(*id)).collect()
    }

    pub(crate) fn window_info(&self, id: WindowId) -> Option<WindowInfo> {
        let window = self.desk.scene.window(id)?;
        let entry = self.desk.windows.get(&id)?;
        let frame = self.desk.scene.frame(id)?;
        let popups = self.desk.scene.popups_of(id);
        Some(WindowInfo {
            id: ControlId(id.0),
            vm: entry.vm.clone(),
            identity: entry.vm.as_ref().and_then(|vm| self.vms.get(vm)).map(|vm| vm.identity),
            title: entry.title.clone(),
            app_id: entry.app_id.clone(),
            frame: rect(frame.outer),
            content: rect(frame.content),
            border: self.desk.scene.metrics().border,
            visible: window.is_visible(),
            focused: self.desk.scene.active() == Some(id),
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

    /// Tells of windows whose first frame is on the screen now.
    pub(crate) fn announce_mapped(&mut self) {
        for window in std::mem::take(&mut self.desk.to_announce) {
            if let Some(info) = self.window_info(window) {
                self.announce(Event::WindowMapped(info));
            }
        }
    }
}

fn rect(r: scene::Rect) -> Rect {
    Rect { x: r.x, y: r.y, w: r.w, h: r.h }
}
