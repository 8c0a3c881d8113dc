//! The protocol is tested against what real daemons said ([`captured`]), against its own other half ([`properties`]) and
//! against the rows of the facts ([`layouts`]).

mod captured;
mod layouts;
mod properties;

use semver::Version;

use super::Info;
use super::encode;

/// One release for every layout that any answer has, and both sides of each border between two.
const RELEASES: [&str; 24] = [
    "1.5.2", "1.5.12", "1.6.0", "1.6.1", "1.6.4", "1.6.5", "1.6.9", "1.6.10", "1.6.20", "1.6.21", "1.6.22", "1.6.23",
    "1.6.26", "1.6.27", "2.0.60", "2.0.91", "3.0.11", "3.0.37", "3.0.38", "3.0.103", "3.0.107", "3.0.117", "4.56.6",
    "4.59.2",
];

fn version(text: &str) -> Version {
    text.parse().expect("a version")
}

/// What a master of this release says of itself.
fn info_of(speaker: &Version) -> Info {
    let layout = encode::layout(speaker);
    let told = layout != super::Layout::V15;
    Info {
        version: told.then(|| speaker.clone()),
        layout,
        total_space: 100 << 30,
        available_space: 40 << 30,
        inodes: 1_000,
        directories: 90,
        files: 900,
        chunks: 1_234,
        copies: told.then_some(2_468),
    }
}
