//! Tests of whole plans.

mod bad_files;
mod bad_plans;
mod examples;
mod properties;
mod reference;
mod resolving;
mod scale;

use std::path::Path;

use super::{Plan, PlanError};

/// A plan that is accepted, for tests to change.
const GOOD: &str = include_str!("../../../plans/rolling.toml");

/// Reads `source` as `/plans/p.toml`.
fn parse(source: &str) -> Result<Plan, PlanError> {
    Plan::parse(source, Path::new("p.toml"), Path::new("/plans"))
}

/// A small plan with `[upgrade]` and the rest to be written by the test.
fn with_upgrade(rest: &str) -> String {
    format!("[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\n{rest}")
}

/// A small plan without clients, and `rest` behind it.
fn small(rest: &str) -> String {
    with_upgrade(&format!(
        "[install]\nsource_dir = \"/s\"\n[master]\nhost = \"m\"\n[[chunkservers]]\nhosts = [\"cs[1-3]\"]\n{rest}"
    ))
}
