// SPDX-License-Identifier: GPL-3.0-or-later
//! What a picture is made of: client surfaces, parts of chrome, plain fills.
//!
//! In: textures and rectangles. Out: smithay render elements. A client's element can't make a frame
//! fail: what can't be drawn is left out, and the next window is drawn all the same.

use smithay::backend::renderer::element::solid::SolidColorRenderElement;
use smithay::backend::renderer::element::surface::WaylandSurfaceRenderElement;
use smithay::backend::renderer::element::utils::CropRenderElement;
use smithay::backend::renderer::element::{Element, Id, Kind, RenderElement, UnderlyingStorage};
use smithay::backend::renderer::utils::{CommitCounter, DamageSet, OpaqueRegions};
use smithay::backend::renderer::{Frame, ImportAll, Renderer, Texture};
use smithay::utils::{Buffer, Physical, Point, Rectangle, Scale, Transform};

/// A part of a raster at a place of the output.
#[derive(Debug)]
pub(crate) struct PartElement<T> {
    pub(super) id: Id,
    pub(super) texture: T,
    pub(super) src: Rectangle<f64, Buffer>,
    pub(super) dst: Rectangle<i32, Physical>,
    pub(super) opaque: bool,
}

impl<T> Element for PartElement<T> {
    fn id(&self) -> &Id {
        &self.id
    }

    // Rasters never change.
    fn current_commit(&self) -> CommitCounter {
        CommitCounter::default()
    }

    fn src(&self) -> Rectangle<f64, Buffer> {
        self.src
    }

    fn geometry(&self, _: Scale<f64>) -> Rectangle<i32, Physical> {
        self.dst
    }

    fn opaque_regions(&self, _: Scale<f64>) -> OpaqueRegions<i32, Physical> {
        if self.opaque {
            OpaqueRegions::from_slice(&[Rectangle::from_size(self.dst.size)])
        } else {
            OpaqueRegions::default()
        }
    }
}

impl<R> RenderElement<R> for PartElement<R::TextureId>
where
    R: Renderer,
    R::TextureId: Texture,
{
    fn draw(
        &self,
        frame: &mut R::Frame<'_, '_>,
        src: Rectangle<f64, Buffer>,
        dst: Rectangle<i32, Physical>,
        damage: &[Rectangle<i32, Physical>],
        opaque_regions: &[Rectangle<i32, Physical>],
    ) -> Result<(), R::Error> {
        frame.render_texture_from_to(&self.texture, src, dst, damage, opaque_regions, Transform::Normal, 1.0)
    }
}

/// A client's surface, cropped to where that client may draw.
#[derive(Debug)]
pub(crate) struct ClientElement<R: Renderer>(pub(super) CropRenderElement<WaylandSurfaceRenderElement<R>>);

impl<R: Renderer + ImportAll> Element for ClientElement<R> {
    fn id(&self) -> &Id {
        self.0.id()
    }

    fn current_commit(&self) -> CommitCounter {
        self.0.current_commit()
    }

    fn location(&self, scale: Scale<f64>) -> Point<i32, Physical> {
        self.0.location(scale)
    }

    fn src(&self) -> Rectangle<f64, Buffer> {
        self.0.src()
    }

    fn transform(&self) -> Transform {
        self.0.transform()
    }

    fn geometry(&self, scale: Scale<f64>) -> Rectangle<i32, Physical> {
        self.0.geometry(scale)
    }

    fn damage_since(&self, scale: Scale<f64>, commit: Option<CommitCounter>) -> DamageSet<i32, Physical> {
        self.0.damage_since(scale, commit)
    }

    fn opaque_regions(&self, scale: Scale<f64>) -> OpaqueRegions<i32, Physical> {
        self.0.opaque_regions(scale)
    }

    fn alpha(&self) -> f32 {
        self.0.alpha()
    }

    fn kind(&self) -> Kind {
        self.0.kind()
    }
}

impl<R> RenderElement<R> for ClientElement<R>
where
    R: Renderer + ImportAll,
    R::TextureId: Texture + 'static,
{
    fn draw(
        &self,
        frame: &mut R::Frame<'_, '_>,
        src: Rectangle<f64, Buffer>,
        dst: Rectangle<i32, Physical>,
        damage: &[Rectangle<i32, Physical>],
        opaque_regions: &[Rectangle<i32, Physical>],
    ) -> Result<(), R::Error> {
        if let Err(error) = self.0.draw(frame, src, dst, damage, opaque_regions) {
            tracing::debug!(%error, "a client's buffer can't be drawn");
        }
        Ok(())
    }

    fn underlying_storage(&self, renderer: &mut R) -> Option<UnderlyingStorage<'_>> {
        self.0.underlying_storage(renderer)
    }
}

smithay::backend::renderer::element::render_elements! {
    /// Anything on an output.
    pub(crate) OutputElement<R> where R: ImportAll;
    Part=PartElement<<R as smithay::backend::renderer::RendererSuper>::TextureId>,
    Client=ClientElement<R>,
    Fill=SolidColorRenderElement,
}
