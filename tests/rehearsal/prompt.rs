//! What is asked on a terminal, and what a "no" leaves as it was. The terminal is a pseudoterminal of this machine, and the
//! answers are keys on it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Stdio};

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::desk::{Desk, HELD, Said, cluster};
use crate::observed::files;

const BEGIN: &str = "Upgrade this cluster now?";
const LEAVE: &str = "Leave it as it is for good and begin another run?";

/// Runs a command on a terminal; each answer is given when its question is there.
fn on_a_terminal(mut command: Command, answers: &[(&str, &str)]) -> Said {
    let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&keyboard).unwrap();
    unlockpt(&keyboard).unwrap();
    let name = ptsname(&keyboard, Vec::new()).unwrap().into_string().unwrap();
    let no_terminal_of_ours = i32::try_from(OFlags::NOCTTY.bits()).unwrap();
    let screen = OpenOptions::new().read(true).write(true).custom_flags(no_terminal_of_ours).open(name).unwrap();
    command.stdin(screen.try_clone().unwrap()).stdout(Stdio::null()).stderr(screen);
    let mut child = command.spawn().unwrap();
    // it holds the screen too, which is dark when nobody does
    drop(command);
    let mut keyboard = File::from(keyboard);
    let (mut shown, mut buffer, mut read_by_now, mut answers) = (Vec::new(), [0; 4096], 0, answers.iter());
    let mut unasked = None;
    while let Ok(bytes @ 1..) = keyboard.read(&mut buffer) {
        shown.extend_from_slice(&buffer[..bytes]);
        let new = String::from_utf8_lossy(&shown[read_by_now..]);
        if !new.contains("[y/N]") {
            continue;
        }
        match answers.next() {
            Some((question, answer)) if new.contains(question) => keyboard.write_all(answer.as_bytes()).unwrap(),
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
        assert!(above.contains("MooseFS 1.5.12 to 1.6.27, rolling") && above.contains("Point of no return"), "{above}");
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
