// SPDX-License-Identifier: GPL-3.0-or-later
//! In: any bytes that a source calls a PNG. Out: a PNG of our own with the same pixels and nothing else: no
//! text, no profiles, no further frames, nothing behind the end.

use cofferdam_policy::Content;
use cofferdam_transfers::{Collector, MAX_PIXELS, Snapshot};
use png::{BitDepth, ColorType, Compression, Decoder, Encoder, Limits, Transformations};
use std::io::{self, Cursor, Write};
use zeroize::Zeroizing;

/// Memory that decoding may take beside the pixels.
const WORKSPACE: usize = 64 << 20;

/// Takes what is written, and no more than may cross: few bytes can say many pixels in a way in which we
/// don't write them.
struct Bounded(Collector);

impl Write for Bounded {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.0.push(piece).map_err(|_too_long| io::ErrorKind::FileTooLarge)?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The same pixels as a new PNG, with eight bits a channel; none if it is not one.
pub(super) fn redraw(image: &[u8]) -> Option<Snapshot> {
    let pixels = usize::try_from(MAX_PIXELS).unwrap_or(usize::MAX).saturating_mul(4);
    let limits = Limits { bytes: pixels.saturating_add(WORKSPACE) };
    let mut decoder = Decoder::new_with_limits(Cursor::new(image), limits);
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().ok()?;
    // The decoder takes a palette of whole colours for granted, and a panic here is the desktop's end.
    if reader.info().palette.as_ref().is_some_and(|palette| !palette.len().is_multiple_of(3)) {
        return None;
    }
    let size = reader.output_buffer_size().filter(|size| *size <= pixels)?;
    let mut raw = Zeroizing::new(vec![0; size]);
    let frame = reader.next_frame(&mut raw).ok()?;
    let plain = frame.bit_depth == BitDepth::Eight && frame.color_type != ColorType::Indexed;
    let raw = raw.get(..frame.buffer_size()).filter(|_| plain)?;
    let mut out = Bounded(Collector::new(Content::Image));
    let mut encoder = Encoder::new(&mut out, frame.width, frame.height);
    encoder.set_color(frame.color_type);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(raw).ok()?;
    writer.finish().ok()?;
    Some(out.0.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_transfers::limit_of;

    fn png(color: ColorType, depth: BitDepth, raw: &[u8], text: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out, 2, 2);
        encoder.set_color(color);
        encoder.set_depth(depth);
        if color == ColorType::Indexed {
            encoder.set_palette(vec![1, 2, 3, 4, 5, 6]);
        }
        if text {
            encoder.add_text_chunk("Comment".into(), "secret".into()).unwrap();
        }
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(raw).unwrap();
        writer.finish().unwrap();
        out
    }

    fn pixels(image: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut reader = Decoder::new(Cursor::new(image)).read_info().unwrap();
        let mut raw = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut raw).unwrap();
        raw.truncate(frame.buffer_size());
        (frame.width, frame.height, raw)
    }

    #[test]
    fn pixels_cross_and_nothing_else_does() {
        let raw: Vec<u8> = (0..16).collect();
        let mut image = png(ColorType::Rgba, BitDepth::Eight, &raw, true);
        assert!(image.windows(6).any(|w| w == b"secret"));
        image.extend(b"smuggled behind the end");
        let drawn = redraw(&image).unwrap();
        assert_eq!(pixels(drawn.bytes()), (2, 2, raw));
        for word in [&b"secret"[..], b"smuggled"] {
            assert!(!drawn.bytes().windows(word.len()).any(|w| w == word));
        }
    }

