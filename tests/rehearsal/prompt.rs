//! What is asked on a terminal, and what a "no" leaves as it was. The terminal is a pseudoterminal of this machine, and the
//! answers are keys on it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, Stdio};

use mfsupgrade::journal::{Simulated, StateFolder};
use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::desk::{Desk, HELD, Said, cluster};
use crate::observed::files;

const BEGIN: &str = "Upgrade this cluster now?";
const LEAVE: &str = "Abandon this run and begin another one?";

/// A terminal: what is typed and seen by whoever sits there, and what a command has of it.
fn terminal() -> (File, File) {
    let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&keyboard).unwrap();
    unlockpt(&keyboard).unwrap();
    let name = ptsname(&keyboard, Vec::new()).unwrap().into_string().unwrap();
    let no_terminal_of_ours = i32::try_from(OFlags::NOCTTY.bits()).unwrap();
    let screen = OpenOptions::new().read(true).write(true).custom_flags(no_terminal_of_ours).open(name).unwrap();
    (File::from(keyboard), screen)
}

/// Runs a command on a terminal; each answer is given when its question is there.
pub fn on_a_terminal(command: Command, answers: &[(&str, &str)]) -> Said {
    after_a_while(command, answers, &|| {})
}

/// The same; `meanwhile` is what happens before somebody answers.
fn after_a_while(mut command: Command, answers: &[(&str, &str)], meanwhile: &dyn Fn()) -> Said {
    let (mut keyboard, screen) = terminal();
    command.stdin(screen.try_clone().unwrap()).stdout(Stdio::null()).stderr(screen);
    let mut child = command.spawn().unwrap();
    // it holds the screen too, which is dark when nobody does
    drop(command);
    let (mut shown, mut buffer, mut read_by_now, mut answers) = (Vec::new(), [0; 4096], 0, answers.iter());
    let mut unasked = None;
    while let Ok(bytes @ 1..) = keyboard.read(&mut buffer) {
        shown.extend_from_slice(&buffer[..bytes]);
        let new = String::from_utf8_lossy(&shown[read_by_now..]);
        if !new.contains("[y/N]") {
            continue;
        }
        match answers.next() {
            Some((question, answer)) if new.contains(question) => {
                meanwhile();
                keyboard.write_all(answer.as_bytes()).unwrap();
            }
            // nobody is there to answer anything else
            other => {
                unasked = Some(format!("{other:?} was to be asked"));
                child.kill().unwrap();
            }
        }
        read_by_now = shown.len();
    }
    let err = String::from_utf8_lossy(&shown).replace("\r\n", "\n");
    let unasked = unasked.or_else(|| answers.next().map(|answer| format!("{answer:?} was never asked")));
    assert_eq!(unasked, None, "{err}");
    Said { code: child.wait().unwrap().code().unwrap_or(-1), out: String::new(), err }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_leaves_no_run_and_no_host_changed() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    tokio::task::block_in_place(|| {
        let as_it_is = || HELD.map(|host| files(&cluster.root(host)));
        let before = as_it_is();
        let upgrade = || desk.command(&["upgrade", &desk.plan()]);
        let asked = on_a_terminal(upgrade(), &[(BEGIN, "n")]).expect(11, &["not confirmed: no host was touched"]);
        // above the question stands what is asked about
        let (above, _) = asked.err.split_once(BEGIN).unwrap();
        assert!(
            above.contains("MooseFS 1.5.12 to 1.6.27, rolling")
                && above.contains("the way back is `mfsupgrade rollback`"),
            "{above}"
        );
        // Enter alone is no yes
        on_a_terminal(upgrade(), &[(BEGIN, "\r")]).expect(11, &["not confirmed: no host was touched"]);
        assert!(as_it_is() == before, "something on a host has changed");
        assert!(!desk.folder.path().join("runs").exists(), "{:?}", desk.runs());
    });
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_not_set_aside_by_a_yes_to_that_and_a_no_to_the_next_one() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    let plan = desk.plan();
    tokio::task::block_in_place(|| {
        let first = ["upgrade", &plan, "--yes", "--log", "plain"];
        desk.run(&first, "master: install master programs", 1, &["master"]).expect(10, &["safe to leave"]);
        let run = desk.runs().pop().unwrap();
        let as_it_is = || (files(desk.folder.path()), HELD.map(|host| files(&cluster.root(host))));
        let before = as_it_is();
        let named = format!("run {run} was paused");
        on_a_terminal(desk.command(&["upgrade", &plan]), &[(LEAVE, "n")])
            .expect(11, &[&named, "not confirmed: no host was touched"]);
        on_a_terminal(desk.command(&["upgrade", &plan]), &[(LEAVE, "y"), (BEGIN, "n")])
            .expect(11, &[&named, "not confirmed: no host was touched"]);
        let back = "Bring the old release back now?";
        on_a_terminal(desk.command(&["rollback", &run]), &[(back, "n")])
            .expect(11, &["not confirmed: no host was touched"]);
        assert!(as_it_is() == before, "something has changed, here or on a host");
        // and it is gone on with
        let resume = ["resume", &run, "--log", "plain"];
        desk.run(&resume, "cs1: install chunkserver programs", 1, &["cs1"]).expect(10, &["1 of 1 master on 1.6.27"]);
    });
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resume_asks_before_it_sets_another_run_aside_and_its_yes_is_no_answer_to_that() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    let plan = desk.plan();
    let (run, other) = tokio::task::block_in_place(|| {
        let first = ["upgrade", &plan, "--yes", "--log", "plain"];
        desk.run(&first, "master: install master programs", 1, &["master"]).expect(10, &["safe to leave"]);
        (desk.runs().pop().unwrap(), "20200101T000000Z-0001")
    });
    // somebody has removed the lock, begun a run of his own and left that
    let file = cluster.root("master").join("var/lib/mfsupgrade/lock");
    let lock = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = lock
        .lines()
        .enumerate()
        .map(|(at, line)| [other, "ben@desk in /ben"].get(at).copied().unwrap_or(line))
        .collect();
    assert_eq!(lines[2], "left", "{lock}");
    std::fs::write(&file, lines.join("\n") + "\n").unwrap();
    tokio::task::block_in_place(|| {
        let question = format!("Abandon run {other} and resume run {run}?");
        let resume = ["resume", run.as_str(), "--log", "plain"];
        let yes = ["resume", run.as_str(), "--log", "plain", "--yes"];
        let held = ["ben@desk in /ben", "stopped", "--abandon 20200101T000000Z-0001"];
        desk.told(&resume).expect(13, &held);
        desk.told(&yes).expect(13, &held);
        on_a_terminal(desk.command(&yes), &[]).expect(13, &held);
        on_a_terminal(desk.command(&resume), &[(&question, "n")]).expect(13, &held);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), lines.join("\n") + "\n", "the lock is as it was");
        // for a machine the same is one line of JSON, of the shape of every refusal
        for command in [
            &["resume", &run, "--yes", "--log", "json"][..],
            &["upgrade", &plan, "--yes", "--log", "json", "--abandon", &run],
        ] {
            let refused = desk.told(command).expect(13, &held[..2]);
            let json: serde_json::Value = serde_json::from_str(refused.out.trim_end()).unwrap();
            assert_eq!((&json["event"], &json["exit"]), (&"refused".into(), &13.into()), "{json}");
            assert!(
                json["message"].as_str().unwrap().contains(other) && !refused.out.trim_end().contains('\n'),
                "{json}"
            );
        }
        // --yes goes on where nothing is to be asked
        desk.go(&HELD);
        desk.told(&["resume", &run, "--yes", "--log", "plain", "--abandon", other])
            .expect(0, &["finished: 1 of 1 master on 1.6.27"]);
    });
    cluster.stop().await;
}

