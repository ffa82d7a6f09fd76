// SPDX-License-Identifier: GPL-3.0-or-later
//! RGBA pictures: PNG in and out, comparison, and the checks scenarios make on pixels.

use std::io::{BufReader, BufWriter};
use std::path::Path;

/// Largest difference in one channel that still counts as the same pixel.
const SAME: u8 = 6;

/// Largest picture that is read from a file, in bytes of RGBA8.
const MAX_BYTES: usize = 16384 * 16384 * 4;

/// A picture that can't be read, written or compared.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The file can't be opened, read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no PNG that we read (8 bit RGB or RGBA).
    #[error("{path}: {message}")]
    Format {
        /// The file.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// Fewer bytes than the size says.
    #[error("a picture of {width}×{height} needs {need} bytes, there are {have}")]
    Short {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// Bytes needed.
        need: usize,
        /// Bytes there.
        have: usize,
    },
}

/// A picture, rows tightly packed, RGBA8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    rgba: Vec<u8>,
}

/// A rectangle in physical pixels, already inside some picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// Left.
    pub x: u32,
    /// Top.
    pub y: u32,
    /// Across.
    pub w: u32,
    /// Down.
    pub h: u32,
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Share of pixels that differ, 0 to 1; 1 when the sizes differ.
    pub share: f64,
    /// The first picture, dimmed, with differing pixels in magenta; none when the sizes differ.
    pub picture: Option<Picture>,
}

impl Picture {
    /// Takes over pixels.
    ///
    /// # Errors
    /// [`PictureError::Short`] if there are too few bytes for the size.
    pub fn new(width: u32, height: u32, mut rgba: Vec<u8>) -> Result<Self, PictureError> {
        let need = usize::try_from(u64::from(width) * u64::from(height))
            .ok()
            .and_then(|n| n.checked_mul(4))
            .filter(|n| *n <= MAX_BYTES)
            .unwrap_or(usize::MAX);
        if rgba.len() < need {
            return Err(PictureError::Short { width, height, need, have: rgba.len() });
        }
        rgba.truncate(need);
        Ok(Self { width, height, rgba })
    }

    /// Pixels across.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Pixels down.
    #[must_use]
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// Red, green and blue of one pixel, none outside.
    #[must_use]
    pub fn rgb(&self, x: u32, y: u32) -> Option<[u8; 3]> {
        if x >= self.width || y >= self.height {
            return None;
        }
        let at =
            (usize::try_from(y).ok()? * usize::try_from(self.width).ok()? + usize::try_from(x).ok()?) * 4;
        self.rgba.get(at..at + 3)?.try_into().ok()
    }

    /// The part of this picture inside `area`, which is clipped to it.
    #[must_use]
    pub fn crop(&self, area: Area) -> Self {
        let x = area.x.min(self.width);
        let y = area.y.min(self.height);
        let w = area.w.min(self.width - x);
        let h = area.h.min(self.height - y);
        let stride = self.width as usize * 4;
        let rgba = (y..y + h)
            .flat_map(|row| {
                let start = row as usize * stride + x as usize * 4;
                self.rgba.get(start..start + w as usize * 4).unwrap_or_default().iter().copied()
            })
            .collect();
        Self { width: w, height: h, rgba }
    }

    /// Reads an 8 bit RGB or RGBA PNG.
    ///
    /// # Errors
    /// [`PictureError`] if the file can't be opened or is something else.
    pub fn load(path: &Path) -> Result<Self, PictureError> {
        let name = path.display().to_string();
        let format = |message: String| PictureError::Format { path: name.clone(), message };
        let file =
            std::fs::File::open(path).map_err(|source| PictureError::File { path: name.clone(), source })?;
        let mut reader =
            png::Decoder::new(BufReader::new(file)).read_info().map_err(|e| format(e.to_string()))?;
        let size = reader.output_buffer_size().filter(|n| *n <= MAX_BYTES);
        let mut bytes = vec![0; size.ok_or_else(|| format("too large".into()))?];
        let info = reader.next_frame(&mut bytes).map_err(|e| format(e.to_string()))?;
        let rgba = match (info.color_type, info.bit_depth) {
            (png::ColorType::Rgba, png::BitDepth::Eight) => bytes,
            (png::ColorType::Rgb, png::BitDepth::Eight) => {
                bytes.chunks_exact(3).flat_map(|p| p.iter().copied().chain([255])).collect()
            }
            other => return Err(format(format!("{other:?} is not 8 bit RGB or RGBA"))),
        };
        Self::new(info.width, info.height, rgba)
    }

    /// Writes a PNG, through a temporary file so that a reader never sees half of it.
    ///
    /// # Errors
    /// [`PictureError::File`] if it can't be written.
    pub fn save(&self, path: &Path) -> Result<(), PictureError> {
        let name = path.display().to_string();
        let failed = |source| PictureError::File { path: name.clone(), source };
        let dir = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(dir).map_err(failed)?;
        let mut temp = tempfile::NamedTempFile::new_in(dir).map_err(failed)?;
        let mut encoder = png::Encoder::new(BufWriter::new(temp.as_file_mut()), self.width, self.height);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        let written = encoder.write_header().and_then(|mut w| w.write_image_data(&self.rgba));
        written.map_err(|e| failed(std::io::Error::other(e)))?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        temp.as_file().set_permissions(mode).map_err(failed)?;
        temp.persist(path).map_err(|e| failed(e.error))?;
        Ok(())
    }