    #[test]
    fn every_kind_of_png() {
        let wide: Vec<u8> = (0..16).flat_map(|n| [n, 0]).collect();
        for (color, depth, raw, expected) in [
            (ColorType::Grayscale, BitDepth::Eight, &[1, 2, 3, 4][..], vec![1, 2, 3, 4]),
            (ColorType::Grayscale, BitDepth::One, &[0x80, 0x40], vec![255, 0, 0, 255]),
            (ColorType::Indexed, BitDepth::Eight, &[0, 1, 1, 0], vec![1, 2, 3, 4, 5, 6, 4, 5, 6, 1, 2, 3]),
            (ColorType::Rgba, BitDepth::Sixteen, &wide, (0..16).collect()),
        ] {
            let drawn = redraw(&png(color, depth, raw, false)).unwrap();
            assert_eq!(pixels(drawn.bytes()), (2, 2, expected), "{color:?} {depth:?}");
        }
    }

    #[test]
    fn what_a_fuzzer_has_found() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fuzz/corpus/transfer_image");
        let mut drawn = 0;
        for entry in std::fs::read_dir(corpus).unwrap() {
            let image = std::fs::read(entry.unwrap().path()).unwrap();
            let Some(first) = redraw(&image) else { continue };
            assert!(redraw(first.bytes()).unwrap().bytes() == first.bytes());
            drawn += 1;
        }
        assert!(drawn > 4);
    }

    #[test]
    fn a_palette_with_a_part_of_a_colour_is_no_image() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fuzz/corpus/transfer_image/");
        let image = std::fs::read(format!("{corpus}palette-of-eight-bytes")).unwrap();
        assert!(redraw(&image).is_none());
    }

    #[test]
    fn what_is_no_png_or_a_broken_one() {
        let image = png(ColorType::Rgba, BitDepth::Eight, &[7; 16], false);
        for cut in 0..image.len() - 12 {
            assert!(redraw(&image[..cut]).is_none(), "{cut}");
        }
        assert!(redraw(b"GIF89a").is_none());
    }

    /// A PNG of one colour, row by row: a few bytes for any size.
    fn plain(width: u32, height: u32, color: ColorType, row: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out, width, height);
        encoder.set_color(color);
        encoder.set_depth(BitDepth::One);
        if color == ColorType::Indexed {
            encoder.set_palette([7; 6].to_vec());
            encoder.set_trns([9; 2].to_vec());
        }
        let mut writer = encoder.write_header().unwrap();
        let mut stream = writer.stream_writer().unwrap();
        for _ in 0..height {
            stream.write_all(row).unwrap();
        }
        stream.finish().unwrap();
        writer.finish().unwrap();
        out
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        // All its checksums are right, and all its rows are there: one row more than there may be pixels,
        // and as many as there may be.
        let side = 8000_u32;
        let most = u32::try_from(MAX_PIXELS).unwrap() / side;
        let row = vec![0; usize::try_from(side / 8).unwrap()];
        // Two colours with their transparency are four bytes a pixel.
        let bomb = plain(side, most + 1, ColorType::Indexed, &row);
        assert!(bomb.len() < 1 << 20, "{}", bomb.len());
        assert!(redraw(&bomb).is_none());
        assert!(redraw(&plain(side, most, ColorType::Indexed, &row)).is_some());
    }

    #[test]
    fn what_grows_when_it_is_written_anew_does_not_cross() {
        // Noise of one bit a pixel is one byte a pixel and hardly smaller when written fast.
        let mut noise = 0x2545_F491_4F6C_DD1D_u64;
        let mut out = Vec::new();
        let (width, height) = (8000_u32, 4000_u32);
        let mut encoder = Encoder::new(&mut out, width, height);
        encoder.set_color(ColorType::Indexed);
        encoder.set_depth(BitDepth::Eight);
        let colours =
            (0..256_u32).flat_map(|n| n.wrapping_mul(0x9E37_79B1).to_be_bytes().into_iter().take(3));
        encoder.set_palette(colours.collect::<Vec<u8>>());
        let mut writer = encoder.write_header().unwrap();
        let mut raw = Vec::new();
        for _ in 0..width * height / 8 {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            raw.extend(noise.to_le_bytes());
        }
        writer.write_image_data(&raw).unwrap();
        writer.finish().unwrap();
        assert!(out.len() <= limit_of(Content::Image), "{}", out.len());
        assert!(redraw(&out).is_none());
    }
}
