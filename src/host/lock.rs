//! The lock of a cluster, on its master's host: whoever walks a run holds it, and says so again every half minute. PURE.
//!
//! One file, `/var/lib/mfsupgrade/lock`, at the same place whatever a plan says, so that two plans for one cluster meet there. It
//! names the run, its owner, whether somebody walks it, and the process that does: a word that each process draws anew, so that
//! a copy of its state folder is not taken for it. It is read and written under `flock` on a file beside it. A run that stopped
//! without reaching its end leaves it there, so that the next one is told of it, wherever it is started.
//!
//! Each heartbeat writes down how long the host had been up. The age of the last one is told by that, which nobody sets: not by
//! the time of day, and not by the time of a file, which on NFS is another machine's. Where the host was booted since, the
//! heartbeat is at least as old as that boot.

use std::fmt;
use std::time::Duration;

use super::sh::sh;
use crate::words::human;

/// How often a run says that it is there.
pub const HEARTBEAT: Duration = Duration::from_secs(30);

/// A heartbeat older than this has stopped: the run was killed, its machine sleeps, or it cannot reach the master's host. Such
/// a run begins no further step before it holds the lock again.
pub const STALE: Duration = Duration::from_secs(300);

/// Where it is. `lock.guard` beside it is locked while it is read and written, and `lock.aside` has the names of runs that were set
/// aside for another one; both stay.
pub const FILE: &str = "/var/lib/mfsupgrade/lock";

/// Where the kernel tells of itself.
const PROC: &str = "/proc";

/// Arguments: the file, what is to be done, run, owner, this program's version, the run that may be set aside, seconds after
/// which a heartbeat is stale, the word of this process, where it runs, the word of a process of the same run that is known to
/// have ended, and where the kernel tells of itself.
const SCRIPT: &str = r#"
f=$1 run= owner= state= word= process= boot= up= name= age=0 since=beat
answer() { printf 'lock\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n' "$1" "$2" "$owner" "$state" "$age" "$since" "$word" "$process"; exit 0; }
number() { case $1 in ''|*[!0-9]*) return 1 ;; esac; }
now() {
    host_up= host_boot= host_name=
    { read -r host_up _ <"$1/uptime"; IFS= read -r host_boot <"$1/sys/kernel/random/boot_id"; } 2>/dev/null
    { IFS= read -r host_name <"$1/sys/kernel/hostname"; } 2>/dev/null
    host_up=${host_up%%.*}
    number "$host_up" || host_up=
}
load() {
    [ -s "$f" ] || return
    { IFS= read -r run; IFS= read -r owner; IFS= read -r state; read -r _; IFS= read -r word; IFS= read -r process
      IFS= read -r boot; IFS= read -r up; IFS= read -r name; } <"$f"
    if number "$up" && [ -n "$host_up" ] && [ -n "$boot" ] && [ "$boot" = "$host_boot" ] && [ "$host_up" -ge "$up" ]; then
        age=$((host_up - up))
    elif number "$up" && [ -n "$host_up" ] && [ "$name" = "$host_name" ]; then
        age=$host_up since=boot
    else
        # of another version, or of another host on the same disk: the disk's own clock, where it may be asked
        t=$(date +%s)
        [ "$1" = look ] || t=$(touch "$f.guard" && stat -c %Y "$f.guard")
        age=$((t - $(stat -c %Y "$f")))
        [ "$age" -ge 0 ] || age=0
    fi
}
now "${11}"
if [ "$2" = look ]; then
    load look
    [ -z "$run" ] && answer free
    answer other "$run"
fi
umask 077
# the daemon's own user must get through this folder to the trial's
why=$( (umask 066 && mkdir -p "${f%/*}" && chmod go+x "${f%/*}") 2>&1) || answer cannot "$why"
why=$( (: >>"$f.guard") 2>&1) || answer cannot "$why"
exec 9>>"$f.guard"
flock -w 20 9 || answer cannot "another process holds $f.guard"
load "$2"
ours=no mine=no
[ "$run $owner" = "$3 $4" ] && ours=yes
[ "$ours" = yes ] && { [ "$word" = "$8" ] || [ "$2" = forget ]; } && mine=yes
if [ "$2" = take ]; then
    grep -qxF -e "$3 $4" "$f.aside" 2>/dev/null && answer aside
    [ -z "$run" ] && mine=yes
    ended=no
    { [ "$state" = left ] || [ "$age" -gt "$7" ]; } && ended=yes
    [ -n "$word" ] && [ "$word" = "${10}" ] && ended=yes
    { [ "$ours" = yes ] || [ "$run" = "$6" ]; } && [ "$ended" = yes ] && mine=yes
