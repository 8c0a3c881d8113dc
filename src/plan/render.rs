//! Findings as text: file, line, column, the line itself, what is wrong with it and what to do.
//!
//! Colour only where it is asked for. Text from the plan is shown, never obeyed: control characters are made visible.

use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::finding::{Finding, Span};

/// More findings than this are counted and not shown: a file with more is mostly one slip seen many times.
const MOST_SHOWN: usize = 100;

/// All of `findings`, which were found in `source`.
pub(super) fn render(path: &Path, source: &str, findings: &[Finding], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut text: Vec<String> =
        findings.iter().take(MOST_SHOWN).map(|f| renderer.render(&[group(path, source, f)])).collect();
    if findings.len() > MOST_SHOWN {
        let title = Level::ERROR.primary_title(format!("and {} more", findings.len() - MOST_SHOWN));
        text.push(renderer.render(&[Group::with_title(title)]));
    }
    text.join("\n\n")
}

fn group<'a>(path: &'a Path, source: &'a str, finding: &'a Finding) -> Group<'a> {
    let extract = Extract::around(source, finding);
    let mut snippet = Snippet::source(extract.text)
        .path(visible(&path.to_string_lossy()))
        .line_start(extract.first_line)
        .annotation(AnnotationKind::Primary.span(extract.span(&finding.span)).label(label(&finding.label)));
    if let Some((span, text)) = &finding.related {
        snippet = snippet.annotation(AnnotationKind::Context.span(extract.span(span)).label(label(text)));
    }
    let title = Level::ERROR.primary_title(finding.message.as_str()).id(finding.code.as_str());
    let group = title.element(snippet);
    match &finding.help {
        Some(help) => group.element(Level::HELP.message(help.as_str())),
        None => group,
    }
}

fn label(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// The lines that a finding needs. A large plan is not searched from its beginning for each finding.
struct Extract<'a> {
    text: &'a str,
    start: usize,
    first_line: usize,
}

impl<'a> Extract<'a> {
    fn around(source: &'a str, finding: &Finding) -> Self {
        let spans = || std::iter::once(&finding.span).chain(finding.related.as_ref().map(|(span, _)| span));
        let least = spans().map(|span| span.start).min().unwrap_or_default().min(source.len());
        let greatest = spans().map(|span| span.end).max().unwrap_or_default().clamp(least, source.len());
        let bytes = source.as_bytes();
        let start = bytes[..least].iter().rposition(|&b| b == b'\n').map_or(0, |newline| newline + 1);
        let end = bytes[greatest..].iter().position(|&b| b == b'\n').map_or(source.len(), |more| greatest + more + 1);
        Self {
            text: &source[start..end],
            start,
            first_line: 1 + bytes[..start].iter().filter(|&&b| b == b'\n').count(),
        }
    }

    /// `span` within the extract.
    fn span(&self, span: &Span) -> Span {
        let within = |offset: usize| offset.saturating_sub(self.start).min(self.text.len());
        within(span.start)..within(span.end)
    }
}

/// `text` with what cannot be seen written out.
fn visible(text: &str) -> String {
    // `escape_debug` would write `\'` and `\"` where something else does the quoting
    text.escape_debug().to_string().replace("\\'", "'").replace("\\\"", "\"")
}

/// Text from the plan for a message: quoted, made visible, and not longer than a person reads.
pub(super) fn quote(text: &str) -> String {
    const MOST: usize = 60;
    let shown = visible(&text.chars().take(MOST).collect::<String>());
    if text.chars().nth(MOST).is_some() { format!("`{shown}…`") } else { format!("`{shown}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_is_visible_and_short() {
        assert_eq!(quote("a\u{1b}[2Jb"), "`a\\u{1b}[2Jb`");
        assert_eq!(quote("it's"), "`it's`");
        assert_eq!(quote(&"x".repeat(70)), format!("`{}…`", "x".repeat(60)));
    }
}
