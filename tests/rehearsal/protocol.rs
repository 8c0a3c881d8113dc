//! What goes over the wire: the simulated master's answers, through a real `ssh -W`, decoded by the project's own codec.

use std::process::Stdio;

use mfsupgrade::moosefs::wire::{ChunkMatrix, Frame, Layout, decode, frame, request};
use mfsupgrade::plan::Mode;
use mfsupgrade::rehearsal::Cluster;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{INSTALL, PATIENCE, options, plan, said, until_back};

/// Asks the master through SSH port forwarding. `None`: it closed the connection.
async fn ask(cluster: &Cluster, question: Frame) -> Option<Vec<u8>> {
    ask_at(cluster, 9421, question).await
}

/// Asks whoever listens on a port of the master's host.
pub async fn ask_at(cluster: &Cluster, port: u16, question: Frame) -> Option<Vec<u8>> {
    let config = cluster.ssh().config.unwrap();
    let mut ssh = tokio::process::Command::new("ssh")
        .arg("-F")
        .arg(config)
        .args(["-W", &format!("127.0.0.1:{port}"), "master"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (mut to, mut from) = (ssh.stdin.take().unwrap(), ssh.stdout.take().unwrap());
    to.write_all(&question.encode()).await.unwrap();
    let mut bytes = Vec::new();
    loop {
        if let Some((answer, _)) = frame::parse(&bytes).unwrap() {
            return Some(answer.payload);
        }
        if from.read_buf(&mut bytes).await.unwrap() == 0 {
            return None;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_master_speaks_the_layouts_of_its_release() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 3, 2), options(&[])).await.unwrap();

    let info = ask(&cluster, request::info()).await.unwrap();
    assert_eq!(info.len(), 60);
    let info = decode::info(&info).unwrap();
    assert_eq!((info.layout, info.files, info.chunks), (Layout::V15, 12, 12));
    let servers = ask(&cluster, request::chunkservers()).await.unwrap();
    assert_eq!(servers.len(), 3 * 50, "no versions");
    let servers = decode::chunkservers(&servers, Layout::V15).unwrap();
    assert_eq!(servers.iter().map(|server| server.chunks).sum::<u32>(), 24, "goal 2");
    let sessions = ask(&cluster, request::sessions(&info, 0).unwrap()).await.unwrap();
    let sessions = decode::sessions(&sessions, &info, 0).unwrap();
    assert!(sessions.len() == 2 && sessions.iter().all(|session| session.version.to_string() == "1.5.12"));
    assert_eq!(sessions.iter().filter(|s| s.address == cluster.address("cl2")).count(), 1);
    let test = decode::file_test(&ask(&cluster, request::file_test()).await.unwrap()).unwrap();
    assert_eq!((test.files, test.missing_chunks, test.under_goal_chunks), (12, 0, 0));
    // 1.5 knows neither matrix nor metaloggers
    assert_eq!(ask(&cluster, Frame::new(frame::CLTOMA_CHUNKS_MATRIX, [])).await, None);
    assert_eq!(ask(&cluster, Frame::new(frame::CLTOMA_MLOG_LIST, [])).await, None);

    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    for server in ["cs1", "cs2", "cs3"] {
        until_back(&cluster, server).await;
    }
    let info = ask(&cluster, request::info()).await.unwrap();
    assert_eq!(info.len(), 76);
    let info = decode::info(&info).unwrap();
    assert_eq!(info.version.as_ref().unwrap().to_string(), "1.6.27");
    assert_eq!((info.files, info.chunks, info.copies), (12, 12, Some(24)));
    let servers = decode::chunkservers(&ask(&cluster, request::chunkservers()).await.unwrap(), info.layout).unwrap();
    assert!(servers.len() == 3 && servers.iter().all(|server| server.version.is_none()), "1.5 servers do not tell");

    // one goes: it is listed as disconnected, and its chunks are under goal
    said(&cluster, "cs2", "kill -9 $(cat /var/run/mfs/mfschunkserver.lock)", 0).await;
    let away = async {
        loop {
            let list = ask(&cluster, request::chunkservers()).await.unwrap();
            let list = decode::chunkservers(&list, info.layout).unwrap();
            if list.iter().any(|server| server.disconnected && server.address == cluster.address("cs2")) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, away).await.unwrap();
    let matrix: ChunkMatrix =
        decode::chunk_matrix(&ask(&cluster, request::chunk_matrix(info.layout).unwrap()).await.unwrap(), info.layout)
            .unwrap();
    assert_eq!((matrix.missing(), matrix.under_goal(), matrix.total()), (0, 8, 12));
    assert!(crate::support::pids(&cluster, "cs2", "mfschunkserver").await.is_empty(), "the killed one is not shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_shows_the_connection_that_the_master_knows_it_by() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 0), options(&[])).await.unwrap();
    let table = said(&cluster, "cs1", "cat /proc/net/tcp", 0).await;
    let hex = |host: &str| format!("{:08X}", u32::from_le_bytes(cluster.address(host).octets()));
    let established = format!(" {}:24CC 01 ", hex("master"));
    let line = table.lines().find(|line| line.contains(&established)).expect(&table);
    assert!(line.contains(&format!(" {}:", hex("cs1"))), "{line}");
    assert!(table.contains(&format!(" {}:24CE 00000000:0000 0A ", hex("cs1"))), "it listens on 9422: {table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ssh_lets_nobody_else_in_and_nobody_out() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 0), options(&[])).await.unwrap();
    let config = cluster.ssh().config.unwrap();
    let ssh = |args: &[&str]| {
        let mut ssh = tokio::process::Command::new("ssh");
        ssh.arg("-F").arg(&config).args(args).stdin(Stdio::null());
        ssh
    };
    let none = ssh(&["-o", "PubkeyAuthentication=no", "-o", "BatchMode=yes", "cs1", "true"]).output().await.unwrap();
    assert_eq!(none.status.code(), Some(255), "without the rehearsal's key");
    let other = ssh(&["-W", "192.0.2.1:22", "cs1"]).output().await.unwrap();
    assert!(!other.status.success(), "no forwarding to the world");
    let shell = ssh(&["cs1"]).output().await.unwrap();
    assert!(String::from_utf8_lossy(&shell.stderr).contains("simulated host"), "{shell:?}");

    // stdin, stdout, stderr and the exit status are those of the command
    let mut cat = ssh(&["cs1", "cat; echo /usr/local >&2; exit 7"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let data = vec![b'x'; 3 << 20];
    let mut to = cat.stdin.take().unwrap();
    let (written, output) = tokio::join!(
        async {
            to.write_all(&data).await.unwrap();
            drop(to);
        },
        cat.wait_with_output()
    );
    let ((), output) = (written, output.unwrap());
    assert!(output.stdout == data && output.stderr == b"/usr/local\n" && output.status.code() == Some(7));
}
