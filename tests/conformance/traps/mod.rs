//! Traps and the findings that they must be found by: one body, for the embedded cluster with simulated daemons and for real
//! hosts with real daemons. A trap that only the simulation would spring, or only reality, would show here.
//!
//! On real hosts: a healthy cluster of 1.5.12 that can be spoilt and that nobody uses, mounted with `-h mfsmaster -w /mnt/mfs`;
//! hosts called master, cs1, cs2 and cl1; the prefix /usr/local, 1.6.27 built in /usr/src/mfs-1.6.27, a mfsexports.cfg in
//! /usr/local/etc/mfs that allows everything; python3; a rolling plan with `[ssh] config`, a metalogger, and `exports_like_1_5`, and
//! `MFSUPGRADE_LAB_PLAN=cluster.toml cargo test --test conformance -- --ignored real_hosts`. Where it names a number of seconds
//! in `MFSUPGRADE_LAB_PATIENCE`, what a 1.5 master finds out by a test of its own alone, which takes 40 minutes (and as long again until it is forgotten), is waited for.
//! `MFSUPGRADE_TRAPS=code,code` sets these alone, of either cluster.

mod daemons;
mod files;
mod machine;
mod mounts;
mod plans;
mod scene;
mod way_back;
mod without;

use mfsupgrade::check::Code;

use scene::{Edit, Scene};

/// What is wrong, how it comes to be so, and how it is put right again.
#[derive(Clone, Copy)]
struct Trap {
    code: Code,
    /// The host that the finding names; the cluster has no host, and [`LOGGER`] is the plan's own.
    on: &'static str,
    /// Where it is set: hosts, one after the other, or [`SERVERS`].
    at: &'static str,
    /// What the plan says otherwise.
    plan: Option<Edit>,
    /// Shell, as root.
    set: &'static str,
    unset: &'static str,
    /// How it is set and taken away on a simulated host, where that has no mounts and processes of others as a real one has.
    simulated: Option<[&'static str; 2]>,
    /// Daemons or mounts are made anew: it takes a moment until the master says so, before and behind it.
    disturbs: bool,
    /// A 1.5 master finds it out in a round of its own.
    slow: bool,
}

/// A finding of no host.
const CLUSTER: &str = "";
/// The plan's first metalogger.
const LOGGER: &str = "<metalogger>";
/// All chunkservers of the plan.
const SERVERS: &str = "<chunkservers>";

const fn trap(code: Code, at: &'static str, set: &'static str, unset: &'static str) -> Trap {
    Trap { code, on: at, at, plan: None, set, unset, simulated: None, disturbs: false, slow: false }
}

/// A plan that does not fit the cluster.
const fn planned(code: Code, on: &'static str, edit: Edit) -> Trap {
    Trap { on, plan: Some(edit), ..trap(code, "", ":", ":") }
}

impl Trap {
    /// The finding is of another host.
    const fn on(self, on: &'static str) -> Self {
        Self { on, ..self }
    }

    const fn plan(self, edit: Edit) -> Self {
        Self { plan: Some(edit), ..self }
    }

    const fn simulated(self, set: &'static str, unset: &'static str) -> Self {
        Self { simulated: Some([set, unset]), ..self }
    }

    const fn disturbs(self) -> Self {
        Self { disturbs: true, ..self }
    }

    const fn slow(self) -> Self {
        Self { slow: true, ..self }
    }
}

/// On a real host: something listens on a port, by its number and as /proc/net/tcp has it, until `kill $(cat /root/taken)`.
macro_rules! listen {
    ($port:literal, $hex:literal) => {
        concat!(
            "python3 -c 'import socket, time; s = socket.create_server((\"\", ",
            $port,
            ")); time.sleep(600)' > /dev/null 2>&1 \
             < /dev/null & echo $! > /root/taken; for i in $(seq 100); do grep -q ':",
            $hex,
            " 00000000:0000 0A' /proc/net/tcp && \
             break; sleep 0.1; done; "
        )
    };
}
pub(crate) use listen;

/// Ends a process of a simulated host by its name.
macro_rules! end {
    ($name:literal) => {
        concat!("for p in /proc/[0-9]*; do [ \"$(cat $p/comm)\" != ", $name, " ] || kill ${p#/proc/}; done; sleep 0.2")
    };
}
pub(crate) use end;

/// A mount as it is in a healthy cluster, or beside it.
macro_rules! mount {
    ($master:literal, $point:literal) => {
        concat!("/usr/local/bin/mfsmount -h ", $master, " -w ", $point, " > /dev/null 2>&1 < /dev/null")
    };
}
pub(crate) use mount;

/// All of them; what takes daemons down comes last.
fn traps() -> Vec<Trap> {
    [files::traps(), machine::traps(), plans::traps(), mounts::traps(), daemons::traps()].concat()
}

/// Told of every cluster of 1.5 that goes to 1.6.27: there is nothing to set.
const ALWAYS: [Code; 3] = [Code::GoalsUnknown, Code::ToolsOf15, Code::SpaceFiguresDrop];

#[test]
fn every_code_is_set_on_hosts_or_it_is_said_why_not() {
    let set: Vec<_> = traps().iter().chain(&way_back::traps()).map(|trap| trap.code).chain(ALWAYS).collect();
    for code in Code::ALL {
        let why = without::why_not(*code);
        assert!(set.contains(code) != why.is_some(), "{code}: in the body: {}, left out: {why:?}", set.contains(code));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_trap_is_found_on_the_embedded_cluster() {
    let (cluster, scene) = Scene::embedded(10.0).await;
    tokio::task::spawn_blocking(move || scene.spring_all(&traps())).await.unwrap();
    cluster.stop().await;
}

#[test]
#[ignore = "needs real hosts that can be spoilt: MFSUPGRADE_LAB_PLAN=cluster.toml"]
fn every_trap_is_found_on_real_hosts() {
    Scene::real().spring_all(&traps());
}
