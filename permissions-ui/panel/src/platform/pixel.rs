// SPDX-License-Identifier: GPL-3.0-or-later
//! Pixels as Wayland's `argb8888` has them: premultiplied, the bytes B, G, R, A in memory.

use slint::platform::software_renderer::{PremultipliedRgbaColor, TargetPixel};

/// One pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pixel(pub [u8; 4]);

/// `v` times `by` 255ths, rounded.
fn share(v: u8, by: u8) -> u8 {
    let product = u16::from(v) * u16::from(by) + 127;
    u8::try_from(product / 255).unwrap_or(u8::MAX)
}

impl TargetPixel for Pixel {
    fn blend(&mut self, color: PremultipliedRgbaColor) {
        let rest = u8::MAX - color.alpha;
        let over = [color.blue, color.green, color.red, color.alpha];
        for (below, above) in self.0.iter_mut().zip(over) {
            *below = share(*below, rest).saturating_add(above);
        }
    }

    fn from_rgb(red: u8, green: u8, blue: u8) -> Self {
        Self([blue, green, red, u8::MAX])
    }

    fn background() -> Self {
        Self([0; 4])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(below: [u8; 4], red: u8, green: u8, blue: u8, alpha: u8) -> [u8; 4] {
        let mut pixel = Pixel(below);
        pixel.blend(PremultipliedRgbaColor { red, green, blue, alpha });
        pixel.0
    }

    #[test]
    fn blending() {
        assert_eq!(over([1, 2, 3, 255], 9, 8, 7, 255), [7, 8, 9, 255], "opaque hides");
        assert_eq!(over([1, 2, 3, 255], 0, 0, 0, 0), [1, 2, 3, 255], "nothing changes nothing");
        assert_eq!(over([0; 4], 10, 20, 30, 40), [30, 20, 10, 40], "on nothing it stays premultiplied");
        assert_eq!(over([200, 200, 200, 255], 0, 0, 0, 128), [100, 100, 100, 255]);
    }
}
