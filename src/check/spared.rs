//! How much a count may differ between two looks of which nobody can say that nothing happened between them. PURE.

/// Files are made and deleted, and chunks are moved, while a look or a copy is made: by so much, in percent, a count may differ.
pub const SPARED_PERCENT: u64 = 2;

/// The same for small clusters, in inodes, files or chunks.
const SPARED_LEAST: u64 = 100;

/// How much of a count of `all` may be gone, or be there beyond it.
#[must_use]
pub fn spared(all: u64) -> u64 {
    SPARED_LEAST.max(all * SPARED_PERCENT / 100)
}
