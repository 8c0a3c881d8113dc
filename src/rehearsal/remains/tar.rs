//! An archive of tar without what its making left in it. PURE.

use std::io::Read;

use tar::Archive;

/// Every member with its header, without the header's time and size (and with them, the checksum): the size is that of a script
/// with this machine's folder in it, and is seen in the content. `None`: it is no whole archive.
pub fn without_times(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut archive = Archive::new(bytes);
    let members = archive.entries().ok()?.raw(true).map(|entry| {
        let mut entry = entry.ok()?;
        let mut header = entry.header().clone();
        header.set_mtime(0);
        header.set_size(0);
        header.set_cksum();
        let (mut content, size) = (Vec::new(), entry.size());
        let read = entry.read_to_end(&mut content).ok()?;
        (u64::try_from(read) == Ok(size)).then(|| [&header.as_bytes()[..], &content].concat())
    });
    members.collect()
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
