//! Jobs: commands that outlive the connection they were begun over. PURE.
//!
//! A job is a folder on the host, with the command's output, its pid and its exit status, and a lock that is held for as long as
//! the command runs. One script begins a job or finds it again: whoever holds the lock runs, whoever finds it held follows. So it
//! can be sent as often as a connection is lost, and the command runs once.
//!
//! ```text
//! WORK_DIR/jobs/RUN/
//!   chunkservers_cs1_install-1763928512345678.lock   held (flock) by the command's own shell
//!   chunkservers_cs1_install-1763928512345678/
//!     output   stdout and stderr in their order
//!     pid      of the command's process group
//!     exit     its exit status, once it has ended
//! ```

use jiff::Timestamp;

use super::AbsPath;
use super::guard::others;
use super::sh::sh;
use super::shell::Word;

/// Seconds after which a follower says how far it is, whether the job has ended or not: a host that fell silent is known
/// as silent, and not taken for one that works for hours.
const FOLLOW_S: u64 = 20;

/// What stands before the word of its own in the last line that a follower prints.
const MARK: &str = "mfsupgrade-job=";

/// Arguments: the job's folder, `begin` or `find`, lines seen already, seconds to follow, the command, the word of the mark.
///
/// `flock -w 1` gets the lock in the moment in which the command ends; the second is how often new output is looked for.
/// Lines are shown whole, but for the last one of a command that has ended. What is run lies in files of the folder, so nothing is
/// begun below one that others can change.
const LAUNCHER: &str = concat!(
    others!(),
    r#"
d=$1 n=$3 end=$4 m=mfsupgrade-job=$6
cannot() { echo "cannot begin a job in $d: $1"; printf '\n%s refused 0\n' "$m"; exit 0; }
u=$(umask)
umask 077
if [ "$2" = begin ]; then
    # the trial runs below the same folder as the daemon's own user, who must get through it, and no further
    w=${d%/jobs/*}
    why=$( (umask 066 && mkdir -p "$w") 2>&1) || cannot "$why"
    why=$(others "$w"); [ -z "$why" ] || cannot "$why"
    why=$( (chmod go+x "$w" && mkdir -p "${d%/*}") 2>&1) || cannot "$why"
    why=$( (: >>"$d.lock") 2>&1) || cannot "$why"
    exec 9>>"$d.lock"
    if flock -n 9 && [ ! -e "$d/begun" ]; then
        why=$(mkdir -p "$d" 2>&1) && why=$( (echo "$5" >"$d/script" && : >"$d/output" && : >"$d/begun") 2>&1) || cannot "$why"
        setsid /bin/sh -c '
            echo $$ >"$1/pid"
            cd /
            (umask "$3"; exec /bin/sh -c "$2") </dev/null >>"$1/output" 2>&1 9>&-
            echo $? >"$1/exit.new" && mv "$1/exit.new" "$1/exit"
        ' job "$d" "$5" "$u" </dev/null >/dev/null 2>&1 &
    fi
    exec 9>&-
fi
[ -e "$d/begun" ] || { printf '\n%s none 0\n' "$m"; exit 0; }
state=running
while [ "$state" = running ]; do
    if flock -s -w 1 "$d.lock" true; then
        state=died
        [ -s "$d/exit" ] && state=$(cat "$d/exit")
        tail -n "+$((n + 1))" "$d/output"
        n=$(wc -l <"$d/output")
    else
        lines=$(wc -l <"$d/output")
        [ "$lines" -gt "$n" ] && sed -n "$((n + 1)),${lines}p" "$d/output"
        n=$lines end=$((end - 1))
        [ "$end" -gt 0 ] || break
    fi
done
printf '\n%s %s %d\n' "$m" "$state" "$n"
"#
);

/// One command that outlives its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its folder on the host.
    pub folder: AbsPath,
    /// What is run.
    pub script: String,
}

/// What a follower saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It ended with this exit code.
    Ended(i32),
    /// It runs.
    Running,
    /// It was begun and runs no more, and nobody wrote down how it ended: it was killed, or the host was.
    Died,
    /// No job of this name was begun on this host.
    Never,
    /// The host could not begin it; its words are the output.
    Refused,
}

impl Job {
    /// The folder of a run's jobs on a host.
    #[must_use]
    pub fn all(work_dir: &AbsPath, run: &str) -> AbsPath {
        work_dir.join(&format!("jobs/{run}"))
    }

    /// `script` as the job of `step` that was intended `at`: the journal's record of that names it, and no later try has the
    /// same name.
    #[must_use]
    pub fn new(work_dir: &AbsPath, run: &str, step: &str, at: Timestamp, script: &str) -> Self {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
        let name: String = step.chars().map(plain).collect();
        let folder = Self::all(work_dir, run).join(&format!("{name}-{}", at.as_microsecond()));
        Self { folder, script: script.to_owned() }
    }

    /// Begins it, or finds it again, and follows it for up to 20 s. `lines`: lines of its output that were seen before; `word`: of
    /// this follower's mark.
    #[must_use]
    pub fn begin(&self, lines: u64, word: &Word) -> String {
        self.launch("begin", lines, &self.script, word)
    }

    /// The same, but never begins it.
    #[must_use]
    pub fn find(&self, lines: u64, word: &Word) -> String {
        self.launch("find", lines, "", word)
    }

    fn launch(&self, verb: &str, lines: u64, script: &str, word: &Word) -> String {
        let launch = sh!(
            "/bin/sh -c ‹launcher› job ‹folder› ‹verb› ‹lines› ‹seconds› ‹script› ‹word›",
            launcher = LAUNCHER,
            folder = &self.folder,
            verb = verb,
            lines = lines,
            seconds = FOLLOW_S,
            script = script,
            word = word.as_str(),
        );
        launch.into()
    }
}

/// Removes a run's jobs from a host. The folder of all runs goes with the last.
#[must_use]
pub fn sweep(work_dir: &AbsPath, run: &str) -> String {
    let (mine, all) = (Job::all(work_dir, run), work_dir.join("jobs"));
    sh!("rm -rf ‹mine› && { rmdir ‹all› 2>/dev/null; :; }", mine = &mine, all = &all).into()
}

/// Whether a line is the last of the launcher that was given this word.
#[must_use]
pub fn is_mark(line: &str, word: &Word) -> bool {
    of_mark(line, word).is_some()
}

fn of_mark<'l>(line: &'l str, word: &Word) -> Option<&'l str> {
    line.strip_prefix(MARK)?.strip_prefix(word.as_str())?.strip_prefix(' ')
}

/// Reads what a follower printed: what it saw, the lines that it has shown in all, and the command's own output.
#[must_use]
pub fn read<'o>(output: &'o str, word: &Word) -> Option<(Seen, u64, &'o str)> {
    let (own, last) = output.trim_end_matches('\n').rsplit_once('\n')?;
    let (state, lines) = of_mark(last, word)?.split_once(' ')?;
    let seen = match state {
        "running" => Seen::Running,
        "died" => Seen::Died,
        "none" => Seen::Never,
        "refused" => Seen::Refused,
        code => Seen::Ended(code.parse().ok()?),
    };
    Some((seen, lines.parse().ok()?, own))
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Output, Stdio};

    use super::*;

    fn word() -> Word {
        Word::new(7)
    }

    fn job(folder: &tempfile::TempDir, step: &str, script: &str) -> Job {
        let work_dir = AbsPath::new(folder.path().to_str().unwrap()).unwrap();
        Job::new(&work_dir, "20261123T200000Z-beef", step, Timestamp::UNIX_EPOCH, script)
    }

    fn spawn(script: &str) -> Child {
        Command::new("/bin/sh").arg("-c").arg(script).stdout(Stdio::piped()).spawn().unwrap()
    }

    fn text(output: Output) -> String {
        String::from_utf8(output.stdout).unwrap()
    }

    fn sh(script: &str) -> String {
        text(spawn(script).wait_with_output().unwrap())
    }

    /// Holds a job until it is let go on: it waits for the end of a pipe.
    fn until_let_go(folder: &tempfile::TempDir) -> std::path::PathBuf {
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        pipe
    }

    #[test]
    fn a_job_gives_its_output_and_exit_code_and_runs_once() {
        let folder = tempfile::tempdir().unwrap();
        let ran = folder.path().join("ran");
        let job =
            job(&folder, "master/install", &format!("echo out; echo x >> {}; printf end >&2; exit 7", ran.display()));
        assert_eq!(read(&sh(&job.find(0, &word())), &word()), Some((Seen::Never, 0, "")));
        for _ in 0..3 {
            assert_eq!(read(&sh(&job.begin(0, &word())), &word()), Some((Seen::Ended(7), 1, "out\nend")));
        }
        assert_eq!(read(&sh(&job.find(1, &word())), &word()), Some((Seen::Ended(7), 1, "end")));
        assert_eq!(std::fs::read_to_string(ran).unwrap(), "x\n");
    }

    #[test]
    fn a_job_outlives_whoever_began_it_and_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = until_let_go(&folder);
        let job = job(&folder, "cs1/install", &format!("echo begun; cat {}; echo over; exit 3", pipe.display()));
        let mut first = Command::new("/bin/sh");
        std::os::unix::process::CommandExt::process_group(&mut first, 0);
        let mut first = first.arg("-c").arg(job.begin(0, &word())).stdout(Stdio::null()).spawn().unwrap();
        // opening for writing ends when the job has opened the other end
        let writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
        let group = rustix::process::Pid::from_child(&first);
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
        first.wait().unwrap();
        let second = spawn(&job.begin(0, &word()));
        drop(writer);
        let output = text(second.wait_with_output().unwrap());
        assert_eq!(read(&output, &word()), Some((Seen::Ended(3), 2, "begun\nover\n")));
    }

    #[test]
    fn a_job_that_was_killed_is_not_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = until_let_go(&folder);
        let job = job(&folder, "cs1/start", &format!("cat {}", pipe.display()));
        let first = spawn(&job.begin(0, &word()));
        let _writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
        let pid = std::fs::read_to_string(format!("{}/pid", job.folder)).unwrap();
        assert!(Command::new("kill").args(["-9", "--", &format!("-{}", pid.trim())]).status().unwrap().success());
        assert_eq!(read(&text(first.wait_with_output().unwrap()), &word()), Some((Seen::Died, 0, "")));
        assert_eq!(read(&sh(&job.begin(0, &word())), &word()), Some((Seen::Died, 0, "")));
    }

    #[test]
    fn a_daemon_that_stays_does_not_hold_its_job() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = until_let_go(&folder);
        let job = job(&folder, "master/start", &format!("setsid cat {} & echo started", pipe.display()));
        assert_eq!(read(&sh(&job.begin(0, &word())), &word()), Some((Seen::Ended(0), 1, "started\n")));
        drop(std::fs::OpenOptions::new().write(true).open(&pipe).unwrap());
    }

    #[test]
    fn a_host_that_cannot_begin_a_job_says_why() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("jobs"), "a file").unwrap();
        let output = sh(&job(&folder, "master/start", "true").begin(0, &word()));
        let (seen, _, words) = read(&output, &word()).unwrap();
        assert_eq!(seen, Seen::Refused);
        assert!(words.contains("cannot begin a job in"), "{words}");
    }

    #[test]
    fn others_get_through_the_work_folder_and_into_no_job() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let work_dir = AbsPath::new(folder.path().join("lib/work").to_str().unwrap()).unwrap();
        let mode = |path: &str| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let job = Job::new(&work_dir, "run", "trial", Timestamp::UNIX_EPOCH, "umask");
        assert_eq!(
            read(&sh(&format!("umask 077; {}", job.begin(0, &word()))), &word()),
            Some((Seen::Ended(0), 1, "0077\n"))
        );
        assert_eq!((mode(work_dir.as_str()), mode(job.folder.as_str())), (0o711, 0o700));
        // and one that an older version has closed
        std::fs::set_permissions(work_dir.as_str(), std::fs::Permissions::from_mode(0o700)).unwrap();
        sh(&Job::new(&work_dir, "run", "again", Timestamp::UNIX_EPOCH, "true").begin(0, &word()));
        assert_eq!(mode(work_dir.as_str()), 0o711);
        assert_eq!(mode(&format!("{work_dir}/jobs")), 0o700);
    }

    #[test]
    fn nothing_is_begun_below_a_folder_that_others_can_change() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        let work_dir = AbsPath::new(work.to_str().unwrap()).unwrap();
        let ran = folder.path().join("ran");
        let begun = || {
            let job = Job::new(&work_dir, "run", "install", Timestamp::UNIX_EPOCH, &format!("touch {}", ran.display()));
            let output = sh(&job.begin(0, &word()));
            let (seen, _, words) = read(&output, &word()).unwrap();
            (seen, words.to_owned())
        };
        for mode in [0o777, 0o1777] {
            std::fs::create_dir_all(&work).unwrap();
            std::fs::set_permissions(&work, std::fs::Permissions::from_mode(mode)).unwrap();
            let (seen, words) = begun();
            assert!(seen == Seen::Refused && words.contains("everybody may write in"), "{mode:o}: {words}");
        }
        std::fs::remove_dir(&work).unwrap();
        std::os::unix::fs::symlink("/tmp", &work).unwrap();
        let (seen, words) = begun();
        assert!(seen == Seen::Refused && words.contains("is a symbolic link"), "{words}");
        assert!(!ran.exists());
    }

    #[test]
    fn nothing_of_a_run_stays_after_it_was_swept() {
        let folder = tempfile::tempdir().unwrap();
        let job = job(&folder, "clients/cl1/unmount:/mnt/a b", "true");
        sh(&job.begin(0, &word()));
        assert!(job.folder.as_str().ends_with("/clients_cl1_unmount__mnt_a_b-0"));
        sh(&sweep(&AbsPath::new(folder.path().to_str().unwrap()).unwrap(), "20261123T200000Z-beef"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_no_follower_is_not_taken_for_one() {
        let word = word();
        let mark = format!("mfsupgrade-job={}", word.as_str());
        for text in ["", "out\n", "mfsupgrade-job=", "\nmfsupgrade-job=what 1", "\nmfsupgrade-job=0 1"] {
            assert_eq!(read(text, &word), None, "{text}");
        }
        for text in
            [format!("\n{mark} what 1"), format!("x {mark} 0 1"), format!("\n{mark}0 1"), format!("\n{mark} 0 1\nx")]
        {
            assert_eq!(read(&text, &word), None, "{text}");
        }
        assert_eq!(read(&format!("a\n\n{mark} 0 1\n"), &word), Some((Seen::Ended(0), 1, "a\n")));
    }

    #[test]
    fn what_a_job_prints_is_no_word_of_its_follower() {
        let folder = tempfile::tempdir().unwrap();
        let forged = "printf 'mfsupgrade-job=0 9\\nmfsupgrade-job=%032x 0 9\\n' 8; exit 4";
        let job = job(&folder, "cs1/install", forged);
        let output = sh(&job.begin(0, &word()));
        let (seen, lines, own) = read(&output, &word()).unwrap();
        assert_eq!((seen, lines, own.lines().count()), (Seen::Ended(4), 2, 2));
        assert!(!own.lines().any(|line| is_mark(line, &word())), "{own}");
    }
}
