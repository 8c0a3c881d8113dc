//! A real sshd, one process a connection: ssh starts it in the place of a network (`ProxyCommand sshd -i`), so that it takes no port,
//! and runs as whoever runs the test.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Where packages put it.
const PROGRAM: &str = "/usr/sbin/sshd";

/// The environment variable that makes an absent program a failure.
const REQUIRED: &str = "MFSUPGRADE_REQUIRE_REAL_MASTER";

/// Whether a program is there. Where it is not, and none is required, that is said.
pub fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = Path::new(program).exists() || std::env::split_paths(&path).any(|folder| folder.join(program).exists());
    if !there {
        let required = std::env::var_os(REQUIRED).is_some_and(|value| value == "1");
        assert!(!required, "{program} is not there, and {REQUIRED}=1 asks for it");
        // Not `eprintln!`, which the test harness swallows when a test passes.
        let _ = writeln!(std::io::stderr(), "SKIPPED, NOTHING PROVEN: {program} is not there");
    }
    there
}

/// Hosts, each with an sshd of its own kind.
pub struct Hosts {
    folder: TempDir,
    config: String,
}

impl Hosts {
    /// None yet; `None`: there is no sshd.
    pub fn new() -> Option<Self> {
        if !is_there(PROGRAM) {
            return None;
        }
        if rustix::process::geteuid().is_root() {
            // its package makes it when it starts the daemon
            std::fs::create_dir_all("/run/sshd").expect("a folder for sshd");
        }
        let folder = TempDir::new().expect("a folder");
        for key in ["host", "client"] {
            let file = folder.path().join(key);
            let mut keygen = Command::new("ssh-keygen");
            let made = keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(file).status();
            assert!(made.expect("ssh-keygen runs").success());
        }
        let hosts = Self { folder, config: String::new() };
        let public = |key: &str| std::fs::read_to_string(hosts.path(&format!("{key}.pub"))).expect("a public key");
        hosts.write("known", &format!("* {}", public("host")));
        Some(hosts)
    }

    /// A file of these hosts.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes one.
    pub fn write(&self, name: &str, text: &str) {
        let file = self.path(name);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(file, text).expect("a file");
    }

    /// Writes a program.
    pub fn program(&self, name: &str, text: &str) {
        self.write(name, text);
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(0o755)).expect("a program");
    }

    /// Adds a host: lines for its sshd_config, and options before the key in its authorized_keys.
    pub fn host(&mut self, name: &str, lines: &str, options: &str) {
        let key = std::fs::read_to_string(self.path("client.pub")).expect("a public key");
        let space = if options.is_empty() { "" } else { " " };
        self.write(&format!("{name}.keys"), &format!("{options}{space}{key}"));
        let place = self.folder.path().display();
        self.write(
            &format!("{name}.sshd"),
            &format!(
                "HostKey {place}/host\nPidFile none\nAuthorizedKeysFile {place}/{name}.keys\nUsePAM no\nStrictModes no\n\
                 PermitRootLogin yes\nPasswordAuthentication no\n{lines}"
            ),
        );
        self.config += &format!(
            "Host {name}\n  ProxyCommand {PROGRAM} -i -E {place}/{name}.log -f {place}/{name}.sshd\n  IdentityFile {place}/client\n  \
             UserKnownHostsFile {place}/known\n"
        );
    }

    /// Adds a line to the user's ssh_config for the last host.
    pub fn setting(&mut self, line: &str) {
        self.config += &format!("  {line}\n");
    }

    /// Adds a host whose account has this login shell: a script that gets what sshd was asked to run as `SSH_ORIGINAL_COMMAND`. It
    /// stands in the place of the account's shell, which sshd would call with `-c` and the very same words (`session.c`, do_child).
    pub fn shell(&mut self, name: &str, script: &str) {
        let home = self.path("home").display().to_string();
        self.program(&format!("{name}.shell"), &format!("#!/bin/sh\nexport HOME={home}; cd; {script}\n"));
        self.host(name, &format!("ForceCommand {}\n", self.path(&format!("{name}.shell")).display()), "");
    }

    /// A plan of these hosts, the first of which is the master's; more lines of it for `[ssh]` and `[master]`.
    pub fn plan(&self, names: &[&str], ssh: &str, master: &str) -> String {
        self.write("ssh_config", &self.config);
        let [first, others @ ..] = names else { panic!("a host") };
        let others = others.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        let servers = if others.is_empty() { "\"nowhere\"".to_owned() } else { others };
        format!(
            "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\n[install]\nsource_dir = \"/usr/src/mfs-1.6.27\"\n[ssh]\nconfig = \
             \"{}\"\n{ssh}[master]\nhost = \"{first}\"\n{master}[[chunkservers]]\nhosts = [{servers}]\n",
            self.path("ssh_config").display()
        )
    }
}
