// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the serial that the host gave a disk. Out: its device node.

use std::io;
use std::path::{Path, PathBuf};

/// Looks for the disk; `None` while the kernel has not found it.
pub(crate) fn by_serial(serial: &str) -> io::Result<Option<PathBuf>> {
    by_serial_under(Path::new("/sys/block"), serial)
}

fn by_serial_under(sys_block: &Path, serial: &str) -> io::Result<Option<PathBuf>> {
    for entry in std::fs::read_dir(sys_block)? {
        let entry = entry?;
        // Loop and mapped devices have no serial.
        let Ok(found) = std::fs::read_to_string(entry.path().join("serial")) else { continue };
        if found.trim_end_matches(['\n', '\0']) == serial {
            return Ok(Some(Path::new("/dev").join(entry.file_name())));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_serial_must_match() {
        let dir = tempfile::tempdir().unwrap();
        for (disk, serial) in [("vda", Some("base")), ("vdb", Some("data\n")), ("loop0", None)] {
            std::fs::create_dir(dir.path().join(disk)).unwrap();
            if let Some(serial) = serial {
                std::fs::write(dir.path().join(disk).join("serial"), serial).unwrap();
            }
        }
        let check = |serial: &str, expected: Option<&str>| {
            let found = by_serial_under(dir.path(), serial).unwrap();
            assert_eq!(found.as_deref(), expected.map(Path::new), "{serial}");
        };
        check("base", Some("/dev/vda"));
        check("data", Some("/dev/vdb"));
        check("bas", None);
        check("", None);
    }
}
