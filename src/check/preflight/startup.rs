//! What starts MooseFS at boot, by time or by hand: lines that say it in the words of 1.5, or call a program that stays old.

use std::collections::BTreeMap;

use super::Check;
use crate::check::Code;
use crate::host::facts::StartupLine;
use crate::host::{HostFacts, HostName, MountArguments};
use crate::moosefs::daemon::Role;
use crate::moosefs::releases::TABLE;
use crate::moosefs::version::Family;
use crate::plan::Access;
use crate::rules::Line;

const DAEMONS: [Role; 2] = [Role::Master, Role::Chunkserver];
const VERBS: [&str; 6] = ["start", "stop", "restart", "reload", "test", "status"];
/// Words in front of a program's name that do not call it.
const ONLY_NAME: [&str; 16] = [
    "pidof",
    "pgrep",
    "killall",
    "pkill",
    "which",
    "type",
    "echo",
    "test",
    "-x",
    "-f",
    "-e",
    "[",
    "rm",
    "service",
    "systemctl",
    "invoke-rc.d",
];
/// Words behind which a command begins.
const BEFORE_A_COMMAND: [&str; 13] = ["&&", "||", "|", "&", ";", "then", "do", "else", "if", "while", "!", "{", "("];
/// Commands that call another one, which they name among their arguments.
const CALLERS: [&str; 14] = [
    "exec",
    "nohup",
    "sudo",
    "su",
    "runuser",
    "env",
    "nice",
    "ionice",
    "setsid",
    "timeout",
    "time",
    "command",
    "daemon",
    "start-stop-daemon",
];

/// Links to mfstools (mfsmount/Makefile.am @ 1.5.12), by what they are called without `mfs`.
const TOOLS: [&str; 13] = [
    "checkfile",
    "dirinfo",
    "fileinfo",
    "getgoal",
    "gettrashtime",
    "rgetgoal",
    "rgettrashtime",
    "rsetgoal",
    "rsettrashtime",
    "setgoal",
    "settrashtime",
    "snapshot",
    "tools",
];
/// Lines that are named before the rest is counted.
const TOLD: usize = 3;

/// What is wrong with a line, and what to write in its place.
struct Trouble {
    why: String,
    todo: String,
}

impl Check<'_> {
    pub(super) fn startup(&mut self, host: &HostName, facts: &HostFacts, roles: &[(Role, &Access)]) {
        let known = variables(&facts.startup);
        for line in &facts.startup {
            let file = format!("{}:{}", line.file, line.line);
            let (text, meant) = expanded(line, &known);
            if let Some(trouble) = trouble(&line.file, &text, roles, self.plan.line()) {
                let seen = format!("{file} says `{}`{meant}", line.text.trim());
                self.find(Code::Startup15Syntax, Some(host), seen, &trouble.why, trouble.todo);
            }
        }
        self.startup_tools(host, facts);
        if facts.startup_cut {
            self.find(
                Code::StartupCut,
                Some(host),
                format!("more than {} lines of its scripts and tables name MooseFS", facts.startup.len()),
                "what stands in the others was not looked at",
                "look through /etc/init.d, /etc/cron.*, crontabs and units of systemd by hand".into(),
            );
        }
    }

    fn startup_tools(&mut self, host: &HostName, facts: &HostFacts) {
        let called =
            |line: &StartupLine| Some(format!("{}:{} ({})", line.file, line.line, tool(&line.file, &line.text)?));
        let lines: Vec<_> = facts.startup.iter().filter_map(called).collect();
        if lines.is_empty() {
            return;
        }
        let more = match lines.len().saturating_sub(TOLD) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let goals = match TABLE.refuses_old_tools.at(&self.plan.upgrade.to) {
            true => "from the master's upgrade until the remount mfssetgoal and mfssettrashtime are refused; ",
            false => "",
        };
        self.find(
            Code::StartupTools,
            Some(host),
            format!(
                "tools are called by {}{more}; {goals}mfsdirinfo of {} fails with the new master",
                lines[..lines.len().min(TOLD)].join(", "),
                self.old_family()
            ),
            &format!(
                "tools of {} do not work on a mount of {}, nor new tools while the master is old; a script that does not look at \
                 their exit code goes on as if they had worked",
                self.old_family(),
                self.new_family()
            ),
            "take such lines out for the time of the upgrade, and call what failed once more when the host is remounted".into(),
        );
    }
}

