//! The executor's ports, onto the small world.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mfsupgrade::host::{AbsPath, HostName, Job, look};
use mfsupgrade::moosefs::Overview;
use mfsupgrade::moosefs::wire::{ChunkMatrix, Chunkserver, FileTest, Info, Layout, Metalogger, Session};
use mfsupgrade::run::ports::{Clock, Followed, Guard, Hosts, Master, NoAnswer, NotCopied, NotHeld, Outcome, Source};

use super::super::fault::Fault;
use super::{CHUNKS, HostState, NEW, OLD, SUM, World};

impl Hosts for World {
    async fn run(&self, host: &HostName, script: &str, _: Duration, line: &mut dyn FnMut(&str)) -> Outcome {
        let name = host.as_str();
        if self.hosts.borrow()[name].gone {
            return Outcome::NotStarted { reason: "connect to host: timed out".into() };
        }
        if let Some(asked) = look::script_of(script) {
            return Outcome::Exited { code: 0, output: self.look(name, &asked) };
        }
        let code = self.act(name, script);
        line("output of the command");
        if self.pause_after.borrow().as_ref().is_some_and(|text| script.contains(text.as_str())) {
            self.pause.store(true, std::sync::atomic::Ordering::Relaxed);
        }
        if self.loses_lock_after.borrow().as_ref().is_some_and(|text| script.contains(text.as_str())) {
            *self.lock.borrow_mut() = Some(NotHeld::Taken("it is held by run b of ben@lap".into()));
        }
        let changes =
            script.contains("make install") || script.starts_with("/usr/local/") || script.starts_with("umount");
        let fault = self.faults.borrow().get(name).copied();
        match fault.filter(|_| changes) {
            Some(Fault::LostAfterEffect) => Outcome::Unknown { reason: "connection lost".into() },
            Some(Fault::LostOnce | Fault::KilledOnce) => {
                self.faults.borrow_mut().remove(name);
                Outcome::Unknown { reason: "connection lost".into() }
            }
            Some(Fault::OtherMetadataUntilABoot) if script.ends_with(" -s") => {
                self.faults.borrow_mut().remove(name);
                Outcome::Unknown { reason: "connection lost".into() }
            }
            Some(Fault::LostForGoodAt(text)) if !script.contains(text) => {
                Outcome::Exited { code, output: String::new() }
            }
            Some(Fault::LostForGood | Fault::LostForGoodAt(_)) => {
                self.hosts.borrow_mut().get_mut(name).unwrap().gone = true;
                Outcome::Unknown { reason: "connection lost".into() }
            }
            _ => {
                let (refused, output) = self.prints(name, script);
                Outcome::Exited { code: code.max(refused), output }
            }
        }
    }

    async fn follow(&self, host: &HostName, job: &Job, begin: bool, _: u64, line: &mut dyn FnMut(&str)) -> Followed {
        let (name, folder) = (host.to_string(), job.folder.to_string());
        if self.hosts.borrow()[&name].gone {
            return Followed::Lost { reason: "connect to host: timed out".into(), sent: false };
        }
        let killed = self.faults.borrow().get(&name) == Some(&Fault::KilledOnce);
        let known = self.jobs.borrow().get(&folder).cloned();
        if let Some((code, output)) = known {
            return match self.faults.borrow().get(&name) {
                Some(Fault::LostAfterEffect) => Followed::Lost { reason: "connection lost".into(), sent: true },
                _ => Followed::Ended { code, output },
            };
        }
        if !begin {
            return Followed::Never;
        }
        let outcome = self.while_at_work(&name, self.run(host, &job.script, Duration::MAX, line)).await;
        if killed && matches!(outcome, Outcome::Unknown { .. }) {
            return Followed::Died;
        }
        let (ended, followed) = match outcome {
            Outcome::Exited { code, output } => ((code, output.clone()), Followed::Ended { code, output }),
            Outcome::Unknown { reason } => {
                let (code, output) = self.prints(&name, &job.script);
                ((code, output), Followed::Lost { reason, sent: true })
            }
            Outcome::NotStarted { reason } => return Followed::Lost { reason, sent: false },
        };
        self.jobs.borrow_mut().insert(folder, ended);
        followed
    }

    async fn put(&self, host: &HostName, source: Source<'_>, to: &AbsPath) -> Result<(), NotCopied> {
        if let Source::File(_) = source {
            let copy = async { self.arrives(host.as_str(), to) };
            self.while_at_work(host.as_str(), copy).await;
        }
        Ok(())
    }

    async fn fetch(&self, host: &HostName, from: &AbsPath, _: &Path) -> Result<String, NotCopied> {
        self.deeds.borrow_mut().push((self.now.get(), host.to_string(), format!("fetch {from}")));
        match self.faults.borrow().get(host.as_str()) {
            Some(Fault::FullHere) => return Err(NotCopied::Here("on this machine: No space left on device".into())),
            Some(Fault::RefusesCopies) => return Err(NotCopied::Refused("cat: Input/output error".into())),
            _ => {}
        }
        let torn = self.faults.borrow().get(host.as_str()) == Some(&Fault::CopyDiffers);
        Ok(if torn { "0".repeat(64) } else { SUM.to_owned() })
    }

