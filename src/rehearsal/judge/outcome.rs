//! What must be true in the end, whatever the mode: everything new, everything readable, nothing lost. PURE.

use super::NO_MASTER;
use super::timeline::Timeline;
use super::{Check, FinalState, check};
use crate::moosefs::daemon::Role;
use crate::plan::{Mode, Plan};
use crate::rehearsal::event::What;

/// The checks.
pub fn checks(plan: &Plan, timeline: &Timeline<'_>, end: &FinalState) -> Vec<Check> {
    vec![
        everything_new(plan, timeline, end),
        data_path(plan, timeline),
        readable(timeline, end),
        metadata(timeline, end),
        chunks(timeline, end),
    ]
}

fn everything_new(plan: &Plan, timeline: &Timeline<'_>, end: &FinalState) -> Check {
    let mut against = Vec::new();
    let to = &plan.upgrade.to;
    let mut wanted: Vec<(&str, Role, Option<&str>)> = vec![(plan.master.host.as_str(), Role::Master, None)];
    wanted.extend(plan.chunkservers.iter().map(|server| (server.host.as_str(), Role::Chunkserver, None)));
    wanted.extend(timeline.mounts.iter().map(|(host, mount)| (host.as_str(), Role::Client, Some(mount.as_str()))));
    for (host, role, mount) in &wanted {
        let there: Vec<_> = end
            .processes
            .iter()
            .filter(|p| p.host == *host && p.program == role.program() && p.mount_point.as_deref() == *mount)
            .collect();
        let name = mount.map_or_else(|| role.program().to_owned(), |mount| format!("{} {mount}", role.program()));
        match there[..] {
            [] => against.push(format!("no {name} runs on {host}")),
            [one] if one.version == *to => {}
            [one] => against.push(format!("{name} on {host} runs {}", one.version)),
            _ => against.push(format!("{} {name} run on {host}", there.len())),
        }
    }
    check("everything-new", against, format!("{} daemons and mounts run {to}", wanted.len()))
}

/// In a full stop 1.5 mounts give errors after 30 s of the master's absence, and nobody can help it; the errors must end.
fn data_path(plan: &Plan, timeline: &Timeline<'_>) -> Check {
    let forgiven_until = match plan.upgrade.mode {
        Mode::Rolling => 0,
        Mode::FullStop => {
            let is_mount = |what: &What| matches!(what, What::Mounted { .. } | What::Unmounted { .. });
            let last_mount = timeline.events.iter().filter(|event| is_mount(&event.what)).map(|event| event.at).max();
            last_mount.or(timeline.new_master_ready()).unwrap_or(0)
        }
    };
    let mut forgiven = 0;
    let mut against = Vec::new();
    for event in &timeline.events {
        if let What::IoError { mount_point, file, reason, .. } = &event.what {
            if event.at <= forgiven_until {
                forgiven += 1;
            } else {
                against.push(format!(
                    "{}:{mount_point}/{file}, {} after the beginning: {reason}",
                    event.host,
                    timeline.show(event.at)
                ));
            }
        }
    }
    let otherwise = match forgiven {
        0 => "no application got an error".to_owned(),
        n => format!("no application got an error at the end ({n} during the full stop)"),
    };
    check("data-path", against, otherwise)
}

fn readable(timeline: &Timeline<'_>, end: &FinalState) -> Check {
    let mut against = Vec::new();
    for (host, mount) in &timeline.mounts {
        let of = |p: &&super::Running| p.host == *host && p.mount_point.as_deref() == Some(mount);
        let whole = end
            .processes
            .iter()
            .find(of)
            .and_then(|p| p.watch.as_ref())
            .is_some_and(|watch| watch.whole_round_began >= end.at && watch.files == timeline.content.0);
        if !whole {
            against.push(format!("not every file could be read on {host}:{mount}"));
        }
    }
    check(
        "readable",
        against,
        format!("all {} files were read on {} mounts", timeline.content.0, timeline.mounts.len()),
    )
}

fn metadata(timeline: &Timeline<'_>, end: &FinalState) -> Check {
    let (files, chunks) = timeline.content;
    let mut against = Vec::new();
    match &end.master {
        None => against.push(NO_MASTER.to_owned()),
        Some(master) if (master.files, master.chunks) != (files, chunks) => against.push(format!(
            "the master has {} files and {} chunks; there were {files} and {chunks}",
            master.files, master.chunks
        )),
        Some(_) => {}
    }
    for event in &timeline.events {
        match event.what {
            What::MetadataNotSaved => {
                against.push(format!("the master {} ended without saving its metadata", event.version));
            }
            What::MetadataLoaded { files: f, chunks: c } if (f, c) != (files, chunks) => {
                against.push(format!("a master loaded metadata of {f} files and {c} chunks"));
            }
            _ => {}
        }
    }
    check("metadata", against, format!("{files} files and {chunks} chunks, as at the beginning"))
}

fn chunks(timeline: &Timeline<'_>, end: &FinalState) -> Check {
    let mut against = Vec::new();
    if let Some(master) = &end.master {
        if master.missing > 0 || master.under_goal > 0 {
            against.push(format!("{} chunks missing, {} under goal", master.missing, master.under_goal));
        }
        for server in &timeline.servers {
            let there = master.servers.iter().find(|(address, ..)| *address == server.address);
            match there {
                Some((_, _, chunks)) if *chunks >= server.chunks => {}
                Some((_, _, chunks)) => {
                    against.push(format!("{} has {chunks} chunks, it had {}", server.host, server.chunks));
                }
                None => against.push(format!("{} is not connected", server.host)),
            }
        }
    } else {
        against.push(NO_MASTER.to_owned());
    }
    for event in &timeline.events {
        if let What::ChunkDeleted { chunk } = event.what {
            against.push(format!("chunk {chunk:016X} was deleted on {}", event.host));
        }
    }
    check("chunks", against, "every chunkserver has its chunks, none is missing or under goal".to_owned())
}
