//! Packets of real daemons: `tests/fixtures/wire/RELEASE[-STATE]/QUESTION.hex`, hex text below comments that say what was
//! asked, of which cluster, and what it told. The comments were written by another decoder, and are what is expected here.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use super::super::*;
use super::version;
use crate::moosefs::version::to_wire;
use semver::Version;

/// One file.
struct Capture {
    path: PathBuf,
    /// The release of the master.
    release: Version,
    /// Whose answer it is: a chunkserver's are not ours to read.
    of_master: bool,
    comments: Vec<String>,
    /// The packet; `None`: the connection was closed.
    answer: Option<Frame>,
}

impl Capture {
    fn read(path: &Path) -> Self {
        let folder = path.parent().and_then(Path::file_name).expect("a folder").to_str().expect("UTF-8");
        let text = fs::read_to_string(path).expect("a fixture is readable");
        let (comments, lines): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with('#'));
        let hex = lines.concat();
        Self {
            path: path.to_owned(),
            release: version(folder.split('-').next().expect("a release")),
            of_master: !comments[0].contains("chunkserver"),
            comments: comments.into_iter().map(|line| line.trim_start_matches("# ").to_owned()).collect(),
            answer: (hex != "closed").then(|| whole(&from_hex(&hex))),
        }
    }

    /// What stands in the comments behind these words.
    fn told(&self, words: &str) -> Option<&str> {
        self.comments.iter().find_map(|line| line.strip_prefix(words)).map(str::trim)
    }

    fn request(&self) -> Frame {
        whole(&from_hex(self.told("request bytes:").expect("a fixture tells its request")))
    }

    fn payload(&self) -> &[u8] {
        &self.answer.as_ref().expect("this question is answered").payload
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks_exact(2).map(|two| str::from_utf8(two).expect("ASCII"));
    digits.map(|two| u8::from_str_radix(two, 16).expect("hex digits")).collect()
}

fn whole(bytes: &[u8]) -> Frame {
    let (frame, length) = frame::parse(bytes).expect("a packet").expect("all of it");
    assert_eq!(length, bytes.len(), "one packet and nothing behind it");
    frame
}

/// All captures of masters, a folder at a time.
fn captures() -> Vec<Vec<Capture>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wire");
    let inside = |folder: &Path| {
        let mut paths: Vec<PathBuf> = fs::read_dir(folder)
            .expect("the fixtures are there")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        paths.sort();
        paths
    };
    let folders = inside(&root).into_iter().filter(|path| path.is_dir());
    let all: Vec<Vec<Capture>> = folders
        .map(|folder| {
            let files = inside(&folder).into_iter().filter(|path| path.extension().is_some_and(|hex| hex == "hex"));
            files.map(|path| Capture::read(&path)).filter(|capture| capture.of_master).collect()
        })
        .collect();
    assert!(!all.is_empty());
    all
}

/// The answer to exactly this question, if it was put.
fn put<'a>(captures: &'a [Capture], question: &Frame) -> Option<&'a Capture> {
    captures.iter().find(|capture| capture.request() == *question)
}

/// The answer to exactly this question, which was put to every master.
fn asked<'a>(captures: &'a [Capture], question: &Frame) -> &'a Capture {
    put(captures, question).expect("the question was put")
}

fn info(captures: &[Capture]) -> Info {
    decode::info(asked(captures, &request::info()).payload()).expect("INFO is understood")
}

#[test]
fn every_master_says_which_it_is() {
    for captures in captures() {
        let info = info(&captures);
        let release = &captures[0].release;
        let expected = (*release >= version("1.6.0")).then_some(release);
        assert_eq!(info.version.as_ref(), expected);
        assert_eq!(info.layout, encode::layout(release));
    }
}

#[test]
fn what_is_asked_is_answered_and_what_is_closed_is_never_asked() {
    for captures in captures() {
        let info = info(&captures);
        let (_, sessions) = request::sessions_of(&info);
        let always = [request::info(), request::chunkservers(), sessions, request::file_test()];
        let questions = always.into_iter().chain(request::chunk_matrix(info.layout)).chain(request::metaloggers(&info));
        for question in questions {
            let capture = asked(&captures, &question);
            let answer = capture.answer.as_ref().unwrap_or_else(|| panic!("{:?} is closed", capture.path));
            assert_eq!(answer.kind, question.kind + 1, "{:?}", capture.path);
        }
        for vmode in [1, 2] {
            let capture = request::sessions(&info, vmode).and_then(|question| put(&captures, &question));
            assert!(capture.is_none_or(|capture| capture.answer.is_some()));
        }
    }
}

