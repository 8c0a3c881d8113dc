//! A table of the plan while it is read: typed access to its keys, with a finding for whatever is not as it should be.
//!
//! Knows TOML and nothing of upgrades.

use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::code::Code;
use super::finding::{Finding, Findings, OUTSIDE, ROOT, Read, Reported, Span};
use super::keys;
use super::nearest;
use super::render::quote;

/// A table with the keys that it may have.
#[derive(Debug)]
pub(super) struct Section<'a> {
    /// As an operator writes it, for example `[upgrade]`.
    pub title: &'static str,
    /// Its header, or the braces of an inline table.
    pub span: Span,
    table: &'a DeTable<'a>,
}

/// A text and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Text<'a> {
    pub text: &'a str,
    pub span: Span,
}

impl<'a> Section<'a> {
    /// The section `title` with the keys `known`; each other key is reported.
    pub(super) fn open(
        title: &'static str,
        known: &[&'static str],
        span: Span,
        table: &'a DeTable<'a>,
        out: &mut Findings,
    ) -> Self {
        for (key, _) in table.iter().filter(|(key, _)| !known.contains(&key.get_ref().as_ref())) {
            out.report(unknown_key(title, key.get_ref(), key.span(), known));
        }
        Self { title, span, table }
    }

    /// The value of `key` as it stands in the plan.
    pub(super) fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key)
    }

    /// `value` as a section of its own.
    pub(super) fn open_value(
        title: &'static str,
        known: &[&'static str],
        value: &'a Spanned<DeValue<'a>>,
        out: &mut Findings,
    ) -> Read<Self> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(Self::open(title, known, value.span(), table, out)),
            _ => Err(wrong_type(value, title, "a table", out)),
        }
    }

    /// The table at `key` as a section.
    pub(super) fn section(
        &self,
        key: &str,
        title: &'static str,
        known: &[&'static str],
        out: &mut Findings,
    ) -> Read<Option<Section<'a>>> {
        self.value(key).map(|value| Section::open_value(title, known, value, out)).transpose()
    }

    /// The tables of `[[key]]`.
    pub(super) fn sections(
        &self,
        key: &str,
        title: &'static str,
        known: &[&'static str],
        out: &mut Findings,
    ) -> Read<Vec<Section<'a>>> {
        let Some(value) = self.value(key) else { return Ok(Vec::new()) };
        match value.get_ref() {
            DeValue::Array(items) => {
                let items: Vec<_> = items.iter().map(|item| Section::open_value(title, known, item, out)).collect();
                items.into_iter().collect()
            }
            _ => Err(out.report(
                Finding::new(Code::WrongType, value.span(), format!("`{key}` is {}", type_of(value)))
                    .label("expected an array of tables")
                    .help(format!("write `{title}`, once for each group of hosts")),
            )),
        }
    }

    /// The text at `key`.
    pub(super) fn text(&self, key: &str, out: &mut Findings) -> Read<Option<Text<'a>>> {
        self.value(key).map(|value| text(value, key, out)).transpose()
    }

    /// The text at `key`, which must be there.
    pub(super) fn required_text(&self, key: &'static str, out: &mut Findings) -> Read<Text<'a>> {
        match self.text(key, out)? {
            Some(text) => Ok(text),
            None => Err(self.missing(key, out)),
        }
    }

    /// The texts of the array at `key`.
    pub(super) fn texts(&self, key: &str, out: &mut Findings) -> Read<Option<Vec<Text<'a>>>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let DeValue::Array(items) = value.get_ref() else {
            let written = value.get_ref().as_str().map(|text| format!("write `{key} = [\"{}\"]`", shown(text)));
            return Err(wrong_type_with(value, key, "an array of strings", written, out));
        };
        let items: Vec<_> = items.iter().map(|item| text(item, key, out)).collect();
        items.into_iter().collect::<Read<Vec<_>>>().map(Some)
    }

    /// The whole number at `key`, within `limits`.
    pub(super) fn number<T>(&self, key: &str, limits: RangeInclusive<T>, out: &mut Findings) -> Read<Option<T>>
    where
        T: TryFrom<u64> + PartialOrd + std::fmt::Display,
    {
        let Some(value) = self.value(key) else { return Ok(None) };
        let DeValue::Integer(written) = value.get_ref() else {
            return Err(wrong_type(value, key, "a whole number", out));
        };
        let number = u64::from_str_radix(written.as_str(), written.radix()).ok().and_then(|n| T::try_from(n).ok());
        match number.filter(|n| limits.contains(n)) {
            Some(number) => Ok(Some(number)),
            None => Err(out.report(
                Finding::new(Code::OutOfRange, value.span(), format!("`{key}` is out of range")).label(format!(
                    "must be {} to {}",
                    limits.start(),
                    limits.end()
                )),
            )),
        }
    }

    /// Whether `key` is true.
    pub(super) fn flag(&self, key: &str, out: &mut Findings) -> Read<Option<bool>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        match value.get_ref() {
            DeValue::Boolean(flag) => Ok(Some(*flag)),
            _ => Err(wrong_type(value, key, "true or false", out)),
        }
    }

    /// The word at `key`, one of `words`.
    pub(super) fn word<T: Copy>(&self, key: &str, words: &[(&str, T)], out: &mut Findings) -> Read<Option<T>> {
        let Some(Text { text, span }) = self.text(key, out)? else { return Ok(None) };
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, meaning)) => Ok(Some(*meaning)),
            None => {
                let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                Err(out.report(
                    Finding::new(Code::UnknownValue, span, format!("unknown `{key}` {}", quote(text)))
                        .label("not a known word")
                        .help(nearest::hint(text, &known)),
                ))
            }
        }
    }

    /// Reports that `key` is not there.
    pub(super) fn missing(&self, key: &'static str, out: &mut Findings) -> Reported {
        // one letter is one finding: it is there under the other name
        if key == "hosts"
            && let Some((name, _)) = self.table.iter().find(|(name, _)| name.get_ref() == "host")
        {
            return out.report(unknown_key(self.title, "host", name.span(), &[key]));
        }
        out.report(
            Finding::new(Code::MissingKey, self.span.clone(), format!("{} has no `{key}`", self.title))
                .label(format!("`{key}` must be given here"))
                .lacks([(self.title, key)]),
        )
    }
}

