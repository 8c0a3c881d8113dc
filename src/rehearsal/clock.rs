//! A simulated host's uptime: this machine's, and on top of it what simulated loading, saving and building would have
//! taken beyond what it took here. Whoever times one of them by `/proc/uptime` sees a real one's time, at every speed.

use std::fs::{self, File};
use std::io;
use std::time::{Duration, Instant};

use super::procfs::write_whole;
use super::site::Site;

/// What is on top of this machine's uptime, in milliseconds.
const AHEAD: &str = "clock";

/// Shows the host's uptime as it is now.
///
/// # Errors
/// This machine has no `/proc`, or the host's folder cannot be written.
pub fn show(site: &Site) -> io::Result<()> {
    let own = fs::read_to_string("/proc/uptime")?;
    let mut words = own.split_whitespace();
    let (Some(up), Some(idle)) = (words.next().and_then(|w| w.parse::<f64>().ok()), words.next()) else {
        return Err(io::Error::other("unreadable /proc/uptime"));
    };
    let up = up + ahead(site) as f64 / 1000.0;
    write_whole(&site.real("/proc/uptime"), format!("{up:.2} {idle}\n").as_bytes())
}

fn ahead(site: &Site) -> u64 {
    fs::read_to_string(site.sim(AHEAD)).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// Lets `time` pass on the host, and at least `real_least` here.
pub async fn spend(site: &Site, time: Duration, real_least: Duration) {
    let began = Instant::now();
    let _ = show(site);
    tokio::time::sleep(site.scaled(time).max(real_least)).await;
    advance(site, time.saturating_sub(began.elapsed()));
}

/// The same for programs that do nothing else meanwhile.
pub fn spend_blocking(site: &Site, time: Duration, real_least: Duration) {
    let began = Instant::now();
    let _ = show(site);
    std::thread::sleep(site.scaled(time).max(real_least));
    advance(site, time.saturating_sub(began.elapsed()));
}

fn advance(site: &Site, by: Duration) {
    let turn = File::create(site.sim("clock.lock"));
    if let Ok(turn) = &turn {
        let _ = rustix::fs::flock(turn, rustix::fs::FlockOperation::LockExclusive);
        let ahead = ahead(site) + u64::try_from(by.as_millis()).unwrap_or(0);
        let _ = write_whole(&site.sim(AHEAD), ahead.to_string().as_bytes());
    }
    let _ = show(site);
}
