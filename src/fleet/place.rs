//! The folder of this process's control sockets, for its user alone.
//!
//! Whoever may write there puts a socket of its own in the place of a connection: so it is 0700 whatever the umask. It lies
//! where names are short and nobody cleans, is made again when somebody did, and goes with the process. What a process has left
//! that was killed goes with the next one: the lock on its `owner` file ends with it, however it ends.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread::JoinHandle;

use tempfile::TempDir;

use super::ending::end_all;

/// How such folders are named.
const PREFIX: &str = "mfsup-";

/// The file that is locked for as long as its process lives.
const OWNER: &str = "owner";

/// A socket's name has 107 bytes at most. Below the base are `mfsup-XXXXXX/fwd-XXXXXX/s`, and ssh adds a tail of 17 bytes while it
/// connects.
const LONGEST_BASE: usize = 107 - "/mfsup-XXXXXX".len() - "/fwd-XXXXXX/s".len() - 17;

/// See the module.
#[derive(Debug)]
pub(super) struct Place {
    own: Mutex<Own>,
    sweeper: Option<JoinHandle<()>>,
}

/// The folder as it is now.
#[derive(Debug)]
struct Own {
    folder: TempDir,
    /// Held, and nothing else.
    _owner: File,
}

impl Place {
    /// Makes the folder, and ends what killed processes have left.
    ///
    /// # Errors
    /// No place on this machine will do.
    pub(super) fn new() -> io::Result<Self> {
        let own = Own::new(&bases())?;
        let all = bases();
        let sweeper = std::thread::Builder::new().name("sweep".to_owned());
        let sweeper = sweeper.spawn(move || all.iter().for_each(|base| sweep(base))).ok();
        Ok(Self { own: Mutex::new(own), sweeper })
    }

    /// Makes a folder for one socket.
    ///
    /// # Errors
    /// It could not be made, on this machine.
    pub(super) fn folder(&self, prefix: &str) -> io::Result<TempDir> {
        let mut own = self.own.lock().expect("nobody panics with it");
        match private(prefix, own.folder.path()) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                // somebody has cleaned up
                *own = Own::new(&bases())?;
                private(prefix, own.folder.path())
            }
            made => made,
        }
        .map_err(|e| io::Error::new(e.kind(), format!("on this machine: no folder for a control socket: {e}")))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Ok(own) = self.own.get_mut() {
            end_all(own.folder.path());
            let _ = std::fs::remove_dir_all(own.folder.path());
        }
        if let Some(sweeper) = self.sweeper.take() {
            let _ = sweeper.join();
        }
    }
}

impl Own {
    fn new(bases: &[PathBuf]) -> io::Result<Self> {
        let mut why = Vec::new();
        for base in bases {
            match Self::below(base) {
                Ok(own) => return Ok(own),
                Err(e) => why.push(format!("{}: {e}", base.display())),
            }
        }
        Err(io::Error::other(format!(
            "on this machine: no place for ssh's control sockets; set TMPDIR to a folder that is there, with a name of at \
             most {LONGEST_BASE} bytes ({})",
            why.join("; ")
        )))
    }

    fn below(base: &Path) -> io::Result<Self> {
        // its one whole name, by which whoever comes later finds its processes
        let base = base.canonicalize()?;
        if base.as_os_str().len() > LONGEST_BASE {
            return Err(io::Error::other(format!("its name has {} bytes", base.as_os_str().len())));
        }
        let folder = private(PREFIX, &base)?;
        // locked before it has its name: nobody sees it unlocked while this process lives
        let new = folder.path().join("new");
        let owner = File::create_new(&new)?;
        owner.lock()?;
        std::fs::rename(new, folder.path().join(OWNER))?;
        Ok(Self { folder, _owner: owner })
    }
}

/// Where the folder may lie, the best first: what nobody cleans, what the user has chosen, and what is always there.
fn bases() -> Vec<PathBuf> {
    let runtime =
        std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute() && is_own(path));
    let mut bases: Vec<PathBuf> = runtime.into_iter().collect();
    bases.extend([std::env::temp_dir(), PathBuf::from("/tmp")]);
    bases.dedup();
    bases
}

/// Whether a folder is this user's, and nobody else may write there.
fn is_own(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|meta| {
        meta.is_dir() && meta.uid() == rustix::process::geteuid().as_raw() && meta.permissions().mode() & 0o022 == 0
    })
}

fn private(prefix: &str, base: &Path) -> io::Result<TempDir> {
    tempfile::Builder::new().prefix(prefix).permissions(Permissions::from_mode(0o700)).tempdir_in(base)
}

