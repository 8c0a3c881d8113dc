//! A plan for the largest cluster is read in no time and without 10,000 copies of what all hosts share.

use std::fmt::Write as _;
use std::sync::Arc;

use super::{parse, with_upgrade};

const HOSTS: usize = 5_000;

/// The worst case: each host in a section of its own.
fn one_section_each() -> String {
    let mut plan = with_upgrade("[install]\nsource_dir = \"/s\"\n[ssh]\nuser = \"root\"\n[master]\nhost = \"m\"\n");
    for n in 0..HOSTS {
        writeln!(plan, "[[chunkservers]]\nhosts = [\"cs{n}\"]\naddress = \"10.1.{}.{}\"", n / 250, n % 250 + 1)
            .unwrap();
        writeln!(plan, "[[clients]]\nhosts = [\"cl{n}\"]\nmounts = [\"/mnt/mfs\"]").unwrap();
    }
    plan
}

#[test]
fn hosts_share_what_they_have_in_common() {
    let plan = parse(&one_section_each()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((plan.chunkservers.len(), plan.clients.len()), (HOSTS, HOSTS));
    let first = &plan.chunkservers[0].access;
    assert!(plan.chunkservers.iter().all(|c| Arc::ptr_eq(&c.access.ssh, &first.ssh)));
    assert!(plan.chunkservers.iter().all(|c| Arc::ptr_eq(&c.access.install, &first.install)));
}

#[test]
fn the_largest_plan_is_read_quickly() {
    let ranges = with_upgrade(
        "[install]\nsource_dir = \"/s\"\n[master]\nhost = \"m\"\n[[chunkservers]]\nhosts = [\"cs[1-5000]\"]\n\
         [[clients]]\nhosts = [\"cl[1-5000]\"]\n",
    );
    for source in [ranges, one_section_each()] {
        let start = std::time::Instant::now();
        parse(&source).unwrap_or_else(|error| panic!("{error}"));
        // A release build takes a few milliseconds. The limit is for a slow machine, a debug build and busy neighbours;
        // anything quadratic is far beyond it.
        assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    }
}

#[test]
fn thousands_of_findings_stay_legible_and_quick() {
    let start = std::time::Instant::now();
    let error = parse(&one_section_each().replace("mounts =", "mount =")).unwrap_err();
    assert_eq!(error.findings().len(), HOSTS);
    assert!(error.to_string().ends_with("error: and 4900 more"));
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}