/// A command that runs in a session of its own on a terminal, and the other side of that.
fn in_a_session(command: &Command) -> (Child, File) {
    let (keyboard, screen) = terminal();
    let mut session = Command::new("setsid");
    session.arg("--ctty").arg(command.get_program()).args(command.get_args());
    session.stdin(screen.try_clone().unwrap()).stdout(screen.try_clone().unwrap()).stderr(screen);
    // it holds the screen too, which is dark when nobody does
    (session.spawn().unwrap(), keyboard)
}

/// Runs a command in a session of its own on a terminal that is closed when `at` is on it; then `closed` is done. Its exit code.
fn until_the_terminal_closes(command: &Command, at: &str, closed: impl FnOnce()) -> Option<i32> {
    let (mut child, mut keyboard) = in_a_session(command);
    let (mut shown, mut buffer) = (String::new(), [0; 4096]);
    while !console::strip_ansi_codes(&shown).contains(at) {
        match keyboard.read(&mut buffer) {
            Ok(bytes @ 1..) => shown += &String::from_utf8_lossy(&buffer[..bytes]),
            _ => panic!("{at:?} was never shown\n{shown}"),
        }
    }
    drop(keyboard);
    closed();
    child.wait().unwrap().code()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_closes_pauses_the_run_at_a_safe_point_and_its_code_says_so() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    tokio::task::block_in_place(|| {
        let plan = desk.plan();
        // in the live view, and as plain lines
        let live = desk.command(&["upgrade", &plan, "--yes"]);
        assert_eq!(until_the_terminal_closes(&live, "install master programs", || desk.go(&["master"])), Some(10));
        assert!(desk.status().contains("paused"), "{}", desk.status());
        let plain = desk.command(&["resume", "--log", "plain"]);
        let code = until_the_terminal_closes(&plain, "cs1: install chunkserver programs", || desk.go(&["cs1"]));
        assert_eq!(code, Some(10));
        assert!(desk.status().contains("paused"), "{}", desk.status());
    });
    cluster.stop().await;
}

