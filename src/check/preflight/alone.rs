//! What the hosts of a plan tell while its master does not answer: all that is held against nothing of the master's.

use std::collections::BTreeMap;

use super::Check;
use crate::moosefs::Overview;
use crate::moosefs::daemon::Role;
use crate::moosefs::wire::{FileTest, Info, Layout};

/// Stands where no check of this part looks.
pub(super) static NO_ANSWER: Overview = Overview {
    info: Info {
        version: None,
        layout: Layout::V15,
        total_space: 0,
        available_space: 0,
        inodes: 0,
        directories: 0,
        files: 0,
        chunks: 0,
        copies: None,
    },
    chunkservers: Vec::new(),
    sessions: Vec::new(),
    matrix: None,
    file_test: FileTest {
        started: 0,
        ended: 0,
        files: 0,
        under_goal_files: 0,
        missing_files: 0,
        chunks: 0,
        under_goal_chunks: 0,
        missing_chunks: 0,
    },
    metaloggers: None,
};

impl Check<'_> {
    /// Every host for itself. Connections are not looked at: that there are none follows from the master's silence.
    pub(super) fn alone(&mut self) {
        let plan = self.plan;
        self.master_process();
        self.metaloggers();
        self.exports(&BTreeMap::new());
        for (host, role, access) in plan.hosts() {
            if matches!(role, Role::Master | Role::Metalogger) {
                continue;
            }
            let Some(facts) = self.facts(host, role, access) else { continue };
            if role == Role::Chunkserver
                && let Some(process) = self.daemon(host, role, access, facts)
            {
                self.config_of(host, access, process, facts);
                self.name_of_master(host, access, process, facts);
                self.data_path(host, process);
            }
        }
    }
}