    /// Compares with `golden`.
    #[must_use]
    pub fn compare(&self, golden: &Self) -> Difference {
        if (self.width, self.height) != (golden.width, golden.height) || self.rgba.is_empty() {
            let share = if self.rgba.is_empty() && golden.rgba.is_empty() { 0.0 } else { 1.0 };
            return Difference { share, picture: None };
        }
        let mut differing = 0u32;
        let rgba = self
            .rgba
            .chunks_exact(4)
            .zip(golden.rgba.chunks_exact(4))
            .flat_map(|(a, b)| {
                if near(a, b, SAME) {
                    let dim = |v: u8| 160 + v / 3;
                    [dim(px(a, 0)), dim(px(a, 1)), dim(px(a, 2)), 255]
                } else {
                    differing += 1;
                    [255, 0, 255, 255]
                }
            })
            .collect();
        let total = f64::from(self.width) * f64::from(self.height);
        let share = f64::from(differing) / total;
        Difference { share, picture: Some(Self { width: self.width, height: self.height, rgba }) }
    }

    /// Counts the pixels of `outer` that are not in `inner` and for which `skip` is false, and how
    /// many of them are `right`.
    #[must_use]
    pub fn check_ring(
        &self,
        outer: Area,
        inner: Area,
        right: impl Fn([u8; 3]) -> bool,
        skip: impl Fn(u32, u32) -> bool,
    ) -> RingCheck {
        let mut result = RingCheck::default();
        for y in outer.y..outer.y.saturating_add(outer.h) {
            for x in outer.x..outer.x.saturating_add(outer.w) {
                if inner.contains(x, y) || skip(x, y) {
                    continue;
                }
                let Some(rgb) = self.rgb(x, y) else { continue };
                result.checked += 1;
                if right(rgb) {
                    result.right += 1;
                } else if result.first_wrong.is_none() {
                    result.first_wrong = Some((x, y, rgb));
                }
            }
        }
        result
    }
}

impl Area {
    /// Whether a pixel lies inside.
    #[must_use]
    pub const fn contains(&self, x: u32, y: u32) -> bool {
        x >= self.x && y >= self.y && x < self.x.saturating_add(self.w) && y < self.y.saturating_add(self.h)
    }
}

/// What [`Picture::check_ring`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RingCheck {
    /// Pixels looked at.
    pub checked: u32,
    /// Pixels of an expected colour.
    pub right: u32,
    /// The first pixel of another colour.
    pub first_wrong: Option<(u32, u32, [u8; 3])>,
}

fn px(p: &[u8], i: usize) -> u8 {
    p.get(i).copied().unwrap_or(0)
}

/// Whether the colour channels of two pixels differ by at most `tolerance`.
#[must_use]
pub fn near(a: &[u8], b: &[u8], tolerance: u8) -> bool {
    (0..3).all(|i| px(a, i).abs_diff(px(b, i)) <= tolerance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(w: u32, h: u32, rgb: [u8; 3]) -> Picture {
        let rgba = std::iter::repeat_n([rgb[0], rgb[1], rgb[2], 255], (w * h) as usize).flatten().collect();
        Picture::new(w, h, rgba).unwrap()
    }

    #[test]
    fn png_round_trip() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/a.png");
        let p = flat(3, 2, [1, 2, 3]);
        p.save(&path).unwrap();
        assert_eq!(Picture::load(&path).unwrap(), p);
    }

    #[test]
    fn compares() {
        let a = flat(10, 10, [10, 10, 10]);
        assert!(a.compare(&flat(10, 10, [14, 10, 10])).share == 0.0);
        assert!(a.compare(&flat(10, 10, [40, 10, 10])).share == 1.0);
        assert!(a.compare(&flat(9, 10, [10, 10, 10])).share == 1.0);
        let mut b = a.clone();
        b.rgba[0] = 200;
        let d = a.compare(&b);
        assert!((d.share - 0.01).abs() < 1e-9);
        assert_eq!(d.picture.unwrap().rgb(0, 0), Some([255, 0, 255]));
    }

    #[test]
    fn short_pixels_are_refused() {
        assert!(Picture::new(2, 2, vec![0; 15]).is_err());
        assert!(Picture::new(u32::MAX, u32::MAX, vec![]).is_err());
    }

    #[test]
    fn ring() {
        let p = flat(10, 10, [230, 159, 0]);
        let outer = Area { x: 0, y: 0, w: 10, h: 10 };
        let inner = Area { x: 2, y: 2, w: 6, h: 6 };
        let ok = p.check_ring(outer, inner, |c| c == [230, 159, 0], |_, _| false);
        assert_eq!((ok.checked, ok.right), (64, 64));
        let bad = p.check_ring(outer, inner, |c| c == [0, 0, 0], |x, _| x < 5);
        assert_eq!((bad.checked, bad.right), (32, 0));
        assert_eq!(bad.first_wrong, Some((5, 0, [230, 159, 0])));
    }
}
