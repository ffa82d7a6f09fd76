// SPDX-License-Identifier: GPL-3.0-or-later
//! In: parts. Out: a picture put together as a renderer would, read from and written to PNG.

#![allow(clippy::expect_used, clippy::unreachable, dead_code, unreachable_pub)] // shared by tests that each use some of it

use cofferdam_chrome::{Chrome, Part};
use cofferdam_themes::Library;
use std::path::Path;

/// A picture in straight RGBA.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub rgba: Vec<u8>,
}

pub fn chrome(theme: &str) -> Chrome {
    let library = Library::built_in().expect("built in");
    let theme = library.theme(theme).expect("a built-in theme").clone();
    Chrome::new(theme, library.identities, Vec::new())
}

impl Picture {
    pub fn new(width: u32, height: u32, color: [u8; 4]) -> Self {
        let pixels = usize::try_from(width * height).expect("small");
        Self { width, height, rgba: color.repeat(pixels) }
    }

    fn at(&self, x: i32, y: i32) -> Option<usize> {
        let (x, y) = (u32::try_from(x).ok()?, u32::try_from(y).ok()?);
        (x < self.width && y < self.height).then(|| usize::try_from((y * self.width + x) * 4).expect("small"))
    }

    pub fn pixel(&self, x: i32, y: i32) -> [u8; 4] {
        let at = self.at(x, y).expect("inside");
        self.rgba.get(at..at + 4).and_then(|p| p.try_into().ok()).expect("inside")
    }

    pub fn fill(&mut self, x: i32, y: i32, w: u32, h: u32, color: [u8; 4]) {
        for dy in 0..h.cast_signed() {
            for dx in 0..w.cast_signed() {
                if let Some(at) = self.at(x + dx, y + dy) {
                    self.rgba[at..at + 4].copy_from_slice(&color);
                }
            }
        }
    }

    /// Lays parts over the picture, moved by `x`, `y`.
    pub fn draw(&mut self, parts: &[Part], x: i32, y: i32) {
        for part in parts {
            let (src, raster) = (part.src, &part.raster);
            assert!(src.x >= 0 && src.y >= 0, "{src:?} starts outside its picture");
            assert!(
                src.x.cast_unsigned() + src.w <= raster.width(),
                "{src:?} is wider than {}",
                raster.width()
            );
            assert!(
                src.y.cast_unsigned() + src.h <= raster.height(),
                "{src:?} is higher than {}",
                raster.height()
            );
            for dy in 0..src.h.cast_signed() {
                for dx in 0..src.w.cast_signed() {
                    let from = (src.y + dy) * raster.width().cast_signed() + src.x + dx;
                    let from = usize::try_from(from).expect("inside") * 4;
                    let Some([b, g, r, a]) =
                        raster.pixels().get(from..from + 4).and_then(|p| p.first_chunk().copied())
                    else {
                        unreachable!("the picture is as large as it says");
                    };
                    assert!(!part.opaque || a == 255, "a part that says it is opaque has alpha {a}");
                    assert!(b <= a && g <= a && r <= a, "not premultiplied");
                    self.over(x + part.at.0 + dx, y + part.at.1 + dy, [r, g, b, a]);
                }
            }
        }
    }

    fn over(&mut self, x: i32, y: i32, premultiplied: [u8; 4]) {
        let Some(at) = self.at(x, y) else { return };
        let rest = u32::from(255 - premultiplied[3]);
        for (d, s) in self.rgba[at..at + 4].iter_mut().zip(premultiplied) {
            let under = (u32::from(*d) * rest + 127) / 255;
            *d = u8::try_from(u32::from(s) + under).unwrap_or(255);
        }
    }

    pub fn save(&self, path: &Path) {
        std::fs::create_dir_all(path.parent().expect("in a directory")).expect("can make the directory");
        let file = std::io::BufWriter::new(std::fs::File::create(path).expect("can write"));
        let mut encoder = png::Encoder::new(file, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        // Every picture stands on an opaque ground.
        let rgb: Vec<u8> = self.rgba.chunks_exact(4).flat_map(|p| p.iter().take(3)).copied().collect();
        encoder.write_header().and_then(|mut w| w.write_image_data(&rgb)).expect("can encode");
    }

    pub fn load(path: &Path) -> Option<Self> {
        let file = std::io::BufReader::new(std::fs::File::open(path).ok()?);
        let mut reader = png::Decoder::new(file).read_info().ok()?;
        let mut rgb = vec![0; reader.output_buffer_size()?];
        let info = reader.next_frame(&mut rgb).ok()?;
        let (pixels, _) = rgb.as_chunks::<3>();
        let rgba = pixels.iter().flat_map(|[r, g, b]| [*r, *g, *b, 255]).collect();
        (info.color_type == png::ColorType::Rgb).then_some(Self {
            width: info.width,
            height: info.height,
            rgba,
        })
    }
}
