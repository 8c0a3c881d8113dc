//! Release numbers: as people write them (semver), as the wire carries them.

pub use semver::Version;

/// Decodes a version as the admin protocol carries it: `major << 16 | middle << 8 | minor`, with a flag byte above that is
/// masked off. From 2.0 on the minor is doubled and odd means PRO (`VERSMIN ((versmin)*2)`, configure.ac @ 2.0.91),
/// given here as build metadata `+pro`. `None` for 0, which a 1.6 master gives for a 1.5 chunkserver.
#[must_use]
pub fn from_wire(wire: u32) -> Option<Version> {
    let [_, major, middle, minor] = wire.to_be_bytes();
    if (major, middle, minor) == (0, 0, 0) {
        return None;
    }
    let mut version = Version::new(major.into(), middle.into(), minor.into());
    if major >= 2 {
        version.patch /= 2;
        if minor % 2 == 1 {
            version.build = semver::BuildMetadata::new("pro").expect("`pro` is valid build metadata");
        }
    }
    Some(version)
}

/// The inverse of [`from_wire`], for the simulated daemons. Numbers above 255 do not fit the wire and are cut.
#[must_use]
pub fn to_wire(version: &Version) -> u32 {
    let byte = |n: u64| (n & 0xff) as u8;
    let minor =
        if version.major >= 2 { version.patch * 2 + u64::from(!version.build.is_empty()) } else { version.patch };
    u32::from_be_bytes([0, byte(version.major), byte(version.minor), byte(minor)])
}

/// The releases whose programs tell no version on the wire, and whose masters no chunk matrix (matocuserv.c @ 1.5.12 and 1.6.0).
pub const TELLS_NONE: Family = Family::new(1, 5);

/// The families of releases that [`super::releases`] knows, as they are written.
pub const FAMILIES: [Family; 2] = [Family::new(1, 5), Family::new(1, 6)];

/// A release as people write it, for examples.
pub const EXAMPLE: &str = "1.6.27";

/// Releases that share their first two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    major: u64,
    minor: u64,
}

impl Family {
    /// `Family::new(1, 5)` is 1.5.
    #[must_use]
    pub const fn new(major: u64, minor: u64) -> Self {
        Self { major, minor }
    }

    /// The family of a release.
    #[must_use]
    pub const fn of(release: &Version) -> Self {
        Self::new(release.major, release.minor)
    }

    /// Where it begins.
    #[must_use]
    pub const fn first(self) -> Version {
        Version::new(self.major, self.minor, 0)
    }
}

impl std::fmt::Display for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_seen_on_real_wires() {
        // minor on the wire = 2 x minor from 2.0 on: VERSMIN, configure.ac @ 2.0.91
        for (wire, text) in [
            (0x0001_050c, "1.5.12"),
            (0x0001_061b, "1.6.27"),
            (0x0002_00b6, "2.0.91"),
            (0x0003_00ea, "3.0.117"),
            (0x0004_380c, "4.56.6"),
            (0x0003_00eb, "3.0.117+pro"),
        ] {
            let version: Version = text.parse().unwrap();
            assert_eq!(from_wire(wire), Some(version.clone()));
            assert_eq!(to_wire(&version), wire);
        }
        assert_eq!(from_wire(0x0100_0000), None, "the flag byte is no version");
    }
}