fn text<'a>(value: &'a Spanned<DeValue<'a>>, key: &str, out: &mut Findings) -> Read<Text<'a>> {
    match value.get_ref().as_str() {
        Some(text) => Ok(Text { text, span: value.span() }),
        None => Err(wrong_type_with(value, key, "a string", quoted(value, key), out)),
    }
}

/// The line to write for a value that lacks its quotes, or stands in an array of one.
fn quoted(value: &Spanned<DeValue<'_>>, key: &str) -> Option<String> {
    let text = match value.get_ref() {
        // seconds and minutes are not guessed
        DeValue::Integer(_) if matches!(key, "stagger" | "master_wait") => {
            return Some(format!("write a time with its unit, in quotes: `{key} = \"5m\"`"));
        }
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Array(items) => match &items[..] {
            [item] => shown(item.get_ref().as_str()?),
            _ => return None,
        },
        _ => return None,
    };
    Some(format!("write `{key} = \"{text}\"`"))
}

/// A text as it may stand between quotes.
fn shown(text: &str) -> String {
    text.escape_debug().to_string()
}

/// Reports that `value` is not what `key` takes.
pub(super) fn wrong_type(value: &Spanned<DeValue<'_>>, key: &str, expected: &str, out: &mut Findings) -> Reported {
    wrong_type_with(value, key, expected, None, out)
}

/// The same, with what to write.
fn wrong_type_with(
    value: &Spanned<DeValue<'_>>,
    key: &str,
    expected: &str,
    help: Option<String>,
    out: &mut Findings,
) -> Reported {
    let finding = Finding::new(Code::WrongType, value.span(), format!("`{key}` is {}", type_of(value)))
        .label(format!("expected {expected}"));
    out.report(match help {
        Some(help) => finding.help(help),
        None => finding,
    })
}

fn type_of(value: &Spanned<DeValue<'_>>) -> &'static str {
    match value.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

fn unknown_key(title: &'static str, key: &str, span: Span, known: &[&'static str]) -> Finding {
    let finding = Finding::new(Code::UnknownKey, span, format!("unknown key {} in {title}", quote(key)))
        .label("not a key of this section");
    let elsewhere = keys::SECTIONS.iter().find(|(section, keys)| *section != title && keys.contains(&key));
    if key == "host" && known.contains(&"hosts") {
        return finding
            .help("did you mean `hosts`? write `hosts = [\"…\"]`, a list of hosts or of ranges as \"cs[1-3]\"");
    }
    // a command for a role is at home in each section's commands
    let section = keys::ROOT.iter().find(|name| **name == key && !title.ends_with("commands]"));
    if let Some(section) = section {
        let header = keys::SECTIONS.iter().map(|(header, _)| *header).find(|h| h.trim_matches(['[', ']']) == *section);
        let header = header.unwrap_or(section);
        return finding.meant((ROOT, section)).help(format!("`{key}` is a section of its own: write `{header}`"));
    }
    match (nearest::nearest(key, known.iter().copied()), elsewhere) {
        (None, Some((section, _))) => {
            let header = keys::ROOT.iter().find(|name| section.trim_matches(['[', ']']) == **name);
            let finding = finding.help(format!("`{key}` is a key of {section}"));
            match header.filter(|_| title == ROOT) {
                Some(header) => finding.meant((OUTSIDE, header)),
                None => finding,
            }
        }
        (Some(meant), _) => finding.meant((title, meant)).help(nearest::hint(key, known)),
        (None, None) => finding.help(nearest::hint(key, known)),
    }
}
