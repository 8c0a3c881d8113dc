//! Codes that no trap of the body sets, and why: what is the same on simulated and on real hosts cannot be had for them.

use mfsupgrade::check::Code;

pub fn why_not(code: Code) -> Option<&'static str> {
    Some(match code {
        Code::MasterNotTheOneAsked => "another master would have to answer in the place of the one that runs",
        Code::MasterAwayLong => "it takes a hundred chunks, and a small cluster has fewer",
        Code::HealthUnknown => "told of a master that was started less than 40 minutes ago: of a lab's own",
        Code::HealthOld => "a file test would have to end, and then none for two hours",
        Code::ChunkserverGone => "a 1.5 master forgets a chunkserver that is gone",
        Code::GoalOne => "a 1.5 master tells no goals; the trial load of a run finds it",
        Code::ChunksTooMany => "it takes four million chunks",
        Code::MountUsersUnknown => "a host's /proc would have to take longer to be read than is waited for",
        Code::MountClaimedTwice => {
            "a second mount on the same place hides the first, and ending one of them is not the same twice"
        }
        Code::WorkDirOpen => "the folder is the one that the rehearsal works in",
        Code::ProcessOfAnother => "it takes a local user of the host; tests/rehearsal/survey.rs has one",
        Code::ForwardingRefused | Code::CommandNotRun => {
            "sshd or a login itself would have to be told otherwise; tests/conformance/login.rs has some of its own"
        }
        Code::LookUnreadable => {
            "something on the host would have to hang for a minute; src/host/look/tests/watch.rs has what does"
        }
        Code::LocalSsh => "it is this side's; tests/cli/broken.rs has it",
        _ => return None,
    })
}
