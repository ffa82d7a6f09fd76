// SPDX-License-Identifier: GPL-3.0-or-later
//! One HTML page without scripts: a line per scenario, its pictures and where they differ.

use super::{ScenarioResult, Shot, escape};
use std::fmt::Write;
use std::path::{Path, PathBuf};

const HEAD: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width\"><title>Screenshot tests</title>\n<style>\
:root{color-scheme:dark light}body{font:15px/1.5 Inter,system-ui,sans-serif;margin:2rem auto;max-width:78rem;padding:0 1rem;background:#14161a;color:#e9ebef}\
h1{font-size:21px}details{background:#1b1e24;border-radius:12px;margin:.5rem 0;padding:.6rem 1rem}summary{cursor:pointer}\
.failed>summary{color:#ffc9b5}.s{color:#a8afbb;font-variant-numeric:tabular-nums}pre{white-space:pre-wrap;color:#ffc9b5}\
figure{display:inline-block;margin:.5rem 1rem .5rem 0}figcaption{color:#a8afbb;font-size:13px}img{max-width:24rem;border-radius:6px;display:block}</style>\n";

pub(super) fn render(dir: &Path, results: &[ScenarioResult]) -> String {
    let failed = results.iter().filter(|r| r.failure.is_some()).count();
    let mut out = String::from(HEAD);
    // Writing to a String can't fail.
    let _ = writeln!(out, "<h1>Screenshot tests: {} passed, {failed} failed</h1>", results.len() - failed);
    let mut sorted: Vec<&ScenarioResult> = results.iter().collect();
    sorted.sort_by_key(|r| r.failure.is_none());
    for r in sorted {
        scenario(&mut out, dir, r);
    }
    out.push_str("</html>\n");
    out
}

fn scenario(out: &mut String, dir: &Path, r: &ScenarioResult) {
    let (class, open) = if r.failure.is_some() { ("failed", " open") } else { ("ok", "") };
    let _ = writeln!(
        out,
        "<details class=\"{class}\"{open}><summary>{} <span class=\"s\">{} · {} steps · {:.1} s</span></summary>",
        escape(&r.name),
        escape(&r.path.display().to_string()),
        r.steps,
        r.seconds
    );
    if let Some(f) = &r.failure {
        let line = f.line.map_or(String::new(), |l| format!("line {l}: "));
        let _ = writeln!(out, "<pre>{}{}</pre>", escape(&line), escape(&f.message));
    }
    for shot in &r.shots {
        pictures(out, dir, shot);
    }
    out.push_str("<details><summary>what it took</summary><pre class=\"s\">");
    for took in &r.took {
        let line = took.line.map_or(String::new(), |l| l.to_string());
        let _ = writeln!(out, "{:7.1} s  {line:>4}  {}", took.seconds, escape(&took.what));
    }
    out.push_str("</pre></details>\n");
    if let Some(log) = &r.log {
        let _ = writeln!(out, "<p><a href=\"{}\">log</a></p>", link(dir, log));
    }
    out.push_str("</details>\n");
}

fn pictures(out: &mut String, dir: &Path, shot: &Shot) {
    let share = shot.different.map_or(String::new(), |d| format!(" · {:.3} % differ", d * 100.0));
    let all = [
        ("", Some(&shot.actual)),
        (" · golden", shot.golden.as_ref()),
        (" · difference", shot.diff.as_ref()),
    ];
    for (what, path) in all.into_iter().filter_map(|(w, p)| Some((w, p?))) {
        let src = link(dir, path);
        let share = if what.is_empty() { share.as_str() } else { "" };
        let _ = writeln!(
            out,
            "<figure><a href=\"{src}\"><img src=\"{src}\" alt=\"\" loading=\"lazy\"></a><figcaption>{}{what}{share}</figcaption></figure>",
            escape(&shot.name)
        );
    }
}

/// A link that works when the report's directory is moved together with its pictures, and for
/// goldens elsewhere at least on this machine.
fn link(dir: &Path, path: &Path) -> String {
    let absolute = |p: &Path| std::path::absolute(p).unwrap_or_else(|_e| PathBuf::from(p));
    let (dir, path) = (absolute(dir), absolute(path));
    let shown = path
        .strip_prefix(&dir)
        .map_or_else(|_e| format!("file://{}", path.display()), |p| p.display().to_string());
    escape(&shown.replace('%', "%25").replace('#', "%23").replace('?', "%3F"))
}
