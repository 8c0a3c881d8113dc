//! The lock of a cluster, on its master's host: whoever walks a run holds it, and says so again every half minute. PURE.
//!
//! One file, `/var/lib/mfsupgrade/lock`, at the same place whatever a plan says, so that two plans for one cluster meet there. It
//! names the run, its owner and whether somebody walks it; the time of its last change is the heartbeat, by the host's own
//! clock. It is read and written under `flock` on a file beside it. A run that stopped without reaching its end leaves it
//! there, so that the next one is told of it, wherever it is started.

use std::fmt;
use std::time::Duration;

use super::shell::quote;

/// How often a run says that it is there.
pub const HEARTBEAT: Duration = Duration::from_secs(30);

/// A heartbeat older than this has stopped: the run was killed, its machine sleeps, or it cannot reach the master's host. Such
/// a run begins no further step before it holds the lock again.
pub const STALE: Duration = Duration::from_secs(300);

/// Where it is. `lock.guard` beside it is locked while it is read and written, and `lock.aside` has the names of runs that were set
/// aside for another one; both stay.
pub const FILE: &str = "/var/lib/mfsupgrade/lock";

/// Arguments: the file, what is to be done, run, owner, this program's version, the run that may be set aside, seconds after
/// which a heartbeat is stale.
const SCRIPT: &str = r#"
f=$1 run= owner= state= age=0
answer() { printf 'lock\t%s\t%s\t%s\t%s\t%d\n' "$1" "$2" "$owner" "$state" "$age"; exit 0; }
load() {
    [ -s "$f" ] || return
    { read -r run; read -r owner; read -r state; } <"$f"
    age=$(($(date +%s) - $(stat -c %Y "$f")))
}
if [ "$2" = look ]; then
    load
    [ -z "$run" ] && answer free
    answer other "$run"
fi
umask 077
# the daemon's own user must get through this folder to the trial's
why=$( (umask 066 && mkdir -p "${f%/*}" && chmod go+x "${f%/*}") 2>&1) || answer cannot "$why"
why=$( (: >>"$f.guard") 2>&1) || answer cannot "$why"
exec 9>>"$f.guard"
flock -w 20 9 || answer cannot "another process holds $f.guard"
load
mine=no
[ "$run $owner" = "$3 $4" ] && mine=yes
if [ "$2" = take ]; then
    grep -qxF -e "$3 $4" "$f.aside" 2>/dev/null && answer aside
    [ -z "$run" ] && mine=yes
    [ "$run" = "$6" ] && { [ "$state" = left ] || [ "$age" -gt "$7" ]; } && mine=yes
fi
[ "$mine" = yes ] || answer other "$run"
save() {
    why=$( (printf '%s\n' "$2" "$3" "$1" "$4" >"$f.new" && mv -f "$f.new" "$f") 2>&1) || answer cannot "$why"
}
case $2 in
    take)
        if [ -n "$run" ] && [ "$run $owner" != "$3 $4" ]; then
            why=$( (echo "$run $owner" >>"$f.aside") 2>&1) || answer cannot "$why"
        fi
        save held "$3" "$4" "$5"
        ;;
    renew) why=$(touch "$f" 2>&1) || answer cannot "$why" ;;
    leave) save left "$3" "$4" "$5" ;;
    drop) why=$(rm -f "$f" 2>&1) || answer cannot "$why" ;;
esac
answer mine
"#;

/// Who wants the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The run.
    pub run: String,
    /// Whose: user, machine and state folder.
    pub owner: String,
}

/// What is to be done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb<'a> {
    /// Only read who holds it; nothing is written.
    Look,
    /// Take it: when it is free, when it is this claim's already, or when it is of the run that the operator wants to be set
    /// aside and nobody walks that any more.
    Take {
        /// That run.
        abandon: Option<&'a str>,
    },
    /// Say that the run is there.
    Renew,
    /// The run has stopped before its end: nobody walks it, and the next one is to be told.
    Leave,
    /// The run is over.
    Drop,
}

/// Who holds it, as the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The run.
    pub run: String,
    /// Whose.
    pub owner: String,
    /// Whether it has stopped before its end; otherwise it was walked when its heart beat last.
    pub left: bool,
    /// Seconds since then.
    pub age_s: u64,
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
        let ago = jiff::SignedDuration::from_secs(i64::try_from(self.age_s).unwrap_or(i64::MAX));
        write!(f, "run {} of {}", self.run, self.owner)?;
        match (self.left, self.walks()) {
            (true, _) => write!(f, ", which stopped {ago:#} ago before it had reached its end"),
            (false, true) => write!(f, ", which is being walked: its last heartbeat was {ago:#} ago"),
            (false, false) => {
                write!(f, ", whose heartbeat stopped {ago:#} ago: it was killed, or its machine sleeps or is cut off")
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
        self.script_for(FILE, verb)
    }

    fn script_for(&self, file: &str, verb: Verb<'_>) -> String {
        let (word, abandon) = match verb {
            Verb::Look => ("look", None),
            Verb::Take { abandon } => ("take", abandon),
            Verb::Renew => ("renew", None),
            Verb::Leave => ("leave", None),
            Verb::Drop => ("drop", None),
        };
        let plain = |text: &str| text.replace(|c: char| c.is_control(), "?");
        let (run, owner, abandon) = (plain(&self.run), plain(&self.owner), plain(abandon.unwrap_or_default()));
        let mut script = format!("/bin/sh -c {} lock", quote(SCRIPT));
        for word in [file, word, &run, &owner, env!("CARGO_PKG_VERSION"), &abandon, &STALE.as_secs().to_string()] {
            script.push(' ');
            script.push_str(&quote(word));
        }
        script
    }
}

