//! One role's turn on a host of several: an installation brings the programs of all roles, and whatever boots the host before
//! the other roles' turns must find their old ones. PURE.
//!
//! The programs of roles whose turn is to come are set aside right after the installation, in the same command, and the old
//! ones put back from what was kept. Each file changes by one rename, so that a running program keeps its own and a start
//! finds a whole one. A role's own turn runs the installation again; where that leaves an old program (a package manager
//! that has nothing to do), what was set aside takes its place.
//!
//! What stays open: while the installation itself runs, all of its programs are there. That is inside of the command, and a
//! run that is resumed runs it again, which sets them aside.

use serde::{Deserialize, Serialize};

use crate::host::AbsPath;
use crate::host::sh::{Script, sh};
use crate::moosefs::daemon::Role;

/// Whose turn it is, and whose is to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The installation prefix that they share.
    pub prefix: AbsPath,
    /// The tar file of what the installation replaces.
    pub kept: AbsPath,
    /// A folder for what is set aside, with one folder a role: that it is there says that the role's turn is to come.
    pub aside: AbsPath,
    /// Whose turn it is.
    pub role: Role,
    /// Whose is to come.
    pub later: Vec<Role>,
}

/// A role's programs below the prefix, as patterns of the shell. What belongs to no role (CGI scripts, manuals) comes with the
/// first installation: no release's daemon or mount is made of it.
fn programs(role: Role) -> &'static str {
    match role {
        Role::Master => "sbin/mfsmaster sbin/mfsmetarestore sbin/mfsmetadump",
        Role::Metalogger => "sbin/mfsmetalogger",
        Role::Chunkserver => "sbin/mfschunkserver",
        Role::Client => "bin/mfs*",
    }
}

impl Turn {
    /// `install` as the role's turn. It can be run again, however it was cut short; a role is only set aside while its program
    /// is the one that was kept.
    #[must_use]
    pub(super) fn script(&self, install: Script) -> Script {
        sh!(
            r#"k=‹kept›; a=‹aside›; o=$a/kept; w=$(pwd); cd ‹prefix› || exit
there() { [ -e "$1" ] || [ -h "$1" ]; }
sum() { sha256sum < "$1" 2> /dev/null; }
old() { if there "$o/$1"; then [ "$(sum "$o/$1")" = "$(sum "$1")" ]; else ! there "$1"; fi; }
put() {
  mkdir -p "${2%/*}" && rm -f "$2.mfsupgrade" && cp -pP "$1" "$2.mfsupgrade" && mv -f "$2.mfsupgrade" "$2" ||
  { echo "$2 cannot be put in its place"; exit 1; }
}
names() { { ls -d $1; cd "$o" && ls -d $1; } 2> /dev/null | sort -u; }
to_come() { [ -d "$a/$1" ] || ! old "$3" || mkdir -m 700 "$a/$1" || exit; }
set_aside() {
  [ -d "$a/$1" ] || return 0
  for f in $(names "$2"); do
    if ! old "$f"; then
      ! there "$f" || put "$f" "$a/$1/$f"
      if there "$o/$f"; then put "$o/$f" "$f"; else rm -f "$f"; fi
    fi
  done
  echo "the old $1 programs stay in place until their turn"
}
bring_back() {
  [ -d "$a/$1" ] || return 0
  for f in $(cd "$a/$1" && ls -d $2 2> /dev/null); do ! old "$f" || put "$a/$1/$f" "$f"; done
  rm -rf "$a/$1"
}
(umask 077; rm -rf "$o"; mkdir -p "$o") && tar -xpf "$k" -C "$o" --anchored --exclude='etc/*' --exclude='share/*' || exit‹to_come›
(cd "$w" && ‹install›) || exit‹set_aside›‹bring_back›
rm -rf "$o""#,
            kept = &self.kept,
            aside = &self.aside,
            prefix = &self.prefix,
            to_come = each(&self.later, |words| sh!("\nto_come ‹words›", words = words)),
            install = install,
            set_aside = each(&self.later, |words| sh!("\nset_aside ‹words›", words = words)),
            bring_back = each(&[self.role], |words| sh!("\nbring_back ‹words›", words = words)),
        )
    }
}

