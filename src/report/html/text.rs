//! How the page writes words and numbers. A figure that is not finite is a dash: the page never shows NaN.

use std::fmt;

/// What stands where there is no figure.
pub(super) const NONE: &str = "–";

/// Text from outside, safe as the content or the quoted attribute of an element.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            f.write_str(&rest[..at])?;
            f.write_str(match rest.as_bytes()[at] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                _ => "&#39;",
            })?;
            rest = &rest[at + 1..];
        }
        f.write_str(rest)
    }
}

/// A whole number with its thousands apart: `12,345`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with its unit: `1 node`, `2 nodes`.
pub(super) fn plural(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// About three significant digits.
pub(super) fn decimal(number: f64) -> String {
    match number.abs() {
        size if !size.is_finite() => NONE.into(),
        size if size >= 1e15 => format!("{number:.2e}"),
        size if size >= 100.0 => {
            let sign = if number < 0.0 { "-" } else { "" };
            format!("{sign}{}", count(size.round() as u64))
        }
        size if size >= 10.0 => format!("{number:.1}"),
        0.0 => "0".into(),
        size if size >= 0.005 => format!("{number:.2}"),
        _ => format!("{number:.0e}"),
    }
}

/// A share of 0 to 1 in percent.
pub(super) fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.1}\u{a0}%", share * 100.0) } else { NONE.into() }
}

/// A span in the unit that suits its size.
pub(super) fn span(seconds: f64) -> String {
    span_beside(seconds, seconds)
}

/// A span in the unit that suits the size of `other`: spans to be compared have one unit.
pub(super) fn span_beside(seconds: f64, other: f64) -> String {
    match other.abs() {
        _ if !seconds.is_finite() => NONE.into(),
        size if !size.is_finite() => NONE.into(),
        size if size < 0.1 && size > 0.0 => format!("{}\u{a0}ms", decimal(seconds * 1e3)),
        size if size < 300.0 => format!("{}\u{a0}s", decimal(seconds)),
        size if size < 3.0 * 3600.0 => format!("{}\u{a0}min", decimal(seconds / 60.0)),
        size if size < 3.0 * 86_400.0 => format!("{}\u{a0}h", decimal(seconds / 3600.0)),
        _ => format!("{}\u{a0}d", decimal(seconds / 86_400.0)),
    }
}

/// The text with the zeros after its decimal point removed.
pub(super) fn trimmed(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

/// The text cut to `most` characters, with an ellipsis where it was longer.
pub(super) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.into(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            ["0", "999", "1,000", "1,234,567"],
            [count(0), count(999), count(1000), count(1_234_567)].each_ref().map(String::as_str)
        );
        assert_eq!([decimal(0.0), decimal(1.5), decimal(12.34), decimal(12_345.6)], ["0", "1.50", "12.3", "12,346"]);
        let spans = [0.0, 0.05, 12.0, 600.0, 7200.0, 864_000.0].map(|seconds| span(seconds).replace('\u{a0}', " "));
        assert_eq!(spans, ["0 s", "50.0 ms", "12.0 s", "10.0 min", "120 min", "10.0 d"]);
        assert_eq!([decimal(f64::NAN), percent(f64::INFINITY), span(f64::NAN)], [NONE; 3]);
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(shortened("größer", 3), "grö…");
        assert_eq!(shortened("größer", 6), "größer");
    }
}
