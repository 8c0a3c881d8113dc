//! Jobs over a connection: what the launcher of [`crate::host::job`] prints, told as what it means.

use std::time::Duration;

use super::SshFleet;
use super::session::word;
use crate::host::job::{self, Seen};
use crate::host::shell::Word;
use crate::host::{HostName, Job, said};
use crate::run::ports::Followed;

/// A follower ends after 20 s by itself. One that has not after this is on a host that no longer answers.
const LIMIT: Duration = Duration::from_secs(90);

impl SshFleet {
    /// See [`Hosts::follow`].
    pub(super) async fn follow_job(
        &self,
        host: &HostName,
        job: &Job,
        begin: bool,
        lines: u64,
        line: &mut dyn FnMut(&str),
    ) -> Followed {
        let word = match word() {
            Ok(word) => word,
            Err(reason) => return Followed::Lost { reason, sent: false },
        };
        let script = if begin { job.begin(lines, &word) } else { job.find(lines, &word) };
        let mut own = OwnLines { line, word: &word, empty: false };
        let shown = (script.as_str(), said::SHOWN_OUTPUT);
        match self.run_within(host, shown, LIMIT, &mut |text| own.push(text)).await {
            Ok((code, output)) => {
                let Some((seen, lines, own)) = job::read(&output, &word) else {
                    let said = said::excerpt(output.trim(), said::MESSAGE);
                    let reason = format!("the host did not follow its job (exit code {code}): {said}");
                    return Followed::Lost { reason, sent: true };
                };
                let output = own.to_owned();
                match seen {
                    Seen::Ended(code) => Followed::Ended { code, output },
                    Seen::Running => Followed::Running { output, lines },
                    Seen::Died => Followed::Died,
                    Seen::Never => Followed::Never,
                    Seen::Refused => Followed::Refused { output },
                }
            }
            Err(unheard) => Followed::Lost { reason: unheard.to_string(), sent: unheard.sent },
        }
    }
}

/// Passes on the job's own lines: not the launcher's last, nor the empty one that may stand before it.
struct OwnLines<'l> {
    line: &'l mut dyn FnMut(&str),
    word: &'l Word,
    empty: bool,
}

impl OwnLines<'_> {
    fn push(&mut self, text: &str) {
        if job::is_mark(text, self.word) {
            self.empty = false;
            return;
        }
        if std::mem::replace(&mut self.empty, text.is_empty()) {
            (self.line)("");
        }
        if !text.is_empty() {
            (self.line)(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_launchers_own_lines_are_not_the_jobs() {
        let mut seen = Vec::new();
        let word = Word::new(7);
        let mut own = OwnLines { line: &mut |text: &str| seen.push(text.to_owned()), word: &word, empty: false };
        let mark = format!("mfsupgrade-job={} 0 5", word.as_str());
        for text in ["a", "", "b", "mfsupgrade-job=0 5", "", "", &mark, ""] {
            own.push(text);
        }
        assert_eq!(seen, ["a", "", "b", "mfsupgrade-job=0 5", ""]);
    }
}
