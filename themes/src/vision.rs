// SPDX-License-Identifier: GPL-3.0-or-later
//! In: two colours and a kind of colour vision. Out: how different they look (CIEDE2000).

use crate::Rgb;
use crate::color::round_channel;

/// A kind of colour vision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vision {
    /// Three working cone types.
    Normal,
    /// No long-wave cones.
    Protanopia,
    /// No middle-wave cones.
    Deuteranopia,
    /// No short-wave cones.
    Tritanopia,
}

impl Vision {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Normal, Self::Protanopia, Self::Deuteranopia, Self::Tritanopia];

    /// The matrix on linear sRGB that simulates the full deficiency (Machado, Oliveira and
    /// Fernandes 2009, severity 1).
    const fn matrix(self) -> [[f32; 3]; 3] {
        match self {
            Self::Normal => [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            Self::Protanopia => [
                [0.152_286, 1.052_583, -0.204_868],
                [0.114_503, 0.786_281, 0.099_216],
                [-0.003_882, -0.048_116, 1.051_998],
            ],
            Self::Deuteranopia => [
                [0.367_322, 0.860_646, -0.227_968],
                [0.280_085, 0.672_501, 0.047_413],
                [-0.011_820, 0.042_940, 0.968_881],
            ],
            Self::Tritanopia => [
                [1.255_528, -0.076_749, -0.178_779],
                [-0.078_411, 0.930_809, 0.147_602],
                [0.004_733, 0.691_367, 0.303_900],
            ],
        }
    }

    /// What `color` looks like to this vision.
    #[must_use]
    pub fn see(self, color: Rgb) -> Rgb {
        let light = color.linear();
        let [r, g, b] = self.matrix().map(|row| {
            let v: f32 = row.iter().zip(&light).map(|(m, c)| m * c).sum();
            let v = v.clamp(0.0, 1.0);
            let s = if v <= 0.003_130_8 { 12.92 * v } else { 1.055f32.mul_add(v.powf(1.0 / 2.4), -0.055) };
            round_channel(s * 255.0)
        });
        Rgb { r, g, b }
    }
}

/// CIELAB under D65.
fn lab(color: Rgb) -> [f32; 3] {
    let [r, g, b] = color.linear();
    let x = (0.412_456 * r + 0.357_576 * g + 0.180_438 * b) / 0.950_47;
    let y = 0.212_673 * r + 0.715_152 * g + 0.072_175 * b;
    let z = (0.019_334 * r + 0.119_192 * g + 0.950_304 * b) / 1.088_83;
    let f = |t: f32| if t > 0.008_856 { t.cbrt() } else { 7.787f32.mul_add(t, 16.0 / 116.0) };
    let (fx, fy, fz) = (f(x), f(y), f(z));
    [116.0f32.mul_add(fy, -16.0), 500.0 * (fx - fy), 200.0 * (fy - fz)]
}

/// Chroma in CIELAB: 0 is grey.
#[must_use]
pub fn chroma(color: Rgb) -> f32 {
    let [_, a, b] = lab(color);
    a.hypot(b)
}

/// How different two colours look, by CIEDE2000: about 1 is just visible, 100 is black to white.
#[must_use]
pub fn difference(one: Rgb, other: Rgb) -> f32 {
    lab_difference(lab(one), lab(other))
}

fn lab_difference([l1, a1, b1]: [f32; 3], [l2, a2, b2]: [f32; 3]) -> f32 {
    let mean_c7 = f32::midpoint(a1.hypot(b1), a2.hypot(b2)).powi(7);
    let g = 0.5 * (1.0 - (mean_c7 / (mean_c7 + 25f32.powi(7))).sqrt());
    let (a1, a2) = (a1 * (1.0 + g), a2 * (1.0 + g));
    let (c1, c2) = (a1.hypot(b1), a2.hypot(b2));
    let hue =
        |a: f32, b: f32| if a == 0.0 && b == 0.0 { 0.0 } else { b.atan2(a).to_degrees().rem_euclid(360.0) };
    let (h1, h2) = (hue(a1, b1), hue(a2, b2));

    let grey = c1 * c2 == 0.0;
    let turn = if grey {
        0.0
    } else if (h2 - h1).abs() <= 180.0 {
        h2 - h1
    } else if h2 <= h1 {
        h2 - h1 + 360.0
    } else {
        h2 - h1 - 360.0
    };
    let (dl, dc) = (l2 - l1, c2 - c1);
    let dh = 2.0 * (c1 * c2).sqrt() * (turn / 2.0).to_radians().sin();

    let (l, c) = (f32::midpoint(l1, l2), f32::midpoint(c1, c2));
    let h = if grey {
        h1 + h2
    } else if (h1 - h2).abs() <= 180.0 {
        f32::midpoint(h1, h2)
    } else if h1 + h2 < 360.0 {
        f32::midpoint(h1, h2) + 180.0
    } else {
        f32::midpoint(h1, h2) - 180.0
    };
    let cos = |deg: f32| deg.to_radians().cos();
    let t = 1.0 - 0.17 * cos(h - 30.0) + 0.24 * cos(2.0 * h) + 0.32 * cos(3.0f32.mul_add(h, 6.0))
        - 0.20 * cos(4.0f32.mul_add(h, -63.0));
    let d_theta = 30.0 * (-((h - 275.0) / 25.0).powi(2)).exp();
    let c7 = c.powi(7);
    let rc = 2.0 * (c7 / (c7 + 25f32.powi(7))).sqrt();
    let l50 = (l - 50.0).powi(2);
    let (sl, sc, sh) =
        (1.0 + 0.015 * l50 / (20.0 + l50).sqrt(), 0.045f32.mul_add(c, 1.0), (0.015 * c).mul_add(t, 1.0));
    let rt = -(2.0 * d_theta).to_radians().sin() * rc;
    let (dl, dc, dh) = (dl / sl, dc / sc, dh / sh);
    (dl * dl + dc * dc + dh * dh + rt * dc * dh).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of the test data published with the formula (Sharma, Wu and Dalal 2005).
    #[test]
    fn published_pairs() {
        for (one, other, expected) in [
            ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
            ([50.0, -1.3802, -84.2814], [50.0, 0.0, -82.7485], 1.0000),
            ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
            ([50.0, 2.49, -0.001], [50.0, -2.49, 0.0011], 7.2195),
            ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
            ([50.0, 2.5, 0.0], [58.0, 24.0, 15.0], 19.4535),
            ([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644),
            ([2.0776, 0.0795, -1.135], [0.9033, -0.0636, -0.5514], 0.9082),
        ] {
            let found = lab_difference(one, other);
            assert!((found - expected).abs() < 0.002, "{one:?} {other:?}: {found} is not {expected}");
            assert!((lab_difference(other, one) - expected).abs() < 0.002);
        }
    }

    #[test]
    fn deficiencies_merge_what_they_should() {
        let (red, green) = (Rgb::new(200, 60, 40), Rgb::new(110, 120, 40));
        let normal = difference(red, green);
        let deutan = difference(Vision::Deuteranopia.see(red), Vision::Deuteranopia.see(green));
        assert!(deutan < normal / 2.0, "{deutan} {normal}");
        for v in Vision::ALL {
            assert_eq!(v.see(Rgb::new(0, 0, 0)), Rgb::new(0, 0, 0));
            assert!(v.see(Rgb::new(255, 255, 255)).max_difference(Rgb::new(255, 255, 255)) <= 1);
        }
    }
}