/// `10.99.0.11:9422 version 0x0001061b used 1 total 2 chunks 3; …`, the version `-` where the list has none.
fn server_line(servers: &[Chunkserver], told_versions: bool) -> String {
    let mut line = String::new();
    for server in servers {
        let wire = server.version.as_ref().map_or(0, to_wire)
            | u32::from(server.disconnected) << 24
            | u32::from(server.maintenance) << 25;
        let version = if told_versions { format!("0x{wire:08x}") } else { "-".to_owned() };
        let Chunkserver { address, port, used, total, chunks, .. } = server;
        let separator = if line.is_empty() { "" } else { "; " };
        write!(line, "{separator}{address}:{port} version {version} used {used} total {total} chunks {chunks}")
            .expect("a string takes all");
    }
    line
}

/// The line, its servers in the order of their addresses: a master lists them in an order of its own.
fn sorted(line: &str) -> Vec<&str> {
    let mut servers: Vec<&str> = line.split("; ").collect();
    servers.sort_unstable();
    servers
}

#[test]
fn chunkservers_are_as_the_captures_say() {
    for captures in captures() {
        let info = info(&captures);
        let capture = asked(&captures, &request::chunkservers());
        let servers = decode::chunkservers(capture.payload(), info.layout).expect("CSERV_LIST is understood");
        let line = server_line(&servers, info.layout != Layout::V15);
        let expected = capture.told("chunkservers as listed:").expect("the capture says");
        assert_eq!(sorted(&line), sorted(expected), "{:?}", capture.path);
    }
}

/// `row 1: col1=4; row 2: col2=8`, rows and columns of nothing left out.
fn matrix_line(matrix: &ChunkMatrix) -> String {
    let cells = |row: &[u32; 11]| {
        let cells = row.iter().enumerate().filter(|(_, n)| **n > 0);
        cells.map(|(copies, n)| format!("col{copies}={n}")).collect::<Vec<_>>().join(" ")
    };
    let rows = matrix.0.iter().enumerate().map(|(goal, row)| (goal, cells(row))).filter(|(_, cells)| !cells.is_empty());
    rows.map(|(goal, cells)| format!("row {goal}: {cells}")).collect::<Vec<_>>().join("; ")
}

#[test]
fn the_matrix_is_as_the_captures_say() {
    for captures in captures() {
        let info = info(&captures);
        let Some(question) = request::chunk_matrix(info.layout) else {
            continue;
        };
        let capture = asked(&captures, &question);
        let matrix = decode::chunk_matrix(capture.payload(), info.layout).expect("CHUNKS_MATRIX is understood");
        let expected = capture.told("chunk matrix (row = goal, col = copies):").expect("the capture says");
        assert_eq!(matrix_line(&matrix), expected, "{:?}", capture.path);
        // The other question that 1.6.10+ answers says the same.
        for other in captures.iter().filter(|c| c.request().kind == question.kind && c.answer.is_some()) {
            assert_eq!(decode::chunk_matrix(other.payload(), info.layout).as_ref(), Ok(&matrix), "{:?}", other.path);
        }
    }
}

/// `… 1.6.27 mount of / by root on 10.99.0.21 at /mnt/mfs …`: what the comment on the cluster says of mounts.
fn mounts_of(cluster: &str) -> Vec<(String, String, String, String)> {
    let parts: Vec<&str> = cluster.split(" mount of ").collect();
    let word = |text: &str| text.split([' ', ',', ';']).next().unwrap_or_default().trim_end_matches('.').to_owned();
    let after = |text: &str, words: &str| word(text.split(words).nth(1).unwrap_or_default());
    let mounts = parts.windows(2).map(|pair| {
        let release = pair[0].rsplit(' ').next().unwrap_or_default().to_owned();
        (release, word(pair[1]), after(pair[1], " on "), after(pair[1], " at "))
    });
    let mut mounts: Vec<_> = mounts.collect();
    mounts.sort();
    mounts
}

