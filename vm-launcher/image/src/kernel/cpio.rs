// SPDX-License-Identifier: GPL-3.0-or-later
//! In: files and directories. Out: a newc archive as the kernel unpacks it. Pure, and the same bytes
//! for the same input.

/// Builds an archive in memory.
#[derive(Debug, Default)]
pub(crate) struct Cpio {
    out: Vec<u8>,
    inode: u32,
}

const DIRECTORY: u32 = 0o040_000;
const CHARACTER_DEVICE: u32 = 0o020_000;
const REGULAR: u32 = 0o100_000;

impl Cpio {
    /// Adds a directory.
    pub(crate) fn directory(&mut self, path: &str) {
        self.entry(path, DIRECTORY | 0o755, (0, 0), &[]);
    }

    /// Adds a regular file.
    pub(crate) fn file(&mut self, path: &str, mode: u32, data: &[u8]) {
        self.entry(path, REGULAR | mode, (0, 0), data);
    }

    /// Adds a character device.
    pub(crate) fn device(&mut self, path: &str, mode: u32, numbers: (u32, u32)) {
        self.entry(path, CHARACTER_DEVICE | mode, numbers, &[]);
    }

    /// Ends the archive.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.inode = 0;
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.out.resize(self.out.len().next_multiple_of(512), 0);
        self.out
    }

    fn entry(&mut self, path: &str, mode: u32, (major, minor): (u32, u32), data: &[u8]) {
        use std::io::Write;
        self.inode += 1;
        let links = if mode & DIRECTORY != 0 { 2 } else { 1 };
        let (inode, size, name) = (self.inode, data.len(), path.len() + 1);
        let zero = 0;
        // Writing to a vector can't fail.
        let _ = write!(
            self.out,
            "070701{inode:08x}{mode:08x}{zero:08x}{zero:08x}{links:08x}{zero:08x}{size:08x}\
             {zero:08x}{zero:08x}{major:08x}{minor:08x}{name:08x}{zero:08x}"
        );
        self.out.extend_from_slice(path.as_bytes());
        self.out.push(0);
        self.out.resize(self.out.len().next_multiple_of(4), 0);
        self.out.extend_from_slice(data);
        self.out.resize(self.out.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_types, reason = "cpio judges the archive")]
mod tests {
    use super::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    #[test]
    fn cpio_reads_it() {
        let mut archive = Cpio::default();
        archive.directory("m");
        archive.file("m/order", 0o644, b"a.ko\n");
        archive.file("init", 0o755, b"#!");
        archive.device("console", 0o600, (5, 1));
        let bytes = archive.finish();
        assert_eq!(bytes.len() % 512, 0);
        let mut cpio = Command::new("cpio")
            .args(["-itv", "--quiet", "--numeric-uid-gid"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("cpio is in dist/packages.txt");
        cpio.stdin.take().unwrap().write_all(&bytes).unwrap();
        let output = cpio.wait_with_output().unwrap();
        assert!(output.status.success());
        let list = String::from_utf8(output.stdout).unwrap();
        let columns: Vec<(&str, &str)> = list
            .lines()
            .map(|l| (l.split_whitespace().next().unwrap(), l.split_whitespace().last().unwrap()))
            .collect();
        assert_eq!(
            columns,
            [
                ("drwxr-xr-x", "m"),
                ("-rw-r--r--", "m/order"),
                ("-rwxr-xr-x", "init"),
                ("crw-------", "console")
            ]
        );
    }
}
