// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a tree of files and the name of an icon. Out: a 64×64 PNG, so that nothing trusted ever reads
//! the many formats and sizes in which packages ship theirs.

use crate::error::{At, Error, Result};
use resvg::tiny_skia::{FilterQuality, Pixmap, PixmapPaint, Transform};
use resvg::usvg;
use std::fs;
use std::path::{Path, PathBuf};

const SIZE: u32 = 64;

/// Largest file that is read, and most pixels of a raster picture on each side.
const MAX_BYTES: u64 = 8 << 20;
const MAX_SIDE: u32 = 4096;

/// Raster sizes in the order in which they are tried: at least as large first.
const SIZES: [u32; 8] = [64, 96, 128, 256, 512, 48, 32, 24];

/// Draws the icon into `out`; false if the tree has none that can be read.
pub(crate) fn render(tree: &Path, name: &str, out: &Path) -> Result<bool> {
    for path in candidates(tree, name) {
        let Some(bytes) = read_inside(tree, &path) else { continue };
        let vector = path.extension().is_some_and(|e| e == "svg");
        if let Some(picture) = if vector { draw_svg(&bytes) } else { scale_png(&bytes) } {
            let png = picture.encode_png().map_err(|e| Error::malformed(path.display().to_string(), e))?;
            fs::write(out, png).at(out)?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// The bytes of a file of the tree. Links in it are a package's: none may lead to a file of the host.
fn read_inside(tree: &Path, path: &Path) -> Option<Vec<u8>> {
    let (tree, path) = (tree.canonicalize().ok()?, path.canonicalize().ok()?);
    let small = fs::metadata(&path).is_ok_and(|meta| meta.is_file() && meta.len() <= MAX_BYTES);
    (path.starts_with(tree) && small).then(|| fs::read(path).ok())?
}

fn candidates(tree: &Path, name: &str) -> Vec<PathBuf> {
    if let Some(path) = name.strip_prefix('/') {
        return vec![tree.join(path)];
    }
    let mut found = Vec::new();
    for theme in ["hicolor", "Adwaita"] {
        let theme = tree.join("usr/share/icons").join(theme);
        found.push(theme.join(format!("scalable/apps/{name}.svg")));
        found.extend(SIZES.map(|s| theme.join(format!("{s}x{s}/apps/{name}.png"))));
    }
    found.extend(["svg", "png"].map(|e| tree.join(format!("usr/share/pixmaps/{name}.{e}"))));
    found
}

fn draw_svg(bytes: &[u8]) -> Option<Pixmap> {
    // A compressed drawing may swell without end.
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return None;
    }
    let mut options = usvg::Options::default();
    // A picture may hold others in itself; the names of files in it would be those of the host.
    options.image_href_resolver.resolve_string = Box::new(|_, _| None);
    let picture = usvg::Tree::from_data(bytes, &options).ok()?;
    let mut canvas = Pixmap::new(SIZE, SIZE)?;
    let transform = fit(picture.size().width(), picture.size().height());
    resvg::render(&picture, transform, &mut canvas.as_mut());
    Some(canvas)
}

fn scale_png(bytes: &[u8]) -> Option<Pixmap> {
    if !is_bearable(bytes) {
        return None;
    }
    let picture = Pixmap::decode_png(bytes).ok()?;
    let mut canvas = Pixmap::new(SIZE, SIZE)?;
    #[expect(clippy::cast_precision_loss, reason = "icons are far smaller than 2^24 pixels wide")]
    let transform = fit(picture.width() as f32, picture.height() as f32);
    let paint = PixmapPaint { quality: FilterQuality::Bicubic, ..PixmapPaint::default() };
    canvas.draw_pixmap(0, 0, picture.as_ref(), &paint, transform, None);
    Some(canvas)
}

/// Whether a PNG says that it has a size worth decoding.
fn is_bearable(png: &[u8]) -> bool {
    // Signature, length and type of the first part; then width and height.
    let side = |at: usize| png.get(at..)?.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes));
    [16, 20].into_iter().all(|at| side(at).is_some_and(|side| (1..=MAX_SIDE).contains(&side)))
}