#[test]
fn mounts_are_as_the_captures_say() {
    for captures in captures() {
        let info = info(&captures);
        let modes = (0..=2).filter_map(|vmode| Some((vmode, request::sessions(&info, vmode)?)));
        for (vmode, question) in modes {
            let Some(capture) = put(&captures, &question) else {
                continue;
            };
            let sessions = decode::sessions(capture.payload(), &info, vmode).expect("SESSION_LIST is understood");
            let cluster = capture.told("cluster:").expect("the capture says");
            let mut seen: Vec<_> = sessions
                .into_iter()
                .filter(|session| session.connected)
                .map(|s| (s.version.to_string(), s.path, s.address.to_string(), s.mount_point))
                .collect();
            seen.sort();
            let expected = mounts_of(cluster);
            assert_eq!(seen.len(), expected.len(), "{:?}", capture.path);
            for (seen, expected) in seen.into_iter().zip(expected) {
                let (version, path, address, mount_point) = seen;
                assert_eq!((&version, &address), (&expected.0, &expected.2), "{:?}", capture.path);
                if info.layout != Layout::V15 {
                    assert_eq!(path.as_ref(), Some(&expected.1), "{:?}", capture.path);
                }
                // 1.5 mounts do not say where they are.
                let told = (info.layout != Layout::V15 && !version.starts_with("1.5.")).then_some(expected.3);
                assert_eq!(mount_point, told, "{:?}", capture.path);
            }
        }
    }
}

#[test]
fn totals_are_as_the_captures_say() {
    for captures in captures() {
        let info = info(&captures);
        let capture = asked(&captures, &request::info());
        if let Some((_, rest)) = capture.told("files:").and_then(|line| line.rsplit_once("symlink. ")) {
            let chunks = rest.split(' ').next().and_then(|n| n.parse().ok());
            assert_eq!(Some(info.chunks), chunks, "{:?}", capture.path);
            // The root and the folder; all files, with the one in the trash; and the symlink.
            assert_eq!((info.directories, info.files), (2, 13), "{:?}", capture.path);
            assert_eq!(info.inodes, 2 + 13 + 1, "{:?}", capture.path);
        }
        let servers = asked(&captures, &request::chunkservers());
        let servers = decode::chunkservers(servers.payload(), info.layout).expect("CSERV_LIST is understood");
        assert_eq!(info.total_space, servers.iter().map(|s| s.total).sum::<u64>(), "{:?}", capture.path);
        if let Some(copies) = info.copies {
            assert_eq!(copies, servers.iter().map(|s| u64::from(s.chunks)).sum::<u64>(), "{:?}", capture.path);
        }
    }
}

#[test]
fn file_tests_are_as_the_captures_say() {
    let mut began = 0;
    for captures in captures() {
        let capture = asked(&captures, &request::file_test());
        let test = decode::file_test(capture.payload()).expect("FSTEST_INFO is understood");
        if let Some(expected) = capture.told("FSTEST fields:") {
            let FileTest { started, ended, files, under_goal_files, missing_files, .. } = test;
            let FileTest { chunks, under_goal_chunks, missing_chunks, .. } = test;
            let line = format!(
                "loopstart {started} loopend {ended} files {files} undergoal files {under_goal_files} \
                 missing files {missing_files} chunks {chunks} undergoal chunks {under_goal_chunks} \
                 missing chunks {missing_chunks}, text"
            );
            assert!(expected.starts_with(&line), "{:?}: {line}", capture.path);
        }
        // A master that has begun its first round has counted nothing, and must not be taken for one without trouble.
        assert_eq!(test.is_finished(), test.files > 0, "{:?}", capture.path);
        began += u32::from(test.ended > 0 && !test.is_finished());
    }
    assert!(began > 0, "one capture shows a first round under way");
}

/// What a daemon wrote and what is written here in its name differ in nothing that the types carry.
#[test]
fn captured_answers_are_written_again_as_they_were() {
    for captures in captures() {
        let info = info(&captures);
        let release = &captures[0].release;
        let again = encode::info(&info, release);
        assert_eq!(again.len(), asked(&captures, &request::info()).payload().len(), "{release}");
        assert_eq!(decode::info(&again).as_ref(), Ok(&info));

        let payload = asked(&captures, &request::chunkservers()).payload();
        let servers = decode::chunkservers(payload, info.layout).expect("CSERV_LIST is understood");
        let again = encode::chunkservers(&servers, release);
        assert_eq!(again.len(), payload.len(), "{release}");
        if matches!(info.layout, Layout::V15 | Layout::V16) {
            assert_eq!(again, payload, "{release}: nothing is on disks marked for removal, so all is carried");
        }

        let (vmode, question) = request::sessions_of(&info);
        let payload = asked(&captures, &question).payload();
        let sessions = decode::sessions(payload, &info, vmode).expect("SESSION_LIST is understood");
        assert_eq!(encode::sessions(&sessions, release, vmode).len(), payload.len(), "{release}");
    }
}
