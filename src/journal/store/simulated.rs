//! The mark of a rehearsal in its state folder: whoever resumes a run there goes on with a rehearsal, at its speed, and says so.

use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::crash::KillAt;
use super::{StateFolder, StoreError};

/// What a rehearsal is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Simulated {
    /// When it was started, by the wall's clock.
    pub started: Timestamp,
    /// The moment at which its own time began to run then: now, or when the plan's window opens.
    pub begun: Timestamp,
    /// How many times as fast as the wall's.
    pub speed: f64,
    /// What is simulated, for every display.
    pub what: String,
    /// At which of its records a run here kills itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kill: Option<KillAt>,
}

impl StateFolder {
    fn simulated_file(&self) -> std::path::PathBuf {
        self.path().join("simulated.json")
    }

    /// Marks the folder as a rehearsal's.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn mark_simulated(&self, simulated: &Simulated) -> Result<(), StoreError> {
        let path = self.simulated_file();
        let json = serde_json::to_vec(simulated).map_err(|e| StoreError::Json(path.clone(), e))?;
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, json));
        written.map_err(|e| StoreError::Io("write", path, e))
    }

    /// The rehearsal whose folder this is.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Json`].
    pub fn simulated(&self) -> Result<Option<Simulated>, StoreError> {
        let path = self.simulated_file();
        match fs::read(Path::new(&path)) {
            Ok(json) => serde_json::from_slice(&json).map(Some).map_err(|e| StoreError::Json(path, e)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StoreError::Io("read", path, e)),
        }
    }
}