/// Ends the connections of processes that are gone, and removes their folders.
fn sweep(base: &Path) {
    let Ok(base) = base.canonicalize() else { return };
    let Ok(entries) = std::fs::read_dir(base) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes())) {
        let folder = entry.path();
        if !is_own(&folder) {
            continue;
        }
        let Ok(owner) = File::open(folder.join(OWNER)) else { continue };
        // its process lives, or another one is about it
        if owner.try_lock().is_err() {
            continue;
        }
        end_all(&folder);
        let _ = std::fs::remove_dir_all(&folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_folder_whose_process_is_gone_is_swept_and_others_stay() {
        let base = tempfile::tempdir().unwrap();
        let (alive, dead) = (Own::below(base.path()).unwrap(), Own::below(base.path()).unwrap());
        assert_eq!(mode(alive.folder.path()), 0o700);
        let (left, Own { folder, _owner: owner }) = (dead.folder.path().to_owned(), dead);
        let _ = folder.keep();
        std::fs::create_dir(left.join("c1")).unwrap();
        // one that is being made, one that others may write to, and one of another kind
        let [begun, open, foreign] = ["mfsup-begun", "mfsup-open", "other"].map(|name| base.path().join(name));
        for folder in [&begun, &open, &foreign] {
            std::fs::create_dir(folder).unwrap();
        }
        std::fs::write(open.join(OWNER), "").unwrap();
        std::fs::write(foreign.join(OWNER), "").unwrap();
        std::fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
        sweep(base.path());
        assert!(left.exists(), "its process lives");
        drop(owner);
        sweep(base.path());
        assert!(!left.exists());
        assert!([alive.folder.path(), &begun, &open, &foreign].iter().all(|folder| folder.exists()));
    }

    #[test]
    fn whatever_the_umask_nobody_else_gets_into_the_folders() {
        // in a process of its own: a umask is the whole process's
        let base = tempfile::tempdir().unwrap();
        let test = "fleet::place::tests::makes_folders_where_it_is_told";
        for umask in ["000", "002", "022", "077"] {
            let run = format!("umask {umask}; exec \"$0\" --exact {test} --ignored");
            let mut shell = std::process::Command::new("/bin/sh");
            shell.args(["-c", &run]).arg(std::env::current_exe().unwrap()).env("TMPDIR", base.path());
            let output = shell.env_remove("XDG_RUNTIME_DIR").output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && said.contains("1 passed"), "{umask}: {said}");
        }
    }

    #[test]
    #[ignore = "whatever_the_umask_nobody_else_gets_into_the_folders runs it"]
    fn makes_folders_where_it_is_told() {
        let place = Place::new().unwrap();
        for folder in [place.folder("c").unwrap(), place.folder("fwd-").unwrap()] {
            assert_eq!((mode(folder.path()), mode(folder.path().parent().unwrap())), (0o700, 0o700));
        }
    }

    #[test]
    fn a_name_that_is_too_long_for_a_socket_is_not_taken() {
        let base = tempfile::tempdir().unwrap();
        let deep = base.path().join("d".repeat(LONGEST_BASE));
        std::fs::create_dir(&deep).unwrap();
        let own = Own::new(&[deep.clone(), base.path().to_owned()]).unwrap();
        assert_eq!(own.folder.path().parent(), Some(base.path()));
        let none = base.path().join("none");
        let error = Own::new(&[deep, none]).unwrap_err().to_string();
        for words in ["on this machine", "set TMPDIR", "its name has", "No such file or directory"] {
            assert!(error.contains(words), "{error}");
        }
        // the longest that is taken has room for what ssh makes of it
        let most = format!("{}/mfsup-XXXXXX/fwd-XXXXXX/s.1234567890123456", "d".repeat(LONGEST_BASE));
        assert_eq!(most.len(), 107);
    }

    #[test]
    fn a_folder_that_somebody_removed_is_made_again() {
        let base = tempfile::tempdir().unwrap();
        let place = Place { own: Mutex::new(Own::below(base.path()).unwrap()), sweeper: None };
        let first = place.folder("c").unwrap();
        assert_eq!(mode(first.path()), 0o700);
        std::fs::remove_dir_all(place.own.lock().unwrap().folder.path()).unwrap();
        let second = place.folder("c").unwrap();
        assert!(second.path().exists() && second.path().parent() != first.path().parent());
        assert_eq!(mode(second.path().parent().unwrap()), 0o700);
    }
}
