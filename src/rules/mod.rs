//! An upgrade line: which releases, in which order, with which waits, and why. PURE.

pub mod line_1_5_to_1_6;
