//! The end of the page: how to make the run again, and with what configuration.

use super::text::{Escaped, shortened, span};
use super::{HtmlReport, View, section};

/// The longest configuration that is shown in full, in characters.
const LONGEST: usize = 60_000;

/// Writes the section.
pub(super) fn write(report: &HtmlReport, view: &View, page: &mut String) {
    section(page, "configuration", "Configuration and how to reproduce");
    page.push_str("<p>The same command, version and seed give the same run; the hash of its event journal proves it.</p>\n");
    page.push_str(&format!("<pre tabindex=\"0\" aria-label=\"Command line\"><code>{}</code></pre>\n", Escaped(report.command)));
    page.push_str("<div class=\"panel scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Origin of the runs\">\n<table>\n<thead><tr><th scope=\"col\">Run</th><th scope=\"col\" class=\"left\">Policy</th><th scope=\"col\">Version</th><th scope=\"col\">Seed</th><th scope=\"col\" class=\"left\">Journal hash (BLAKE3)</th></tr></thead>\n<tbody>\n");
    for (label, run) in view.runs {
        let summary = &run.summary;
        page.push_str(&format!(
            "<tr><th scope=\"row\">{}</th><td class=\"left\">{}</td><td>{}</td><td>{}</td><td class=\"left\"><code>{}</code></td></tr>\n",
            Escaped(label),
            Escaped(&summary.policy),
            Escaped(report.version),
            summary.seed,
            Escaped(&summary.journal_hash)
        ));
    }
    page.push_str("</tbody>\n</table>\n</div>\n");
    let origin = view.origin;
    if origin.0 > 0 {
        page.push_str(&format!(
            "<p class=\"note\">Time 0 of the figures is {} on the simulation's clock ({} ms).</p>\n",
            span(origin.as_secs()),
            origin.0
        ));
    }
    let text = serde_json::to_string_pretty(report.configuration).unwrap_or_default();
    let shown = shortened(&text, LONGEST);
    page.push_str("<details>\n<summary>Configuration</summary>\n");
    if shown.len() < text.len() {
        page.push_str(&format!("<p class=\"note\">The first {LONGEST} characters; summary and scenario have the rest.</p>\n"));
    }
    page.push_str(&format!(
        "<pre tabindex=\"0\" aria-label=\"Configuration\"><code>{}</code></pre>\n</details>\n</section>\n",
        Escaped(&shown)
    ));
}
