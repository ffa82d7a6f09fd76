// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the bytes of a `.deb`. Out: its `data.tar`, decompressed, or why not: never more memory than the limits say.

use crate::error::{Error, Refusal};
use std::io::{self, Read};

/// Most bytes of a package, and most that it unpacks to. The largest of Debian's have about a gigabyte.
pub(super) const MAX_PACKED: u64 = 1 << 30;
const MAX_UNPACKED: u64 = 2 << 30;

/// Most memory that the words of an xz stream may ask for, in KiB. `xz -9` asks for 65 MiB.
const MAX_XZ_KIB: u32 = 256 << 10;

/// Finds `data.tar.*` in the ar archive and decompresses it.
pub(super) fn data_tar(package: &str, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let (name, data) =
        find_member(bytes, "data.tar").ok_or_else(|| malformed(package, "no data.tar inside"))?;
    match decompress(name, data, MAX_UNPACKED) {
        Ok(Some(tar)) => Ok(tar),
        Ok(None) => Err(Error::refused(package, "", Refusal::Bytes)),
        Err(error) => Err(malformed(package, error)),
    }
}

pub(super) fn malformed(package: &str, why: impl ToString) -> Error {
    Error::malformed(package, why)
}

/// The first member whose name starts with `prefix`.
fn find_member<'a>(bytes: &'a [u8], prefix: &str) -> Option<(&'a str, &'a [u8])> {
    let mut rest = bytes.strip_prefix(b"!<arch>\n")?;
    loop {
        let (header, after) = rest.split_at_checked(60)?;
        let name = std::str::from_utf8(header.get(..16)?).ok()?.trim_end().trim_end_matches('/');
        let size: usize = std::str::from_utf8(header.get(48..58)?).ok()?.trim().parse().ok()?;
        let data = after.get(..size)?;
        if name.starts_with(prefix) {
            return Some((name, data));
        }
        // Members start at even offsets.
        rest = after.get(size.checked_add(size % 2)?..)?;
    }
}

/// Decompresses by the suffix of `name`; `None` if that were more than `limit` bytes.
pub(crate) fn decompress(name: &str, data: &[u8], limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut out = Vec::new();
    let more = limit.saturating_add(1);
    match name.rsplit('.').next() {
        Some("xz") => {
            lzma_rust2::XzReader::new_mem_limit(data, true, MAX_XZ_KIB).take(more).read_to_end(&mut out)?
        }
        // Its window is bounded by the reader.
        Some("zst") => {
            let reader = ruzstd::decoding::StreamingDecoder::new(data).map_err(io::Error::other)?;
            reader.take(more).read_to_end(&mut out)?
        }
        Some("gz") => flate2::read::GzDecoder::new(data).take(more).read_to_end(&mut out)?,
        _ => data.take(more).read_to_end(&mut out)?,
    };
    Ok(u64::try_from(out.len()).is_ok_and(|len| len <= limit).then_some(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_swells_without_end_is_refused() {
        let plain = vec![0; 65_536];
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        io::Write::write_all(&mut gz, &plain).unwrap();
        let gz = gz.finish().unwrap();
        // 65,536 zeros, by zstd(1) and xz(1).
        let zst = b"\x28\xb5\x2f\xfd\x04\x68\x4d\x00\x00\x08\x00\x01\x00\xfc\x7f\x1d\x08\x01\xa4\x15\x57\xf1";
        let xz = b"\xfd\x37\x7a\x58\x5a\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01\x1c\x00\x00\x00\x10\xcf\x58\xcc\xe0\xff\xff\x00\x4c\x5d\x00\x00\x6f\xfd\xff\xff\xa3\xb7\xff\x47\x3e\x48\x15\x72\x39\x61\x51\xb8\x92\x28\xe6\xa3\x86\x07\xf9\xee\xe4\x1e\x82\xd3\x2f\xc5\x3a\x3c\x01\x4b\xb1\x7e\xc9\x8a\x8a\x4d\x2f\xa3\x0d\xd9\x7f\xa6\xe3\x8c\x23\x11\x53\xe0\x59\x18\xc5\x75\x8a\xe2\x77\xf8\xb6\x94\x7f\x0c\x6a\xc0\xde\x74\x49\x64\x5c\x9e\x3a\xd1\x00\x00\x5e\x65\x4f\x49\xca\x09\xaf\x26\x00\x01\x68\x80\x80\x04\x00\x00\x9f\xf7\x44\x7c\xb1\xc4\x67\xfb\x02\x00\x00\x00\x00\x04\x59\x5a";
        for (name, data) in [("a.gz", &gz[..]), ("a.zst", zst), ("a.xz", xz), ("a", &plain)] {
            assert_eq!(decompress(name, data, 65_536).unwrap().as_ref(), Some(&plain), "{name}");
            assert_eq!(decompress(name, data, 65_535).unwrap(), None, "{name}");
        }
    }

    #[test]
    fn a_dictionary_of_gigabytes_is_refused() {
        // An empty LZMA2 block whose properties ask for 4 GiB; the header's checksum is right.
        let stream = b"\xfd7zXZ\0";
        let flags = [0u8, 0x00];
        let mut bytes = stream.to_vec();
        bytes.extend(flags);
        bytes.extend(crc32(&flags).to_le_bytes());
        let block = [2u8, 0x00, 0x21, 0x01, 40, 0, 0, 0];
        bytes.extend(block);
        bytes.extend(crc32(&block).to_le_bytes());
        bytes.extend([0; 64]);
        let error = decompress("a.xz", &bytes, 1 << 20).unwrap_err().to_string();
        assert!(error.contains("mem_limit"), "{error}");
    }

    fn crc32(bytes: &[u8]) -> u32 {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        crc.sum()
    }
}
