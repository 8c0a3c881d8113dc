//! A plan that was changed between a stop and a resume: whether the run may go on with it. PURE.
//!
//! It may where what changed concerns steps that were not begun alone. The new schedule is compiled with what was seen of the
//! cluster before the run, so that a plan which would need another look is refused.

use std::collections::HashMap;

use super::{Schedule, Stage, Step, StepId, Track};
use crate::host::HostName;
use crate::plan::{ClientGroup, InstallHow, Plan};
use crate::step::Effect;

/// The code that accepts `lazy_unmount`: a resume makes no check that would ask for it.
const LAZY: &str = "lazy-unmount";

/// Why a run cannot go on with `new` in the place of `old`, whatever it has done: the hosts would have to be looked at again.
#[must_use]
pub fn needs_a_look(old: &Plan, new: &Plan) -> Vec<String> {
    let mut reasons = Vec::new();
    let mut must = |same: bool, what: &str| {
        if !same {
            reasons.push(what.to_owned());
        }
    };
    must(
        (&old.upgrade.from, &old.upgrade.to) == (&new.upgrade.from, &new.upgrade.to),
        "`from` or `to` is another release",
    );
    must(old.upgrade.mode == new.upgrade.mode, "`mode` is another one");
    let master = |plan: &Plan| (plan.master.host.clone(), plan.master.admin_port);
    must(master(old) == master(new), "[master] is another one");
    must(old.config == new.config, "[config], or a file that it names, is held against the hosts before a run begins");
    let known: HashMap<_, _> = old.hosts().map(|(host, role, access)| ((host, role), access)).collect();
    let added: Vec<_> = new.hosts().filter(|(host, role, _)| !known.contains_key(&(*host, *role))).collect();
    let added: Vec<_> = added.iter().map(|(host, role, _)| format!("{role} {host}")).collect();
    must(added.is_empty(), &format!("nobody has looked at what was added: {}", added.join(", ")));
    for (host, role, access) in new.hosts() {
        let Some(before) = known.get(&(host, role)) else { continue };
        let (was, is) = (&before.install, &access.install);
        let same_kind = match (&was.how, &is.how) {
            (InstallHow::Command(_), InstallHow::Command(_)) => true,
            (was, is) => was == is,
        };
        let placed = (&was.prefix, &was.work_dir) == (&is.prefix, &is.work_dir);
        must(same_kind && placed, &format!("how and where {role} {host} is installed was held against the host"));
    }
    let servers: HashMap<_, _> = old.chunkservers.iter().map(|server| (&server.host, server)).collect();
    for server in &new.chunkservers {
        let before = servers.get(&server.host);
        must(
            before.is_none_or(|s| s.address == server.address),
            &format!("`address` of {} is another one", server.host),
        );
    }
    let groups: HashMap<_, _> = clients(old).collect();
    for (host, group) in clients(new) {
        let before = groups.get(host);
        let mounts = |group: &ClientGroup| (group.mounts.clone(), group.mount_options.clone());
        let same = before.is_none_or(|before| mounts(before) == mounts(group));
        must(same, &format!("the mounts of {host} were held against the host"));
        let lazy = group.lazy_unmount && !new.upgrade.acknowledge.contains(LAZY);
        must(!lazy, &format!("`lazy_unmount` for {host} needs `acknowledge = [\"{LAZY}\"]`"));
    }
    reasons
}

fn clients(plan: &Plan) -> impl Iterator<Item = (&HostName, &ClientGroup)> {
    plan.clients.iter().flat_map(|group| group.hosts.iter().map(move |host| (host, group)))
}

/// Which steps that were begun are not in `new` as they were begun, each with why.
#[must_use]
pub fn touches_begun(old: &Schedule, new: &Schedule, begun: &dyn Fn(&StepId) -> bool) -> Vec<String> {
    let mut reasons = Vec::new();
    for (at, stage) in old.stages.iter().enumerate() {
        for (place, track) in stage.tracks.iter().enumerate() {
            let mut of_track = track.steps.iter().filter(|step| begun(&step.id)).peekable();
            if of_track.peek().is_none() {
                continue;
            }
            // what was begun stays in its place: waits and gates of what follows count from it
            match new.stages.get(at).and_then(|stage| same_place(stage, place, track)) {
                None => reasons.push(format!("{} of {} has another place", track.host, stage.phase)),
                Some(now) => reasons.extend(of_track.filter_map(|step| differs(step, now))),
            }
        }
    }
    reasons
}

fn same_place<'a>(stage: &'a Stage, place: usize, track: &Track) -> Option<&'a Track> {
    stage.tracks.get(place).filter(|now| now.host == track.host)
}

