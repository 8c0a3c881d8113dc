//! From a file to a plan, or to all that is wrong with it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::access::Defaults;
use super::code::Code;
use super::error::{GREATEST_SIZE, PlanError, Refused};
use super::finding::{Finding, Findings, Position, ROOT, Read};
use super::model::Plan;
use super::roster::Roster;
use super::section::Section;
use super::{chunkservers, clients, config, keys, master, metaloggers, upgrade, window};

/// A plan with the file that it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The plan.
    pub plan: Plan,
    /// The text of the file.
    pub source: String,
    /// The file.
    pub path: PathBuf,
}

impl Plan {
    /// Reads the plan at `path`. Relative paths in it are relative to its folder.
    ///
    /// # Errors
    /// [`PlanError`]: it cannot be read, or it was read and refused.
    pub fn load(path: &Path) -> Result<Loaded, PlanError> {
        let io_error = |source| PlanError::Io { path: path.to_owned(), source };
        let bytes = read_at_most(path, GREATEST_SIZE + 1).map_err(io_error)?;
        let source = String::from_utf8(bytes).map_err(|error| {
            let position = Position::of(error.as_bytes(), error.utf8_error().valid_up_to());
            PlanError::NotUtf8 { path: path.to_owned(), position }
        })?;
        // A run is resumed from any folder, so paths are made whole here.
        let folder = std::path::absolute(path).map_err(io_error)?;
        let base = folder.parent().unwrap_or(Path::new("/"));
        let plan = Self::parse(&source, path, base)?;
        Ok(Loaded { plan, source, path: path.to_owned() })
    }

    /// Reads a plan from `source`, which is called `path` in messages. Relative paths in it are relative to `base`; the
    /// files that it names (`archive`, `exports`) are read too.
    ///
    /// # Errors
    /// [`PlanError::Refused`] with all that is wrong with it, or [`PlanError::TooLarge`].
    pub fn parse(source: &str, path: &Path, base: &Path) -> Result<Self, PlanError> {
        if source.len() as u64 > GREATEST_SIZE {
            return Err(PlanError::TooLarge { path: path.to_owned() });
        }
        // Some editors put a byte order mark in front; to TOML it is nothing, and columns should not count it.
        let source = source.strip_prefix('\u{feff}').unwrap_or(source);
        let mut out = Findings::default();
        let plan = parse_toml(source, &mut out).and_then(|table| read(&table, base, &mut out));
        match plan {
            Ok(plan) if out.is_empty() => Ok(plan),
            _ => Err(PlanError::Refused(Refused {
                path: path.to_owned(),
                source: source.to_owned(),
                findings: out.into_sorted(),
            })),
        }
    }
}

/// The beginning of a file; not all of a device that never ends.
fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A key written twice leaves a table that can still be checked; other slips do not, and what follows from them would
/// only hide them.
fn parse_toml<'s>(source: &'s str, out: &mut Findings) -> Read<DeTable<'s>> {
    let (table, errors) = DeTable::parse_recoverable(source);
    let mut broken = None;
    let mut slipped = None;
    // A table written twice mostly has keys written twice, which need no finding each.
    let mut repeated_table = 0..0;
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let key = source.get(span.clone()).unwrap_or_default().trim();
        if error.message() != "duplicate key" {
            // what follows in the same line follows from its first slip
            let line = Position::of(source.as_bytes(), span.start).line;
            if slipped == Some(line) {
                continue;
            }
            slipped = Some(line);
            let finding = Finding::new(Code::TomlSyntax, span, error.message());
            broken = Some(out.report(finding.help(hint_for(source, error.span().unwrap_or(0..0).start))));
        } else if header_at(source, span.start) {
            let behind = source.get(span.end..).unwrap_or_default();
            repeated_table = span.start..span.end + behind.find("\n[").unwrap_or(behind.len());
            out.report(match key {
                "master" => master::two_masters(span, "a second `[master]`"),
                _ => Finding::new(Code::DuplicateKey, span, format!("the table `{key}` is written twice"))
                    .label("here again")
                    .help("put its keys into one table"),
            });
        } else if !repeated_table.contains(&span.start) {
            let finding = Finding::new(Code::DuplicateKey, span, format!("`{key}` is written twice"));
            out.report(finding.label("here again").help("keep one of the two"));
        }
    }
    broken.map_or(Ok(table.into_inner()), Err)
}

/// What to write in the line of a slip.
fn hint_for(source: &str, offset: usize) -> String {
    let begin = source.get(..offset).unwrap_or_default().rfind('\n').map_or(0, |newline| newline + 1);
    let line = source.get(begin..).unwrap_or_default().lines().next().unwrap_or_default();
    let line = line.split('#').next().unwrap_or_default().trim();
    let typographic = ['\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}', '\u{ab}', '\u{bb}'];
    if line.contains(typographic) {
        return "write straight quotes: \"…\"".to_owned();
    }
    let bare = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-_/@".contains(c));
    match line.split_once('=').or_else(|| line.split_once(':')) {
        Some((key, value)) if bare(key.trim()) && bare(value.trim().trim_matches('"')) => {
            format!("write `{} = \"{}\"`: a text needs quotes", key.trim(), value.trim().trim_matches('"'))
        }
        _ => "the plan is written in TOML: `key = \"text\"`, `key = [\"text\", \"text\"]`, `[section]`".to_owned(),
    }
}

/// Whether what stands at `offset` is the name of a table, as in `[master]`.
fn header_at(source: &str, offset: usize) -> bool {
    source[..offset].trim_end_matches([' ', '\t']).ends_with('[')
}

fn read(table: &DeTable<'_>, base: &Path, out: &mut Findings) -> Read<Plan> {
    // What the file as a whole lacks is missing at its beginning.
    let root = Section::open(ROOT, keys::ROOT, 0..0, table, out);
    let mut defaults = Defaults::read(&root, base, out);
    let mut roster = Roster::default();
    let upgrade = upgrade::read(&root, out);
    let window = window::read(&root, out);
    let config = config::read(&root, base, out);
    let master = master::read(&root, &mut defaults, &mut roster, out);
    let metaloggers = metaloggers::read(&root, &mut defaults, &mut roster, out);
    let chunkservers = chunkservers::read(&root, &mut defaults, &mut roster, out);
    let clients = clients::read(&root, &mut defaults, &mut roster, out);
    let plan = Plan {
        upgrade: upgrade?,
        window: window?,
        master: master?,
        metaloggers: metaloggers?,
        config: config?,
        chunkservers: chunkservers?,
        clients: clients?,
    };
    upgrade::ways_to_install(&plan, plan.line(), &root, out)?;
    Ok(plan)
}