fi
[ "$mine" = yes ] || answer other "$run"
save() {
    why=$( (printf '%s\n' "$2" "$3" "$1" "$4" "$5" "$6" "$host_boot" "$host_up" "$host_name" >"$f.new" && mv -f "$f.new" "$f") 2>&1) ||
        answer cannot "$why"
}
case $2 in
    take)
        if [ -n "$run" ] && [ "$ours" = no ]; then
            why=$( (echo "$run $owner" >>"$f.aside") 2>&1) || answer cannot "$why"
        fi
        save held "$3" "$4" "$5" "$8" "$9"
        ;;
    renew) save held "$3" "$4" "$5" "$8" "$9" ;;
    leave) save left "$3" "$4" "$5" "$8" "$9" ;;
    drop|forget) why=$(rm -f "$f" 2>&1) || answer cannot "$why" ;;
esac
answer mine
"#;

/// Who wants the lock.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claim {
    /// The run.
    pub run: String,
    /// Whose: user, machine and state folder.
    pub owner: String,
    /// Of this process alone: drawn anew by each.
    pub word: String,
    /// Where this process runs, so that a later one on the same machine can see whether it has ended.
    pub process: String,
}

/// What is to be done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb<'a> {
    /// Only read who holds it; nothing is written.
    Look,
    /// Take it: when it is free, when it is this process's already, or when it is of this run or of the one that the operator
    /// wants to be set aside, and nobody walks that any more.
    Take {
        /// The run that is set aside.
        abandon: Option<&'a str>,
        /// The word of a process that is known to have ended: its heartbeat is not waited for.
        ended: Option<&'a str>,
    },
    /// Say that the run is there.
    Renew,
    /// The run has stopped before its end: nobody walks it, and the next one is to be told.
    Leave,
    /// The run is over.
    Drop,
    /// The run is over by its journal, whichever process has walked it.
    Forget,
}

/// Who holds it, as the file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holder {
    /// The run.
    pub run: String,
    /// Whose.
    pub owner: String,
    /// Whether it has stopped before its end; otherwise it was walked when its heart beat last.
    pub left: bool,
    /// Seconds since then.
    pub age_s: u64,
    /// Whether these are only those since the host's boot, so that it may have been longer.
    pub at_least: bool,
    /// The word of the process that walks or walked it; empty: of another version of this program.
    pub word: String,
    /// Where that process runs, or ran.
    pub process: String,
}

