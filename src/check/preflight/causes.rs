//! Causes before consequences: what follows from another finding is left out, and the rest is in the order of its causes.

use std::collections::BTreeSet;

use super::Check;
use crate::check::{Code, Finding, of_line};

/// What a cause makes appear on the same host, without being wrong there itself.
///
/// Every cause here is an error: what is left out stops nothing that the cause does not stop.
fn follows(cause: Code) -> &'static [Code] {
    use Code::*;
    match cause {
        // a daemon or mount that was not read further is neither away nor missing
        VersionDiffers => &[MountMissing, ChunkserverNotConnected, ClientNotConnected, MasterNotTheOneAsked],
        MountUnreadable => &[MountMissing],
        DaemonNotRunning => &[AdminPortNotListening, MasterDoesNotAnswer, ChunkserverNotConnected],
        // without its name a daemon does not connect
        MasterHostUnresolved => &[ChunkserverNotConnected, ClientNotConnected],
        // what is not there cannot be counted there
        DiskElsewhere => &[ChunksLost],
        _ => &[],
    }
}

impl Check<'_> {
    /// Leaves out what follows from what else was found.
    pub(super) fn without_consequences(&mut self) {
        let key = |finding: &Finding, code: Code| (code, finding.host.clone());
        let followed: BTreeSet<_> =
            self.findings.iter().flat_map(|f| follows(f.code).iter().map(|code| key(f, *code))).collect();
        self.findings.retain(|f| !followed.contains(&key(f, f.code)));
    }

    /// Only what can be found on this line; worst first, then by cause: codes are declared in the order in which they are to be
    /// mended.
    pub(super) fn sort(&mut self) {
        of_line(&mut self.findings, self.plan.line());
        let key = |f: &Finding| (f.severity, f.code, f.host.clone());
        self.findings.sort_by_key(key);
    }
}
