//! The simulated mfsmaster: loads metadata, listens, and saves at the end. What it answers comes from its files and from
//! who is connected, never from what the rehearsal knows.

mod chunkservers;
mod clients;
mod exports;
mod files;
mod state;

use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::Signal;

use self::state::State;
use super::daemon::Life;
use crate::moosefs::daemon::{ADMIN_PORT, MASTER_CHUNKSERVER_PORT, MASTER_METALOGGER_PORT};
use crate::rehearsal::event::What;
use crate::rehearsal::fault::FaultName;

/// A running master, shared by its connections.
#[derive(Debug)]
pub struct Master {
    life: Life,
    state: Mutex<State>,
    exports: Vec<exports::Export>,
    reject_old_clients: bool,
    born: tokio::time::Instant,
}

impl Master {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no connection panics while it holds the state")
    }
}

/// Starts a master, serves until `terminate`, saves. `ready` is called when init is done.
///
/// # Errors
/// The module whose init failed.
pub async fn run(life: Life, mut terminate: Signal, ready: impl FnOnce()) -> Result<(), String> {
    let sessions = files::load_sessions(&life);
    let exports = exports::load(&life)?;
    let mut state = State { known_sessions: sessions, ..State::default() };
    tokio::time::sleep(life.site.scaled(life.site.timings.load)).await;
    state.metadata = files::load(&life)?;
    state.start_gate = if life.quirks.start_gate { 12 } else { 0 };

    let mut listeners = Vec::new();
    for port in ports(&life) {
        match TcpListener::bind(SocketAddrV4::new(life.site.address, port)).await {
            Ok(listener) => listeners.push((port, listener)),
            Err(error) => {
                // facts, hazard 7: a master that fails after loading puts metadata.mfs back
                files::put_back(&life);
                return Err(format!("listen on *:{port}: {error}"));
            }
        }
    }
    let reject_old_clients = life.config.number("REJECT_OLD_CLIENTS").unwrap_or(0) != 0;
    if life.is_new() && life.site.has(FaultName::DoesNotComeBack) {
        life.record(What::FaultActed { fault: FaultName::DoesNotComeBack.to_string() });
        ready();
        return Ok(());
    }
    life.record(What::Ready);
    ready();

    let [cs, cu] = [listeners.remove(0).1, listeners.remove(0).1];
    let born = tokio::time::Instant::now();
    let master = Arc::new(Master { life, state: Mutex::new(state), exports, reject_old_clients, born });
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(accept(cs, master.clone(), chunkservers::serve));
    tasks.spawn(accept(cu, master.clone(), clients::serve));
    tasks.spawn(open_start_gate(master.clone()));
    tasks.spawn(async move {
        // no metalogger is simulated; who connects is let be
        let mut held = Vec::new();
        loop {
            match listeners.first() {
                Some((_, listener)) => held.push(listener.accept().await.ok()),
                None => std::future::pending().await,
            }
        }
    });

    terminate.recv().await;
    master.life.record(What::Terminating);
    tasks.shutdown().await;
    files::finish(&master).await;
    Ok(())
}

/// The ports for chunkservers, clients, and (1.6.5) metaloggers. A 1.5 configuration that says where to listen for
/// clients is honoured by 1.6.26+ only where MATOCU_LISTEN_HOST is set (matoclserv.c; facts, section 5).
fn ports(life: &Life) -> Vec<u16> {
    let number = |key: &str| life.config.number(key).and_then(|port| u16::try_from(port).ok());
    let old = || number("MATOCU_LISTEN_PORT");
    let clients = if !life.quirks.matocl {
        old()
    } else if life.config.get("MATOCL_LISTEN_HOST").is_none() && life.config.get("MATOCL_LISTEN_PORT").is_none() {
        life.config.get("MATOCU_LISTEN_HOST").and_then(|_| old())
    } else {
        number("MATOCL_LISTEN_PORT")
    };
    let mut ports =
        vec![number("MATOCS_LISTEN_PORT").unwrap_or(MASTER_CHUNKSERVER_PORT), clients.unwrap_or(ADMIN_PORT)];
    if life.quirks.metaloggers {
        ports.push(number("MATOML_LISTEN_PORT").unwrap_or(MASTER_METALOGGER_PORT));
    }
    ports
}

async fn accept<F, Served>(listener: TcpListener, master: Arc<Master>, serve: F)
where
    F: Fn(Arc<Master>, TcpStream) -> Served,
    Served: Future<Output = std::io::Result<()>> + Send + 'static,
{
    // dropped with this task, and so are the connections
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
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

/// 1.6.23+: mounts are kept out until fewer than 100 chunks are missing, looked at every 10 s, 12 times at most
/// (`matoclserv_start_cond_check` @ 1.6.27).
async fn open_start_gate(master: Arc<Master>) {
    let tick = master.life.site.scaled(master.life.site.timings.start_gate_tick);
    loop {
        tokio::time::sleep(tick).await;
        let mut state = master.state();
        if state.start_gate == 0 {
            return;
        }
        state.start_gate = if state.missing() < 100 { 0 } else { state.start_gate - 1 };
    }
}
