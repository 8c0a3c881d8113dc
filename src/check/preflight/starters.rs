//! Who else starts and stops what the run stops and starts, and who knows MooseFS by its files.

use std::collections::BTreeMap;

use super::Check;
use crate::check::Code;
use crate::host::facts::StartupLine;
use crate::host::{HostFacts, HostName};
use crate::moosefs::releases::TABLE;

/// Watchdogs and failover, by a part of the path of their files, with what each is called.
const KEEPERS: [(&str, &str); 14] = [
    ("/etc/keepalived", "keepalived"),
    ("/etc/ucarp", "ucarp"),
    ("/etc/ha.d/", "heartbeat"),
    ("/etc/corosync/", "corosync"),
    ("/cib.xml", "pacemaker"),
    ("/ocf/resource.d/", "pacemaker"),
    ("/etc/monit", "monit"),
    ("/etc/supervisor", "supervisord"),
    ("/etc/sv/", "runit"),
    ("/etc/service/", "runit or daemontools"),
    ("/if-up.d/", "a script of network interfaces"),
    ("/if-pre-up.d/", "a script of network interfaces"),
    ("/dispatcher.d/", "a script of network interfaces"),
    ("/profile", "a script of logins"),
];
/// Folders whose files are looked at for their own sake; another file was named by one of them.
const OWN_FOLDERS: [&str; 4] = ["/etc/", "/var/spool/", "/usr/lib/", "/lib/"];
const PROGRAMS: [&str; 3] = ["mfsmaster", "mfschunkserver", "mfsmount"];
/// Lines that are named before the rest is counted.
const TOLD: usize = 3;

impl Check<'_> {
    pub(super) fn starters(&mut self, host: &HostName, facts: &HostFacts) {
        let mut kinds: BTreeMap<&str, Vec<&StartupLine>> = BTreeMap::new();
        for line in &facts.startup {
            if let Some(kind) = keeper(line) {
                kinds.entry(kind).or_default().push(line);
            }
        }
        for (kind, lines) in kinds {
            self.find(
                Code::StartedByOthers,
                Some(host),
                format!("{kind} can start or stop MooseFS: {}", named(&lines)),
                "what the run has stopped would be started in the middle of it, a second master on older metadata too, and \
                 `mfsmaster` without a verb puts another in the place of the new one",
                format!(
                    "stop {kind} there, or take these lines out, until the run is over; then give it the commands of the \
                     new release, and acknowledge this"
                ),
            );
        }
        let lines: Vec<_> = facts.startup.iter().filter(|line| file(&line.text).is_some()).collect();
        for what in [File::Lock, File::ChangeLogs, File::Metadata] {
            let of: Vec<_> = lines.iter().copied().filter(|line| file(&line.text) == Some(what)).collect();
            if !of.is_empty() {
                let (why, todo) = what.told();
                self.find(
                    Code::FilesByName,
                    Some(host),
                    format!("files of MooseFS are named by {}", named(&of)),
                    &why,
                    todo.into(),
                );
            }
        }
    }
}

/// What kind of file of MooseFS a script names that is not what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum File {
    Lock,
    ChangeLogs,
    Metadata,
}

impl File {
    /// Why that matters, and what to do.
    fn told(self) -> (String, &'static str) {
        match self {
            Self::Lock => (
                format!(
                    "from {} on the lock is .mfsmaster.lock in DATA_PATH and the old file is removed: a `stop` by that file stops \
                     nothing, and a shutdown kills the master without saving",
                    TABLE.locks_data_path.first()
                ),
                "let it call the program (`mfsmaster stop`) when the host has been upgraded",
            ),
            Self::ChangeLogs => (
                format!(
                    "a master of {} or later sends change logs to metaloggers alone: these files get no more lines",
                    TABLE.metaloggers.first()
                ),
                "take them from a metalogger (changelog_ml.*.mfs) when the master has been upgraded",
            ),
            Self::Metadata => (
                "an old master that finds its metadata.mfs.back gone cannot save when it is stopped".to_owned(),
                "copy the file and do not move or remove it; take the line out for the time of the upgrade",
            ),
        }
    }
}

