// SPDX-License-Identifier: GPL-3.0-or-later
//! Virtual outputs in memory.
//!
//! In: elements. Out: one picture per output, which keeps the last frame, so that only damage is ever
//! drawn again. Client buffers are read in place: no copy is made of them.

use super::{Drawn, State, area};
use crate::compositor::Error;
use crate::input::Shown;
use crate::render::{Textures, cast};
use cofferdam_scene::OutputId;
use pixman::Image;
use smithay::backend::allocator::Fourcc;
use smithay::backend::renderer::pixman::{PixmanError, PixmanRenderer, PixmanTexture};
use smithay::backend::renderer::{Bind, Color32F, ExportMem, Offscreen};
use smithay::utils::{Buffer, Physical, Rectangle, Size};
use std::collections::BTreeMap;

/// The headless backend.
#[derive(Debug)]
pub(super) struct Headless {
    pub(super) renderer: PixmanRenderer,
    pub(super) images: BTreeMap<OutputId, Image<'static, 'static>>,
    textures: Textures<PixmanTexture>,
}

impl Headless {
    pub(super) fn new() -> Result<Self, Error> {
        let renderer = PixmanRenderer::new().map_err(|e| Error::Backend(e.to_string()))?;
        Ok(Self { renderer, images: BTreeMap::new(), textures: Textures::default() })
    }

    pub(super) fn add(&mut self, id: OutputId, pixels: Size<i32, Physical>) -> Result<(), PixmanError> {
        let image = self.renderer.create_buffer(Fourcc::Xrgb8888, (pixels.w, pixels.h).into())?;
        self.images.insert(id, image);
        Ok(())
    }

    pub(super) fn remove(&mut self, id: OutputId) {
        self.images.remove(&id);
    }
}

impl State {
    /// Draws what changed of an output into its picture; also says where.
    pub(super) fn draw_picture(
        &mut self,
        headless: &mut Headless,
        id: OutputId,
        cursor: &Shown,
    ) -> Result<(Drawn, Vec<Rectangle<i32, Physical>>), String> {
        const GONE: &str = "the output is gone";
        let Headless { renderer, images, textures } = headless;
        let pixels = self.screens.get_mut(id).ok_or(GONE)?.pixels;
        let elements = self.compose_with(id, cursor, pixels, renderer, textures).ok_or(GONE)?;
        let image = images.get_mut(&id).ok_or(GONE)?;
        let screen = self.screens.get_mut(id).ok_or(GONE)?;
        let mut target = renderer.bind(image).map_err(|e| e.to_string())?;
        let result = screen
            .tracker
            .render_output(renderer, &mut target, 1, &elements, Color32F::BLACK)
            .map_err(|e| e.to_string())?;
        let drawn = Drawn { damaged: area(result.damage), states: result.states };
        Ok((drawn, result.damage.cloned().unwrap_or_default()))
    }
}

/// Bytes of a pixel.
const PIXEL: usize = 4;

impl Headless {
    /// The picture of an output as tightly packed RGBA rows, all opaque.
    pub(super) fn copy(&mut self, id: OutputId) -> Result<Vec<u8>, String> {
        let image = self.images.get(&id).ok_or("the output is gone")?;
        let size = (cast::coord_of(image.width()), cast::coord_of(image.height()));
        let mut bytes = self.rows(id, Rectangle::from_size(size.into()), Fourcc::Xbgr8888)?;
        for alpha in bytes.iter_mut().skip(PIXEL - 1).step_by(PIXEL) {
            *alpha = u8::MAX;
        }
        Ok(bytes)
    }

    /// A part of the picture as tightly packed rows of `Xrgb8888`.
    pub(super) fn part(&mut self, id: OutputId, rect: Rectangle<i32, Physical>) -> Result<Vec<u8>, String> {
        let region = Rectangle::new((rect.loc.x, rect.loc.y).into(), (rect.size.w, rect.size.h).into());
        self.rows(id, region, Fourcc::Xrgb8888)
    }

    fn rows(
        &mut self,
        id: OutputId,
        region: Rectangle<i32, Buffer>,
        format: Fourcc,
    ) -> Result<Vec<u8>, String> {
        let image = self.images.get_mut(&id).ok_or("the output is gone")?;
        let target = self.renderer.bind(image).map_err(|e| e.to_string())?;
        let copy = self.renderer.copy_framebuffer(&target, region, format).map_err(|e| e.to_string())?;
        Ok(self.renderer.map_texture(&copy).map_err(|e| e.to_string())?.to_vec())
    }
}
