//! Commands that a simulated host has and this machine may not, or that must not touch this machine: small scripts in
//! `.sim/bin`, which comes first in a host's PATH.

use std::io;
use std::path::Path;

use semver::Version;

use super::fault::FaultName;
use super::install;
use super::site::Site;

/// Puts them in their places.
///
/// # Errors
/// The host's folder cannot be written.
pub fn make(site: &Site, from: &Version) -> io::Result<()> {
    let bin = site.sim("bin");
    for tool in ["umount", "fusermount", "fusermount3"] {
        install::write_program(site, &bin.join(tool), &install::script(site, tool, from))?;
    }
    for tool in ["make", "apt-get", "apt", "dnf", "yum", "rpm", "dpkg", "zypper"] {
        install::write_program(site, &bin.join(tool), &install::script(site, tool, &site.target))?;
    }
    // this machine's `unshare` would let the host's commands see this machine's own mounts
    for tool in ["tar", "chown", "chroot", "unshare", "bystander"] {
        install::write_program(site, &bin.join(tool), &install::script(site, tool, &site.target))?;
    }
    // asked for no owner it is this machine's own, which is quicker
    let stat = install::script(site, "stat", &site.target).replacen(
        "#!/bin/sh\n",
        "#!/bin/sh\ncase $* in *%U*|*%G*|*%u*|*%g*) ;; *) exec /usr/bin/stat \"$@\" ;; esac\n",
        1,
    );
    install::write_program(site, &bin.join("stat"), &stat)?;
    install::write_program(site, &bin.join("sha256sum"), &sha256sum(site))?;
    install::write_program(site, &bin.join("getent"), &getent(site))?;
    if site.has(FaultName::NoSpace) {
        full_disk(site, &bin)?;
    }
    for become_root in ["sudo", "doas"] {
        // options of their own come first: -n, -u USER, --
        let script = "#!/bin/sh\n# simulated\nwhile :; do case $1 in --) shift; break;; -u|-g) shift 2;; -*) shift;; \
                      [A-Za-z_]*=*) export \"$1\"; shift;; *) break;; esac; done\nexec \"$@\"\n";
        install::write_program(site, &bin.join(become_root), script)?;
    }
    let id = "#!/bin/sh\n# simulated: every user is root\ncase $* in '-u '*) exec /usr/bin/id \"$@\";; *n*) echo root;; -*) echo 0;; \
              *) echo 'uid=0(root) gid=0(root) groups=0(root)';; esac\n";
    install::write_program(site, &bin.join("id"), id)?;
    install::write_program(site, &bin.join("whoami"), "#!/bin/sh\n# simulated\necho root\n")?;
    install::write_program(site, &bin.join("hostname"), &format!("#!/bin/sh\n# simulated\necho '{}'\n", site.host))
}

/// What a command wrote through a shell has the host's folder before its paths, and is shown without it; a checksum must
/// be of what is shown.
fn sha256sum(site: &Site) -> String {
    let root = site.root.to_string_lossy().replace('.', "[.]");
    format!(
        "#!/bin/sh\n# simulated: of what the host sees\n[ $# -eq 0 ] || exec /usr/bin/sha256sum \"$@\"\n\
         LC_ALL=C sed 's|{root}/|/|g; s|{root}\\([^A-Za-z0-9_.-]\\)|/\\1|g; s|{root}$|/|' | /usr/bin/sha256sum\n"
    )
}

/// Names are what the host's own /etc/hosts says; whatever else is asked is this machine's.
fn getent(site: &Site) -> String {
    let hosts = site.real("/etc/hosts");
    format!(
        "#!/bin/sh\n# simulated\n[ \"$1\" = ahostsv4 ] || exec /usr/bin/getent \"$@\"\n\
         exec awk -v name=\"$2\" '{{ sub(\"#.*\", \"\"); for (i = 2; i <= NF; i++) if ($i == name && $1 !~ \":\") {{ \
         print $1, \"STREAM\", name; found = 1; exit }} }} END {{ exit found ? 0 : 2 }}' '{}'\n",
        hosts.display()
    )
}

/// Commands on a disk that is full.
fn full_disk(site: &Site, bin: &Path) -> io::Result<()> {
    let full = "No space left on device' >&2\nexit 1\n";
    let cat = format!(
        "#!/bin/sh\n# simulated\nif [ $# -eq 0 ] && [ -f /dev/stdout ]; then\n  /usr/bin/cat > /dev/null\n  \
         echo 'cat: write error: {}fi\nexec /usr/bin/cat \"$@\"\n",
        full.replace("\nexit", "\n  exit")
    );
    install::write_program(site, &bin.join("cat"), &cat)?;
    install::write_program(site, &bin.join("cp"), &format!("#!/bin/sh\n# simulated\necho 'cp: error writing: {full}"))?;
    // `stat -f -c` with free blocks and inodes
    let stat = std::fs::read_to_string(bin.join("stat"))?.replacen(
        "#!/bin/sh\n",
        "#!/bin/sh\n[ \"$1 $2\" != '-f -c' ] || exec /usr/bin/stat -f -c \
         \"$(printf %s \"$3\" | sed 's/%[afd]/0/g')\" \"$4\"\n",
        1,
    );
    install::write_program(site, &bin.join("stat"), &stat)?;
    let df = "#!/bin/sh\n# simulated\n/usr/bin/df \"$@\" | awk 'NR > 1 { $4 = 0; $5 = \"100%\" } { print }'\n";
    install::write_program(site, &bin.join("df"), df)
}