/// Scales to the square and centres.
fn fit(width: f32, height: f32) -> Transform {
    #[expect(clippy::cast_precision_loss, reason = "a small constant")]
    let side = SIZE as f32;
    let scale = side / width.max(height).max(1.0);
    let shift = |length: f32| (side - length * scale) / 2.0;
    Transform::from_row(scale, 0.0, 0.0, scale, shift(width), shift(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, bytes: &[u8], name: &str, expected: bool) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, bytes).unwrap();
        let out = dir.path().join("icon.png");
        assert_eq!(render(dir.path(), name, &out).unwrap(), expected, "{path}");
        if expected {
            let picture = Pixmap::decode_png(&fs::read(&out).unwrap()).unwrap();
            assert_eq!((picture.width(), picture.height()), (64, 64));
            let middle = picture.pixel(32, 32).unwrap();
            assert_eq!((middle.red(), middle.blue(), middle.alpha()), (255, 0, 255), "{path}");
        }
    }

    #[test]
    fn finds_and_draws() {
        let svg = br#"<svg xmlns="http://www.w3.org/2000/svg" width="16" height="8"><rect width="16" height="8" fill="red"/></svg>"#;
        let mut red = Pixmap::new(128, 128).unwrap();
        red.fill(resvg::tiny_skia::Color::from_rgba8(255, 0, 0, 255));
        let png = red.encode_png().unwrap();
        check("usr/share/icons/hicolor/scalable/apps/a.svg", svg, "a", true);
        check("usr/share/icons/hicolor/128x128/apps/a.png", &png, "a", true);
        check("usr/share/pixmaps/a.png", &png, "a", true);
        check("opt/a/logo.png", &png, "/opt/a/logo.png", true);
        check("usr/share/pixmaps/b.png", &png, "a", false);
        check("usr/share/pixmaps/a.png", b"broken", "a", false);
    }

    #[test]
    fn what_swells_without_end_is_not_drawn() {
        let mut wide = Pixmap::new(MAX_SIDE + 1, 1).unwrap();
        assert!(scale_png(&wide.encode_png().unwrap()).is_none());
        wide = Pixmap::new(MAX_SIDE, 1).unwrap();
        assert!(scale_png(&wide.encode_png().unwrap()).is_some());
        assert!(!is_bearable(&wide.encode_png().unwrap()[..23]));
        let svg = br#"<svg xmlns="http://www.w3.org/2000/svg" width="16" height="8"/>"#;
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut packed, svg).unwrap();
        assert!(draw_svg(svg).is_some() && draw_svg(&packed.finish().unwrap()).is_none());
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        fs::File::create(&path).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert!(read_inside(dir.path(), &path).is_none());
        fs::File::options().write(true).open(&path).unwrap().set_len(MAX_BYTES).unwrap();
        assert!(read_inside(dir.path(), &path).is_some());
    }

    #[test]
    fn no_file_of_the_host_is_drawn() {
        let host = tempfile::tempdir().unwrap();
        let secret = host.path().join("secret.png");
        let mut red = Pixmap::new(64, 64).unwrap();
        red.fill(resvg::tiny_skia::Color::from_rgba8(255, 0, 0, 255));
        fs::write(&secret, red.encode_png().unwrap()).unwrap();

        let tree = host.path().join("tree");
        fs::create_dir_all(tree.join("usr/share/pixmaps")).unwrap();
        let (inside, out) = (tree.join("usr/share/pixmaps/a.png"), host.path().join("icon.png"));
        std::os::unix::fs::symlink(&secret, &inside).unwrap();
        for name in ["a", "/../secret.png", "../../../../secret"] {
            assert!(!render(&tree, name, &out).unwrap(), "{name}");
        }
        fs::remove_file(&inside).unwrap();
        fs::write(tree.join("usr/share/pixmaps/b.png"), red.encode_png().unwrap()).unwrap();
        std::os::unix::fs::symlink("b.png", &inside).unwrap();
        assert!(render(&tree, "a", &out).unwrap(), "a link inside the tree");

        let secret = host.path().join("secret.svg");
        let start = r#"<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">"#;
        fs::write(&secret, format!(r#"{start}<rect width="64" height="64" fill="red"/></svg>"#)).unwrap();
        let secret = secret.display();
        let svg = format!(r#"{start}<image href="{secret}" width="64" height="64"/></svg>"#);
        assert_eq!(draw_svg(svg.as_bytes()).unwrap().pixel(32, 32).unwrap().alpha(), 0);
    }
}