/// The kind of file that a line names, if it is one of those. Of metadata only a line that takes it away.
fn file(text: &str) -> Option<File> {
    let text = text.split(" #").next().unwrap_or_default();
    let names = |name: &str| {
        text.match_indices(name).any(|(at, _)| !text[..at].ends_with('.') && !text[..at].ends_with("_ml."))
    };
    let takes = text
        .split(|c: char| c.is_whitespace() || ";&|()`".contains(c))
        .any(|word| matches!(word.trim_start_matches("/usr").trim_start_matches("/bin/"), "mv" | "rm" | "unlink"));
    if ["mfsmaster.lock", "mfschunkserver.lock"].into_iter().any(names) {
        Some(File::Lock)
    } else if text.contains("changelog_csback") {
        Some(File::ChangeLogs)
    } else {
        (takes && text.contains("metadata.mfs")).then_some(File::Metadata)
    }
}

/// By what a line can start or stop something, if not by a boot alone.
fn keeper(line: &StartupLine) -> Option<&'static str> {
    if let Some((_, kind)) = KEEPERS.iter().find(|(path, _)| line.file.contains(path)) {
        return Some(kind);
    }
    let text = line.text.trim();
    if text.starts_with("Restart=") && !text.starts_with("Restart=no") {
        return Some("systemd (Restart=)");
    }
    if line.file.ends_with("/inittab") && text.contains("respawn") || text == "respawn" || text.starts_with("respawn ")
    {
        return Some("init (respawn)");
    }
    let own = OWN_FOLDERS.iter().any(|folder| line.file.starts_with(folder));
    (!own && calls(text)).then_some("a script that cron or a watchdog names")
}

/// Words that make of a command with a program's name behind them one that asks or tells of it. No options: those of `su -s`,
/// `flock -x` and `start-stop-daemon -x` stand before a call.
const ASKS: [&str; 20] = [
    "pidof", "pgrep", "which", "type", "command", "hash", "ps", "grep", "egrep", "fgrep", "test", "[", "[[", "-0",
    "echo", "printf", "logger", "mail", "wall", "ls",
];

/// Whether a program is called or killed, and not only asked for: `pgrep mfsmaster || mfsmaster start` does both.
fn calls(text: &str) -> bool {
    let kills = text.split(|c: char| !c.is_alphanumeric()).any(|word| word == "kill") && !text.contains("kill -0");
    let simple_commands = text.split([';', '&', '|', '(', ')', '`', '\n']);
    !text.starts_with('#') && simple_commands.into_iter().any(|command| is_call(command, kills))
}

fn is_call(command: &str, kills: bool) -> bool {
    let words: Vec<&str> =
        command.split(|c: char| c.is_whitespace() || "\"'".contains(c)).filter(|w| !w.is_empty()).collect();
    let program = |word: &&str| PROGRAMS.iter().any(|name| word.rsplit('/').next() == Some(name));
    let asks = |word: &&str| ASKS.contains(word);
    words.iter().position(program).is_some_and(|at| {
        let only_asked = words[..at].iter().any(asks);
        let of_itself = words.get(at + 1).is_some_and(|verb| matches!(*verb, "-v" | "-h" | "test" | "status"));
        // `kill $(pidof mfsmaster)`
        !only_asked && !of_itself || kills
    })
}