impl Holder {
    /// Whether somebody walks it, as far as the heartbeat tells.
    #[must_use]
    pub fn walks(&self) -> bool {
        !self.left && self.age_s <= STALE.as_secs()
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ago = format!("{}{}", if self.at_least { "at least " } else { "" }, human(self.age_s));
        write!(f, "run {} of {}", self.run, self.owner)?;
        match (self.left, self.walks()) {
            (true, _) => write!(f, ", which stopped {ago} ago before it had reached its end"),
            (false, true) => write!(f, ", which is active: its last heartbeat was {ago} ago"),
            (false, false) => {
                write!(f, ", whose heartbeat stopped {ago} ago: it was killed, or its machine sleeps or is cut off")
            }
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is as was asked for.
    Mine,
    /// Nobody holds it.
    Free,
    /// Another run holds it, and it was left as it is.
    Other(Holder),
    /// This run was set aside for another one: its journal no longer says what the hosts are.
    Aside,
    /// The host could not do it; its words.
    Cannot(String),
}

impl Claim {
    /// What is run on the master's host, as root.
    #[must_use]
    pub fn script(&self, verb: Verb<'_>) -> String {
        self.script_for(FILE, PROC, verb)
    }

    fn script_for(&self, file: &str, proc: &str, verb: Verb<'_>) -> String {
        let (verb, abandon, ended) = match verb {
            Verb::Look => ("look", None, None),
            Verb::Take { abandon, ended } => ("take", abandon, ended),
            Verb::Renew => ("renew", None, None),
            Verb::Leave => ("leave", None, None),
            Verb::Drop => ("drop", None, None),
            Verb::Forget => ("forget", None, None),
        };
        let plain = |text: &str| text.replace(|c: char| c.is_control(), "?");
        let (run, owner, abandon) = (plain(&self.run), plain(&self.owner), plain(abandon.unwrap_or_default()));
        let (word, process, ended) = (plain(&self.word), plain(&self.process), plain(ended.unwrap_or_default()));
        let (version, stale) = (env!("CARGO_PKG_VERSION"), STALE.as_secs().to_string());
        let words = [file, verb, &run, &owner, version, &abandon, &stale, &word, &process, &ended, proc];
        sh!("/bin/sh -c ‹script› lock ‹words›", script = SCRIPT, words = words.map(str::to_owned).to_vec()).into()
    }
}

/// Reads what the script printed.
#[must_use]
pub fn read(output: &str) -> Option<Answer> {
    let fields: Vec<&str> = output.lines().rev().find_map(|l| l.strip_prefix("lock\t"))?.split('\t').collect();
    let [answer, what, owner, state, age, since, word, process] = fields[..] else { return None };
    match answer {
        "mine" => Some(Answer::Mine),
        "free" => Some(Answer::Free),
        "aside" => Some(Answer::Aside),
        "cannot" => Some(Answer::Cannot(what.to_owned())),
        "other" => Some(Answer::Other(Holder {
            run: what.to_owned(),
            owner: owner.to_owned(),
            left: state == "left",
            age_s: age.parse().ok()?,
            at_least: since == "boot",
            word: word.to_owned(),
            process: process.to_owned(),
        })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A host with a kernel of its own: when it was booted, and how long it has been up.
    struct Host(tempfile::TempDir);

    impl Host {
        fn new() -> Self {
            let host = Self(tempfile::tempdir().unwrap());
            host.tells("kernel", "1", 10_000);
            host
        }

        fn file(&self) -> String {
            format!("{}/deep er/lock", self.0.path().display())
        }

        fn proc(&self) -> String {
            format!("{}/proc", self.0.path().display())
        }

        fn tells(&self, name: &str, boot: &str, up: u64) {
            let proc = std::path::PathBuf::from(self.proc());
            std::fs::create_dir_all(proc.join("sys/kernel/random")).unwrap();
            std::fs::write(proc.join("sys/kernel/random/boot_id"), format!("{boot}\n")).unwrap();
            std::fs::write(proc.join("sys/kernel/hostname"), format!("{name}\n")).unwrap();
            std::fs::write(proc.join("uptime"), format!("{up}.25 1.00\n")).unwrap();
        }

        /// It goes on for so many seconds.
        fn pass(&self, seconds: u64) {
            let up = std::fs::read_to_string(format!("{}/uptime", self.proc())).unwrap();
            let up: u64 = up.split('.').next().unwrap().parse().unwrap();
            self.tells("kernel", "1", up + seconds);
        }

        fn script(&self, claim: &Claim, verb: Verb<'_>) -> String {
            claim.script_for(&self.file(), &self.proc(), verb)
        }

        fn ask_with(&self, shell: &[&str], claim: &Claim, verb: Verb<'_>) -> Answer {
            let script = self.script(claim, verb).replacen("/bin/sh", &shell.join(" "), 1);
            let output = Command::new("/bin/sh").arg("-c").arg(script).output().unwrap();
            let (said, erred) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert_eq!(erred, "", "{said}");
            read(&said).unwrap_or_else(|| panic!("{said}"))
        }

        fn ask(&self, claim: &Claim, verb: Verb<'_>) -> Answer {
            self.ask_with(&["/bin/sh"], claim, verb)
        }

        fn take(&self, claim: &Claim) -> Answer {
            self.ask(claim, TAKE)
        }

        /// Somebody sets the time of the file.
        fn touch(&self, seconds: i64) {
            let now = std::time::SystemTime::now();
            let by = Duration::from_secs(seconds.unsigned_abs());
            let then = if seconds < 0 { now - by } else { now + by };
            std::fs::File::options().write(true).open(self.file()).unwrap().set_modified(then).unwrap();
        }
    }

    const TAKE: Verb<'_> = Verb::Take { abandon: None, ended: None };

    fn abandon(run: &str) -> Verb<'_> {
        Verb::Take { abandon: Some(run), ended: None }
    }

    fn claim(run: &str) -> Claim {
        let owner = "anna's@night desk:/home/anna".to_owned();
        Claim { run: run.to_owned(), owner, word: format!("word of {run}"), process: "here 7".to_owned() }
    }

    /// The same run, by another process.
    fn another(claim: &Claim) -> Claim {
        Claim { word: "another word".to_owned(), ..claim.clone() }
    }

    fn other(answer: Answer) -> Holder {
        match answer {
            Answer::Other(holder) => holder,
            answer => panic!("{answer:?}"),
        }
    }

    #[test]
    fn one_run_holds_it_and_the_others_are_told_who() {
        let host = Host::new();
        let (a, b) = (claim("a"), Claim { owner: "ben@lap".into(), ..claim("b") });
        assert_eq!(host.ask(&b, Verb::Look), Answer::Free);
        assert!(!std::path::Path::new(&host.file()).parent().unwrap().exists(), "a look leaves nothing");
        assert_eq!(host.take(&a), Answer::Mine);
        assert_eq!(host.take(&a), Answer::Mine, "a lost answer is asked for again");
        let holder = other(host.take(&b));
        assert_eq!((holder.run.as_str(), holder.owner.as_str()), ("a", a.owner.as_str()));
        assert_eq!((holder.word.as_str(), holder.process.as_str()), ("word of a", "here 7"));
        assert!(holder.walks() && holder.to_string().contains("is active"), "{holder}");
        assert_eq!(other(host.ask(&b, Verb::Look)).run, "a");
        for verb in [Verb::Renew, Verb::Leave, Verb::Drop, Verb::Forget, abandon("a")] {
            assert_eq!(other(host.ask(&b, verb)).run, "a", "{verb:?}");
        }
        assert_eq!(host.ask(&a, Verb::Drop), Answer::Mine);
        assert_eq!(host.take(&b), Answer::Mine);
    }

    #[test]
    fn a_heartbeat_that_stopped_is_seen_and_taken_over_only_with_consent() {
        let host = Host::new();
        let (a, b) = (claim("a"), claim("b"));
        host.take(&a);
        host.pass(STALE.as_secs());
        assert!(other(host.ask(&b, abandon("a"))).walks());
        host.pass(1);
        let holder = other(host.take(&b));
        assert!(!holder.walks() && holder.to_string().contains("heartbeat stopped"), "{holder}");
        assert_eq!(other(host.ask(&b, abandon("c"))).run, "a", "consent is to one run");
        assert_eq!(host.ask(&b, abandon("a")), Answer::Mine);
        assert_eq!(other(host.ask(&a, Verb::Renew)).run, "b", "the one that was set aside sees it");
        assert_eq!(host.take(&a), Answer::Aside);
        assert_eq!(host.ask(&b, Verb::Drop), Answer::Mine);
        assert_eq!(host.take(&a), Answer::Aside, "also when the other one is over");
        assert_eq!(host.take(&claim("c")), Answer::Mine);
    }

    #[test]
    fn a_second_process_of_the_same_run_is_another_one_while_the_first_walks() {
        let host = Host::new();
        let (first, second) = (claim("a"), another(&claim("a")));
        host.take(&first);
        for verb in [TAKE, Verb::Renew, Verb::Leave, Verb::Drop, abandon("a")] {
            assert_eq!(other(host.ask(&second, verb)).word, first.word, "{verb:?}");
        }
        assert_eq!(host.ask(&first, Verb::Renew), Answer::Mine, "the first one has noticed nothing");
        // its heart beats no more: the second one goes on, and the first one sees it when it wakes up
        host.pass(STALE.as_secs() + 1);
        assert_eq!(host.take(&second), Answer::Mine);
        assert_eq!(other(host.ask(&first, Verb::Renew)).word, second.word);
        assert_eq!(other(host.take(&first)).word, second.word);
        // what was left is gone on with at once, by whichever process, and is nobody else's
        assert_eq!(host.ask(&second, Verb::Leave), Answer::Mine);
        assert_eq!(other(host.take(&claim("b"))).run, "a");
        assert_eq!(host.take(&first), Answer::Mine);
    }

    #[test]
    fn a_process_that_is_known_to_have_ended_is_not_waited_for_and_no_other_is_taken_for_it() {
        let host = Host::new();
        let (first, second) = (claim("a"), another(&claim("a")));
        let knows = |word| Verb::Take { abandon: None, ended: Some(word) };
        host.take(&first);
        assert_eq!(other(host.ask(&second, knows("word of b"))).word, first.word);
        assert_eq!(other(host.ask(&claim("b"), knows(&first.word))).run, "a", "another run has no part in it");
        assert_eq!(host.ask(&second, knows(&first.word)), Answer::Mine);
        // nobody has a word that is empty
        host.ask(&second, Verb::Drop);
        host.take(&Claim { word: String::new(), ..first.clone() });
        assert_eq!(other(host.ask(&second, knows(""))).run, "a");
    }

    #[test]
    fn a_run_that_is_over_is_forgotten_whichever_process_has_walked_it() {
        let host = Host::new();
        host.take(&claim("a"));
        assert_eq!(host.ask(&another(&claim("a")), Verb::Forget), Answer::Mine);
        assert_eq!(host.ask(&claim("b"), Verb::Look), Answer::Free);
    }

    #[test]
    fn neither_the_time_of_day_nor_that_of_the_file_makes_a_heartbeat_old_or_young() {
        let host = Host::new();
        let (a, b) = (claim("a"), claim("b"));
        host.take(&a);
        for seconds in [-86_400, 86_400] {
            host.touch(seconds);
            for verb in [TAKE, Verb::Look] {
                let holder = other(host.ask(&b, verb));
                assert_eq!((holder.age_s, holder.at_least), (0, false), "{seconds} {verb:?}");
            }
        }
        host.pass(STALE.as_secs() + 1);
        host.touch(0);
        assert!(!other(host.ask(&b, Verb::Look)).walks(), "a file that is young by its time");
        assert_eq!(host.ask(&a, Verb::Renew), Answer::Mine);
        assert_eq!(other(host.ask(&b, Verb::Look)).age_s, 0);
    }

    #[test]
    fn after_a_boot_a_heartbeat_is_at_least_as_old_as_that() {
        let host = Host::new();
        let (a, b) = (claim("a"), claim("b"));
        host.take(&a);
        // the run goes on once the host is there again
        host.tells("kernel", "2", 20);
        let holder = other(host.take(&b));
        assert!(holder.walks() && holder.at_least && holder.age_s == 20, "{holder:?}");
        host.tells("kernel", "2", STALE.as_secs() + 1);
        let holder = other(host.take(&b));
        assert!(!holder.walks() && holder.to_string().contains("at least 5 min 1 s"), "{holder}");
        // a container that was started anew has the boot of its machine
        host.tells("kernel", "1", 40);
        assert_eq!(other(host.ask(&b, Verb::Look)).age_s, 40);
    }

    #[test]
    fn a_file_of_another_version_and_one_of_another_host_are_as_old_as_their_disk_says() {
        let (a, b) = (claim("a"), claim("b"));
        for (old, name) in [(true, "kernel"), (false, "elsewhere")] {
            let host = Host::new();
            host.take(&a);
            if old {
                std::fs::write(host.file(), format!("a\n{}\nheld\n0.1.0\n", a.owner)).unwrap();
            }
            host.tells(name, "2", 1_000_000);
            assert!(other(host.take(&b)).walks(), "{name}");
            host.touch(-400);
            let holder = other(host.take(&b));
            assert!(!holder.walks() && (400..460).contains(&holder.age_s), "{name} {holder:?}");
            host.touch(400);
            assert_eq!(other(host.ask(&b, Verb::Look)).age_s, 0, "{name}");
            // of the same run as well: nobody knows whether a process of another version walks it
            assert!(other(host.ask(&another(&a), TAKE)).walks(), "{name}");
        }
    }

    #[test]
    fn blanks_in_an_owner_are_kept_and_the_lock_stays_its_own() {
        let host = Host::new();
        for owner in [" anna@desk in /home/st ", "anna in  two  blanks\tand a tab", "anna\\n in -e"] {
            let claim = Claim { owner: owner.to_owned(), ..claim(" a ") };
            for verb in [TAKE, Verb::Renew, Verb::Leave, TAKE, Verb::Drop] {
                assert_eq!(host.ask(&claim, verb), Answer::Mine, "{owner:?} {verb:?}");
            }
        }
    }

    #[test]
    fn every_shell_of_a_host_keeps_it_alike() {
        for shell in [&["dash"][..], &["bash"], &["bash", "--posix"], &["busybox", "sh"]] {
            if Command::new(shell[0]).args(&shell[1..]).args(["-c", ":"]).output().is_err() {
                continue;
            }
            let host = Host::new();
            let (a, b) = (claim("a"), claim("b"));
            assert_eq!(host.ask_with(shell, &a, TAKE), Answer::Mine, "{shell:?}");
            host.pass(7);
            assert_eq!(other(host.ask_with(shell, &b, Verb::Look)).age_s, 7, "{shell:?}");
            for verb in [Verb::Renew, Verb::Leave, Verb::Drop] {
                assert_eq!(host.ask_with(shell, &a, verb), Answer::Mine, "{shell:?} {verb:?}");
            }
        }
    }

    #[test]
    fn others_get_through_its_folder_and_cannot_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let host = Host::new();
        host.take(&claim("a"));
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let file = std::path::PathBuf::from(host.file());
        assert_eq!((mode(file.parent().unwrap()), mode(&file)), (0o711, 0o600));
        host.ask(&claim("a"), Verb::Renew);
        assert_eq!(mode(&file), 0o600);
    }

    #[test]
    fn a_run_that_was_left_is_named_and_can_be_set_aside_at_once() {
        let host = Host::new();
        let (a, b) = (claim("a"), claim("b"));
        host.take(&a);
        assert_eq!(host.ask(&a, Verb::Leave), Answer::Mine);
        let holder = other(host.take(&b));
        assert!(holder.left && holder.to_string().contains("stopped"), "{holder}");
        assert_eq!(host.ask(&b, abandon("a")), Answer::Mine);
        assert_eq!(host.take(&a), Answer::Aside);
    }

    #[test]
    fn a_host_that_cannot_keep_it_says_why() {
        let host = Host::new();
        std::fs::write(host.0.path().join("deep er"), "a file").unwrap();
        assert!(matches!(host.take(&claim("a")), Answer::Cannot(why) if why.contains("deep er")));
        assert_eq!(read("nothing of ours"), None);
    }

    #[test]
    fn two_that_begin_in_the_same_moment_are_not_both_served() {
        let host = Host::new();
        // of runs of their own, and of the same run in two copies of a state folder
        for same in [false, true] {
            let mut begun: Vec<_> = (0..8)
                .map(|n| {
                    let run = if same { "r".to_owned() } else { format!("r{n}") };
                    let claim = Claim { word: n.to_string(), owner: "x".into(), ..claim(&run) };
                    let script = host.script(&claim, TAKE);
                    Command::new("/bin/sh").arg("-c").arg(script).stdout(std::process::Stdio::piped()).spawn().unwrap()
                })
                .collect();
            let answers = begun.drain(..).map(|c| String::from_utf8(c.wait_with_output().unwrap().stdout).unwrap());
            assert_eq!(answers.filter(|a| read(a) == Some(Answer::Mine)).count(), 1, "{same}");
            std::fs::remove_file(host.file()).unwrap();
        }
    }
}
