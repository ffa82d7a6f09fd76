// SPDX-License-Identifier: GPL-3.0-or-later
//! The steps, and how many of each there may be.

use cofferdam_policy::Answer;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The gateway asks about a site.
    AskNet,
    /// The compositor asks about a paste.
    AskPaste,
    /// The gateway reads its next message.
    ReadNet,
    /// The gateway notices its new socket.
    TakeNet,
    /// What the gateway lets through ends by itself.
    NetEnds,
    ReadScreen,
    TakeScreen,
    /// A compositor is there for the monitor.
    ScreenUp,
    /// The person answers.
    Say(Answer),
    /// The person takes back the first or the last of what holds, all of the network, or everything.
    RevokeFirst,
    RevokeLast,
    NetOff,
    AllOff,
    /// An hour passes on the wall clock.
    Hour,
    /// Cuts that were not confirmed are late.
    Late,
    /// Whoever was to come back has had the time to.
    Long,
    /// The monitor dies, and another one starts.
    MonitorCrash,
    /// The shepherd makes its VM known again.
    Register,
    /// The gateway sends rubbish.
    NetBreaks,
    /// The shepherd brings another socket.
    Renew,
    /// The VM ends, and starts again.
    VmEnds,
    VmStarts,
    ScreenCrash,
}

pub(crate) const ANSWERS: [Answer; 3] = [Answer::ThisTime, Answer::UntilClosed, Answer::Hour];

/// How often something may happen in one life.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left {
    pub(crate) asks: [u8; 2],
    pub(crate) orders: u8,
    pub(crate) hours: u8,
    pub(crate) lates: u8,
    pub(crate) longs: u8,
    pub(crate) monitor_crashes: u8,
    pub(crate) net_breaks: u8,
    pub(crate) vm_ends: u8,
    pub(crate) screen_crashes: u8,
}