/// Where these lines are, in a few words.
fn named(lines: &[&StartupLine]) -> String {
    let told: Vec<_> =
        lines.iter().take(TOLD).map(|line| format!("{}:{} `{}`", line.file, line.line, line.text.trim())).collect();
    let more = match lines.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    told.join(", ") + &more
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(file: &str, text: &str) -> StartupLine {
        StartupLine { file: file.to_owned(), line: 1, text: text.to_owned() }
    }

    #[test]
    fn who_starts_a_daemon_is_known_by_the_file_or_by_the_line() {
        for (file, text, kind) in [
            (
                "/etc/keepalived/keepalived.conf",
                "notify_master \"/usr/local/sbin/mfsmaster start\"",
                Some("keepalived"),
            ),
            (
                "/etc/monit/conf.d/mfs",
                "check process mfsmaster with pidfile /var/run/mfs/mfsmaster.lock",
                Some("monit"),
            ),
            ("/etc/supervisor/conf.d/mfs.conf", "command=/usr/local/sbin/mfsmaster -d", Some("supervisord")),
            ("/etc/ucarp/vip-up.sh", "mfsmetarestore -a && mfsmaster start", Some("ucarp")),
            ("/etc/network/if-up.d/mfs", "mfsmount -h mfsmaster", Some("a script of network interfaces")),
            ("/etc/profile.d/mfs.sh", "mfsmount -h mfsmaster", Some("a script of logins")),
            ("/etc/ha.d/haresources", "m1 10.0.0.9 mfsmaster", Some("heartbeat")),
            ("/etc/systemd/system/mfsmaster.service.d/x.conf", "Restart=on-failure", Some("systemd (Restart=)")),
            ("/etc/systemd/system/mfsmaster.service", "Restart=no", None),
            ("/etc/systemd/system/mfsmaster.service", "ExecStart=/usr/sbin/mfsmaster start", None),
            ("/etc/inittab", "mfs:23:respawn:/usr/sbin/mfsmaster -d", Some("init (respawn)")),
            ("/etc/init/mfs.conf", "respawn", Some("init (respawn)")),
            ("/root/watch", "[ -z \"$(pidof mfsmaster)\" ] && logger mfsmaster is away", None),
            ("/root/watch", "if [ -x /usr/sbin/mfsmaster ]; then", None),
            ("/root/watch", "ps ax | grep -v grep | grep mfsmaster > /dev/null", None),
            ("/root/watch", "# pgrep mfsmaster || mfsmaster start", None),
            ("/root/watch", "kill -0 $(pidof mfsmaster) || exit 1", None),
            ("/root/watch", "mfsmaster test", None),
            (
                "/root/watch",
                "[ -z \"$PID\" ] && /usr/sbin/mfsmaster start",
                Some("a script that cron or a watchdog names"),
            ),
            ("/root/watch", "echo mfsmaster is away", None),
            ("/etc/rc.local", "/usr/sbin/mfsmaster", None),
        ] {
            assert_eq!(keeper(&line(file, text)), kind, "{file}: {text}");
        }
    }

    #[test]
    fn a_line_that_asks_and_then_calls_is_one_that_calls() {
        for text in [
            "pgrep mfsmaster || /usr/sbin/mfsmaster start",
            "pidof mfschunkserver >/dev/null || mfschunkserver start",
            "if ! pgrep -x mfsmaster; then /usr/local/sbin/mfsmaster start; fi",
            "[ -x /usr/sbin/mfsmaster ] && /usr/sbin/mfsmaster start",
            "test -f /tmp/down || exec setsid /usr/sbin/mfsmaster",
            "echo starting mfsmaster; mfsmaster start",
            "ps ax | grep -q [m]fsmaster || su - mfs -c \"mfsmaster start\"",
            "kill -TERM $(pidof mfsmaster)",
            "killall mfsmaster",
            "pkill -9 mfsmount && mfsmount /mnt/mfs",
            "su -s /bin/sh mfs -c '/usr/sbin/mfsmaster start'",
            "flock -x -n /tmp/l /usr/sbin/mfsmaster start",
            "env -i setsid -f mfschunkserver start",
            "start-stop-daemon -S -x /usr/sbin/mfsmaster",
            "nice -n 5 sh -e -x /usr/sbin/mfsmount /mnt/mfs",
        ] {
            assert_eq!(keeper(&line("/root/watch", text)), Some("a script that cron or a watchdog names"), "{text}");
        }
    }

    #[test]
    fn files_that_are_not_what_they_were_are_known_by_their_names() {
        for (text, what) in [
            ("kill -TERM `cat /var/run/mfs/mfsmaster.lock`", Some(File::Lock)),
            ("kill $(cat /var/lib/mfs/.mfsmaster.lock)", None),
            ("rsync /usr/local/var/mfs/changelog_csback.*.mfs backup:/srv/", Some(File::ChangeLogs)),
            ("rsync /usr/local/var/mfs/changelog_ml.*.mfs backup:/srv/", None),
            ("/bin/mv /usr/local/var/mfs/metadata.mfs.back /srv/keep/", Some(File::Metadata)),
            ("cp /usr/local/var/mfs/metadata.mfs.back /srv/rm-me", None),
            ("true # rm metadata.mfs.back", None),
        ] {
            assert_eq!(file(text), what, "{text}");
        }
    }
}