/// Variables of scripts that stand for a program, by file and name: each in all of its values.
type Variables<'a> = BTreeMap<(&'a str, &'a str), Vec<&'a str>>;

/// Assignments of a whole path or name of a program, the one kind that can be told without running a script. Which of several
/// holds where a line is reached nobody can tell: those are left alone.
fn variables(lines: &[StartupLine]) -> Variables<'_> {
    let mut known = Variables::new();
    for line in lines {
        let text = line.text.trim();
        let text = text.strip_prefix("export ").unwrap_or(text).trim_start();
        let Some((name, value)) = text.split_once('=') else { continue };
        let value = value.trim_end_matches([';', ' ', '\t']).trim_matches(['"', '\'']);
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let program = |role: &Role| value == role.program() || is_path(value, role.program());
        if is_name && [Role::Client].iter().chain(&DAEMONS).any(program) {
            let values = known.entry((line.file.as_str(), name)).or_default();
            if !values.contains(&value) {
                values.push(value);
            }
        }
    }
    known
}

/// A line with programs in place of the variables that are whole words of it, and what was put in place of what.
fn expanded(line: &StartupLine, known: &Variables<'_>) -> (String, String) {
    let mut meant = String::new();
    let mut words = Vec::new();
    for word in line.text.split_whitespace() {
        let bare = word.trim_matches('"');
        let name = bare.strip_prefix('$');
        let name = name.map(|name| name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name));
        match name.and_then(|name| Some((name, known.get(&(line.file.as_str(), name))?.as_slice()))) {
            Some((name, [value])) => {
                meant = format!(", where {name} is {value}");
                words.push(*value);
            }
            _ => words.push(word),
        }
    }
    if meant.is_empty() { (line.text.clone(), meant) } else { (words.join(" "), meant) }
}

fn trouble(file: &str, text: &str, roles: &[(Role, &Access)], upgrade: &Line) -> Option<Trouble> {
    let text = text.split(" #").next().unwrap_or_default().trim();
    if text.starts_with('#') {
        return None;
    }
    if file.ends_with("fstab") {
        return fstab(text, upgrade);
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let (at, role) = (0..words.len()).find_map(|at| {
        let named = |role: &&Role| match words[at] == role.program() {
            true => file.contains("cron") || is_command(&words[..at]),
            false => is_path(words[at], role.program()),
        };
        [Role::Client].iter().chain(&DAEMONS).find(named).map(|role| (at, *role))
    })?;
    if at > 0 && ONLY_NAME.contains(&words[at - 1].trim_start_matches("$(")) {
        return None;
    }
    // a script of the same name, or a name that stands for itself: nothing is called
    let called = is_command(&words[..at]);
    let bare = words.len() == at + 1 && (!called || words[at].contains('='));
    if role == Role::Client && bare {
        return None;
    }
    let end = |word: &&&str| {
        !matches!(**word, "&" | "&&" | "||" | "|" | ";" | "then")
            && !word.starts_with(['>', '<'])
            && !word.starts_with("2>")
    };
    let arguments: Vec<String> =
        words[at + 1..].iter().take_while(end).map(|word| word.trim_end_matches(';').to_owned()).collect();
    outside(words[at], role, roles).or_else(|| match role {
        Role::Client => mount(&arguments, upgrade),
        _ => daemon(file, role, &arguments, upgrade),
    })
}

/// The tool that a line calls, if it does.
fn tool<'a>(file: &str, text: &'a str) -> Option<&'a str> {
    let text = text.split(" #").next().unwrap_or_default().trim();
    if text.starts_with('#') || file.ends_with("fstab") {
        return None;
    }
    let bare = |word: &'a str| {
        let word = word.rsplit(['/', '(', '`', '"', '\'', '=']).find(|part| !part.is_empty()).unwrap_or_default();
        word.trim_end_matches([';', ')', '&', '|'])
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_tool = |word: &str| word.strip_prefix("mfs").is_some_and(|name| TOOLS.contains(&name));
    (0..words.len()).find_map(|at| {
        let only_named = at > 0 && ONLY_NAME.contains(&words[at - 1].trim_start_matches("$("));
        Some(bare(words[at])).filter(|word| is_tool(word) && !only_named)
    })
}

