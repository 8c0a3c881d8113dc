//! Files to a host and from it: `cat > FILE` with the file on stdin, `cat FILE`, byte by byte as they were.

use std::process::Stdio;

use mfsupgrade::plan::Mode;
use mfsupgrade::rehearsal::Cluster;
use tokio::io::AsyncWriteExt;

use crate::support::{options, plan, said};

async fn fed(cluster: &Cluster, host: &str, command: &str, input: &[u8]) -> std::process::Output {
    let mut ssh = tokio::process::Command::new("ssh")
        .arg("-F")
        .arg(cluster.ssh().config.unwrap())
        .args([host, command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut to = ssh.stdin.take().unwrap();
    let input = input.to_vec();
    let feeding = tokio::spawn(async move {
        let _ = to.write_all(&input).await;
    });
    let output = ssh.wait_with_output().await.unwrap();
    feeding.abort();
    output
}

/// Every byte value, and nothing that repeats soon.
fn bytes(count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes: Vec<u8> = (0..=255).collect();
    while bytes.len() < count {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(count);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn large_files_go_there_and_back_as_they_are() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 0), options(&[])).await.unwrap();
    let sent = bytes(50 << 20);
    let copy = "umask 077; mkdir -p /var/lib/mfsupgrade && cat > /var/lib/mfsupgrade/file.part && \
                mv /var/lib/mfsupgrade/file.part /var/lib/mfsupgrade/file";
    let output = fed(&cluster, "cs1", copy, &sent).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(said(&cluster, "cs1", "stat -c '%s %a' /var/lib/mfsupgrade/file", 0).await, "52428800 600\n");
    let back = fed(&cluster, "cs1", "cat /var/lib/mfsupgrade/file", b"").await;
    assert!(back.stdout == sent, "{} bytes came back", back.stdout.len());

    let sums = "sha256sum < /var/lib/mfsupgrade/file; /usr/bin/sha256sum < /var/lib/mfsupgrade/file";
    let sums = said(&cluster, "cs1", sums, 0).await;
    assert!(sums.lines().next() == sums.lines().nth(1), "{sums}");

    // nothing at all is a file too, and a reader that does not want everything ends
    fed(&cluster, "cs1", "cat > /root/empty", b"").await;
    assert_eq!(said(&cluster, "cs1", "stat -c %s /root/empty", 0).await, "0\n");
    let output = fed(&cluster, "cs1", "head -c 3", &sent).await;
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checksum_is_of_what_is_shown() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 0), options(&[])).await.unwrap();
    // written through a shell, so the host's folder is in it on this machine
    said(&cluster, "cs1", "printf '%s\\n' 'built for --prefix=/usr/local in /' > /root/mark", 0).await;
    let shown = said(&cluster, "cs1", "cat /root/mark", 0).await;
    assert_eq!(shown, "built for --prefix=/usr/local in /\n");
    fed(&cluster, "cs1", "cat > /root/same", shown.as_bytes()).await;
    let sum = |file: &str| format!("sha256sum < {file} | cut -c 1-64");
    assert_eq!(said(&cluster, "cs1", &sum("/root/mark"), 0).await, said(&cluster, "cs1", &sum("/root/same"), 0).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_takes_nothing() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 0), options(&["no-space@cs1"])).await.unwrap();
    let output = fed(&cluster, "cs1", "cat > /root/file", b"something").await;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("No space left on device"));
    let free = said(&cluster, "cs1", "df -P /root | tail -n 1 | awk '{ print $4 }'", 0).await;
    assert_eq!(free, "0\n");
    let free = said(&cluster, "cs1", "stat -f -c '%a %S %d %c' /root; stat -c '%U %a' /usr/local/var/mfs", 0).await;
    assert!(free.starts_with("0 ") && free.contains(" 0 ") && free.contains("nobody 7"), "{free}");
    assert!(!said(&cluster, "master", "df -P /root", 0).await.contains(" 0 100%"));
}
