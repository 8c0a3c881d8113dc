//! The simulated mfsmaster: loads metadata, listens, and saves at the end. What it answers comes from its files and from
//! who is connected, never from what the rehearsal knows.

mod chunkservers;
mod clients;
mod exports;
mod files;
pub mod listen;
mod metaloggers;
mod state;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::signal::unix::Signal;
use tokio::sync::broadcast;

use self::listen::Listening;

use self::state::State;
use super::daemon::Life;
use super::metadata::Metadata;
use crate::moosefs::releases::StartGate;
use crate::rehearsal::event::What;
use crate::rehearsal::fault::FaultName;
use crate::rehearsal::{backup, clock};

/// A running master, shared by its connections.
#[derive(Debug)]
pub struct Master {
    life: Life,
    state: Mutex<State>,
    exports: Vec<exports::Export>,
    reject_old_clients: bool,
    /// Every change: its number and its line.
    changes: broadcast::Sender<(u64, String)>,
    born: tokio::time::Instant,
}

impl Master {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no connection panics while it holds the state")
    }

    fn change(&self, metadata: &mut Metadata, command: &str) {
        let id = metadata.version;
        let line = files::change(&self.life, metadata, command);
        // who listens are the metaloggers
        let _ = self.changes.send((id, line));
    }
}

/// Starts a master, serves until `terminate`, saves. `ready` is called when init is done.
///
/// # Errors
/// The module whose init failed.
pub async fn run(life: Life, mut terminate: Signal, ready: impl FnOnce()) -> Result<(), String> {
    let logs = life.config.number("BACK_LOGS");
    if life.traits.most_back_logs.zip(logs).is_some_and(|(most, logs)| logs > most) {
        eprintln!("BACK_LOGS value too big !!!");
        return Err("change log".to_owned());
    }
    let sessions = files::load_sessions(&life);
    let exports = exports::load(&life)?;
    let mut state = State { known_sessions: sessions, ..State::default() };
    if life.is_new() && !life.aside {
        life.record(backup::look(&life.site));
    }
    let (load, real_least) = life.site.load_time();
    if life.site.has(FaultName::SlowLoad) && life.site.stands() {
        life.record(What::FaultActed { fault: FaultName::SlowLoad.to_string() });
    }
    clock::spend(&life.site, load, real_least).await;
    state.metadata = files::load(&life)?;
    state.start_gate = life.traits.start_gate.map_or(0, |gate| gate.ticks);
    let mut listening = match listen::open(&life.site, &life.config, &life.traits).await {
        Ok(listening) => listening,
        Err(reason) => {
            // hazard 7 of docs/findings.md: a master that fails after loading puts metadata.mfs back
            files::put_back(&life);
            return Err(reason);
        }
    };
    let reject_old_clients = life.config.number("REJECT_OLD_CLIENTS").unwrap_or(0) != 0;
    if life.suffers(FaultName::DoesNotComeBack) {
        life.record(What::FaultActed { fault: FaultName::DoesNotComeBack.to_string() });
        ready();
        return Ok(());
    }
    life.record(What::Ready);
    ready();

    let [servers, mounts] = [listening.remove(0), listening.remove(0)];
    let born = tokio::time::Instant::now();
    let changes = broadcast::Sender::new(1024);
    let master = Arc::new(Master { life, state: Mutex::new(state), exports, reject_old_clients, changes, born });
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(accept(servers, master.clone(), chunkservers::serve));
    tasks.spawn(accept(mounts, master.clone(), clients::serve));
    if let Some(loggers) = listening.pop() {
        tasks.spawn(accept(loggers, master.clone(), metaloggers::serve));
    }
    if let Some(gate) = master.life.traits.start_gate {
        tasks.spawn(open_start_gate(master.clone(), gate));
    }

    terminate.recv().await;
    master.life.record(What::Terminating);
    tasks.shutdown().await;
    files::finish(&master).await;
    Ok(())
}

async fn accept<F, Served>(at: Listening, master: Arc<Master>, serve: F)
where
    F: Fn(Arc<Master>, TcpStream) -> Served,
    Served: Future<Output = std::io::Result<()>> + Send + 'static,
{
    // dropped with this task, and so are the connections
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = at.listener.accept() => {
                if let Ok((stream, peer)) = accepted {
                    if at.only.is_some_and(|only| peer.ip() != IpAddr::V4(only)) {
                        continue;
                    }
                    let _ = stream.set_nodelay(true);
                    connections.spawn(serve(master.clone(), stream));
                } else {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Mounts are kept out until few enough chunks are missing or the master has looked often enough.
async fn open_start_gate(master: Arc<Master>, gate: StartGate) {
    let tick = master.life.site.scaled(Duration::from_secs(gate.tick_s));
    loop {
        tokio::time::sleep(tick).await;
        let mut state = master.state();
        if state.start_gate == 0 {
            return;
        }
        state.start_gate = if (state.missing() as u64) < gate.chunks { 0 } else { state.start_gate - 1 };
    }
}
