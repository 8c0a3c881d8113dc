//! The final state of a rehearsal, looked at for the judge: in the processes of its hosts, and at its master.

use std::io;
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::cluster::Cluster;
use super::error::RehearsalError;
use super::event::now;
use super::judge::{FinalState, MasterAtEnd, Running, Verdict, judge, judge_back};
use super::procfs;
use super::simulated::{GOES_OF_A_ROUND, Watch, read_frame};
use crate::moosefs::wire::{self, Frame, Layout, decode, request};
use crate::plan::Plan;

/// How long a mount may take for a whole round through its files, beyond the pauses that it makes.
const PATIENCE: Duration = Duration::from_secs(10);

impl Cluster {
    /// Judges what was done to this cluster by the original `plan`. Waits until every mount has read all its files once
    /// more, or could not.
    ///
    /// # Errors
    /// The rehearsal's folder is gone.
    pub async fn verdict(&self, plan: &Plan) -> Result<Verdict, RehearsalError> {
        let end = self.final_state(plan).await;
        Ok(judge(plan, self.speed(), &self.events()?, &end))
    }

    /// Judges the way back of an upgrade by the original `plan`, likewise.
    ///
    /// # Errors
    /// The rehearsal's folder is gone.
    pub async fn verdict_back(&self, plan: &Plan) -> Result<Verdict, RehearsalError> {
        let end = self.final_state(plan).await;
        Ok(judge_back(plan, self.speed(), &self.events()?, &end))
    }

    /// What [`Self::verdict`] looks at.
    pub async fn final_state(&self, plan: &Plan) -> FinalState {
        let at = now();
        let began = Instant::now();
        // the round that is under way, and a whole one after it
        let pauses = u32::try_from(GOES_OF_A_ROUND * 2).unwrap_or(u32::MAX);
        let check = self.hosts().next().map_or(Duration::ZERO, |(host, _)| host.site.timings.real_check);
        let patience = check * pauses + PATIENCE;
        let processes = loop {
            let processes = self.processes();
            let waits =
                |p: &Running| p.mount_point.is_some() && p.watch.as_ref().is_none_or(|w| w.whole_round_began < at);
            if !processes.iter().any(waits) || began.elapsed() > patience {
                break processes;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        };
        let address = SocketAddrV4::new(self.address(plan.master.host.as_str()), plan.master.admin_port);
        FinalState { at, processes, master: ask_master(address).await.ok() }
    }

    fn processes(&self) -> Vec<Running> {
        let of = |site: &super::site::Site| {
            procfs::living(&site.root)
                .into_iter()
                .map(|record| {
                    let file = site.sim("watch").join(record.pid.to_string());
                    let watch = std::fs::read(file).ok().and_then(|bytes| serde_json::from_slice::<Watch>(&bytes).ok());
                    Running {
                        host: record.host,
                        program: record.program,
                        version: record.version,
                        watch: watch.filter(|_| record.mount_point.is_some()),
                        mount_point: record.mount_point,
                    }
                })
                .collect::<Vec<_>>()
        };
        self.hosts().flat_map(|(host, _)| of(&host.site)).collect()
    }
}

async fn ask_master(address: SocketAddrV4) -> io::Result<MasterAtEnd> {
    let info = decode::info(&ask(address, request::info()).await?).map_err(io::Error::other)?;
    let servers = ask(address, request::chunkservers()).await?;
    let servers = decode::chunkservers(&servers, info.layout).map_err(io::Error::other)?;
    let (missing, under_goal) = match request::chunk_matrix(info.layout) {
        Some(request) if info.layout != Layout::V15 => {
            let matrix = decode::chunk_matrix(&ask(address, request).await?, info.layout).map_err(io::Error::other)?;
            (matrix.missing(), matrix.under_goal())
        }
        _ => {
            let test = decode::file_test(&ask(address, request::file_test()).await?).map_err(io::Error::other)?;
            (test.missing_chunks.into(), u64::from(test.missing_chunks) + u64::from(test.under_goal_chunks))
        }
    };
    let metaloggers = match request::metaloggers(&info) {
        Some(request) => decode::metaloggers(&ask(address, request).await?).map_err(io::Error::other)?,
        None => Vec::new(),
    };
    Ok(MasterAtEnd {
        metaloggers: metaloggers.into_iter().map(|logger| (logger.address, logger.version)).collect(),
        version: info.version,
        files: info.files,
        chunks: info.chunks,
        missing,
        under_goal,
        servers: servers.into_iter().filter(|s| !s.disconnected).map(|s| (s.address, s.version, s.chunks)).collect(),
    })
}

/// One question, one connection.
async fn ask(address: SocketAddrV4, question: Frame) -> io::Result<Vec<u8>> {
    let answer = async {
        let mut stream = TcpStream::connect(address).await?;
        tokio::io::AsyncWriteExt::write_all(&mut stream, &question.encode()).await?;
        loop {
            match read_frame(&mut stream).await? {
                Some(frame) if frame.kind == wire::frame::ANTOAN_NOP => {}
                Some(frame) => return Ok(frame.payload),
                None => return Err(io::Error::other("the master closed the connection")),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(5), answer).await.map_err(|_| io::Error::other("no answer"))?
}
