// SPDX-License-Identifier: GPL-3.0-or-later
//! Slint on Wayland, without a toolkit's backend and without a GPU.
//!
//! In: the socket that the compositor gave us. Out: windows that draw themselves in software into shared
//! memory, at places of `cofferdam_shell_v1`, with keys and pointer. Nothing wakes up unless something
//! happened: frames are drawn on demand, the caret does not blink.

mod buffers;
mod keyboard;
mod pixel;
pub mod protocol;
mod seat;
mod session;
mod surface;
mod window;

pub use pixel::Pixel;
pub use session::{Event, Session, SessionError};
pub use surface::{Place, SurfaceId};
pub use window::Canvas;

use slint::platform::{Clipboard, Platform, PlatformError, WindowAdapter};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

thread_local! {
    /// The window that the next component gets.
    static NEXT: RefCell<Option<Rc<Canvas>>> = const { RefCell::new(None) };
}

/// Slint's idea of a desktop.
#[derive(Debug, Default)]
struct Desk {
    /// What was cut or copied, inside this program only.
    copied: RefCell<String>,
}

impl Platform for Desk {
    fn create_window_adapter(&self) -> Result<Rc<dyn WindowAdapter>, PlatformError> {
        let next = NEXT.with_borrow_mut(Option::take);
        next.map(|canvas| canvas as Rc<dyn WindowAdapter>).ok_or(PlatformError::NoPlatform)
    }

    fn cursor_flash_cycle(&self) -> Duration {
        Duration::ZERO
    }

    fn set_clipboard_text(&self, text: &str, _: Clipboard) {
        text.clone_into(&mut self.copied.borrow_mut());
    }

    fn clipboard_text(&self, _: Clipboard) -> Option<String> {
        Some(self.copied.borrow().clone()).filter(|text| !text.is_empty())
    }
}

/// Makes this Slint's platform on this thread. Harmless if it is already.
pub fn install() {
    // It fails only if there is one already, and then it is ours: nothing else sets one.
    let _ = slint::platform::set_platform(Box::<Desk>::default());
}

/// Makes a component in a window of its own.
///
/// # Errors
/// If the component can't be made.
pub fn with_canvas<C>(
    make: impl FnOnce() -> Result<C, PlatformError>,
) -> Result<(C, Rc<Canvas>), PlatformError> {
    let canvas = Canvas::new();
    NEXT.set(Some(canvas.clone()));
    let component = make();
    NEXT.set(None);
    Ok((component?, canvas))
}
