// SPDX-License-Identifier: GPL-3.0-or-later
//! The desktop's pictures as the renderer's textures.
//!
//! In: immutable rasters. Out: one texture each, made at the first use and dropped when it has not
//! been used for a while.

use super::cast;
use cofferdam_chrome::Raster;
use smithay::backend::allocator::Fourcc;
use smithay::backend::renderer::element::Id;
use smithay::backend::renderer::{ImportMem, Renderer, Texture};
use std::collections::HashMap;

/// Frames for which an unused texture is kept. Long enough for a button that is hovered to and fro.
const KEEP_FRAMES: u64 = 240;

/// Textures by raster.
#[derive(Debug)]
pub(crate) struct Textures<T: Texture> {
    known: HashMap<u64, Kept<T>>,
    frame: u64,
}

#[derive(Debug)]
struct Kept<T> {
    id: Id,
    texture: T,
    used: u64,
}

impl<T: Texture> Default for Textures<T> {
    fn default() -> Self {
        Self { known: HashMap::new(), frame: 0 }
    }
}

impl<T: Texture + Clone> Textures<T> {
    /// A new frame begins.
    pub(crate) fn turn(&mut self) {
        self.frame = self.frame.saturating_add(1);
        let oldest = self.frame.saturating_sub(KEEP_FRAMES);
        self.known.retain(|_, kept| kept.used >= oldest);
    }

    /// The texture of a raster, and the id by which damage is tracked.
    pub(super) fn of<R>(&mut self, renderer: &mut R, raster: &Raster) -> Option<(Id, T)>
    where
        R: Renderer<TextureId = T> + ImportMem,
    {
        let frame = self.frame;
        if let Some(kept) = self.known.get_mut(&raster.id()) {
            kept.used = frame;
            return Some((kept.id.clone(), kept.texture.clone()));
        }
        let size = (cast::coord(raster.width()), cast::coord(raster.height()));
        match renderer.import_memory(raster.pixels(), Fourcc::Argb8888, size.into(), false) {
            Ok(texture) => {
                let id = Id::new();
                let kept = Kept { id: id.clone(), texture: texture.clone(), used: frame };
                self.known.insert(raster.id(), kept);
                Some((id, texture))
            }
            Err(error) => {
                tracing::error!(%error, "a picture of the desktop can't be drawn");
                None
            }
        }
    }
}
