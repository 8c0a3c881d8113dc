//! Configuration files of daemons, exports and lists of disks.

use mfsupgrade::moosefs::config::{ConfigText, Need, carry, refuses};
use mfsupgrade::moosefs::daemon::Role;
use mfsupgrade::moosefs::disks;
use mfsupgrade::moosefs::exports::{Exports, Mount};
use mfsupgrade::moosefs::version::Version;
use mfsupgrade::ui::shown::Shown;

use super::super::corpus;
use super::{Broken, Checked, Target, holds, quiet, text};

const BOUND: u64 = 1 << 20;

const OLD: Version = Version::new(1, 5, 12);

/// On both sides of what has changed.
const RELEASES: [Version; 5] =
    [OLD, Version::new(1, 6, 0), Version::new(1, 6, 5), Version::new(1, 6, 20), Version::new(1, 6, 27)];

pub fn targets() -> Vec<Target> {
    let target = |name, corpus, check| Target { name, corpus, check, bound: BOUND };
    let words = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    let config = [
        "# WORKING_USER = nobody\nWORKING_USER = mfs\nDATA_PATH = /var/mfs\nBACK_LOGS = 50\nLOCK_FILE = /run/m.lock\nMATOCU_LISTEN_PORT = 9421\n",
        "MASTER_HOST=mfsmaster\r\nMASTER_PORT = 9420\r\nHDD_CONF_FILENAME = /etc/mfshdd.cfg\r\nMASTER_TIMEOUT = 60\r\n",
    ];
    vec![
        target("config", words(&config), check_config),
        target("exports", exports(), check_exports),
        target(
            "disks",
            words(&["/mnt/hd1\n*/mnt/hd2 \n#/mnt/hd3\n/mnt/hd4 -5GiB\n/mnt/hd5 1.5TiB", "/a\r\n\n/b 100"]),
            check_disks,
        ),
    ]
}

/// The files that real masters were shown.
fn exports() -> Vec<Vec<u8>> {
    let seen: Vec<serde_json::Value> =
        serde_json::from_slice(&corpus::file("tests/fixtures/exports/seen.json")).expect("the fixture is JSON");
    seen.iter().filter_map(|file| Some(file["text"].as_str()?.as_bytes().to_vec())).collect()
}

/// What was carried over needs no carrying over, and says what is needed.
fn check_config(bytes: &[u8]) -> Checked {
    let text = text(bytes);
    let needs = [Need { key: "DATA_PATH".to_owned(), value: "/d".to_owned(), why: "it is so".to_owned() }];
    for role in [Role::Master, Role::Chunkserver, Role::Metalogger] {
        for to in &RELEASES[1..] {
            let once = carry(role, &OLD, to, &text, Some(&text), &needs)
                .map_err(|error| Broken::new("carried", error.to_string()))?;
            let twice = carry(role, &OLD, to, &once.text, Some(&text), &needs)
                .map_err(|error| Broken::new("carried", error.to_string()))?;
            holds("carried once", twice.text == once.text && twice.changes.is_empty(), || {
                format!("{role:?} {to}: {:?} becomes {:?}", once.text, twice.text)
            })?;
            let carried = ConfigText::parse(&once.text);
            holds("needs", carried.get("DATA_PATH", to) == Some("/d"), || once.text.clone())?;
            let told: String = once.changes.iter().map(|change| format!("{}: {}\n", change.key, change.what)).collect();
            quiet("changes", Shown::text(&told).as_str())?;
            let _ = refuses(role, to, &carried);
        }
    }
    let lines = 1 + text.matches('\n').count();
    let differs = ConfigText::parse(&text).differs(&OLD, &RELEASES[4]);
    holds("place", differs.iter().all(|(line, _)| (1..=lines).contains(&(*line as usize))), || format!("{differs:?}"))?;
    Ok(ConfigText::parse(&text).definitions(&OLD).next().is_some())
}

fn check_exports(bytes: &[u8]) -> Checked {
    let text = text(bytes);
    let lines = 1 + text.matches('\n').count();
    let mut rules = 0;
    for to in &RELEASES[1..] {
        let (exports, bad) = Exports::parse(&text, to);
        rules += exports.rules.len();
        for line in &bad {
            holds("place", (1..=lines).contains(&(line.line as usize)), || line.to_string())?;
            quiet("a bad line", Shown::message(&line.to_string()).as_str())?;
        }
        for (path, meta) in [("/", false), ("/a/b", false), ("/", true)] {
            let mount = Mount { address: [10, 1, 2, 3].into(), path, meta, password: false, version: to };
            match exports.admits(&mount) {
                Ok(admitted) => {
                    let known = exports.rules.iter().any(|rule| rule.line == admitted.line);
                    holds("admitted by a rule", known, || format!("{admitted:?}"))?;
                }
                Err(refused) => quiet("a refusal", Shown::message(&refused.to_string()).as_str())?,
            }
        }
        let _ = exports.keeps_master_from_starting();
    }
    Ok(rules > 0)
}

fn check_disks(bytes: &[u8]) -> Checked {
    let text = text(bytes);
    let lines = 1 + text.matches('\n').count();
    let mut known = 0;
    for at in &RELEASES {
        let disks = disks::parse(&text, at);
        known += disks.len();
        let placed = disks.iter().all(|disk| (1..=lines).contains(&(disk.line as usize)) && disk.path.ends_with('/'));
        holds("place", placed, || format!("{disks:?}"))?;
        let differs = disks::differs(&text, &OLD, at);
        differs.iter().try_for_each(|(_, how)| quiet("a difference", Shown::line(how).as_str()))?;
    }
    Ok(known > 0)
}