    async fn done_with(&self, _: &HostName) {}
}

impl World {
    /// Does `what`, which takes as long as everything does on a host.
    async fn while_at_work<T>(&self, host: &str, what: impl Future<Output = T>) -> T {
        assert!(self.at_work.borrow_mut().insert(host.to_owned()), "two things at a time on {host}");
        self.most_at_work.set(self.most_at_work.get().max(self.at_work.borrow().len()));
        for _ in 0..self.takes.get() {
            yield_to_others().await;
        }
        let done = what.await;
        self.at_work.borrow_mut().remove(host);
        done
    }

    fn arrives(&self, host: &str, file: &AbsPath) {
        let torn = self.faults.borrow().get(host) == Some(&Fault::CopyDiffers);
        let sum = if torn { "0".repeat(64) } else { SUM.to_owned() };
        self.deeds.borrow_mut().push((self.now.get(), host.to_owned(), format!("put {file}")));
        self.hosts.borrow_mut().get_mut(host).unwrap().files.insert(file.to_string(), sum);
    }
}

/// Comes back when everybody else has had a turn.
async fn yield_to_others() {
    let mut waited = false;
    std::future::poll_fn(|context| match std::mem::replace(&mut waited, true) {
        true => std::task::Poll::Ready(()),
        false => {
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        }
    })
    .await;
}

pub fn address(host: &str) -> Ipv4Addr {
    let number: u8 = host[2..].parse().unwrap_or(10);
    Ipv4Addr::new(10, 0, if host.starts_with("cs") { 1 } else { 2 }, number)
}

impl Master for World {
    async fn overview(&self) -> Result<Overview, NoAnswer> {
        if let Some(left) = self.silent.get().checked_sub(1) {
            self.silent.set(left);
            return Err(NoAnswer { reason: "timed out".into(), reached: false });
        }
        let hosts = self.hosts.borrow();
        let version = hosts["master"]
            .master
            .clone()
            .ok_or_else(|| NoAnswer { reason: "connection refused".into(), reached: true })?
            .version;
        let new = version == Some(NEW);
        let now = self.now.get();
        let chunkservers: Vec<Chunkserver> = hosts
            .iter()
            .filter_map(|(host, s)| {
                // a 1.5 master refuses new ones, and 1.5 does not look into the folders of 1.6
                let process = s.chunkserver.as_ref().filter(|p| new || p.version == Some(OLD))?;
                let lost = s.wide && process.version == Some(OLD);
                Some(Chunkserver {
                    version: process.version.clone().filter(|v| new && *v == NEW),
                    disconnected: false,
                    maintenance: false,
                    address: address(host),
                    port: 9422,
                    used: 1,
                    total: 2,
                    chunks: if now < s.scanned_at || lost { 0 } else { CHUNKS },
                    removal_chunks: 0,
                    errors: 0,
                })
            })
            .collect();
        let sessions = hosts
            .iter()
            .filter_map(|(host, s)| {
                let mount = s.mount.as_ref().filter(|m| new || m.version == Some(OLD))?;
                Some(Session {
                    id: None,
                    address: address(host),
                    version: mount.version.clone()?,
                    mount_point: None,
                    path: None,
                    connected: true,
                })
            })
            .collect();
        let mut matrix = [[0; 11]; 11];
        matrix[2][2] = CHUNKS;
        matrix[2][1] = u32::from(now < self.under_goal_until.get());
        Ok(Overview {
            info: Info {
                version: version.filter(|_| new),
                layout: if new { Layout::V16 } else { Layout::V15 },
                total_space: 9,
                available_space: 9,
                inodes: self.inodes.get(),
                directories: 1,
                files: 9,
                chunks: CHUNKS,
                copies: None,
            },
            chunkservers,
            sessions,
            matrix: new.then_some(ChunkMatrix(matrix)),
            file_test: FileTest::default(),
            metaloggers: new.then(|| {
                let seen = |(host, s): (&String, &HostState)| {
                    let version = s.metalogger.as_ref()?.version.clone();
                    Some(Metalogger { version, address: address(host) })
                };
                hosts.iter().filter_map(seen).collect()
            }),
        })
    }

    async fn trial(&self, _: u16) -> Result<Overview, NoAnswer> {
        let mut overview = self.overview().await?;
        overview.info.version = Some(NEW);
        overview.info.layout = Layout::V16;
        let mut matrix = [[0; 11]; 11];
        matrix[2][0] = CHUNKS;
        overview.matrix = Some(ChunkMatrix(matrix));
        Ok(overview)
    }
}

impl Guard for World {
    fn held(&self) -> Result<(), NotHeld> {
        self.lock.borrow().clone().map_or(Ok(()), Err)
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(self.now.get() + self.ahead.get())
    }

    fn awake(&self) -> Timestamp {
        self.now() - SignedDuration::from_secs(self.asleep.get())
    }

    async fn sleep(&self, time: Duration) {
        self.wait(time.as_secs() as i64);
    }

    async fn between_looks(&self) {
        self.wait(1);
        self.watch();
    }
}
