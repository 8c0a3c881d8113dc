//! completions/ is generated; a stale file fails here. `MFSUPGRADE_REGENERATE=1 cargo test --test cli` writes it anew.

use crate::{code, mfsupgrade, stdout};

#[test]
fn completions_are_not_stale() {
    for (shell, file) in [("bash", "mfsupgrade.bash"), ("zsh", "_mfsupgrade"), ("fish", "mfsupgrade.fish")] {
        let output = mfsupgrade(&["completions", shell]);
        assert_eq!(code(&output), 0);
        let path = format!("{}/completions/{file}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("MFSUPGRADE_REGENERATE").is_some() {
            std::fs::write(&path, stdout(&output)).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == stdout(&output),
            "{path} is stale; MFSUPGRADE_REGENERATE=1 cargo test --test cli writes it anew"
        );
    }
}
