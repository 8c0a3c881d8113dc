//! Texts of configuration files that have passwords in them, which no JSON of a run has: each in a file for the owner alone,
//! named by its SHA-256. What the journal is bound to has that sum, so that a text is bound with it.

use std::io::Write;
use std::path::Path;

use super::StoreError;
use crate::check::Observation;
use crate::host::FileText;
use crate::journal::files::{make_folder, open_new, read_file, sync, sync_folder};
use crate::plan::{Exports, Plan};
use crate::schedule::Schedule;

/// The folder of a run's texts.
const FOLDER: &str = "texts";

/// What has texts of configuration files.
pub trait HasTexts {
    /// All of them.
    fn texts(&mut self) -> Vec<&mut FileText>;
}

impl HasTexts for Plan {
    fn texts(&mut self) -> Vec<&mut FileText> {
        match &mut self.config.exports {
            Some(Exports::File { text, .. }) => vec![text],
            _ => Vec::new(),
        }
    }
}

impl HasTexts for Observation {
    fn texts(&mut self) -> Vec<&mut FileText> {
        self.config.values_mut().flatten().map(|change| &mut change.text).collect()
    }
}

impl HasTexts for Schedule {
    fn texts(&mut self) -> Vec<&mut FileText> {
        let tracks = self.stages.iter_mut().flat_map(|stage| &mut stage.tracks);
        tracks.flat_map(|track| &mut track.steps).flat_map(|step| step.action.texts()).collect()
    }
}

/// Keeps the texts of `value` that JSON does not, in `folder`, durably.
///
/// # Errors
/// [`StoreError`].
pub fn keep(folder: &Path, value: &(impl HasTexts + Clone)) -> Result<(), StoreError> {
    let mut value = value.clone();
    let texts = folder.join(FOLDER);
    for text in value.texts().into_iter().filter(|text| text.has_secrets()) {
        let (path, Some(whole)) = (texts.join(text.sha256()), text.to_send()) else { continue };
        if path.exists() {
            continue;
        }
        make_folder(&texts, true)?;
        // a process that is killed leaves a part of a text under no name that is read
        let part = texts.join("part");
        let io = |what| {
            let part = part.clone();
            move |e| StoreError::Io(what, part, e)
        };
        let _ = std::fs::remove_file(&part);
        let mut file = open_new(&part)?;
        file.write_all(whole.as_bytes()).and_then(|()| sync(&file, &part)).map_err(io("write"))?;
        std::fs::rename(&part, &path).map_err(io("rename"))?;
        sync_folder(&texts)?;
    }
    Ok(())
}

/// Brings back what [`keep`] has kept. `run`: its name.
///
/// # Errors
/// [`StoreError`]: a text is not there, or is another one.
pub fn complete(run: &str, folder: &Path, value: &mut impl HasTexts) -> Result<(), StoreError> {
    for text in value.texts().into_iter().filter(|text| text.to_send().is_none()) {
        let name = format!("{FOLDER}/{}", text.sha256());
        let whole = String::from_utf8(read_file(&folder.join(&name))?);
        if !whole.is_ok_and(|whole| text.complete(whole)) {
            return Err(StoreError::Digest(run.to_owned(), name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_with_passwords_are_kept_for_the_owner_alone_and_bound_by_their_sum() {
        let folder = tempfile::tempdir().unwrap();
        let source = include_str!("../../../plans/rolling.toml");
        let mut plan = Plan::parse(source, Path::new("rolling.toml"), Path::new("/")).unwrap();
        let text = FileText::new("* / rw,password=Sup3rS3cret\n");
        plan.config.exports = Some(Exports::File { path: "/x".into(), text: text.clone() });
        let mut schedule = crate::schedule::compile(&plan, None, plan.line());
        assert_eq!(schedule.texts().len(), 2, "the trial, and its end");
        keep(folder.path(), &plan).unwrap();
        let kept = folder.path().join(FOLDER).join(text.sha256());
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), text.to_send().unwrap());
        for (path, mode) in [(&kept, 0o600), (&folder.path().join(FOLDER), 0o700)] {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
        }
        let json = serde_json::to_string(&(&plan, &schedule)).unwrap();
        assert!(!json.contains("Sup3r"), "{json}");
        let (mut plan, mut schedule): (Plan, Schedule) = serde_json::from_str(&json).unwrap();
        complete("r", folder.path(), &mut plan).unwrap();
        complete("r", folder.path(), &mut schedule).unwrap();
        assert!(plan.texts().into_iter().chain(schedule.texts()).all(|t| t.to_send() == text.to_send()));
        let (mut plan, _): (Plan, Schedule) = serde_json::from_str(&json).unwrap();
        std::fs::write(&kept, "* / rw\n").unwrap();
        assert!(matches!(complete("r", folder.path(), &mut plan), Err(StoreError::Digest(..))));
        std::fs::remove_file(&kept).unwrap();
        assert!(matches!(complete("r", folder.path(), &mut plan), Err(StoreError::Io(..))));
    }
}
