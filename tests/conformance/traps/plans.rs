//! Plans that do not fit the cluster.

use mfsupgrade::check::Code;
use toml::{Table, Value};

use super::{CLUSTER, Trap, planned, trap};

pub fn set(plan: &mut Table, section: &str, key: &str, value: impl Into<Value>) {
    let section = plan.entry(section).or_insert_with(|| Value::Table(Table::new()));
    section.as_table_mut().unwrap().insert(key.to_owned(), value.into());
}

/// Of every section of a name.
pub fn each(plan: &mut Table, sections: &str, key: &str, value: impl Into<Value> + Clone) {
    for section in plan[sections].as_array_mut().unwrap() {
        section.as_table_mut().unwrap().insert(key.to_owned(), value.clone().into());
    }
}

fn hosts(plan: &mut Table, sections: &str, hosts: &[&str]) {
    let hosts: Vec<Value> = hosts.iter().map(|host| (*host).into()).collect();
    let section = Table::from_iter([("hosts".to_owned(), Value::Array(hosts))]);
    plan.insert(sections.to_owned(), Value::Array(vec![Value::Table(section)]));
}

fn accept(plan: &mut Table, code: &str) {
    set(plan, "upgrade", "acknowledge", vec![Value::from(code)]);
}

pub fn traps() -> Vec<Trap> {
    vec![
        planned(Code::HostUnreachable, "nowhere", |plan| {
            let section = Table::from_iter([("hosts".to_owned(), Value::Array(vec!["nowhere".into()]))]);
            plan["chunkservers"].as_array_mut().unwrap().push(Value::Table(section));
        }),
        planned(Code::SameMachineTwice, CLUSTER, second_name),
        planned(Code::VersionDiffers, "master", |plan| set(plan, "upgrade", "from", "1.5.9")),
        planned(Code::PrefixDiffers, "master", |plan| set(plan, "install", "prefix", "/opt/mfs")),
        planned(Code::AdminPortNotListening, "master", |plan| set(plan, "master", "admin_port", 9521)),
        planned(Code::FullStopUnderMounts, CLUSTER, |plan| set(plan, "upgrade", "mode", "full-stop")),
        planned(Code::TrialImpossible, CLUSTER, |plan| {
            set(plan, "upgrade", "to", "1.6.8");
            accept(plan, "target-deletes-unknown-chunks");
        }),
        planned(Code::WindowShort, CLUSTER, |plan| {
            set(plan, "window", "from", "03:00");
            set(plan, "window", "to", "03:04");
            set(plan, "window", "time_zone", "UTC");
        }),
        planned(Code::NoMetalogger, CLUSTER, |plan| drop(plan.remove("metaloggers"))),
        planned(Code::MetaloggerOnMaster, "master", |plan| hosts(plan, "metaloggers", &["master"])),
        planned(Code::ChunkserverNotInPlan, CLUSTER, |plan| hosts(plan, "chunkservers", &["cs1"])),
        planned(Code::ClientNotInPlan, CLUSTER, |plan| drop(plan.remove("clients"))),
        planned(Code::MountMissing, "cl1", other_mount),
        planned(Code::MountNotInPlan, "cl1", other_mount),
        planned(Code::MountOptionsChange, "cl1", |plan| {
            each(plan, "clients", "mount_options", vec![Value::from("mfscachefiles")]);
        }),
        planned(Code::LazyUnmount, "cl1", |plan| {
            each(plan, "clients", "lazy_unmount", true);
        }),
        trap(
            Code::MountInUse,
            "cl1",
            "(cd /mnt/mfs && exec sleep 600) > /dev/null 2>&1 < /dev/null & echo $! > /root/busy",
            "kill $(cat /root/busy); rm /root/busy",
        )
        .simulated("bystander busy in /mnt/mfs", super::end!("busy"))
        .plan(|plan| each(plan, "clients", "busy", "skip")),
        trap(
            Code::MasterDoesNotAnswer,
            "master",
            super::listen!(9521, "2531"),
            "kill $(cat /root/taken); rm /root/taken",
        )
        .simulated("bystander silent listen 9521", super::end!("silent"))
        .plan(|plan| set(plan, "master", "admin_port", 9521)),
    ]
}

fn other_mount(plan: &mut Table) {
    each(plan, "clients", "mounts", vec![Value::from("/mnt/other")]);
}

/// A name more for cs1, in a copy of what tells ssh the way.
fn second_name(plan: &mut Table) {
    let known = plan["ssh"]["config"].as_str().unwrap();
    let text = std::fs::read_to_string(known).unwrap();
    let names =
        |line: &str| line.trim_start().starts_with("Host ") && line.split_whitespace().any(|word| word == "cs1");
    let lines = text.lines().map(|line| if names(line) { format!("{line} cs1-again\n") } else { format!("{line}\n") });
    let told: String = lines.collect();
    assert!(told.contains("cs1-again"), "{known} has no `Host cs1`");
    let path = std::env::temp_dir().join(format!("traps-second-name-{}", std::process::id()));
    std::fs::write(&path, told).unwrap();
    set(plan, "ssh", "config", path.to_str().unwrap());
    let section = Table::from_iter([("hosts".to_owned(), Value::Array(vec!["cs1-again".into()]))]);
    plan["chunkservers"].as_array_mut().unwrap().push(Value::Table(section));
}