/// Whether a word is the path of a program: one in a folder that has some. A script, a lock file and a file of settings
/// have the same name elsewhere.
fn is_path(word: &str, program: &str) -> bool {
    let folder = word.strip_suffix(program).and_then(|folder| folder.strip_suffix('/'));
    folder.is_some_and(|folder| folder.ends_with("/bin") || folder.ends_with("/sbin"))
}

/// Whether what stands behind these words is called as a command, by itself or by one of them.
fn is_command(before: &[&str]) -> bool {
    let ends = |word: &&str| word.ends_with(';') || BEFORE_A_COMMAND.contains(word);
    let begin = before.iter().rposition(ends).map_or(0, |at| at + 1);
    let name = |word: &str| word.starts_with('-') && !matches!(word, "-" | "--" | "-c" | "--exec" | "--startas");
    let mut words = before[begin..].iter().skip_while(|word| word.contains('='));
    match words.next() {
        None => true,
        Some(first) => CALLERS.contains(first) && before.last().is_none_or(|last| !name(last)),
    }
}

/// A program below another prefix is not replaced by the installation.
fn outside(word: &str, role: Role, roles: &[(Role, &Access)]) -> Option<Trouble> {
    let mut new = roles.iter().map(|(_, access)| access.install.prefix.join(role.path_in_prefix()));
    let foreign = word.starts_with('/') && !roles.is_empty() && !new.any(|path| path.as_str() == word);
    let path = roles.first().map(|(_, access)| access.install.prefix.join(role.path_in_prefix()))?;
    foreign.then(|| Trouble {
        why: "the installation does not replace that program: an old one beside the new daemon exits 0, stops nothing and \
              leaves a lock file behind"
            .to_owned(),
        todo: format!("call {path}, or remove the line"),
    })
}

fn daemon(file: &str, role: Role, arguments: &[String], upgrade: &Line) -> Option<Trouble> {
    let verb = arguments.iter().find(|word| VERBS.contains(&word.as_str()));
    let (old, program) = (upgrade.from, role.program());
    if let Some(verb) = verb {
        return Some(Trouble {
            why: format!(
                "{old} ignores verbs and restarts at every one of them; `test` of {} and later kills a running {old} daemon, and \
                 `start` refuses beside one",
                TABLE.test.first()
            ),
            todo: match verb.as_str() {
                "start" | "stop" | "restart" | "reload" => format!(
                    "see that nothing calls it during the upgrade; before it, `{program}` starts and `{program} -s` stops"
                ),
                verb => format!(
                    "never call `{program} {verb}` below {}: look for the process (pgrep) in its place",
                    Family::of(TABLE.honest_test.first())
                ),
            },
        });
    }
    file.contains("cron").then(|| Trouble {
        why: "whatever starts a daemon by the clock can start it in the middle of the upgrade, the old one too"
            .to_owned(),
        todo: "take the line out for the time of the upgrade".to_owned(),
    })
}

/// In 1.6 `-h` is help and `-p` asks for a password; the mount point is an argument.
fn mount(arguments: &[String], upgrade: &Line) -> Option<Trouble> {
    let why = format!(
        "in {} `-h` is help, `-p` waits for a password, and the mount point is an argument: after the next boot nothing is mounted \
         there",
        upgrade.to
    );
    let old = |word: &&String| ["-h", "-p", "-l", "-w", "-r", "-c"].iter().any(|option| word.starts_with(option));
    // words of no option alone are as good a line of 1.6
    let plain = !arguments.is_empty() && !arguments.iter().any(|word| word.starts_with('-'));
    let todo = match MountArguments::read_old(arguments) {
        Ok(_) if plain => return None,
        Ok(mount) => format!("write `mfsmount {}` when the host has been upgraded", mount.new_words().join(" ")),
        Err(_) if arguments.iter().any(|word| old(&word)) && !arguments.iter().any(|word| word.starts_with("-H")) => {
            "write `mfsmount MOUNTPOINT -H MASTER -P PORT -S FOLDER -o OPTIONS` when the host has been upgraded"
                .to_owned()
        }
        Err(_) => return None,
    };
    Some(Trouble { why, todo })
}

