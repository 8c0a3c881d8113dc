//! What a trial load says about the real one. PURE.

use semver::Version;

use super::Baseline;
use super::health::master_runs;
use crate::host::metadata::TrialFacts;
use crate::moosefs::Overview;
use crate::rules::away::Takeover;
use crate::rules::line_1_5_to_1_6 as line;

/// What a trial is held to.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// The release that loaded.
    pub to: &'a Version,
    /// The longest that a chunkserver waits between two tries to reach its master, in seconds.
    pub reconnect_s: u64,
    /// Whether the plan accepts a forecast near that.
    pub accept_long: bool,
    /// Whether the plan accepts chunks of goal 1.
    pub accept_goal_one: bool,
}

/// How far the loaded counts may be from the live ones, in percent: users went on working since the copy was made. That the
/// copy is whole is shown by its version and the change logs' last number, which must fit exactly.
const COUNTS_PERCENT: u64 = 2;

/// The same for small clusters.
const COUNTS_LEAST: u64 = 100;

/// What the load showed, as evidence.
///
/// # Errors
/// Why the upgrade must not go on, as a sentence with what to do.
pub fn judge(facts: &TrialFacts, loaded: &Overview, live: &Overview, limits: &Limits<'_>) -> Result<String, String> {
    master_runs(loaded, limits.to).map_err(|reason| format!("the trial master is another: {reason}"))?;
    if let Some(last) = facts.last_change
        && facts.metaversion != last + 1
    {
        return Err(format!(
            "mfsmetarestore left changes out: the metadata is of version {}, and the last change is number {last}",
            facts.metaversion
        ));
    }
    let pairs = [
        ("inodes", loaded.info.inodes, live.info.inodes),
        ("files", loaded.info.files, live.info.files),
        ("chunks", loaded.info.chunks, live.info.chunks),
    ];
    for (what, has, lives) in pairs {
        let (has, lives) = (u64::from(has), u64::from(lives));
        if has.abs_diff(lives) > COUNTS_LEAST.max(lives * COUNTS_PERCENT / 100) || (has == 0) != (lives == 0) {
            return Err(format!("the new release loaded {has} {what}, and the live master has {lives}"));
        }
    }
    let takeover = Takeover {
        to: limits.to,
        chunks: u64::from(loaded.info.chunks),
        missing: Baseline::of(live).missing,
        reconnect_s: limits.reconnect_s,
    };
    let forecast = forecast(facts, &takeover);
    if takeover.adds().is_long(measured_s(facts)) && !limits.accept_long {
        return Err(format!(
            "[{}] {forecast}; 1.5 mounts give applications I/O errors after {} s: stop what uses the file system, acknowledge \
             `{0}` in the plan, then `resume`",
            line::MASTER_AWAY_LONG_CODE,
            line::patience_of_old_mounts().as_secs()
        ));
    }
    let goal_one = loaded.matrix.as_ref().map_or(0, |m| m.single_copy());
    if goal_one > 0 && !limits.accept_goal_one {
        return Err(format!(
            "[{}] {goal_one} chunks have goal 1: each of them cannot be read while its chunkserver restarts; raise their goal \
             (mfssetgoal) and wait for the copies, or acknowledge `{0}` in the plan; then `resume`",
            line::GOAL_ONE_CODE
        ));
    }
    Ok(format!(
        "metadata version {} loaded: {} inodes and {} chunks ({} of goal 1), the live master has {} and {}; {forecast}",
        facts.metaversion, loaded.info.inodes, loaded.info.chunks, goal_one, live.info.inodes, live.info.chunks,
    ))
}

/// Seconds, at least 1: the old master saves, which takes no longer than mfsmetarestore needed to load, to apply the change
/// logs and to save; the new one loads.
fn measured_s(facts: &TrialFacts) -> u64 {
    (facts.restore_ms + facts.load_ms).div_ceil(1000).max(1)
}

/// How long 1.5 mounts will be without a master, and of what that is made.
fn forecast(facts: &TrialFacts, takeover: &Takeover<'_>) -> String {
    let (measured, added) = (measured_s(facts), takeover.adds());
    let seconds = |ms: u64| format!("{}.{:03} s", ms / 1000, ms % 1000);
    let gate = match (added.servers_s, added.gate_s) {
        (_, 0) => String::new(),
        (0, gate) if takeover.locks_out() => {
            format!(", {gate} s since {} chunks are missing, for which it keeps every mount out", takeover.missing)
        }
        (0, gate) => format!(", up to {gate} s until it first lets mounts in"),
        (servers, gate) => {
            format!(", up to {servers} s until chunkservers are back and {gate} s until it then lets mounts in")
        }
    };
    format!(
        "clients will be without a master for {measured} to {} s: saving takes {} at most, loading {} (both measured){gate}, \
         up to {} s until the takeover and the mounts look again",
        measured + added.seconds(),
        seconds(facts.restore_ms),
        seconds(facts.load_ms),
        added.tries_s,
    )
}
