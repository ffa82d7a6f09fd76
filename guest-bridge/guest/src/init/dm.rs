// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a verity description and a block device. Out: a read-only mapped device that returns an I/O
//! error for every block which does not match the root hash.
//!
//! Speaks the device-mapper's ioctl protocol directly: a 312-byte header, then one target. The layout
//! is that of `linux/dm-ioctl.h`, version 4.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::cmdline::Verity;
use super::sys;

const HEADER: usize = 312;
const SPEC: usize = 40;
const DEV_CREATE: u32 = 3;
const DEV_SUSPEND: u32 = 6;
const TABLE_LOAD: u32 = 9;
const TABLE_STATUS: u32 = 12;
const READ_ONLY: u32 = 1;
const SECTORS_PER_BLOCK: u64 = 8;
const MAX_NAME: usize = 127;

/// The device-mapper's control node.
pub(crate) struct Mapper {
    control: File,
}

impl Mapper {
    /// Opens the control node, which exists once the module is loaded.
    pub(crate) fn open() -> io::Result<Self> {
        let control = File::options().read(true).write(true).open("/dev/mapper/control")?;
        Ok(Self { control })
    }

    /// Maps `disk` under `name` and returns the mapped device's node.
    pub(crate) fn verity(&self, name: &str, disk: &Path, layer: &Verity) -> io::Result<PathBuf> {
        let mut create = request(name, 0, None)?;
        sys::dm_ioctl(&self.control, DEV_CREATE, &mut create)?;
        let minor = device_minor(&create)?;
        let table = table(disk, layer)?;
        let sectors = layer
            .data_blocks
            .checked_mul(SECTORS_PER_BLOCK)
            .ok_or_else(|| io::Error::other("layer is too large"))?;
        let mut load = request(name, READ_ONLY, Some((sectors, "verity", &table)))?;
        sys::dm_ioctl(&self.control, TABLE_LOAD, &mut load)?;
        // "Suspend" without the suspend flag resumes: it makes the loaded table live.
        let mut resume = request(name, 0, None)?;
        sys::dm_ioctl(&self.control, DEV_SUSPEND, &mut resume)?;
        Ok(PathBuf::from(format!("/dev/dm-{minor}")))
    }

    /// Whether a block of this mapping has failed its check so far.
    pub(crate) fn is_corrupted(&self, name: &str) -> io::Result<bool> {
        let mut status = request(name, 0, None)?;
        sys::dm_ioctl(&self.control, TABLE_STATUS, &mut status)?;
        // The target's status text follows its spec: "V" valid, "C" corruption seen.
        Ok(status.get(HEADER + SPEC) == Some(&b'C'))
    }
}

/// The verity target's parameters: data and tree on one disk, 4096-byte blocks, table format 1.
fn table(disk: &Path, layer: &Verity) -> io::Result<String> {
    let disk = disk.to_str().ok_or_else(|| io::Error::other("disk path is no text"))?;
    let salt = if layer.salt.is_empty() { "-" } else { &layer.salt };
    Ok(format!(
        "1 {disk} {disk} 4096 4096 {} {} sha256 {} {salt}",
        layer.data_blocks, layer.hash_start, layer.root
    ))
}

fn request(name: &str, flags: u32, target: Option<(u64, &str, &str)>) -> io::Result<Vec<u8>> {
    let mut buf = vec![0u8; 4096];
    let size = u32::try_from(buf.len()).map_err(io::Error::other)?;
    put(&mut buf, 0, &4u32.to_ne_bytes())?; // version 4.0.0
    put(&mut buf, 12, &size.to_ne_bytes())?;
    put(&mut buf, 16, &u32::try_from(HEADER).map_err(io::Error::other)?.to_ne_bytes())?;
    put(&mut buf, 28, &flags.to_ne_bytes())?;
    if name.len() > MAX_NAME {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    put(&mut buf, 48, name.as_bytes())?;
    if let Some((sectors, kind, params)) = target {
        put(&mut buf, 20, &1u32.to_ne_bytes())?;
        put(&mut buf, HEADER + 8, &sectors.to_ne_bytes())?;
        put(&mut buf, HEADER + 24, kind.as_bytes())?;
        put(&mut buf, HEADER + SPEC, params.as_bytes())?;
        // The buffer was zeroed, so the text is terminated as long as one byte is left.
        put(&mut buf, HEADER + SPEC + params.len(), &[0])?;
    }
    Ok(buf)
}

fn put(buf: &mut [u8], at: usize, bytes: &[u8]) -> io::Result<()> {
    let end = at.checked_add(bytes.len()).ok_or(io::ErrorKind::InvalidInput)?;
    buf.get_mut(at..end).ok_or(io::ErrorKind::InvalidInput)?.copy_from_slice(bytes);
    Ok(())
}

/// The minor number in the header's `dev` field, which uses the kernel's 32-bit encoding.
fn device_minor(buf: &[u8]) -> io::Result<u32> {
    let bytes: [u8; 8] = buf.get(40..48).and_then(|b| b.try_into().ok()).ok_or(io::ErrorKind::InvalidData)?;
    let dev = u64::from_ne_bytes(bytes);
    u32::try_from((dev & 0xff) | ((dev >> 12) & 0xf_ff00)).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(salt: &str) -> Verity {
        Verity { data_blocks: 5, hash_start: 6, root: "ab".repeat(32), salt: salt.to_owned() }
    }

    #[test]
    fn table_has_the_tree_on_the_same_disk() {
        let root = "ab".repeat(32);
        let text = table(Path::new("/dev/vda"), &layer("cd")).unwrap();
        assert_eq!(text, format!("1 /dev/vda /dev/vda 4096 4096 5 6 sha256 {root} cd"));
        assert!(table(Path::new("/dev/vda"), &layer("")).unwrap().ends_with(" -"));
    }

    #[test]
    fn request_layout_is_the_kernels() {
        let buf = request("base", READ_ONLY, Some((40, "verity", "1 x"))).unwrap();
        assert_eq!(buf[..4], 4u32.to_ne_bytes());
        assert_eq!(buf[12..16], 4096u32.to_ne_bytes());
        assert_eq!(buf[16..20], 312u32.to_ne_bytes());
        assert_eq!(buf[20..24], 1u32.to_ne_bytes());
        assert_eq!(buf[28..32], 1u32.to_ne_bytes());
        assert_eq!(&buf[48..53], b"base\0");
        assert_eq!(buf[320..328], 40u64.to_ne_bytes());
        assert_eq!(&buf[336..343], b"verity\0");
        assert_eq!(&buf[352..356], b"1 x\0");
        assert!(request(&"x".repeat(128), 0, None).is_err());
        assert!(request("x", 0, Some((1, "verity", &"y".repeat(4000)))).is_err());
    }

    #[test]
    fn minor_of_a_device_number() {
        let mut buf = vec![0u8; 48];
        buf[40..48].copy_from_slice(&0xfd03u64.to_ne_bytes());
        assert_eq!(device_minor(&buf).unwrap(), 3);
        buf[40..48].copy_from_slice(&0x10_fd01u64.to_ne_bytes());
        assert_eq!(device_minor(&buf).unwrap(), 0x101);
    }
}
