//! `make install` of releases below 1.6.9 puts its samples where daemons look for their configuration (`mfsdata/Makefile.am` @ 1.6.8): what
//! is there stays as it is, and a file that was not there becomes `FILE.sample`. PURE.

use crate::host::AbsPath;
use crate::host::sh::{Script, sh};

/// `install` with the configuration below `prefix` kept over it, in the folder `aside`. It can be run again, however it was
/// cut short: the folder is there until everything is back in its place.
pub(super) fn kept_over(install: Script, prefix: &AbsPath, aside: &AbsPath) -> Script {
    sh!(
        r#"c=‹aside›; w=$(pwd); cd ‹prefix› || exit
if [ ! -d "$c" ]; then
  (umask 077; rm -rf "$c.part"; mkdir -p "$c.part") || exit
  for f in etc/mfs*.cfg; do [ ! -f "$f" ] || cp -p "$f" "$c.part/" || exit; done
  mv "$c.part" "$c" || exit
fi
(cd "$w" && ‹install›) || exit
sum() { sha256sum < "$1"; }
for f in etc/mfs*.cfg; do
  n=$c/${f##*/}
  if [ ! -f "$f" ]; then continue
  elif [ ! -f "$n" ]; then mv -f "$f" "$f.sample" || exit
  elif [ "$(sum "$n")" != "$(sum "$f")" ]; then cp -p "$n" "$f.mfsupgrade" && mv -f "$f.mfsupgrade" "$f" || exit
  fi
done
rm -rf "$c""#,
        aside = aside,
        prefix = prefix,
        install = install,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::process::Command;

    #[test]
    fn what_is_there_stays_and_samples_are_called_so() {
        let top = tempfile::tempdir().unwrap();
        let path = |name: &str| AbsPath::new(top.path().join(name).to_str().unwrap()).unwrap();
        let etc = top.path().join("p/etc");
        fs::create_dir_all(&etc).unwrap();
        fs::write(etc.join("mfsmaster.cfg"), "mine").unwrap();
        let says = |name: &str| fs::read_to_string(etc.join(name)).ok();
        let run = |install: &str| {
            let script = kept_over(Script::of_test(install), &path("p"), &path("w/aside"));
            Command::new("/bin/sh").arg("-c").arg(script.as_str()).status().unwrap().code().unwrap_or(137)
        };
        let install = format!("cd {} && for f in master exports; do echo sample > mfs$f.cfg; done", etc.display());
        assert_eq!(run(&format!("{install}; kill -9 $$")), 137, "the host was lost in the middle");
        assert_eq!(says("mfsmaster.cfg").as_deref(), Some("sample\n"));
        for _ in 0..2 {
            assert_eq!(run(&install), 0);
            assert_eq!((says("mfsmaster.cfg").as_deref(), says("mfsexports.cfg")), (Some("mine"), None));
            assert_eq!(says("mfsexports.cfg.sample").as_deref(), Some("sample\n"));
        }
        assert_eq!(run("exit 7"), 7);
    }
}
