// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure. In: what can wake the agent. Out: the number under which the kernel reports it, and back.

use cofferdam_agent_wire::Stream;

/// All that can wake the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// The host's port.
    Port,
    /// The end of the bridge.
    BridgeEnd,
    /// What the bridge says.
    BridgeAnswer,
    /// The end of a process, by the agent's number for it.
    End(u32),
    /// Room in the input of a process.
    Input(u32),
    /// Output of a process.
    Output(u32, Stream),
    /// Somebody wants the session bus.
    BusCall,
    /// The end of the session bus.
    BusEnd,
    /// A portal program connects.
    PortalCall,
    /// A portal program wants something, by the agent's number for it.
    Portal(u32),
    /// The kernel wants something of a file that was handed over.
    Files,
}

impl Token {
    /// As one number.
    pub(crate) fn pack(self) -> u64 {
        let (kind, key) = match self {
            Self::Port => (0, 0),
            Self::BridgeEnd => (1, 0),
            Self::BridgeAnswer => (2, 0),
            Self::End(key) => (3, key),
            Self::Input(key) => (4, key),
            Self::Output(key, Stream::Stdout) => (5, key),
            Self::Output(key, Stream::Stderr) => (6, key),
            Self::BusCall => (7, 0),
            Self::BusEnd => (8, 0),
            Self::PortalCall => (9, 0),
            Self::Portal(key) => (10, key),
            Self::Files => (11, 0),
        };
        (u64::from(key) << 8) | kind
    }

    /// From that number.
    pub(crate) fn unpack(packed: u64) -> Option<Self> {
        let key = u32::try_from(packed >> 8).ok()?;
        Some(match packed & 0xff {
            0 => Self::Port,
            1 => Self::BridgeEnd,
            2 => Self::BridgeAnswer,
            3 => Self::End(key),
            4 => Self::Input(key),
            5 => Self::Output(key, Stream::Stdout),
            6 => Self::Output(key, Stream::Stderr),
            7 => Self::BusCall,
            8 => Self::BusEnd,
            9 => Self::PortalCall,
            10 => Self::Portal(key),
            11 => Self::Files,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_packing() {
        for token in [
            Token::Port,
            Token::BridgeEnd,
            Token::BridgeAnswer,
            Token::End(0),
            Token::Input(u32::MAX),
            Token::Output(7, Stream::Stdout),
            Token::Output(7, Stream::Stderr),
            Token::BusCall,
            Token::BusEnd,
            Token::PortalCall,
            Token::Portal(9),
            Token::Files,
        ] {
            assert_eq!(Token::unpack(token.pack()), Some(token));
        }
        assert_eq!(Token::unpack(12), None);
        assert_eq!(Token::unpack(u64::MAX), None);
    }
}
