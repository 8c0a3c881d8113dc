//! The simulated mfsmetarestore: change logs applied to metadata, with what 1.6.18 and 1.6.27 got wrong (`merger.c` and `restore.c` of these; run).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::Call;
use super::changelog::{self, Change};
use super::metadata::Metadata;
use crate::moosefs::metadata::SAVED;
use crate::moosefs::releases::Traits;
use crate::rehearsal::clock;

/// What was asked for.
#[derive(Debug, Default)]
struct Order {
    auto: bool,
    folder: Option<String>,
    metadata: Option<String>,
    out: Option<String>,
    logs: Vec<String>,
}

fn parse(words: &[String]) -> Option<Order> {
    let mut order = Order::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-a" => order.auto = true,
            "-d" => order.folder = Some(words.next()?.clone()),
            "-m" => order.metadata = Some(words.next()?.clone()),
            "-o" => order.out = Some(words.next()?.clone()),
            "-b" | "-i" | "-x" | "-f" => {}
            word if word.starts_with('-') => return None,
            word => order.logs.push(word.to_owned()),
        }
    }
    (order.auto != order.metadata.is_some()).then_some(order)
}

/// The command, as a shell calls it.
pub fn command(call: &Call) -> ExitCode {
    let traits = Traits::of(&call.version);
    if traits.tells_version && call.argv.get(1).is_some_and(|word| word == "-v") {
        println!("version: {} (simulated)", call.version);
        return ExitCode::SUCCESS;
    }
    let Some(order) = parse(&call.argv[1..]) else {
        eprintln!(
            "restore metadata:\n\tmfsmetarestore -m <meta data file> -o <restored meta data file> [ <change log file> … ]\n\
             dump metadata:\n\tmfsmetarestore -m <meta data file>\n\
             autorestore:\n\tmfsmetarestore -a [-d <data path>] (simulated)"
        );
        return ExitCode::FAILURE;
    };
    match restore(call, &traits, &order) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn restore(call: &Call, traits: &Traits, order: &Order) -> Result<(), String> {
    let (file, out, logs) = if order.auto {
        let folder = order.folder.clone().unwrap_or_else(|| format!("{}/var/mfs", call.prefix()));
        found_in(call, &call.site.real(&folder))?
    } else {
        let path = |text: &String| PathBuf::from(text);
        let file = order.metadata.as_ref().map(path).unwrap_or_default();
        (file, order.out.as_ref().map(path), order.logs.iter().map(path).collect())
    };
    let (load, real_least) = call.site.load_time();
    clock::spend_blocking(&call.site, load + call.site.timings.save, real_least);
    let mut metadata = load_file(traits, &file)?;
    println!("loading objects (files,directories,etc.) ... ok\nconnecting files and chunks ... ok (simulated)");
    // 1.5 takes a call without change logs for the wish to dump (run)
    let Some(out) = out.filter(|_| traits.sessions || !logs.is_empty()) else {
        println!("# dump: {} files, {} chunks, version {}", metadata.files(), metadata.chunks(), metadata.version);
        return Ok(());
    };
    for change in changes(traits, &logs)? {
        apply(&mut metadata, &change)?;
    }
    println!("store metadata into file: {}", call.site.seen(&out.to_string_lossy()));
    metadata.store(&out).map_err(|error| format!("can't store metadata: {error}"))
}

/// `-a`: what lies in DATA_PATH, a metalogger's where there is no master's.
fn found_in(call: &Call, folder: &Path) -> Result<(PathBuf, Option<PathBuf>, Vec<PathBuf>), String> {
    let file =
        ["metadata.mfs.back", "metadata_ml.mfs.back"].map(|name| folder.join(name)).into_iter().find(|f| f.exists());
    let file = file.ok_or_else(|| "can't find backed up metadata file !!!".to_owned())?;
    println!("file '{}' will be used to restore metadata", call.site.seen(&file.to_string_lossy()));
    let mut logs: Vec<PathBuf> = fs::read_dir(folder)
        .map_err(|error| format!("can't open data path: {error}"))?
        .flatten()
        .filter(|entry| is_log(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    // in the order of their first changes; it is what makes later releases pass over those that begin with 0
    let first = |log: &PathBuf| {
        let text = fs::read(log).unwrap_or_default();
        changelog::read(&String::from_utf8_lossy(&text)).first().map_or(u64::MAX, |change| change.id)
    };
    logs.sort_by_cached_key(first);
    Ok((file, Some(folder.join("metadata.mfs")), logs))
}

fn is_log(name: &str) -> bool {
    (name.starts_with("changelog.") || name.starts_with("changelog_ml")) && name.ends_with(".mfs")
}

fn load_file(traits: &Traits, file: &Path) -> Result<Metadata, String> {
    let bytes = fs::read(file).map_err(|error: io::Error| format!("can't open metadata file: {error}"))?;
    if !bytes.starts_with(SAVED.as_bytes()) {
        return Err("wrong metadata header (old version ?)".to_owned());
    }
    Metadata::load(&bytes, traits).map_err(|error| format!("error reading metadata: {error}"))
}

/// All changes of all logs in their order.
fn changes(traits: &Traits, logs: &[PathBuf]) -> Result<Vec<Change>, String> {
    let mut all = Vec::new();
    for log in logs {
        let text = fs::read(log).map_err(|error| format!("can't open changelog file: {error}"))?;
        let changes = changelog::read(&String::from_utf8_lossy(&text));
        // without a word, both of them
        let skipped = traits.merges_logs && changes.first().is_some_and(|first| first.id == 0)
            || traits.skips_log_of_one && changes.len() == 1;
        if !skipped {
            all.extend(changes);
        }
    }
    // up to 1.6.17 they are applied in the order given (run with 1.5.12)
    if traits.merges_logs {
        all.sort_by_key(|change| change.id);
    }
    Ok(all)
}

fn apply(metadata: &mut Metadata, change: &Change) -> Result<(), String> {
    if change.id < metadata.version {
        return Ok(());
    }
    if change.id > metadata.version {
        return Err(format!(
            "hole in change files (entries from {} to {} are missing) - add more files",
            metadata.version,
            change.id - 1
        ));
    }
    if change.command.starts_with(changelog::SESSION) {
        metadata.next_session += 1;
    }
    metadata.version += 1;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use semver::Version;

    fn log(folder: &Path, name: &str, ids: std::ops::Range<u64>) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, ids.map(|id| changelog::line(id, 1, "ACCESS(1)")).collect::<String>()).unwrap();
        path
    }

    fn restored(patch: u64, minor: u64, version: u64, logs: &[PathBuf]) -> Result<u64, String> {
        let mut metadata = Metadata { version, ..Metadata::default() };
        for change in changes(&Traits::of(&Version::new(1, minor, patch)), logs)? {
            apply(&mut metadata, &change)?;
        }
        Ok(metadata.version)
    }

    #[test]
    fn later_releases_skip_logs_that_they_should_not() {
        let folder = tempfile::tempdir().unwrap();
        let from_zero = [log(folder.path(), "changelog.0.mfs", 0..5)];
        assert_eq!(restored(12, 5, 0, &from_zero), Ok(5));
        assert_eq!(restored(17, 6, 0, &from_zero), Ok(5));
        assert_eq!(restored(18, 6, 0, &from_zero), Ok(0), "skipped, and nobody says so");
        let of_one = [log(folder.path(), "changelog.0.mfs", 7..8)];
        assert_eq!((restored(12, 5, 7, &of_one), restored(26, 6, 7, &of_one)), (Ok(8), Ok(8)));
        assert_eq!(restored(27, 6, 7, &of_one), Ok(7));
    }

    #[test]
    fn older_changes_are_passed_over_and_a_hole_is_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let logs = [log(folder.path(), "changelog.1.mfs", 3..6), log(folder.path(), "changelog.0.mfs", 6..9)];
        assert_eq!(restored(12, 5, 4, &logs), Ok(9));
        assert!(restored(12, 5, 2, &logs).unwrap_err().contains("from 2 to 2 are missing"));
    }
}