fn differs(step: &Step, track: &Track) -> Option<String> {
    // a trial changes nothing, and what was learnt from one that failed may be accepted since
    if matches!(step.action.effect(), Effect::TriesMetadata(_)) {
        return None;
    }
    match track.steps.iter().find(|now| now.id == step.id) {
        None => Some(format!("{} would not be there", step.id)),
        Some(now) if (&now.action, &now.commands) != (&step.action, &step.commands) => {
            Some(format!("{} would be another", step.id))
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::compile;
    use std::path::Path;

    const PLAN: &str = "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\n[install.commands]\nmaster = \"m\"\n\
        chunkserver = \"c\"\nclient = \"l\"\n[master]\nhost = \"m\"\n[[chunkservers]]\nhosts = [\"a\", \"b\", \"c\"]\n\
        [[clients]]\nhosts = [\"x\", \"y\"]\n";

    fn plan(source: &str) -> Plan {
        Plan::parse(source, Path::new("p.toml"), Path::new("/")).unwrap()
    }

    /// A change of `PLAN` when `begun` steps (ids that begin so) were begun.
    fn change(from: &str, to: &str, begun: &[&str]) -> (Vec<String>, Vec<String>) {
        assert!(PLAN.contains(from), "{from}");
        let (old, new) = (plan(PLAN), plan(&PLAN.replacen(from, to, 1)));
        let is_begun = |id: &StepId| begun.iter().any(|b| id.0.starts_with(b));
        let touched = touches_begun(&compile(&old, None, old.line()), &compile(&new, None, new.line()), &is_begun);
        (needs_a_look(&old, &new), touched)
    }

    const UP_TO_A: &[&str] = &["backup/", "master/", "chunkservers/a/"];

    #[test]
    fn what_concerns_steps_that_were_not_begun_is_accepted() {
        for (from, to) in [
            ("[install.commands]", "stagger = \"7m\"\n[install.commands]"),
            ("[install.commands]", "acknowledge = [\"goal-one\"]\n[install.commands]"),
            ("[install.commands]", "accept_lost = 1\n[install.commands]"),
            (
                "[install.commands]",
                "[window]\nfrom = \"22:00\"\nto = \"06:00\"\ntime_zone = \"UTC\"\n[install.commands]",
            ),
            ("client = \"l\"", "client = \"another\""),
            ("[\"a\", \"b\", \"c\"]", "[\"a\", \"c\", \"b\"]"),
            ("[\"a\", \"b\", \"c\"]", "[\"a\", \"b\"]"),
            ("[\"x\", \"y\"]\n", "[\"y\"]\nparallel = 2\nbusy = \"skip\"\n"),
            ("[master]\n", "[ssh]\nuser = \"ops\"\n[master]\n"),
        ] {
            assert_eq!(change(from, to, UP_TO_A), (vec![], vec![]), "{to}");
        }
    }

    #[test]
    fn what_was_begun_stays_as_it_was_and_where_it_was() {
        let touched = |from, to| change(from, to, UP_TO_A).1.join("; ");
        assert!(
            touched("chunkserver = \"c\"", "chunkserver = \"other\"")
                .contains("chunkservers/a/install would be another")
        );
        assert!(touched("master = \"m\"", "master = \"other\"").contains("master/m/install would be another"));
        for hosts in ["[\"b\", \"a\", \"c\"]", "[\"b\", \"c\"]"] {
            assert!(touched("[\"a\", \"b\", \"c\"]", hosts).contains("a of chunkservers has another place"), "{hosts}");
        }
        assert_eq!(touches_begun_nothing("[\"a\", \"b\", \"c\"]", "[\"c\", \"b\", \"a\"]"), Vec::<String>::new());
    }

    fn touches_begun_nothing(from: &str, to: &str) -> Vec<String> {
        change(from, to, &["backup/"]).1
    }

    #[test]
    fn what_was_held_against_the_hosts_needs_another_look() {
        for (from, to, why) in [
            ("1.6.27", "1.6.26", "another release"),
            ("[install.commands]", "mode = \"full-stop\"\n[install.commands]", "`mode`"),
            ("host = \"m\"", "host = \"n\"", "[master]"),
            ("host = \"m\"", "host = \"m\"\nadmin_port = 9999", "[master]"),
            ("[master]", "[config]\nexports_like_1_5 = true\n[master]", "[config]"),
            ("[\"a\", \"b\", \"c\"]", "[\"a\", \"b\", \"c\", \"d\"]", "chunkserver d"),
            ("[\"x\", \"y\"]\n", "[\"x\", \"y\"]\nmounts = [\"/m\"]\n", "the mounts of x"),
            ("[\"x\", \"y\"]\n", "[\"x\", \"y\"]\nlazy_unmount = true\n", "lazy-unmount"),
            ("[\"x\", \"y\"]\n", "[\"x\", \"y\"]\ninstall = { prefix = \"/opt\" }\n", "client x is installed"),
            (
                "[install.commands]\nmaster = \"m\"\nchunkserver = \"c\"\nclient = \"l\"",
                "[install]\nsource_dir = \"/s\"",
                "is installed",
            ),
        ] {
            let (reasons, _) = change(from, to, &[]);
            assert!(reasons.iter().any(|r| r.contains(why)), "{to}: {reasons:?}");
        }
    }
}