/// One line a role: its name, its programs and the one that it runs.
fn each(roles: &[Role], line: impl Fn(Vec<String>) -> Script) -> Script {
    let words = |role: &Role| vec![role.to_string(), programs(*role).to_owned(), role.path_in_prefix().to_owned()];
    roles.iter().map(|role| line(words(role))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    struct Host {
        top: tempfile::TempDir,
    }

    impl Host {
        /// With the old release of a master, a chunkserver and a client, kept.
        fn new() -> Self {
            let host = Self { top: tempfile::tempdir().unwrap() };
            for file in ["sbin/mfsmaster", "sbin/mfsmetarestore", "sbin/mfschunkserver", "bin/mfsmount", "bin/mfstools"]
            {
                host.write(file, "old");
            }
            symlink("mfstools", host.at("bin/mfsgetgoal")).unwrap();
            let (prefix, file) = (host.path("p"), host.path("w/kept.tar"));
            let keep = crate::step::KeepCommand { prefix, file, shown: Vec::new() }.script();
            assert_eq!(host.run(Script::of_test(&keep)), 0);
            host
        }

        fn path(&self, name: &str) -> AbsPath {
            AbsPath::new(self.top.path().join(name).to_str().unwrap()).unwrap()
        }

        fn at(&self, file: &str) -> PathBuf {
            self.top.path().join("p").join(file)
        }

        fn write(&self, file: &str, text: &str) {
            fs::create_dir_all(self.at(file).parent().unwrap()).unwrap();
            let _ = fs::remove_file(self.at(file));
            fs::write(self.at(file), text).unwrap();
        }

        fn says(&self, file: &str) -> Option<String> {
            fs::read_to_string(self.at(file)).ok()
        }

        fn run(&self, script: Script) -> i32 {
            Command::new("/bin/sh").arg("-c").arg(script.as_str()).status().unwrap().code().unwrap_or(137)
        }

        /// An installation of everything, with a new daemon and a new name of a tool.
        fn install(&self) -> Script {
            let p = self.path("p");
            let files =
                "sbin/mfsmaster sbin/mfsmetarestore sbin/mfschunkserver sbin/mfsmetalogger bin/mfsmount bin/mfstools";
            Script::of_test(&format!(
                "cd {p} && for f in {files}; do rm -f $f; printf new > $f; done && \
                 for l in mfsgetgoal mfsfilerepair; do rm -f bin/$l; ln -s mfstools bin/$l; done"
            ))
        }

        fn turn(&self, role: Role, later: &[Role]) -> Turn {
            let (prefix, kept, aside) = (self.path("p"), self.path("w/kept.tar"), self.path("w/aside"));
            Turn { prefix, kept, aside, role, later: later.to_vec() }
        }

        fn programs(&self) -> Vec<String> {
            let files =
                ["sbin/mfsmaster", "sbin/mfsmetalogger", "sbin/mfschunkserver", "bin/mfsmount", "bin/mfsgetgoal"];
            files.map(|f| self.says(f).unwrap_or_else(|| "none".to_owned())).to_vec()
        }
    }

    const TURNS: [Role; 4] = [Role::Master, Role::Metalogger, Role::Chunkserver, Role::Client];

    #[test]
    fn each_role_gets_its_programs_in_its_turn_and_no_sooner() {
        let host = Host::new();
        let seen = TURNS.iter().enumerate().map(|(n, role)| {
            // whatever was cut short is run again
            for _ in 0..2 {
                assert_eq!(host.run(host.turn(*role, &TURNS[n + 1..]).script(host.install())), 0);
            }
            host.programs()
        });
        let expected = [
            ["new", "none", "old", "old", "old"],
            ["new", "new", "old", "old", "old"],
            ["new", "new", "new", "old", "old"],
            ["new", "new", "new", "new", "new"],
        ];
        assert_eq!(seen.collect::<Vec<_>>(), expected);
        assert_eq!(host.says("bin/mfsfilerepair").as_deref(), Some("new"));
        assert_eq!(fs::read_dir(host.top.path().join("w/aside")).unwrap().count(), 0);
    }

    #[test]
    fn a_package_manager_that_has_nothing_to_do_is_no_hindrance() {
        let host = Host::new();
        assert_eq!(host.run(host.turn(Role::Master, &TURNS[1..]).script(host.install())), 0);
        for (n, role) in TURNS.iter().enumerate().skip(1) {
            assert_eq!(host.run(host.turn(*role, &TURNS[n + 1..]).script(Script::of_test("true"))), 0);
        }
        assert_eq!(host.programs(), ["new"; 5]);
        assert!(fs::symlink_metadata(host.at("bin/mfsfilerepair")).unwrap().is_symlink());
    }

    #[test]
    fn one_that_was_cut_short_before_it_set_anything_aside_is_ended_by_the_next() {
        let host = Host::new();
        let turn = host.turn(Role::Master, &TURNS[1..]);
        assert_eq!(host.run(turn.script(Script::of_test(&format!("{}; kill -9 $$", host.install())))), 137);
        assert_eq!(host.says("sbin/mfschunkserver").as_deref(), Some("new"), "the host was lost in the middle");
        assert_eq!(host.run(turn.script(host.install())), 0);
        assert_eq!(host.programs(), ["new", "none", "old", "old", "old"]);
    }

    #[test]
    fn what_was_new_before_stays() {
        let host = Host::new();
        host.write("sbin/mfschunkserver", "new, by hand");
        assert_eq!(host.run(host.turn(Role::Master, &[Role::Chunkserver]).script(host.install())), 0);
        assert_eq!(host.says("sbin/mfschunkserver").as_deref(), Some("new"));
    }

    #[test]
    fn an_installation_that_fails_says_so_and_an_old_release_changed_by_it_is_old_again_at_the_next() {
        let host = Host::new();
        let turn = host.turn(Role::Master, &[Role::Chunkserver]);
        assert_eq!(host.run(turn.script(Script::of_test("false"))), 1);
        assert_eq!(host.programs(), ["old", "none", "old", "old", "old"]);
        assert_eq!(host.run(turn.script(Script::of_test("exit 7"))), 7);
        fs::remove_file(host.top.path().join("w/kept.tar")).unwrap();
        assert_ne!(host.run(turn.script(host.install())), 0, "without what was kept nothing is installed");
        assert_eq!(host.programs(), ["old", "none", "old", "old", "old"]);
    }

    #[test]
    fn a_running_program_keeps_its_file() {
        let host = Host::new();
        fs::copy("/bin/sleep", host.at("sbin/mfschunkserver.x")).unwrap();
        fs::rename(host.at("sbin/mfschunkserver.x"), host.at("sbin/mfschunkserver")).unwrap();
        fs::remove_file(host.top.path().join("w/kept.tar")).unwrap();
        let (prefix, file) = (host.path("p"), host.path("w/kept.tar"));
        let keep = Script::of_test(&crate::step::KeepCommand { prefix, file, shown: Vec::new() }.script());
        assert_eq!(host.run(keep), 0);
        let mut runs = Command::new(host.at("sbin/mfschunkserver")).arg("60").spawn().unwrap();
        let exe = |pid: u32| fs::read(Path::new("/proc").join(pid.to_string()).join("exe")).unwrap();
        let (pid, before) = (runs.id(), fs::read("/bin/sleep").unwrap());
        assert_eq!(host.run(host.turn(Role::Master, &[Role::Chunkserver]).script(host.install())), 0);
        assert!(exe(pid) == before && fs::read(host.at("sbin/mfschunkserver")).unwrap() == before);
        assert_eq!(host.run(host.turn(Role::Chunkserver, &[]).script(host.install())), 0);
        assert!(exe(pid) == before && host.says("sbin/mfschunkserver").as_deref() == Some("new"));
        runs.kill().unwrap();
        runs.wait().unwrap();
    }
}