/// Reads what the script printed.
#[must_use]
pub fn read(output: &str) -> Option<Answer> {
    let fields: Vec<&str> = output.lines().rev().find_map(|l| l.strip_prefix("lock\t"))?.split('\t').collect();
    let [answer, what, owner, state, age] = fields[..] else { return None };
    match answer {
        "mine" => Some(Answer::Mine),
        "free" => Some(Answer::Free),
        "aside" => Some(Answer::Aside),
        "cannot" => Some(Answer::Cannot(what.to_owned())),
        "other" => Some(Answer::Other(Holder {
            run: what.to_owned(),
            owner: owner.to_owned(),
            left: state == "left",
            // a clock that was set back makes nothing older
            age_s: u64::try_from(age.parse::<i64>().ok()?).unwrap_or(0),
        })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    struct Host(tempfile::TempDir);

    impl Host {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn file(&self) -> String {
            format!("{}/deep er/lock", self.0.path().display())
        }

        fn ask(&self, claim: &Claim, verb: Verb<'_>) -> Answer {
            let output = Command::new("/bin/sh").arg("-c").arg(claim.script_for(&self.file(), verb)).output().unwrap();
            read(&String::from_utf8(output.stdout).unwrap()).unwrap()
        }

        fn take(&self, claim: &Claim) -> Answer {
            self.ask(claim, Verb::Take { abandon: None })
        }

        /// The heart has not beaten for so long.
        fn age(&self, seconds: u64) {
            let then = std::time::SystemTime::now() - Duration::from_secs(seconds);
            std::fs::File::options().write(true).open(self.file()).unwrap().set_modified(then).unwrap();
        }
    }

    fn claim(run: &str) -> Claim {
        Claim { run: run.to_owned(), owner: "anna's@night desk:/home/anna".to_owned() }
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
        assert_eq!(host.take(&a), Answer::Mine, "its own run resumed");
        let holder = other(host.take(&b));
        assert_eq!((holder.run.as_str(), holder.owner.as_str()), ("a", a.owner.as_str()));
        assert!(holder.walks() && holder.to_string().contains("is being walked"), "{holder}");
        assert_eq!(other(host.ask(&b, Verb::Look)).run, "a");
        for verb in [Verb::Renew, Verb::Leave, Verb::Drop, Verb::Take { abandon: Some("a") }] {
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
        host.age(STALE.as_secs() - 10);
        assert!(other(host.ask(&b, Verb::Take { abandon: Some("a") })).walks());
        host.age(STALE.as_secs() + 10);
        let holder = other(host.take(&b));
        assert!(!holder.walks() && holder.to_string().contains("heartbeat stopped"), "{holder}");
        assert_eq!(other(host.ask(&b, Verb::Take { abandon: Some("c") })).run, "a", "consent is to one run");
        assert_eq!(host.ask(&b, Verb::Take { abandon: Some("a") }), Answer::Mine);
        assert_eq!(other(host.ask(&a, Verb::Renew)).run, "b", "the one that was set aside sees it");
        assert_eq!(host.take(&a), Answer::Aside);
        assert_eq!(host.ask(&b, Verb::Drop), Answer::Mine);
        assert_eq!(host.take(&a), Answer::Aside, "also when the other one is over");
        assert_eq!(host.take(&claim("c")), Answer::Mine);
    }

    #[test]
    fn others_get_through_its_folder_and_cannot_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let host = Host::new();
        host.take(&claim("a"));
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let file = std::path::PathBuf::from(host.file());
        assert_eq!((mode(file.parent().unwrap()), mode(&file)), (0o711, 0o600));
    }

    #[test]
    fn a_heartbeat_makes_it_young_again() {
        let host = Host::new();
        let a = claim("a");
        host.take(&a);
        host.age(STALE.as_secs() + 10);
        assert_eq!(host.ask(&a, Verb::Renew), Answer::Mine);
        assert!(other(host.take(&claim("b"))).age_s < STALE.as_secs());
    }

    #[test]
    fn a_run_that_was_left_is_named_and_can_be_set_aside_at_once() {
        let host = Host::new();
        let (a, b) = (claim("a"), claim("b"));
        host.take(&a);
        assert_eq!(host.ask(&a, Verb::Leave), Answer::Mine);
        let holder = other(host.take(&b));
        assert!(holder.left && holder.to_string().contains("stopped"), "{holder}");
        assert_eq!(host.ask(&b, Verb::Take { abandon: Some("a") }), Answer::Mine);
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
        let mut begun: Vec<_> = (0..8)
            .map(|n| {
                let claim = Claim { run: format!("r{n}"), owner: "x".into() };
                let script = claim.script_for(&host.file(), Verb::Take { abandon: None });
                Command::new("/bin/sh").arg("-c").arg(script).stdout(std::process::Stdio::piped()).spawn().unwrap()
            })
            .collect();
        let answers = begun.drain(..).map(|c| String::from_utf8(c.wait_with_output().unwrap().stdout).unwrap());
        assert_eq!(answers.filter(|a| read(a) == Some(Answer::Mine)).count(), 1);
    }
}
