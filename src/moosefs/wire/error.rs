//! What can be wrong with bytes that claim to be an answer. Holds no bytes of the network itself, so that an error can be
//! printed as it is.

use semver::Version;

/// Why bytes are no answer that is understood. Every variant says which answer it was about and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A header announces more than the reader is willing to hold.
    #[error("packet {kind} announces {length} bytes, more than the limit of {limit}")]
    TooLong {
        /// The packet's kind.
        kind: u32,
        /// The announced length of its payload, in bytes.
        length: u32,
        /// What the reader takes at most, in bytes.
        limit: u32,
    },
    /// The payload ends inside a field.
    #[error("answer {answer} ends early: {field} at byte {offset} needs {needed} bytes, {left} are left")]
    Short {
        /// Which answer, by its name in MFSCommunication.h.
        answer: &'static str,
        /// The field that does not fit.
        field: &'static str,
        /// Where the field begins, in bytes from the start of the payload.
        offset: usize,
        /// The bytes that the field takes.
        needed: usize,
        /// The bytes that there are.
        left: usize,
    },
    /// The payload goes on behind its last field.
    #[error("answer {answer} should end at byte {offset}, but goes on for {left} bytes")]
    Trailing {
        /// Which answer.
        answer: &'static str,
        /// Where it should have ended, in bytes from the start of the payload.
        offset: usize,
        /// The bytes that are too many.
        left: usize,
    },
    /// The payload has a length that no release writes.
    #[error("answer {answer} has {length} bytes, expected {expected}")]
    Length {
        /// Which answer.
        answer: &'static str,
        /// The payload's length in bytes.
        length: usize,
        /// The lengths that are known, in words.
        expected: &'static str,
    },
    /// The payload's form and the version in it (or the version of the master that sent it) do not belong together.
    #[error("answer {answer} of {length} bytes is not known of version {}", shown(version))]
    Release {
        /// Which answer.
        answer: &'static str,
        /// The payload's length in bytes.
        length: usize,
        /// The version that was told; `None`: 0 or none at all.
        version: Option<Version>,
    },
    /// More than one layout fits the whole payload, with different meanings (1.6.21 and 1.6.22 only, whose sources are lost).
    #[error("answer {answer} of {length} bytes can be read in more than one way")]
    Ambiguous {
        /// Which answer.
        answer: &'static str,
        /// The payload's length in bytes.
        length: usize,
    },
}

fn shown(version: &Option<Version>) -> String {
    version.as_ref().map_or_else(|| "0".to_owned(), Version::to_string)
}