/// Somebody who answers in the morning has seen the cluster of the evening.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_hours_later_is_held_against_another_look() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    let now = jiff::Timestamp::now();
    // a thousandth of a second is more than an hour
    let simulated =
        Simulated { started: now, begun: now, speed: 1e7, what: "simulated daemons".to_owned(), kill: None };
    StateFolder::new(Some(desk.folder.path())).unwrap().mark_simulated(&simulated).unwrap();
    let tree = cluster.root("cs1").join("usr/src/mfs-1.6.27");
    tokio::task::block_in_place(|| {
        let gone = || std::fs::remove_dir_all(&tree).unwrap();
        let upgrade = desk.command(&["upgrade", &desk.plan()]);
        after_a_while(upgrade, &[(BEGIN, "y")], &gone)
            .expect(4, &["the answer took more than 5 min: checking the hosts again", "no host was touched"]);
    });
    assert_eq!(desk.runs(), Vec::<String>::new());
    cluster.stop().await;
}

const CTRL_C: &str = "\u{3}";

/// Runs a command in a session of its own on a terminal, where keys are typed when these words are on it, one after the other: its
/// exit code, and all that was shown.
fn typed(command: &Command, keys: &[(&str, &str)]) -> (Option<i32>, String) {
    let (mut child, mut keyboard) = in_a_session(command);
    let (mut shown, mut buffer, mut from, mut keys) = (String::new(), [0; 4096], 0, keys.iter().peekable());
    while let Ok(bytes @ 1..) = keyboard.read(&mut buffer) {
        shown += &String::from_utf8_lossy(&buffer[..bytes]);
        if let Some((at, key)) = keys.next_if(|(at, _)| console::strip_ansi_codes(&shown[from..]).contains(at)) {
            assert!(!at.is_empty());
            keyboard.write_all(key.as_bytes()).unwrap();
            from = shown.len();
        }
    }
    assert_eq!(keys.next(), None, "{shown}");
    (child.wait().unwrap().code(), shown)
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_twice_leaves_the_whole_command_to_resume_on_the_screen_of_the_live_view() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    tokio::task::block_in_place(|| {
        let live = desk.command(&["upgrade", &desk.plan(), "--yes"]);
        let twice = [("install master programs", CTRL_C), ("Ctrl-C once more", CTRL_C)];
        let (code, shown) = typed(&live, &twice);
        assert_eq!(code, Some(10), "{shown}");
        let (_, last) = shown.rsplit_once("left at once").unwrap();
        let resume = format!("mfsupgrade resume {} --state-dir", desk.runs().pop().unwrap());
        assert!(last.contains(&resume), "{last}");
        assert!(!last.contains('\u{1b}'), "the view was drawn once more, over what was said: {last:?}");
        desk.go(&["master"]);
    });
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_at_the_question_is_a_no_and_leaves_the_cursor_where_it_can_be_seen() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    tokio::task::block_in_place(|| {
        let upgrade = desk.command(&["upgrade", &desk.plan()]);
        let (code, shown) = typed(&upgrade, &[("[y/N]", CTRL_C)]);
        assert!(shown.contains(BEGIN), "{shown}");
        // a key that comes before the terminal is raw is a signal
        assert!(matches!(code, Some(11) | None), "{code:?} {shown}");
        assert!(shown.rfind("\u{1b}[?25l") <= shown.rfind("\u{1b}[?25h"), "the cursor is hidden: {shown:?}");
        assert!(!desk.folder.path().join("runs").exists(), "{:?}", desk.runs());
    });
    cluster.stop().await;
}
