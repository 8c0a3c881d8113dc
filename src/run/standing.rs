//! What holds while a run stands still: whether the file system serves, which mounts are away, how far the run is, and whether it
//! may be left like this over night. PURE.

use std::fmt;

use crate::check::Reason;
use crate::host::{AbsPath, HostName};
use crate::moosefs::version::TELLS_NONE;

/// Whether the file system serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// Its master answers, and says so of its cluster.
    Serves(Health),
    /// Its master's host answers, and the master does not.
    Down(String),
    /// Its master could not be asked.
    Unknown(String),
}

/// How the cluster is, by its master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Nothing is wrong.
    Healthy,
    /// Nothing is, as far as a master of 1.5 tells.
    AsFarAsTold,
    /// Something is.
    Not(Reason),
}

/// A mount that was taken away and is not made anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away {
    /// Where.
    pub mount: AbsPath,
    /// On which host.
    pub host: HostName,
    /// Whether that was seen; else the host could not be looked at.
    pub seen: bool,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The file system.
    pub service: Service,
    /// Its mounts that are away.
    pub away: Vec<Away>,
    /// How far the run is, in a sentence.
    pub reached: String,
}

impl Standing {
    /// With whether the cluster may be left like this. `known`: nothing that the run did is in doubt.
    #[must_use]
    pub fn told(&self, known: bool) -> String {
        let advice = if known && self.is_safe() { "safe to leave" } else { "do not leave it like this" };
        format!("{self}; {advice}")
    }

    fn is_safe(&self) -> bool {
        let healthy = matches!(self.service, Service::Serves(Health::Healthy | Health::AsFarAsTold));
        healthy && self.away.is_empty()
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.service {
            Service::Serves(_) => {}
            Service::Down(reason) => write!(f, "THE FILE SYSTEM IS DOWN: the master does not answer ({reason}); ")?,
            Service::Unknown(reason) => {
                write!(f, "whether the file system is up cannot be told from here ({reason}); ")?;
            }
        }
        self.away.iter().try_for_each(|away| write!(f, "{away}; "))?;
        f.write_str(&self.reached)?;
        match &self.service {
            Service::Serves(health) => write!(f, "; {health}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Healthy => f.write_str("cluster healthy"),
            Self::AsFarAsTold => write!(f, "cluster healthy as far as a {TELLS_NONE} master tells"),
            Self::Not(reason) => write!(f, "cluster NOT healthy: {reason}"),
        }
    }
}

impl fmt::Display for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mount, host, seen } = self;
        match seen {
            true => write!(f, "{mount} IS NOT MOUNTED on {host}: what writes there writes below it"),
            false => write!(
                f,
                "whether {mount} is mounted on {host} cannot be told from here: if it is not, what writes there writes below it"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(service: Service, away: Vec<Away>) -> Standing {
        Standing { service, away, reached: "1 of 1 master on 1.6.27".to_owned() }
    }

    #[test]
    fn it_is_safe_to_leave_where_all_serves_and_all_is_known() {
        let healthy = standing(Service::Serves(Health::Healthy), Vec::new());
        assert_eq!(healthy.told(true), "1 of 1 master on 1.6.27; cluster healthy; safe to leave");
        assert_eq!(healthy.told(false), "1 of 1 master on 1.6.27; cluster healthy; do not leave it like this");
        let down = standing(Service::Down("refused".to_owned()), Vec::new()).told(true);
        let words = "THE FILE SYSTEM IS DOWN: the master does not answer (refused); 1 of 1 master on 1.6.27";
        assert_eq!(down, format!("{words}; do not leave it like this"));
    }

    /// What decides is no word in the sentence: a master's host may answer with any of them, and a mount may be called like one.
    #[test]
    fn no_words_of_a_host_make_it_safe_or_unsafe() {
        let silent = standing(Service::Unknown("cluster healthy".to_owned()), Vec::new()).told(true);
        assert!(silent.ends_with("do not leave it like this"), "{silent}");
        let mut named = standing(Service::Serves(Health::Healthy), Vec::new());
        named.reached = "cannot be told NOT MOUNTED".to_owned();
        assert!(named.told(true).ends_with("safe to leave"), "{}", named.told(true));
        let (mount, host) = (AbsPath::new("/mnt/mfs").unwrap(), HostName::new("cl1").unwrap());
        for seen in [true, false] {
            let away = Away { mount: mount.clone(), host: host.clone(), seen };
            let told = standing(Service::Serves(Health::Healthy), vec![away]).told(true);
            assert!(told.ends_with("do not leave it like this"), "{told}");
        }
    }
}
