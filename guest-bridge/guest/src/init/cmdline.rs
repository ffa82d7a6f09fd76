// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure. In: the kernel's command line. Out: what PID 1 has to set up, or why it cannot.

/// A dm-verity image: where its hash tree lies in the same disk and what its root must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verity {
    /// Blocks of data, 4096 bytes each.
    pub(crate) data_blocks: u64,
    /// First block of the hash tree.
    pub(crate) hash_start: u64,
    /// SHA-256 of the tree's root, in hex.
    pub(crate) root: String,
    /// Salt in hex; may be empty.
    pub(crate) salt: String,
}

/// What the host asks of this boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BootArgs {
    /// The layer with libraries and runtime.
    pub(crate) base: Verity,
    /// The app's layer; a VM without one is good for tests of the base.
    pub(crate) app: Option<Verity>,
}

/// Why the command line does not describe a boot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CmdlineError {
    /// `cofferdam.base=` is not there.
    #[error("the kernel command line has no cofferdam.base=")]
    NoBase,
    /// A layer's description is not `DATA_BLOCKS,HASH_START,ROOT,SALT`.
    #[error("cofferdam.{0}= is not DATA_BLOCKS,HASH_START_BLOCK,ROOT_HEX,SALT_HEX")]
    Layer(&'static str),
    /// A layer is described twice, so one of them was not meant.
    #[error("cofferdam.{0}= stands twice on the kernel command line")]
    Twice(&'static str),
}

/// Reads `/proc/cmdline`.
pub(crate) fn parse(line: &str) -> Result<BootArgs, CmdlineError> {
    let base = layer(line, "base")?.ok_or(CmdlineError::NoBase)?;
    Ok(BootArgs { base, app: layer(line, "app")? })
}

fn layer(line: &str, name: &'static str) -> Result<Option<Verity>, CmdlineError> {
    let mut found = line
        .split_ascii_whitespace()
        .filter_map(|word| word.strip_prefix("cofferdam.")?.strip_prefix(name)?.strip_prefix('='));
    let Some(text) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(CmdlineError::Twice(name));
    }
    verity(text).map(Some).ok_or(CmdlineError::Layer(name))
}

fn verity(text: &str) -> Option<Verity> {
    let [data, start, root, salt] = text.split(',').collect::<Vec<_>>().try_into().ok()?;
    let data_blocks: u64 = data.parse().ok().filter(|n| *n > 0)?;
    // The tree follows the data; dm-verity would otherwise read a data block as a hash block.
    let hash_start: u64 = start.parse().ok().filter(|n| *n >= data_blocks)?;
    // Whatever goes into the device-mapper table is checked here: a space would add a parameter.
    let ok = root.len() == 64 && hex(root) && salt.len() <= 512 && salt.len().is_multiple_of(2) && hex(salt);
    ok.then(|| Verity { data_blocks, hash_start, root: root.to_owned(), salt: salt.to_owned() })
}

fn hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    fn check(line: &str, expected: Result<(u64, bool), CmdlineError>) {
        let got = parse(line).map(|args| (args.base.data_blocks, args.app.is_some()));
        assert_eq!(got, expected, "{line}");
    }

    #[test]
    fn layers_are_read_among_other_words() {
        check(&format!("console=ttyS0 cofferdam.base=10,10,{ROOT},ab quiet"), Ok((10, false)));
        check(&format!("cofferdam.app=3,4,{ROOT}, cofferdam.base=7,9,{ROOT},\n"), Ok((7, true)));
    }

    #[test]
    fn anything_doubtful_is_refused() {
        check("console=ttyS0", Err(CmdlineError::NoBase));
        check("cofferdam.basement=1", Err(CmdlineError::NoBase));
        for bad in [
            format!("0,1,{ROOT},"),
            format!("8,7,{ROOT},"),
            format!("8,8,{ROOT}"),
            format!("8,8,{ROOT},abc"),
            format!("8,8,{ROOT},zz"),
            "8,8,00,".to_owned(),
            format!("8,8,{ROOT},,"),
            format!("-1,8,{ROOT},"),
        ] {
            check(&format!("cofferdam.base={bad}"), Err(CmdlineError::Layer("base")));
        }
        let layer = format!("8,8,{ROOT},");
        check(&format!("cofferdam.base={layer} cofferdam.base={layer}"), Err(CmdlineError::Twice("base")));
    }
}
