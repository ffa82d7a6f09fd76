// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure. In: what can wake the bridge. Out: the number under which the kernel reports it, and back.

/// What woke the bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A new app.
    Listener,
    /// The agent.
    Control,
    /// An app's socket.
    App,
    /// An app's channel to the host.
    Channel,
    /// A pipe of an app.
    Pipe(u32),
    /// The host has taken what was written to its pipes.
    PipeFence,
}

/// Which client, and what of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    /// The client; of no meaning for the listener and the agent. Below 2²⁴.
    pub(crate) key: u32,
    /// What.
    pub(crate) kind: Kind,
}

impl Token {
    /// As one number.
    pub(crate) fn pack(self) -> u64 {
        let (kind, id) = match self.kind {
            Kind::Listener => (0u64, 0),
            Kind::Control => (1, 0),
            Kind::App => (2, 0),
            Kind::Channel => (3, 0),
            Kind::Pipe(id) => (4, id),
            Kind::PipeFence => (5, 0),
        };
        (u64::from(self.key) << 40) | (kind << 32) | u64::from(id)
    }

    /// From that number.
    pub(crate) fn unpack(packed: u64) -> Option<Self> {
        let key = u32::try_from(packed >> 40).ok()?;
        let id = u32::try_from(packed & u64::from(u32::MAX)).ok()?;
        let kind = match (packed >> 32) & 0xff {
            0 => Kind::Listener,
            1 => Kind::Control,
            2 => Kind::App,
            3 => Kind::Channel,
            4 => Kind::Pipe(id),
            5 => Kind::PipeFence,
            _ => return None,
        };
        Some(Self { key, kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_packing() {
        for kind in [
            Kind::Listener,
            Kind::Control,
            Kind::App,
            Kind::Channel,
            Kind::Pipe(0x8000_0001),
            Kind::Pipe(u32::MAX),
            Kind::PipeFence,
        ] {
            for key in [0, 1, (1 << 24) - 1] {
                let token = Token { key, kind };
                assert_eq!(Token::unpack(token.pack()), Some(token));
            }
        }
        assert_eq!(Token::unpack(9 << 32), None);
    }
}
