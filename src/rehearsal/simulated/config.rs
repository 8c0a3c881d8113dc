//! A simulated daemon's configuration file, and where a release looks for its files. Reads; never writes.

use std::collections::BTreeMap;
use std::fs;

use crate::moosefs::releases::Traits;
use crate::rehearsal::site::Site;

/// Where the files of an installation are on a host.
#[derive(Debug, Clone)]
pub struct Places {
    /// The installation prefix, as the host sees it.
    pub prefix: String,
    /// The program.
    pub program: String,
}

impl Places {
    /// RUN_PATH (configure.ac, the same from 1.5 to 1.6.27).
    #[must_use]
    pub fn run(&self) -> String {
        if self.prefix.starts_with("/usr") || self.prefix.starts_with("/opt") {
            "/var/run/mfs".to_owned()
        } else {
            format!("{}/var/run/mfs", self.prefix)
        }
    }

    /// The default of DATA_PATH.
    #[must_use]
    pub fn data(&self) -> String {
        format!("{}/var/mfs", self.prefix)
    }

    /// The default of LOCK_FILE.
    #[must_use]
    pub fn lock(&self) -> String {
        format!("{}/{}.lock", self.run(), self.program)
    }

    /// A file of the configuration folder: a release that knows etc/mfs takes it from there if it is there, else from
    /// etc with a warning; what is in neither is expected at the first of them.
    #[must_use]
    pub fn etc(&self, site: &Site, traits: &Traits, name: &str) -> String {
        let old = format!("{}/etc/{name}", self.prefix);
        if !traits.etc_mfs {
            return old;
        }
        let new = format!("{}/etc/mfs/{name}", self.prefix);
        if !site.real(&new).exists() && site.real(&old).exists() { old } else { new }
    }
}

/// Keys and values; unknown keys are ignored and the last definition wins, as in all releases.
#[derive(Debug, Clone, Default)]
pub struct Config(BTreeMap<String, String>);

impl Config {
    /// Reads the file `path` of the host; `None` where it is not there.
    #[must_use]
    pub fn load(site: &Site, traits: &Traits, path: &str) -> Option<Self> {
        let mut config = Self::default();
        config.add(site, &fs::read_to_string(site.real(path)).ok()?);
        if !traits.ignores_var_config
            && let Ok(text) = fs::read_to_string(site.real(&format!("{path}.var")))
        {
            config.add(site, &text);
        }
        Some(config)
    }

    fn add(&mut self, site: &Site, text: &str) {
        for (key, value) in Self::parse(text).0 {
            self.0.insert(key, site.seen(&value));
        }
    }

    /// Reads a file's text.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut config = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            // a key that the `=` follows without a blank is ignored (cfg.c; run)
            if let Some((key, value)) = line.split_once('=')
                && key.ends_with([' ', '\t'])
            {
                config.0.insert(key.trim().to_owned(), value.trim().to_owned());
            }
        }
        config
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The value of `key` as a number.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<u32> {
        self.get(key)?.parse().ok()
    }
}
