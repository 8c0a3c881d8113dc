//! Golden transcripts: texts that are kept as files, so that a change of code that is to change no word is seen to change none.
//! Shared by the test binaries that make them.

use std::path::Path;

/// Holds `text` against what is kept as tests/fixtures/golden/`name`, byte by byte.
///
/// # Panics
/// They differ; the message has the first line that does, and how the file is made anew.
pub fn holds(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/golden").join(name);
    if std::env::var_os("MFSUPGRADE_REGENERATE").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, text).expect("written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = kept.lines().zip(text.lines()).enumerate().find(|(_, (kept, now))| kept != now);
    let lines = || format!("{} lines were kept, now there are {}", kept.lines().count(), text.lines().count());
    let place = differs.map_or_else(lines, |(n, (kept, now))| format!("line {}:\n- {kept}\n+ {now}", n + 1));
    assert!(
        kept == text,
        "{name} is another: {place}\n`MFSUPGRADE_REGENERATE=1 cargo test golden` writes it anew; `git diff` shows what has changed"
    );
}
