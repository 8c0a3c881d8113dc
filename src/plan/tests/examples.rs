//! The example plans are plans.

use std::path::Path;

use crate::host::HostName;
use crate::plan::{Exports, InstallHow, Mode, Plan};

fn example(name: &str) -> Plan {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans").join(name);
    Plan::load(&path).unwrap_or_else(|error| panic!("{error}")).plan
}

#[test]
fn every_example_loads() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans");
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["full-stop.toml", "large.toml", "rolling.toml"]);
    for name in names {
        example(&name);
    }
}

#[test]
fn the_two_ways_name_the_same_cluster() {
    let (rolling, full_stop) = (example("rolling.toml"), example("full-stop.toml"));
    assert_eq!((rolling.upgrade.mode, full_stop.upgrade.mode), (Mode::Rolling, Mode::FullStop));
    assert_eq!(rolling.chunkservers, full_stop.chunkservers);
    assert_eq!(rolling.clients, full_stop.clients);
    assert_eq!(rolling.master, full_stop.master);
    assert_eq!((&rolling.metaloggers, &rolling.config), (&full_stop.metaloggers, &full_stop.config));
    assert_eq!(rolling.metaloggers[0].host.as_str(), "log1");
    assert_eq!(rolling.config.exports, Some(Exports::LikeV15));
    assert_eq!(rolling.clients[0].hosts, ["cl1", "cl2"].map(|name| HostName::new(name).unwrap()));
}

#[test]
fn the_large_example_resolves_its_overrides() {
    let plan = example("large.toml");
    assert_eq!(plan.chunkservers.len(), 45);
    assert_eq!(plan.window.as_ref().unwrap().to_string(), "22:00 to 05:30 Europe/Berlin (mon, tue, wed, thu)");
    assert!(plan.demanded_waits_s() < plan.window.as_ref().unwrap().length_s());
    assert_eq!(plan.metaloggers.len(), 2);
    assert_eq!(plan.config.exports, None);
    assert_eq!(plan.config.master_host.as_ref(), Some(&plan.master.host));
    assert_eq!(plan.chunkservers[20].host.as_str(), "r2n01.example.com");
    let attic = &plan.chunkservers[40];
    assert_eq!(attic.address.unwrap().to_string(), "10.0.9.7");
    assert_eq!((attic.access.ssh.port, attic.access.ssh.user.as_deref()), (Some(2022), Some("upgrade")));
    let old = &plan.chunkservers[41];
    assert_eq!(old.host.as_str(), "cs08.example.com");
    assert!(matches!(&old.access.install.how, InstallHow::SourceDir(dir) if dir.as_str() == "/usr/src/mfs-1.6.27"));
    assert_eq!(old.access.install.prefix.as_str(), "/usr/local");
    assert_eq!(plan.clients[0].hosts.len(), 240);
    assert_eq!(plan.clients[2].hosts[0], plan.master.host);
    assert_eq!(plan.master.access.ssh.jump[0].to_string(), "ops@gate.example.com:2222");
}

#[test]
fn what_is_commented_out_works_too() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mfs-1.6.27.tar.gz"), b"\x1f\x8b").unwrap();
    std::fs::write(folder.path().join("mfsexports.cfg"), "* / rw\n").unwrap();
    let mut source = super::GOOD.to_owned();
    for (from, to) in [
        ("\nsource_dir", "\n#source_dir"),
        ("\n#archive", "\narchive"),
        ("\n#configure", "\nconfigure"),
        ("\nexports_like_1_5", "\n#exports_like_1_5"),
        ("\n#exports =", "\nexports ="),
    ] {
        assert!(source.contains(from), "{from}");
        source = source.replacen(from, to, 1);
    }
    let plan = Plan::parse(&source, Path::new("p.toml"), folder.path()).unwrap_or_else(|error| panic!("{error}"));
    assert!(matches!(&plan.master.access.install.how, InstallHow::Archive(archive) if archive.configure.len() == 2));
    assert!(matches!(&plan.config.exports, Some(Exports::File { .. })));
}
