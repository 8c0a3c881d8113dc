//! A simulated master's metadata file. The header is MooseFS's own (`MFSM 1.5`, highest inode, metadata version, next
//! session); what follows it is the simulation's own list of files, goals and chunks, so that wrong metadata shows.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::packet::{Fields, Payload};
use crate::moosefs::metadata::{EMPTY, SAVED};
use crate::moosefs::releases::Traits;

/// What a master knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The highest inode.
    pub max_inode: u32,
    /// The number of the next change.
    pub version: u64,
    /// The number of the next session.
    pub next_session: u32,
    /// The file system.
    pub tree: Tree,
}

/// The body of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// Says what this is to who opens the file.
    pub note: String,
    /// Folders, the root included.
    pub directories: u32,
    /// Files.
    pub files: Vec<FileEntry>,
    /// Something that 1.5 has in memory and 1.6 cannot load (the fault `metadata-corrupt`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oddity: Option<String>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its inode.
    pub inode: u32,
    /// Its name.
    pub name: String,
    /// How many copies it shall have.
    pub goal: u8,
    /// Its chunks, by id; all have version 1.
    pub chunks: Vec<u64>,
}

impl Metadata {
    /// Chunks in it.
    #[must_use]
    pub fn chunks(&self) -> u32 {
        self.tree.files.iter().map(|file| u32::try_from(file.chunks.len()).unwrap_or(u32::MAX)).sum()
    }

    /// Files in it.
    #[must_use]
    pub fn files(&self) -> u32 {
        u32::try_from(self.tree.files.len()).unwrap_or(u32::MAX)
    }

    /// The file's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let body = serde_json::to_vec_pretty(&self.tree).expect("a tree of plain values");
        Payload::default()
            .bytes(SAVED.as_bytes())
            .u32(self.max_inode)
            .u64(self.version)
            .u32(self.next_session)
            .bytes(&body)
            .0
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    /// They are none that a master would take.
    pub fn decode(bytes: &[u8]) -> io::Result<Self> {
        let mut fields = Fields(bytes);
        let signature = fields.bytes(SAVED.len())?;
        if signature == EMPTY.as_bytes() {
            let tree = Tree { directories: 1, ..Tree::default() };
            return Ok(Self { max_inode: 1, version: 0, next_session: 1, tree });
        }
        if signature != SAVED.as_bytes() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "wrong metadata header"));
        }
        let (max_inode, version, next_session) = (fields.u32()?, fields.u64()?, fields.u32()?);
        Ok(Self { max_inode, version, next_session, tree: serde_json::from_slice(fields.0)? })
    }

    /// As [`Self::decode`], by a certain release.
    ///
    /// # Errors
    /// They are none that this release would take.
    pub fn load(bytes: &[u8], traits: &Traits) -> io::Result<Self> {
        let metadata = Self::decode(bytes)?;
        match &metadata.tree.oddity {
            Some(oddity) if traits.sessions => Err(io::Error::new(io::ErrorKind::InvalidData, oddity.clone())),
            _ => Ok(metadata),
        }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn store(&self, path: &Path) -> io::Result<()> {
        fs::write(path, self.encode())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_survives_its_file_and_has_the_real_header() {
        let file = FileEntry { inode: 2, name: "f".into(), goal: 2, chunks: vec![1, 2] };
        let tree = Tree { note: "simulated".into(), directories: 1, files: vec![file], oddity: None };
        let metadata = Metadata { max_inode: 2, version: 0x0102, next_session: 3, tree };
        let bytes = metadata.encode();
        assert_eq!(&bytes[..24], b"MFSM 1.5\0\0\0\x02\0\0\0\0\0\0\x01\x02\0\0\0\x03");
        assert_eq!(Metadata::decode(&bytes).unwrap(), metadata);
        assert_eq!((metadata.files(), metadata.chunks()), (1, 2));
        assert!(Metadata::decode(b"MFSM 2.0aaaaaaaaaaaaaaaaaaaa").is_err());
        assert_eq!(Metadata::decode(b"MFSM NEW").unwrap().files(), 0);
    }
}
