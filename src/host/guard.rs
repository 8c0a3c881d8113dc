//! Whether others than root can change what lies in a folder of this program's own: shell text of the job launcher and of a
//! look. PURE.

/// A function `others PATH`, which prints why they can, and nothing where they cannot.
///
/// The folder may be absent yet: then its nearest parent counts, in which somebody else could make it. A folder above that has
/// the sticky bit (`/tmp`) lets nobody take away what is root's. `r` is empty, but in a rehearsal, whose hosts begin there.
macro_rules! others {
    () => {
        r#"others() {
  r=/proc; r=${r%/proc}
  [ ! -h "$1" ] || { echo "$1 is a symbolic link"; return; }
  q=$1
  while [ -n "$q" ] && [ ! -d "$q" ]; do case $q in */*) q=${q%/*} ;; *) q= ;; esac; done
  q=$(cd "${q:-/.}" 2>/dev/null && pwd -P) || return
  k=last; me=$(id -u)
  while [ -n "${q#"$r"}" ]; do
    x=$(stat -c '%u:%g:%a' "$q" 2>/dev/null) || return
    case $x in 0:*|"$me":*) ;; *) echo "$q belongs to the user with number ${x%%:*}"; return ;; esac
    case $k:$x in
      above:*[1357][0-7][0-7][0-7]) ;;
      *[2367]) echo "everybody may write in $q"; return ;;
      *:*:0:*) ;;
      *[2367][0-7]) echo "a group other than root's may write in $q"; return ;;
    esac
    k=above
    case $q in */*) q=${q%/*} ;; *) q= ;; esac
  done
}
"#
    };
}
pub(super) use others;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    fn others(path: &str) -> String {
        let script = concat!(others!(), "others \"$1\"");
        let output = std::process::Command::new("/bin/sh").args(["-c", script, "sh", path]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        String::from_utf8(output.stdout).unwrap()
    }

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_folder_that_others_can_change_is_told_with_the_reason() {
        let top = tempfile::tempdir().unwrap();
        let work = top.path().join("lib/work");
        fs::create_dir_all(&work).unwrap();
        mode(&top.path().join("lib"), 0o755);
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        for (bits, reason) in [(0o711, ""), (0o755, ""), (0o777, "everybody may write in"), (0o1777, "everybody may")] {
            mode(&work, bits);
            let said = others(&text(&work));
            assert_eq!(said.is_empty(), reason.is_empty(), "{bits:o}: {said}");
            assert!(said.starts_with(reason), "{bits:o}: {said}");
        }
        mode(&work, 0o711);
        mode(&top.path().join("lib"), 0o777);
        assert!(
            others(&text(&work)).contains("everybody may write in"),
            "whoever may write above can put another there"
        );
        assert!(others(&text(&top.path().join("lib/absent/deep"))).contains("everybody may write in"));
        mode(&top.path().join("lib"), 0o1777);
        assert_eq!(others(&text(&work)), "", "what is there in a folder like /tmp is not taken away");
        assert!(others(&text(&top.path().join("lib/absent"))).contains("everybody may write in"));
        let link = top.path().join("link");
        symlink(&work, &link).unwrap();
        assert!(others(&text(&link)).contains("is a symbolic link"));
    }

    #[test]
    fn it_ends_for_every_path() {
        for path in ["", "/", "//", "no-slash", "a/b", "/not/there/at/all", "./x", "..", "/proc/1/../x", "-n", "a b/*"]
        {
            others(path);
        }
    }
}
