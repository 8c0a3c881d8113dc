//! The scripts that bring an old release back on a host: its programs, its configuration, its chunkserver's folders. PURE.
//!
//! Each can be run again after it was cut short, and none writes over a file that is not its own copy.

use super::AbsPath;
use super::sh::{Script, sh};

/// Unpacks what an installation replaced, and removes programs that it added. Configuration stays as it is. `only`: these
/// paths below the prefix and nothing else, where daemons of the new release still run from it.
#[must_use]
pub(super) fn restore(prefix: &AbsPath, file: &AbsPath, only: &[String]) -> Script {
    if !only.is_empty() {
        return sh!("tar -xpf ‹file› -C ‹prefix› ‹only›", file = file, prefix = prefix, only = only.to_vec());
    }
    sh!(
        "k=‹file›; cd ‹prefix› && tar -xpf \"$k\" -C ‹prefix› --anchored --exclude='etc/*' && had=$(tar -tf \"$k\") &&
for f in sbin/mfs* bin/mfs*; do
  if [ -e \"$f\" ] || [ -h \"$f\" ]; then printf '%s\\n' \"$had\" | grep -q -x -F -e \"$f\" || rm -f \"$f\" || exit 1; fi
done",
        file = file,
        prefix = prefix,
    )
}

/// What a configuration file said before: from its copy beside it, or nothing. What is there now is kept in `aside`.
#[must_use]
pub(super) fn put_back(file: &AbsPath, beside: Option<&AbsPath>, aside: &AbsPath) -> Script {
    match beside {
        None => sh!("f=‹file›; [ ! -e \"$f\" ] || mv -f \"$f\" ‹aside›", file = file, aside = aside),
        Some(beside) => sh!(
            "f=‹file›; b=‹beside›; a=‹aside›; [ ! -e \"$b\" ] || { { [ ! -e \"$f\" ] || cp -p \"$f\" \"$a\"; } && mv -f \"$b\" \"$f\"; }",
            file = file,
            beside = beside,
            aside = aside,
        ),
    }
}

/// Moves every chunk from the folders 00 to FF of a disk (1.6.6 and later) to the folder named by the last hexadecimal
/// digit of its id (1.5), and removes the 256 (run with 1.6.27 and 1.5.12). All chunks of a folder `XY` go to
/// `Y`. A chunk that is in both places, which a 1.5 chunkserver on such a disk can make, stops it before anything is moved.
/// The folders 0 to F get the owner and the mode of those that they come from, since the daemon gives up root.
#[must_use]
pub(super) fn folders_back(disks: &[AbsPath]) -> Script {
    sh!(
        r#"set -- ‹disks›; h='[0-9A-F]'; h7=$h$h$h$h$h$h$h; export LC_ALL=C
fail() { echo "$1"; exit 1; }
here() { find . -type f -name 'chunk_*.mfs' | wc -l; }
apart() {
  for f in "$1"/chunk_$h$h7$h7$2_$h$h7.mfs; do
    [ ! -e "$2/${f#*/}" ] || fail "$d: $f is in $2 as well; nothing was moved: compare the two and take one away"
  done
}
move() {
  rmdir "$1" 2> /dev/null && return
  if [ ! -d "$2" ]; then
    mkdir "$2" && chmod "$(stat -c %a "$1")" "$2" && chown "$(stat -c %u:%g "$1")" "$2" || fail "$d/$2 cannot be made"
  fi
  y=$2; set -- "$1" "$1"/chunk_$h$h7$h7$2_$h$h7.mfs; w=$1; shift
  [ ! -e "$1" ] || printf '%s\n' "$@" | xargs -n 500 sh -c 'mv -i "$@" "$0" < /dev/null' "$y/" || fail "$d/$w cannot be moved"
  rmdir "$w" 2> /dev/null || echo "$d/$w is not empty: what is in it is no chunk of this folder, and was left there"
}
for d do
  cd "$d" || fail "$d cannot be entered"
  for w in $h$h; do [ ! -d "$w" ] || [ -h "$w" ] || [ ! -d "${w#?}" ] || apart "$w" "${w#?}"; done
done
for d do
  cd "$d" || fail "$d cannot be entered"
  n=$(here)
  for w in $h$h; do [ ! -d "$w" ] || [ -h "$w" ] || move "$w" "${w#?}"; done
  [ "$(here)" = "$n" ] || fail "$d had $n chunk files and has $(here) now"
  echo "$d: $n chunk files, as many as before"
done"#,
        disks = disks,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    fn path(folder: &Path) -> AbsPath {
        AbsPath::new(folder.to_str().unwrap()).unwrap()
    }

    /// Exit code and output of a script in this machine's own shell.
    fn run(script: &Script) -> (i32, String) {
        let output = Command::new("/bin/sh").arg("-c").arg(script.as_str()).output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code().unwrap(), text)
    }

    fn name(id: u64) -> String {
        format!("chunk_{id:016X}_00000001.mfs")
    }

    /// A disk as 1.6.27 leaves it, with `count` chunks that say who they are.
    fn disk(folder: &Path, count: u64) {
        for n in 0..256 {
            fs::create_dir_all(folder.join(format!("{n:02X}"))).unwrap();
        }
        for id in (0..count).map(|n| n * 37) {
            fs::write(folder.join(format!("{:02X}", id & 0xff)).join(name(id)), id.to_string()).unwrap();
        }
    }

    fn is_old(folder: &Path, count: u64) {
        for id in (0..count).map(|n| n * 37) {
            let file = folder.join(format!("{:X}", id & 0xf)).join(name(id));
            assert_eq!(fs::read_to_string(&file).unwrap(), id.to_string(), "{}", file.display());
        }
        assert!(!folder.join("00").exists() && !folder.join("FF").exists());
    }

    #[test]
    fn chunks_go_to_the_folder_of_their_last_digit_and_a_second_time_changes_nothing() {
        let top = tempfile::tempdir().unwrap();
        let disks = [top.path().join("hd1"), top.path().join("hd2")];
        disks.iter().for_each(|d| disk(d, 700));
        fs::write(disks[0].join("A5").join("notes"), "mine").unwrap();
        let script = folders_back(&disks.each_ref().map(|d| AbsPath::new(d.to_str().unwrap()).unwrap()));
        let (code, said) = run(&script);
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("hd1: 700 chunk files, as many as before") && said.contains("A5 is not empty"), "{said}");
        disks.iter().for_each(|d| is_old(d, 700));
        assert_eq!(run(&script).0, 0);
        disks.iter().for_each(|d| is_old(d, 700));
        assert_eq!(fs::read_to_string(disks[0].join("A5/notes")).unwrap(), "mine");
    }

    #[test]
    fn one_that_was_cut_short_is_ended() {
        let top = tempfile::tempdir().unwrap();
        disk(top.path(), 300);
        // a third of it is done, one folder is emptied and there, and 1.5's folders are there
        for w in 0..90_u64 {
            let y = top.path().join(format!("{:X}", w & 0xf));
            fs::create_dir_all(&y).unwrap();
            let from = top.path().join(format!("{w:02X}"));
            for entry in fs::read_dir(&from).unwrap().map(Result::unwrap) {
                fs::rename(entry.path(), y.join(entry.file_name())).unwrap();
            }
            if w > 0 {
                fs::remove_dir(from).unwrap();
            }
        }
        let (code, said) = run(&folders_back(&[path(top.path())]));
        assert_eq!(code, 0, "{said}");
        is_old(top.path(), 300);
    }

    #[test]
    fn a_chunk_in_both_places_stops_it_before_anything_is_moved() {
        let top = tempfile::tempdir().unwrap();
        disk(top.path(), 300);
        let (wide, narrow) = (top.path().join("25").join(name(37)), top.path().join("5").join(name(37)));
        fs::create_dir(top.path().join("5")).unwrap();
        fs::write(&narrow, "another").unwrap();
        let (code, said) = run(&folders_back(&[path(top.path())]));
        assert_eq!(code, 1);
        assert!(said.contains("nothing was moved"), "{said}");
        assert_eq!(fs::read_to_string(narrow).unwrap(), "another");
        assert_eq!(fs::read_to_string(wide).unwrap(), "37");
        assert!(top.path().join("00").join(name(0)).exists());
    }

    #[test]
    fn a_disk_that_is_not_there_stops_it_before_anything_is_moved() {
        let top = tempfile::tempdir().unwrap();
        disk(top.path(), 300);
        let gone = path(&top.path().join("gone"));
        let (code, said) = run(&folders_back(&[path(top.path()), gone]));
        assert!(code == 1 && said.contains("cannot be entered"), "{said}");
        assert!(top.path().join("00").join(name(0)).exists());
    }

    #[test]
    fn programs_come_back_what_was_added_goes_and_configuration_stays() {
        let top = tempfile::tempdir().unwrap();
        let prefix = top.path().join("usr-local");
        for (file, text) in [("sbin/mfsmaster", "old"), ("bin/mfsmount", "old"), ("etc/mfsmaster.cfg", "before")] {
            fs::create_dir_all(prefix.join(file).parent().unwrap()).unwrap();
            fs::write(prefix.join(file), text).unwrap();
        }
        let file = path(&top.path().join("kept/replaced.tar"));
        assert_eq!(run(&super::super::command::keep(&path(&prefix), &file, &[])).0, 0);
        for (file, text) in [("sbin/mfsmaster", "new"), ("sbin/mfsmetalogger", "new"), ("bin/mfsmount", "new")] {
            fs::write(prefix.join(file), text).unwrap();
        }
        fs::write(prefix.join("bin/other"), "mine").unwrap();
        fs::write(prefix.join("etc/mfsmaster.cfg"), "since").unwrap();
        let says = |file: &str| fs::read_to_string(prefix.join(file)).ok();
        let (code, said) = run(&restore(&path(&prefix), &file, &["sbin/mfsmaster".into()]));
        assert_eq!(code, 0, "{said}");
        assert_eq!(says("sbin/mfsmaster").as_deref(), Some("old"));
        assert_eq!(says("bin/mfsmount").as_deref(), Some("new"));
        let (code, said) = run(&restore(&path(&prefix), &file, &[]));
        assert_eq!(code, 0, "{said}");
        assert_eq!(says("bin/mfsmount").as_deref(), Some("old"));
        assert_eq!(says("sbin/mfsmetalogger"), None);
        assert_eq!(says("bin/other").as_deref(), Some("mine"));
        assert_eq!(
            says("etc/mfsmaster.cfg").as_deref(),
            Some("since"),
            "configuration is brought back by its own step"
        );
    }

    #[test]
    fn configuration_comes_back_once() {
        let top = tempfile::tempdir().unwrap();
        let [file, beside, aside] = ["m.cfg", "m.cfg.mfs-1.5.12", "m.cfg.mfs-1.6.27"].map(|n| top.path().join(n));
        let says = |p: &Path| fs::read_to_string(p).ok();
        fs::write(&file, "new").unwrap();
        fs::write(&beside, "old").unwrap();
        let script = put_back(&path(&file), Some(&path(&beside)), &path(&aside));
        for _ in 0..2 {
            assert_eq!(run(&script).0, 0);
            assert_eq!((says(&file).as_deref(), says(&aside).as_deref()), (Some("old"), Some("new")));
        }
        let script = put_back(&path(&file), None, &path(&aside));
        for _ in 0..2 {
            assert_eq!(run(&script).0, 0);
            assert_eq!((says(&file), says(&aside).as_deref()), (None, Some("old")));
        }
    }
}
