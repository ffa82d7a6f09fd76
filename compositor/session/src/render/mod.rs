// SPDX-License-Identifier: GPL-3.0-or-later
//! Pixels: from the scene to a picture.
//!
//! In: the scene, the clients' buffers, the theme. Out: elements in front-to-back order for smithay's
//! damage tracker, which draws only what changed. One function, [`compose`], makes the frame, the
//! label and the clipping of every window, popup and full-screen window: there is no second way for
//! client pixels to get onto an output.

pub(crate) mod cast;
mod compose;
mod elements;
mod frame;
mod geometry;
mod screenshot;
mod textures;

pub(crate) use compose::{Ground, Picture, compose};
pub(crate) use elements::OutputElement;
pub(crate) use geometry::{View, scene_rect_of};
pub(crate) use textures::Textures;

use crate::compositor::Error;
use crate::state::State;
use cofferdam_chrome::Chrome;
use cofferdam_scene as scene;
use cofferdam_themes::{Library, Metrics};
use std::path::PathBuf;

/// Where fonts for scripts that the bundled font lacks are looked for.
const FONT_DIRS: [&str; 2] = ["/usr/share/fonts", "/usr/local/share/fonts"];

/// The desktop's own pictures.
pub(crate) struct Painter {
    pub(crate) chrome: Chrome,
    library: Library,
    /// The theme, by the name that people and programs ask for it.
    pub(crate) theme: String,
}

impl std::fmt::Debug for Painter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Painter").field("theme", &self.chrome.theme().name).finish_non_exhaustive()
    }
}

impl Painter {
    pub(crate) fn new(theme: &str) -> Result<Self, Error> {
        let library = Library::built_in().map_err(|e| Error::Backend(e.to_string()))?;
        let first = library.theme(theme).cloned().ok_or_else(|| Error::Backend(unknown(theme, &library)))?;
        let fonts = FONT_DIRS.iter().map(PathBuf::from).collect();
        let chrome = Chrome::new(first, library.identities.clone(), fonts);
        Ok(Self { chrome, library, theme: theme.to_owned() })
    }
}

fn unknown(theme: &str, library: &Library) -> String {
    let names: Vec<&str> = library.names().collect();
    format!("{theme:?} is no theme; there are {}", names.join(", "))
}

/// The scene's measures, taken from the same table as the painter's.
pub(crate) fn scene_metrics() -> scene::Metrics {
    scene::Metrics {
        border: i32::from(Metrics::BORDER),
        title: i32::from(Metrics::TITLE_BAR),
        strip: i32::from(Metrics::FULLSCREEN_STRIP),
        button: i32::from(Metrics::TITLE_BUTTON),
        popup_border: i32::from(Metrics::POPUP_BORDER),
        ..scene::Metrics::default()
    }
}

impl State {
    /// Changes the theme by name.
    pub(crate) fn set_theme(&mut self, name: &str) -> Result<(), String> {
        let library = &self.painter.library;
        let theme = library.theme(name).cloned().ok_or_else(|| unknown(name, library))?;
        let identities = library.identities.clone();
        self.painter.chrome.set_theme(theme, identities);
        name.clone_into(&mut self.painter.theme);
        self.desk.tell_theme(&self.painter.theme);
        self.chrome_changed();
        Ok(())
    }

    /// Names, colours or the theme changed: everything is looked at again.
    pub(crate) fn chrome_changed(&mut self) {
        self.trusted.looks_different();
        self.screens.redraw_everything();
    }
}
