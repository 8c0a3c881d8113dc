//! A host's log, which real daemons write through syslog(3): what went to the background has no other place for its words.

use std::fs::OpenOptions;
use std::io::{self, Write};

use jiff::Timestamp;

use super::event::What;
use super::fault::FaultName;
use super::site::Site;

/// Where Debian's syslog daemon writes.
pub const FILE: &str = "/var/log/syslog";

/// What a daemon tells its log of `what`; `None`: a real one tells nothing of it.
fn words(what: &What) -> Option<String> {
    match what {
        What::StartFailed { reason } => Some(reason.clone()),
        What::Terminating => Some("terminate signal received".to_owned()),
        What::FaultActed { fault } if *fault == FaultName::DoesNotComeBack.to_string() => {
            Some(format!("ends at once, by the fault {fault}"))
        }
        _ => None,
    }
}

/// Writes down what `program` tells of `what`, as syslog does: time, host, program and process.
///
/// # Errors
/// The host's folder is gone.
pub fn tell(site: &Site, program: &str, what: &What) -> io::Result<()> {
    let Some(words) = words(what) else { return Ok(()) };
    let at = Timestamp::now().strftime("%b %e %H:%M:%S");
    let line = format!("{at} {} {program}[{}]: {words} (simulated)\n", site.host, std::process::id());
    OpenOptions::new().append(true).open(site.real(FILE))?.write_all(line.as_bytes())
}
