//! A real mfsmaster in a folder of its own, on a loopback address of its own. Stopped when dropped.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use mfsupgrade::moosefs::version::Version;
use rustix::process::{Pid, Signal, getegid, geteuid, kill_process};
use tempfile::TempDir;
use tokio::net::TcpStream;

/// Where Debian's package puts it.
const PROGRAM: &str = "/usr/sbin/mfsmaster";
/// The environment variable that makes an absent master a failure.
const REQUIRED: &str = "MFSUPGRADE_REQUIRE_REAL_MASTER";
/// The first of three ports: metaloggers, chunkservers, clients.
const PORTS: u16 = 29_419;
/// How long a master may take to start, or to stop, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running master.
pub struct Master {
    /// Where clients and admin tools reach it.
    pub clients: SocketAddr,
    /// What it says when it is asked with `-v`.
    pub version: Version,
    process: Child,
    folder: TempDir,
}

impl Master {
    /// Starts one; `None`, with a loud word, where there is none and none is required.
    pub async fn start() -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            let required = std::env::var_os(REQUIRED).is_some_and(|value| value == "1");
            assert!(!required, "{PROGRAM} is not there (package moosefs-master), and {REQUIRED}=1 asks for it");
            // Not `eprintln!`, which the test harness swallows when a test passes.
            let _ =
                writeln!(std::io::stderr(), "SKIPPED, NOTHING PROVEN: {PROGRAM} is not there (package moosefs-master)");
            return None;
        }
        let folder = TempDir::new().expect("a folder");
        let address = own_address();
        let config = configure(folder.path(), address);
        let log = fs::File::create(folder.path().join("log")).expect("a log");
        let process = Command::new(PROGRAM)
            .args(["-f", "-c"])
            .arg(config)
            .arg("start")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("mfsmaster runs");
        let clients = SocketAddr::from((address, PORTS + 2));
        let mut master = Self { clients, version: said_version(), process, folder };
        master.wait_until_it_listens().await;
        Some(master)
    }

    async fn wait_until_it_listens(&mut self) {
        let begin = Instant::now();
        while TcpStream::connect(self.clients).await.is_err() {
            let ended = self.process.try_wait().expect("the master can be looked at");
            assert!(ended.is_none(), "the master ended with {ended:?}:\n{}", self.log());
            assert!(begin.elapsed() < PATIENCE, "the master does not listen:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.path().join("log")).unwrap_or_default()).into_owned()
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        let begin = Instant::now();
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        while let Ok(None) = self.process.try_wait() {
            if begin.elapsed() > PATIENCE {
                let _ = self.process.kill();
                let _ = self.process.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// An address of 127.0.0.0/8 that no other test on this machine uses: by process and by count.
fn own_address() -> Ipv4Addr {
    static COUNT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 100 | (high & 0x1f), low, COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Writes configuration and empty metadata, and says where the configuration is. The master runs as who runs the test.
fn configure(folder: &Path, address: Ipv4Addr) -> PathBuf {
    let place = folder.display();
    let config = format!(
        "WORKING_USER = #{}\nWORKING_GROUP = #{}\nDATA_PATH = {place}\nEXPORTS_FILENAME = {place}/mfsexports.cfg\n\
         TOPOLOGY_FILENAME = {place}/mfstopology.cfg\nNICE_LEVEL = 0\nLOCK_MEMORY = 0\n\
         MATOML_LISTEN_HOST = {address}\nMATOML_LISTEN_PORT = {}\n\
         MATOCS_LISTEN_HOST = {address}\nMATOCS_LISTEN_PORT = {}\n\
         MATOCL_LISTEN_HOST = {address}\nMATOCL_LISTEN_PORT = {}\n",
        geteuid().as_raw(),
        getegid().as_raw(),
        PORTS,
        PORTS + 1,
        PORTS + 2,
    );
    let path = folder.join("mfsmaster.cfg");
    for (path, text) in [
        (&path, config.as_str()),
        (&folder.join("mfsexports.cfg"), "* / rw,alldirs,maproot=0:0\n"),
        (&folder.join("mfstopology.cfg"), ""),
        (&folder.join("metadata.mfs"), "MFSM NEW"),
    ] {
        fs::write(path, text).expect("the folder takes files");
    }
    path
}

/// `version: 3.0.117-1 ; build: 1341`, without the package's revision.
fn said_version() -> Version {
    let output = Command::new(PROGRAM).arg("-v").output().expect("mfsmaster runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let said = text.split("version: ").nth(1).unwrap_or_else(|| panic!("no version in {text:?}"));
    let number: String = said.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    number.parse().unwrap_or_else(|_| panic!("no version in {text:?}"))
}
