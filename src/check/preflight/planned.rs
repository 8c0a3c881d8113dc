//! What the plan alone tells, before any host is asked: also to a preview that contacts none.

use crate::check::{Code, Finding, of_line};
use crate::moosefs::releases::TABLE;
use crate::plan::Plan;

/// Findings for which no host need be asked, worst first.
#[must_use]
pub fn planned(plan: &Plan) -> Vec<Finding> {
    let mut findings: Vec<Finding> = [no_metalogger(plan), window_short(plan)].into_iter().flatten().collect();
    findings.extend(metaloggers_on_master(plan));
    findings.extend(lazy_unmounts(plan));
    of_line(&mut findings, plan.line());
    findings.sort_by_key(|finding| finding.severity);
    findings
}

fn no_metalogger(plan: &Plan) -> Option<Finding> {
    let none = TABLE.metaloggers.at(&plan.upgrade.to) && plan.metaloggers.is_empty();
    none.then(|| {
        Finding::new(
            Code::NoMetalogger,
            None,
            "the plan has no metalogger".into(),
            &format!(
                "{} chunkservers keep copies of the change logs; from {} on only metaloggers do, and without one the master's disk \
                 is all there is of every file name",
                plan.line().from,
                TABLE.metaloggers.first()
            ),
            "add [[metaloggers]] with a host other than the master's".into(),
        )
    })
}

fn metaloggers_on_master(plan: &Plan) -> impl Iterator<Item = Finding> {
    plan.metaloggers.iter().filter(|logger| logger.host == plan.master.host).map(|logger| {
        Finding::new(
            Code::MetaloggerOnMaster,
            Some(&logger.host),
            "the metalogger is on the master's own host".into(),
            "what takes the host away takes the metadata and its only copy away",
            "put a metalogger on another host as well".into(),
        )
    })
}

/// Seen on real hosts: the last user of a mount that `umount -l` had taken away ended hours later, and the new mount was gone.
fn lazy_unmounts(plan: &Plan) -> impl Iterator<Item = Finding> {
    let by_name = TABLE.unmounts_by_name.at(&plan.upgrade.from);
    let groups = plan.clients.iter().filter(move |group| by_name && group.lazy_unmount);
    groups.flat_map(|group| &group.hosts).map(|host| {
        Finding::new(
            Code::LazyUnmount,
            Some(host),
            "the plan says `lazy_unmount = true`: a mount in use would be unmounted with `umount -l`".into(),
            &format!(
                "a mfsmount of {} unmounts its mount point by name when its last user ends: it takes the new mount away, in the run or \
                 days after it, and what is written there then is written below it",
                plan.line().from
            ),
            "take it out of the plan, and say what is done with a mount in use: `busy = \"wait 10m\"` or `busy = \"skip\"`".into(),
        )
    })
}

/// The plan's window against the time that the upgrade itself requires.
fn window_short(plan: &Plan) -> Option<Finding> {
    let window = plan.window.as_ref()?;
    let (demanded, length) = (plan.demanded_waits_s(), window.length_s());
    (demanded > length).then(|| {
        Finding::new(
            Code::WindowShort,
            None,
            format!(
                "{} min of required waiting do not fit into the {} min of {window}",
                demanded.div_ceil(60),
                length / 60
            ),
            "the run waits for the next window in between: until then the cluster works in both releases",
            "nothing, if that is wanted; else make the window longer or the stagger shorter".into(),
        )
    })
}
