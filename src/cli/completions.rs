//! `mfsupgrade completions`: what completions/ holds.

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::{Failed, definition};
use crate::ui::out;
use crate::ui::shown::Shown;

/// Print the completion script of a shell
#[derive(Debug, Args)]
pub struct Completions {
    /// Which shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// The shells that completions/ has a file for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}

impl Shell {
    /// The completion script.
    #[must_use]
    pub fn script(self) -> String {
        let mut out = Vec::new();
        let mut command = definition();
        let shell = match self {
            Self::Bash => clap_complete::Shell::Bash,
            Self::Zsh => clap_complete::Shell::Zsh,
            Self::Fish => clap_complete::Shell::Fish,
        };
        clap_complete::generate(shell, &mut command, "mfsupgrade", &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}

impl Completions {
    pub(super) fn run(&self) -> Result<Exit, Failed> {
        out::print(&Shown::text(&self.shell.script()))?;
        Ok(Exit::Success)
    }
}
