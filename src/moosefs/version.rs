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
