// SPDX-License-Identifier: GPL-3.0-or-later
//! Configures, and their acknowledgement.
//!
//! In: windows and popups that are to be told something, and what clients acknowledge. Out: configures, at
//! most [`MAX_UNACKED`] that nobody has acknowledged. What comes after those is told when the client has
//! acknowledged one, and then only the newest: a client is always told where it ends up, and need not be
//! told of each step on the way (xdg-shell says so of the tokens of popups, too).

use super::{Desk, PopupEntry, WindowEntry};
use cofferdam_admission::rules::MAX_UNACKED;
use cofferdam_scene::{Node, PopupId, WindowId};
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::wayland::compositor::with_states;
use smithay::wayland::shell::xdg::{ToplevelSurface, XdgPopupSurfaceData, XdgToplevelSurfaceData};

/// What a popup is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PopupNews {
    /// Where it is, if that has changed.
    Place,
    /// Where it is, for the first time.
    FirstPlace,
    /// Where it is, since it asked with this token.
    Repositioned(u32),
}

impl WindowEntry {
    /// Tells the window its pending state, if it has changed, or anyway.
    pub(super) fn configure(&mut self, anyway: bool) {
        if unacked(self.toplevel.wl_surface()) >= MAX_UNACKED {
            self.owed |= anyway || self.toplevel.has_pending_changes();
        } else if anyway {
            self.toplevel.send_configure();
        } else {
            self.toplevel.send_pending_configure();
        }
    }
}

impl PopupEntry {
    pub(super) fn configure(&mut self, news: PopupNews) {
        if unacked(self.popup.wl_surface()) >= MAX_UNACKED {
            // An answer to a request goes before mere news.
            let answers = matches!(news, PopupNews::Repositioned(_));
            if answers || self.owed.is_none() {
                self.owed = Some(news);
            }
            return;
        }
        let told = match news {
            PopupNews::Place => self.popup.send_pending_configure().map(drop),
            PopupNews::FirstPlace => self.popup.send_configure().map(drop),
            PopupNews::Repositioned(token) => {
                self.popup.send_repositioned(token);
                Ok(())
            }
        };
        if let Err(e) = told {
            // Old clients can't be told twice; they stay where they were told first.
            tracing::debug!("popup not configured: {e}");
        }
    }
}

impl Desk {
    pub(super) fn configure_window(&mut self, window: WindowId, anyway: bool) {
        if let Some(entry) = self.windows.get_mut(&window) {
            entry.configure(anyway);
        }
    }

    pub(super) fn configure_popup(&mut self, popup: PopupId, news: PopupNews) {
        if let Some(entry) = self.popups.get_mut(&popup) {
            entry.configure(news);
        }
    }
}

impl Desk {
    /// xdg-shell promises a configure for some requests, also when nothing changes. Before the first
    /// commit nothing may be sent.
    pub(crate) fn answer_toplevel(&mut self, toplevel: &ToplevelSurface) {
        if toplevel.is_initial_configure_sent()
            && let Some(window) = self.window_of(toplevel)
        {
            self.configure_window(window, true);
        }
    }

    /// A client acknowledged a configure: what had to wait for that is told now.
    pub(crate) fn configure_acked(&mut self, surface: &WlSurface) {
        match self.node_of(surface) {
            Some(Node::Window(window)) => {
                if let Some(entry) = self.windows.get_mut(&window)
                    && std::mem::take(&mut entry.owed)
                {
                    entry.configure(true);
                }
            }
            Some(Node::Popup(popup)) => {
                if let Some(entry) = self.popups.get_mut(&popup)
                    && let Some(news) = entry.owed.take()
                {
                    entry.configure(news);
                }
            }
            Some(Node::Layer(_)) | None => {}
        }
    }
}

/// Configures that the client has not acknowledged.
fn unacked(surface: &WlSurface) -> usize {
    with_states(surface, |states| {
        let window = states.data_map.get::<XdgToplevelSurfaceData>().and_then(|data| data.lock().ok());
        let popup = states.data_map.get::<XdgPopupSurfaceData>().and_then(|data| data.lock().ok());
        let of_window = window.map_or(0, |data| data.pending_configures().len());
        of_window.saturating_add(popup.map_or(0, |data| data.pending_configures().len()))
    })
}
