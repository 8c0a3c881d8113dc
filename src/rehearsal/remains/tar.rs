//! An archive of tar without what its making left in it. PURE.

/// All is in blocks of this size.
const BLOCK: usize = 512;
/// Where a header has the member's size, in octal digits.
const SIZE: std::ops::Range<usize> = 124..136;
/// Where it has the member's time, and the checksum over the header.
const TIME: std::ops::Range<usize> = 136..148;
const SUM: std::ops::Range<usize> = 148..156;

/// Every member with its header, without the header's time (and with it, the checksum). `None`: it is no whole archive.
pub fn without_times(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut members, mut at) = (Vec::new(), 0);
    loop {
        let mut member = bytes.get(at..at + BLOCK)?.to_vec();
        if member.iter().all(|byte| *byte == 0) {
            return Some(members);
        }
        let digits = std::str::from_utf8(&member[SIZE]).ok()?.trim_matches(['\0', ' ']);
        let size = usize::from_str_radix(digits, 8).ok()?;
        member[TIME].fill(0);
        member[SUM].fill(0);
        // the size is that of a script with this machine's folder in it, and is seen in the content
        member[SIZE].fill(0);
        member.extend_from_slice(bytes.get(at + BLOCK..at + BLOCK + size)?);
        at += BLOCK + size.next_multiple_of(BLOCK);
        members.push(member);
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;
    use std::time::{Duration, SystemTime};

    use super::*;

    /// An archive of a program with this content, mode and age in seconds.
    fn archive(content: &str, mode: u32, age: u64) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mfsmaster");
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let then = SystemTime::now() - Duration::from_secs(age);
        File::options().write(true).open(&file).unwrap().set_modified(then).unwrap();
        let output = Command::new("tar").args(["-cf", "-", "mfsmaster"]).current_dir(folder.path()).output().unwrap();
        output.stdout
    }

    #[test]
    fn times_do_not_count_and_content_and_mode_do() {
        let of = |content, mode, age| without_times(&archive(content, mode, age)).unwrap();
        assert_ne!(archive("old", 0o755, 0), archive("old", 0o755, 1000));
        assert_eq!(of("old", 0o755, 0), of("old", 0o755, 1000));
        assert_ne!(of("old", 0o755, 0), of("new", 0o755, 0));
        assert_ne!(of("old", 0o755, 0), of("old", 0o700, 0));
        assert_eq!(of("old", 0o755, 0).len(), 1);
        assert_eq!(without_times(&archive("old", 0o755, 0)[..600]), None, "it ends in a member");
    }
}
