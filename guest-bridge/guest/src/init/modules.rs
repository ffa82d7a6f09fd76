// SPDX-License-Identifier: GPL-3.0-or-later
//! In: `/m/order`, written by the image builder. Out: those kernel modules, loaded in that order.
//!
//! The order is computed when the image is built, soft dependencies included, so that nothing has to
//! be resolved while the VM boots.

use std::ffi::CString;
use std::fs::File;
use std::path::Path;

use super::BootError;

/// Directory of the initramfs with the modules and their order.
pub(crate) const DIR: &str = "/m";

/// One line of the order file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Module<'a> {
    /// File name under [`DIR`].
    pub(crate) file: &'a str,
    /// Parameters, as `insmod` would be given.
    pub(crate) params: &'a str,
}

/// Lines of the order file: a file name, then parameters; `#` starts a comment.
///
/// Names that would leave the directory are skipped: the builder writes none.
pub(crate) fn parse_order(text: &str) -> impl Iterator<Item = Module<'_>> {
    text.lines().filter_map(|line| {
        let line = line.split('#').next().unwrap_or_default().trim();
        let (file, params) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let inside = !file.starts_with('/') && !file.split('/').any(|part| part == "..");
        (!file.is_empty() && inside).then_some(Module { file, params: params.trim() })
    })
}

/// Loads every module of the order file; one that is there already is fine.
pub(crate) fn load_all() -> Result<usize, BootError> {
    let order = Path::new(DIR).join("order");
    let text = std::fs::read_to_string(&order).map_err(|e| BootError::io("read /m/order", e))?;
    let mut count = 0;
    for module in parse_order(&text) {
        load(&module).map_err(|e| BootError::Module { file: module.file.to_owned(), source: e })?;
        count += 1;
    }
    Ok(count)
}

fn load(module: &Module<'_>) -> std::io::Result<()> {
    let file = File::open(Path::new(DIR).join(module.file))?;
    let params = CString::new(module.params)?;
    match rustix::system::finit_module(&file, &params, 0) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let got: Vec<_> = parse_order(text).map(|m| (m.file, m.params)).collect();
        assert_eq!(got, expected, "{text:?}");
    }

    #[test]
    fn order_lines() {
        check("", &[]);
        check("a.ko\nb.ko\n", &[("a.ko", ""), ("b.ko", "")]);
        check("# all\n\n  a.ko  x=1 y=2  # why\r\nsub/b.ko", &[("a.ko", "x=1 y=2"), ("sub/b.ko", "")]);
        check("/etc/passwd\n../x.ko\na/../../x.ko\nc..ko", &[("c..ko", "")]);
    }
}
