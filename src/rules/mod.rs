//! An upgrade line: which releases, in which order, with which waits, and why. PURE.

pub mod line_1_5_to_1_6;

/// A finding that stops a run unless the plan names its code under `acknowledge`. There is no other way past it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledgeable {
    /// The stable code.
    pub code: &'static str,
    /// What the operator accepts by naming it, in one line.
    pub meaning: &'static str,
}

/// Every finding that can be acknowledged.
pub const ACKNOWLEDGEABLE: &[Acknowledgeable] = &[
    Acknowledgeable {
        code: line_1_5_to_1_6::UNSAFE_TARGET_CODE,
        meaning: "the target release deletes chunks that its metadata does not know",
    },
    Acknowledgeable { code: "chunks-missing", meaning: "chunks without a single copy, whose data cannot be read now" },
    Acknowledgeable {
        code: "chunkserver-gone",
        meaning: "a chunkserver that the master lists as disconnected and that is gone for good",
    },
    Acknowledgeable {
        code: "full-stop-under-mounts",
        meaning: "mounts that are connected when a full-stop takes the master away; everything that uses them is stopped",
    },
    Acknowledgeable { code: "chunks-under-goal", meaning: "chunks with fewer copies than their goal" },
];

/// The finding with this code, if it can be acknowledged.
#[must_use]
pub fn acknowledgeable(code: &str) -> Option<&'static Acknowledgeable> {
    ACKNOWLEDGEABLE.iter().find(|a| a.code == code)
}