/// `mfsmount` in fstab works in both lines, but loses what 1.5 had by default.
fn fstab(text: &str, upgrade: &Line) -> Option<Trouble> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [source, point, kind, options, ..] = fields[..] else { return None };
    let mfs = source.starts_with("mfsmount") || source == "MFS";
    if !mfs || !kind.starts_with("fuse") {
        return None;
    }
    let options: Vec<&str> = options.split(',').collect();
    let old = source == "MFS" || options.iter().any(|o| o.starts_with('-'));
    let lost: Vec<_> = ["suid", "dev"].into_iter().filter(|name| !options.contains(name)).collect();
    if !old && lost.is_empty() {
        return None;
    }
    let mut new: Vec<&str> = options.into_iter().filter(|o| !o.starts_with('-')).collect();
    new.extend(&lost);
    Some(Trouble {
        why: format!(
            "after the next boot the mount is not what it is now: {} reads other options, and mounts nosuid,nodev unless told \
             otherwise",
            upgrade.to
        ),
        todo: format!("write `mfsmount {point} fuse {} 0 0` when the host has been upgraded", new.join(",")),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::host::AbsPath;
    use crate::plan::{Install, InstallHow, Ssh};
    use crate::rules::V1_5_TO_1_6;

    fn todo(file: &str, text: &str) -> Option<String> {
        let path = |text: &str| AbsPath::new(text).unwrap();
        let install = Install {
            how: InstallHow::SourceDir(path("/src")),
            prefix: path("/usr/local"),
            work_dir: path("/var/lib/mfsupgrade"),
        };
        let access = Access { ssh: Arc::new(Ssh::default()), install: Arc::new(install) };
        trouble(file, text, &[(Role::Client, &access)], &V1_5_TO_1_6).map(|trouble| trouble.todo)
    }

    #[test]
    fn lines_of_1_5_are_found_and_translated() {
        for (file, text, says) in [
            ("/etc/rc.local", "/usr/local/bin/mfsmount -h mm -w /data", "/data -H mm -P 9421"),
            ("/etc/rc.local", "mfsmount &", "/mnt/mfs -H mfsmaster"),
            ("/etc/rc.local", "mfsmount -h $MASTER -w /data", "-H MASTER"),
            ("/etc/init.d/mfs", "  /usr/local/sbin/mfsmaster start", "starts"),
            ("/etc/init.d/mfs", "mfschunkserver test || exit 1", "never"),
            ("/etc/cron.d/mfs", "* * * * * root /usr/local/sbin/mfsmaster", "time of the upgrade"),
            ("/etc/rc.local", "/opt/old/sbin/mfsmaster", "/usr/local/sbin/mfsmaster"),
            ("/etc/rc.d/mfs", "[ -r /etc/sysconfig/mfsmaster ] && mfsmaster start", "starts"),
            ("/etc/rc.d/mfs", "daemon mfsmaster start", "starts"),
            ("/etc/rc.d/mfs", "LANG=C sudo -u mfs mfsmaster restart;", "starts"),
            ("/etc/rc.d/mfs", "start-stop-daemon --name mfsmaster --exec /opt/sbin/mfsmaster", "/usr/local/sbin"),
            ("/etc/systemd/system/x.service", "ExecStart=/usr/local/sbin/mfsmaster start", "starts"),
            ("/etc/cron.d/mfs", "* * * * * root mfsmaster", "time of the upgrade"),
            ("/etc/fstab", "mfsmount /mnt/mfs fuse defaults 0 0", "defaults,suid,dev"),
        ] {
            let todo = todo(file, text).unwrap_or_else(|| panic!("{text} is not found"));
            assert!(todo.contains(says), "{text}: {todo}");
        }
    }

    /// Lines of debian/mfs-master.init @ 1.6.27.
    #[test]
    fn a_program_that_a_script_calls_by_a_variable_is_found() {
        let line =
            |line: u32, text: &str| StartupLine { file: "/etc/init.d/mfs-master".into(), line, text: text.into() };
        let mut lines = vec![
            line(13, "DAEMON=/usr/local/sbin/mfsmaster"),
            line(14, "NAME=mfsmaster"),
            line(22, "test -e $DAEMON || exit 0"),
            line(80, "\t\t$DAEMON ${MFSMASTER_CONFIG_FILE:+-c $MFSMASTER_CONFIG_FILE} $DAEMON_OPTS start"),
            line(90, "\t\t\"${DAEMON}\" stop"),
            line(99, "\t\tN=/etc/init.d/$NAME"),
            line(104, "start-stop-daemon --stop --name $NAME"),
        ];
        let found = |lines: &[StartupLine]| -> Vec<u32> {
            let known = variables(lines);
            let bad = lines.iter().filter(|line| todo(&line.file, &expanded(line, &known).0).is_some());
            bad.map(|line| line.line).collect()
        };
        assert_eq!(found(&lines), [80, 90]);
        assert_eq!(expanded(&lines[4], &variables(&lines)).1, ", where DAEMON is /usr/local/sbin/mfsmaster");
        // of another script, or of several values, nobody can tell
        lines[0].file = "/etc/default/mfs".into();
        assert_eq!(found(&lines), [0; 0]);
        lines[0] = line(13, "DAEMON=/usr/local/sbin/mfsmaster");
        lines.push(line(120, "DAEMON=\"/opt/sbin/mfsmaster\""));
        assert_eq!(found(&lines), [0; 0]);
    }

    #[test]
    fn tools_are_found_where_they_are_called() {
        for (file, text, found) in [
            ("/etc/cron.d/mfs", "0 3 * * * root mfsrsetgoal 2 /mnt/mfs", Some("mfsrsetgoal")),
            ("/etc/rc.local", "/usr/bin/mfssettrashtime 60 /mnt/mfs;", Some("mfssettrashtime")),
            ("/etc/cron.daily/x", "n=$(mfsfileinfo /mnt/mfs/x | wc -l)", Some("mfsfileinfo")),
            ("/etc/cron.daily/x", "n=`/usr/local/bin/mfsdirinfo /mnt/mfs`", Some("mfsdirinfo")),
            ("/etc/cron.daily/x", "MFS=\"mfssnapshot\"", Some("mfssnapshot")),
            ("/etc/cron.daily/x", "which mfssetgoal >/dev/null", None),
            ("/etc/cron.daily/x", "[ -x /usr/bin/mfssetgoal ]", None),
            ("/etc/cron.daily/x", "true # mfssetgoal 2 /mnt/mfs", None),
            ("/etc/rc.local", "mfsmount -h mm", None),
            ("/etc/rc.local", "/opt/mfs/mfssetgoals", None),
        ] {
            assert_eq!(tool(file, text), found, "{text}");
        }
    }

    #[test]
    fn lines_that_hold_for_both_are_let_pass() {
        for (file, text) in [
            ("/etc/rc.local", "/usr/local/sbin/mfsmaster"),
            ("/etc/rc.local", "/usr/local/sbin/mfsmaster -s"),
            ("/etc/rc.local", "# mfsmount -h mm"),
            ("/etc/init.d/mfs", "[ -x /opt/x/mfsmount ] || exit 0"),
            ("/etc/init.d/mfs", "kill $(pidof mfsmaster)"),
            ("/etc/init.d/mfs", "DAEMON=/usr/local/sbin/mfsmaster"),
            ("/etc/init.d/mfs", "DAEMON=/usr/local/bin/mfsmount"),
            ("/etc/rc.local", "/etc/init.d/mfsmaster start"),
            ("/etc/rc.local", "service mfsmaster start"),
            ("/etc/init.d/mfs", "start mfsmaster"),
            ("/etc/init.d/mfs", "chkconfig mfsmaster start"),
            ("/etc/init.d/mfs", ". /etc/default/mfsmaster"),
            ("/etc/init.d/mfs", "touch /var/lock/subsys/mfsmaster"),
            ("/etc/init.d/mfs", "[ -r /etc/sysconfig/mfsmaster ] && . /etc/sysconfig/mfsmaster"),
            ("/etc/init.d/mfs", "test -r /etc/default/mfsmount && . /etc/default/mfsmount"),
            ("/etc/init.d/mfs", "start-stop-daemon --stop --name mfsmaster"),
            ("/etc/init.d/mfs", "ps -C mfsmaster start"),
            ("/etc/rc.local", "/usr/local/bin/mfsmount /mnt/mfs -H mm -P 9421 -o suid,dev"),
            ("/etc/fstab", "mfsmount /mnt/mfs fuse mfsmaster=mm,suid,dev 0 0"),
            ("/etc/fstab", "/dev/sda1 / ext4 defaults 0 1"),
        ] {
            assert_eq!(todo(file, text), None, "{text}");
        }
    }
}
