// SPDX-License-Identifier: GPL-3.0-or-later
//! Steps about the scenario's own sites. In: what is expected. Out: whether their counters say so.

use super::{Run, StepError};
use crate::format::ExpectHttp;
use crate::net::Seen;

impl Run<'_> {
    pub(super) fn expect_http(&mut self, wanted: &ExpectHttp) -> Result<(), StepError> {
        self.until(wanted.timeout_s, |run| match run.net.seen(&wanted.host, wanted.port) {
            Some(seen) => Ok(judge(&seen, wanted)),
            None => Err(StepError::Expectation(format!(
                "{}:{} is not served; a serve_http step does that",
                wanted.host, wanted.port
            ))),
        })
    }
}

/// What is wrong with what a site has seen, if anything is.
fn judge(seen: &Seen, wanted: &ExpectHttp) -> Option<String> {
    let kib = |n: u64| n.saturating_mul(1024);
    let wrong = [
        wanted.requests.filter(|n| *n != seen.requests).map(|n| format!("{n} requests")),
        wanted.min_kib.filter(|n| seen.sent < kib(*n)).map(|n| format!("at least {n} KiB sent")),
        wanted.max_kib.filter(|n| seen.sent > kib(*n)).map(|n| format!("at most {n} KiB sent")),
        wanted.cut.filter(|n| *n != seen.cut).map(|n| format!("{n} answers cut")),
    ];
    let first = wrong.into_iter().flatten().next()?;
    Some(format!(
        "{} should have {first}; it has {} requests, {} bytes sent, {} answers whole, {} cut",
        wanted.host, seen.requests, seen.sent, seen.whole, seen.cut
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_judged() {
        let seen = Seen { requests: 2, sent: 4096, whole: 1, cut: 1 };
        let wanted = |requests, min_kib, max_kib, cut| ExpectHttp {
            host: "a.org".into(),
            port: 8080,
            requests,
            min_kib,
            max_kib,
            cut,
            timeout_s: 0,
        };
        assert_eq!(judge(&seen, &wanted(Some(2), Some(4), Some(4), Some(1))), None);
        for (bad, part) in [
            (wanted(Some(1), None, None, None), "1 requests"),
            (wanted(None, Some(5), None, None), "at least 5 KiB"),
            (wanted(None, None, Some(3), None), "at most 3 KiB"),
            (wanted(None, None, None, Some(0)), "0 answers cut"),
        ] {
            assert!(judge(&seen, &bad).is_some_and(|why| why.contains(part)), "{part}");
        }
    }
}
