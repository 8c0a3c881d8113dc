//! What mutations begin with: the plans, fixtures and recorded answers of this repository.

use std::path::{Path, PathBuf};

/// A file of the repository.
pub fn file(path: &str) -> Vec<u8> {
    let path = root().join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a folder of the repository and of those in it, in the order of their names.
pub fn paths(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// The answers of hosts whose name begins so (`tests/fixtures/answers`).
pub fn answers(begins: &str) -> Vec<Vec<u8>> {
    let named = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(begins));
    let paths = paths("tests/fixtures/answers").into_iter().filter(|path| named(path));
    paths.map(|path| std::fs::read(path).expect("a fixture is readable")).collect()
}

/// The packets of real masters, each with the release that its folder names (`tests/fixtures/wire`).
pub fn packets() -> Vec<(String, Vec<u8>)> {
    let mut packets = Vec::new();
    for path in paths("tests/fixtures/wire").into_iter().filter(|path| path.extension().is_some_and(|e| e == "hex")) {
        let text = std::fs::read_to_string(&path).expect("a fixture is readable");
        let release = path.parent().and_then(Path::file_name).expect("a folder").to_string_lossy().into_owned();
        let release = release.split('-').next().unwrap_or_default().to_owned();
        let hex: String = text.lines().filter(|line| !line.starts_with('#')).collect();
        if hex.len().is_multiple_of(2) && hex.bytes().all(|c| c.is_ascii_hexdigit()) {
            let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits");
            packets.push((release, (0..hex.len()).step_by(2).map(byte).collect()));
        }
    }
    packets
}
