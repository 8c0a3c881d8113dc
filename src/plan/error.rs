//! Why there is no plan.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::finding::{Finding, Position};
use super::render;

/// A plan is at most this long. 10,000 hosts written out by name need a fiftieth of it; a disk image by mistake does not
/// fit.
pub const GREATEST_SIZE: u64 = 16 * 1024 * 1024;

/// Why a file gave no plan.
#[derive(Debug)]
pub enum PlanError {
    /// It could not be read.
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is longer than [`GREATEST_SIZE`].
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It is not text.
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Where it stops being UTF-8.
        position: Position,
    },
    /// It was read and refused.
    Refused(Refused),
}

/// A plan that was refused, with all that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The file, as it is to be called in messages.
    pub path: PathBuf,
    /// What was read; the spans of the findings point into it.
    pub source: String,
    /// In the order of the file; at least one.
    pub findings: Vec<Finding>,
}

impl PlanError {
    /// All findings with their source lines, with colour only if `color`. No newline at the end.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        match self {
            Self::Refused(Refused { path, source, findings }) => render::render(path, source, findings, color),
            other => other.to_string(),
        }
    }

    /// The findings; empty where the file could not be read at all.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Refused(refused) => &refused.findings,
            Self::Io { .. } | Self::TooLarge { .. } | Self::NotUtf8 { .. } => &[],
        }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The cause is told by `source`.
            Self::Io { path, .. } => write!(f, "cannot read the plan {}", path.display()),
            Self::TooLarge { path } => {
                write!(f, "the plan {} is larger than {} MiB", path.display(), GREATEST_SIZE / (1024 * 1024))
            }
            Self::NotUtf8 { path, position: Position { line, column } } => {
                write!(f, "the plan {} is not UTF-8 text from line {line}, column {column} on", path.display())
            }
            Self::Refused(refused) => {
                f.write_str(&render::render(&refused.path, &refused.source, &refused.findings, false))
            }
        }
    }
}

impl std::error::Error for PlanError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::TooLarge { .. } | Self::NotUtf8 { .. } | Self::Refused(_) => None,
        }
    }
}
