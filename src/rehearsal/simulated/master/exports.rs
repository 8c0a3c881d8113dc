//! mfsexports.cfg as a simulated master reads it: who may mount what. A subset: address (`*`, one, `a-b`, `a/bits`),
//! path, `minversion`, and that a line whose `maproot` or `mapall` names a user that the host does not have is passed over;
//! passwords are not simulated.

use std::fs;
use std::net::Ipv4Addr;

use semver::Version;

use super::super::daemon::Life;
use super::super::owners;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    from: u32,
    to: u32,
    path: String,
    least_version: Version,
}

impl Export {
    /// Whether a mount may have `path`.
    #[must_use]
    pub fn lets_in(&self, address: Ipv4Addr, path: &str, version: &Version) -> bool {
        let below = |path: &str| path == self.path || self.path == "/" || path.starts_with(&format!("{}/", self.path));
        let path_fits = if path == "." || self.path == "." { path == self.path } else { below(path) };
        (self.from..=self.to).contains(&address.to_bits()) && path_fits && *version >= self.least_version
    }
}

fn parse(line: &str, knows: &dyn Fn(&str) -> bool) -> Option<Export> {
    let mut words = line.split('#').next()?.split_whitespace();
    let (who, path) = (words.next()?, words.next()?);
    let address = |text: &str| text.parse::<Ipv4Addr>().ok().map(Ipv4Addr::to_bits);
    let (from, to) = if who == "*" {
        (0, u32::MAX)
    } else if let Some((a, b)) = who.split_once('-') {
        (address(a)?, address(b)?)
    } else if let Some((a, bits)) = who.split_once('/') {
        let rest = u32::MAX.checked_shr(bits.parse().ok()?).unwrap_or(0);
        (address(a)? & !rest, address(a)? | rest)
    } else {
        (address(who)?, address(who)?)
    };
    let options = words.next().unwrap_or_default();
    let mapped =
        options.split(',').filter_map(|option| option.split_once('=')).filter(|(key, _)| key.starts_with("map"));
    let named = |user: &str| user.parse::<u32>().is_err() && !knows(user);
    if mapped.filter_map(|(_, who)| who.split(':').next()).any(named) {
        return None;
    }
    let least = options.split(',').find_map(|option| option.strip_prefix("minversion="));
    let least_version = least.and_then(|text| text.parse().ok()).unwrap_or(Version::new(0, 0, 0));
    let path = if path == "." { path.to_owned() } else { format!("/{}", path.trim_matches('/')) };
    Some(Export { from, to, path, least_version })
}

/// Reads the file where the release looks for it.
///
/// # Errors
/// It is missing or exports nothing, and the release refuses to start with that (1.6.14 and later).
pub fn load(life: &Life) -> Result<Vec<Export>, String> {
    if !life.traits.exports {
        return Ok(Vec::new());
    }
    let path = life
        .config
        .get("EXPORTS_FILENAME")
        .map_or_else(|| life.places.etc(&life.site, &life.traits, "mfsexports.cfg"), str::to_owned);
    let file = Some(life.site.real(&path)).filter(|file| owners::may_read(&life.site, life.user(), file));
    let text = file.and_then(|file| fs::read_to_string(file).ok()).unwrap_or_else(|| {
        eprintln!("mfsexports configuration file ({path}) not found - please create one (you can copy {path}.dist to get a base configuration)");
        String::new()
    });
    let accounts = fs::read_to_string(life.site.real("/etc/passwd")).unwrap_or_default();
    let knows = |user: &str| accounts.lines().any(|line| line.split(':').next() == Some(user));
    let exports: Vec<Export> = text.lines().filter_map(|line| parse(line, &knows)).collect();
    if exports.is_empty() {
        if life.traits.needs_exports {
            eprintln!("no exports defined !!!");
            return Err("exports manager".to_owned());
        }
        // 1.6.0 makes a rule of its own, the others up to 1.6.13 let no mount of 1.6 in
        let of_its_own = life.traits.exports_of_its_own.then(|| parse("* / rw", &knows));
        return Ok(of_its_own.flatten().into_iter().collect());
    }
    eprintln!("exports file has been loaded");
    Ok(exports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_say_who_may_mount_what() {
        let lets = |line: &str, address: &str, path: &str| {
            parse(line, &|user| user == "root").unwrap().lets_in(
                address.parse().unwrap(),
                path,
                &Version::new(1, 6, 27),
            )
        };
        assert!(lets("* / rw,alldirs,maproot=0", "127.70.0.3", "/"));
        assert!(lets("127.70.0.0/16 / rw", "127.70.0.3", "/a"));
        assert!(!lets("10.0.0.0/8 / rw", "127.70.0.3", "/"));
        assert!(lets("10.0.0.1-10.0.0.9 /a rw", "10.0.0.4", "/a/b"));
        assert!(!lets("* . rw", "10.0.0.4", "/"));
        assert!(!lets("* / rw,minversion=1.6.28", "10.0.0.4", "/"));
        let knows = |user: &str| user == "root";
        assert_eq!(parse("# * / rw", &knows), None);
        assert_eq!(parse("* / rw,maproot=backup", &knows), None, "a user that the host does not have");
        assert!(parse("* / rw,maproot=root:root", &knows).is_some());
    }
}
