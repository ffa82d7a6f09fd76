// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the bytes of a bzImage. Out: the bytes of the ELF kernel inside. Pure.
//!
//! An uncompressed kernel is entered directly (PVH), which saves a guest the decompression at every
//! start: seconds where instructions are translated.

use std::io::Read;

/// Why a file is not a kernel that we can read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum VmlinuxError {
    /// The boot header is missing, cut off or of another kind.
    #[error("not a bzImage: {0}")]
    Header(&'static str),
    /// The payload is compressed in a way that is not supported.
    #[error("payload of unknown compression, starting with {0:02x?}")]
    Compression([u8; 4]),
    /// The payload is damaged.
    #[error("payload can't be decompressed: {0}")]
    Payload(#[from] std::io::Error),
    /// What was inside is not an ELF file.
    #[error("payload is not an ELF kernel")]
    NotElf,
}

/// No kernel is larger than this; a damaged payload must not fill the memory.
const MAX_KERNEL: u64 = 512 << 20;

/// Finds and decompresses the payload of a bzImage (boot protocol 2.08 or newer).
pub(crate) fn extract(image: &[u8]) -> Result<Vec<u8>, VmlinuxError> {
    use VmlinuxError::{Compression, Header, NotElf};
    let array = |at: usize, name| image.get(at..at + 4).and_then(|b| b.try_into().ok()).ok_or(Header(name));
    if image.get(0x202..0x206) != Some(b"HdrS") {
        return Err(Header("no boot header"));
    }
    let setup_sectors = match image.get(0x1f1).copied().ok_or(Header("cut off"))? {
        0 => 4usize,
        n => usize::from(n),
    };
    let offset = u32::from_le_bytes(array(0x248, "no payload offset")?) as usize;
    let length = u32::from_le_bytes(array(0x24c, "no payload length")?) as usize;
    let start = (setup_sectors + 1) * 512 + offset;
    // The last four bytes are the length of what comes out.
    let end = start.saturating_add(length.saturating_sub(4));
    let payload = image.get(start..end).ok_or(Header("payload is cut off"))?;

    let mut kernel = Vec::new();
    match payload {
        [0xfd, b'7', b'z', b'X', ..] => {
            lzma_rust2::XzReader::new(payload, false).take(MAX_KERNEL).read_to_end(&mut kernel)?;
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let reader = ruzstd::decoding::StreamingDecoder::new(payload).map_err(std::io::Error::other)?;
            reader.take(MAX_KERNEL).read_to_end(&mut kernel)?;
        }
        [0x1f, 0x8b, ..] => {
            flate2::read::GzDecoder::new(payload).take(MAX_KERNEL).read_to_end(&mut kernel)?;
        }
        &[a, b, c, d, ..] => return Err(Compression([a, b, c, d])),
        _ => return Err(Header("no payload")),
    }
    if kernel.starts_with(b"\x7fELF") { Ok(kernel) } else { Err(NotElf) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(payload: &[u8]) -> Vec<u8> {
        let mut image = vec![0u8; 0x400];
        image[0x1f1] = 1;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x248..0x24c].copy_from_slice(&16u32.to_le_bytes());
        image[0x24c..0x250].copy_from_slice(&(u32::try_from(payload.len()).unwrap() + 4).to_le_bytes());
        image.extend([0; 16]);
        image.extend(payload);
        image.extend([0; 4]);
        image
    }

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::read::GzEncoder::new(data, flate2::Compression::fast());
        let mut out = Vec::new();
        encoder.read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn finds_the_payload() {
        assert_eq!(extract(&image(&gzip(b"\x7fELF kernel"))).unwrap(), b"\x7fELF kernel");
    }

    #[test]
    fn refuses_what_is_not_a_kernel() {
        let good = image(&gzip(b"\x7fELF kernel"));
        for (bytes, kind) in [
            (Vec::new(), "boot header"),
            (vec![0; 4096], "boot header"),
            (good[..0x410].to_vec(), "cut off"),
            (image(b"LZ4?data"), "unknown compression"),
            (image(&gzip(b"not a kernel")), "not an ELF"),
            (image(&[0x1f, 0x8b, 0, 0, 0]), "decompressed"),
        ] {
            let error = extract(&bytes).unwrap_err().to_string();
            assert!(error.contains(kind), "{error:?} should say {kind:?}");
        }
    }
}
