//! Packets of real daemons: `tests/fixtures/wire/RELEASE[-STATE]/QUESTION.hex`, hex text below comments that say what was
//! asked, of which cluster, and what it told. The comments were written by another decoder, and are what is expected here.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use super::super::*;
use super::{info_of, version};
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

/// All captures of masters.
fn captures() -> Vec<Capture> {
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
    let files =
        folders.flat_map(|folder| inside(&folder)).filter(|path| path.extension().is_some_and(|ext| ext == "hex"));
    let all: Vec<Capture> = files.map(|path| Capture::read(&path)).filter(|capture| capture.of_master).collect();
    assert!(!all.is_empty());
    all
}

/// The captures of answers of this kind, each with what its master is.
fn answers(kind: u32) -> impl Iterator<Item = (Capture, Info)> {
    let answered = captures().into_iter().filter(move |c| c.answer.as_ref().is_some_and(|answer| answer.kind == kind));
    answered.map(|capture| {
        let info = info_of(&capture.release);
        (capture, info)
    })
}

/// The answer to exactly this question in the same folder, if it was put.
fn beside<'a>(all: &'a [Capture], capture: &Capture, question: &Frame) -> Option<&'a Capture> {
    all.iter().find(|other| other.path.parent() == capture.path.parent() && other.request() == *question)
}

/// What a master of this release is asked.
fn questions(info: &Info) -> Vec<Frame> {
    let (_, sessions) = request::sessions_of(info);
    let always = [request::info(), request::chunkservers(), sessions, request::file_test()];
    let limits = request::sessions(info, 1);
    always
        .into_iter()
        .chain(limits)
        .chain(request::chunk_matrix(info.layout))
        .chain(request::metaloggers(info))
        .collect()
}

#[test]
fn every_master_says_which_it_is() {
    for (capture, expected) in answers(frame::MATOCL_INFO) {
        let info = decode::info(capture.payload()).expect("INFO is understood");
        assert_eq!((&info.version, info.layout), (&expected.version, expected.layout), "{:?}", capture.path);
    }
}

#[test]
fn what_is_asked_is_answered_and_what_is_closed_is_never_asked() {
    let mut closed = 0;
    for capture in captures() {
        let asked = questions(&info_of(&capture.release)).contains(&capture.request());
        match &capture.answer {
            None => assert!(!asked, "{:?} is closed", capture.path),
            Some(answer) => assert_eq!(answer.kind, capture.request().kind + 1, "{:?}", capture.path),
        }
        closed += usize::from(capture.answer.is_none());
    }
    assert!(closed > 0);
}

/// A folder that holds a whole master holds the answer to all that it is asked.
#[test]
fn every_question_was_put_to_every_release() {
    let all = captures();
    for whole in all.iter().filter(|capture| capture.path.ends_with("info.hex")) {
        let folder = whole.path.parent().and_then(Path::file_name).expect("a folder").to_string_lossy();
        if !folder.contains('-') {
            for question in questions(&info_of(&whole.release)) {
                assert!(beside(&all, whole, &question).is_some(), "{folder}: {question:?}");
            }
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
    for (capture, info) in answers(frame::MATOCL_CSERV_LIST) {
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
    let all = captures();
    for (capture, info) in answers(frame::MATOCL_CHUNKS_MATRIX) {
        let matrix = decode::chunk_matrix(capture.payload(), info.layout).expect("CHUNKS_MATRIX is understood");
        let expected = capture.told("chunk matrix (row = goal, col = copies):").expect("the capture says");
        assert_eq!(matrix_line(&matrix), expected, "{:?}", capture.path);
        let folder = capture.path.parent().expect("a folder").to_string_lossy().into_owned();
        assert_eq!(matrix.missing() > 0, folder.ends_with("-missing"), "{:?}", capture.path);
        let down = folder.ends_with("-disconnected") || folder.ends_with("-missing");
        assert_eq!(matrix.endangered() > 0, down, "{:?}: one of two servers is down", capture.path);
        // The question is answered, with or without its byte, by what we would ask.
        let question = request::chunk_matrix(info.layout).expect("this master has one");
        let ours = beside(&all, &capture, &question).expect("ours was put too");
        assert_eq!(decode::chunk_matrix(ours.payload(), info.layout), Ok(matrix), "{:?}", capture.path);
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
    for (capture, info) in answers(frame::MATOCL_SESSION_LIST) {
        let vmode = capture.request().payload.first().copied().unwrap_or(0);
        let Some(_) = request::sessions(&info, vmode) else {
            continue; // 1.6.26 and 1.6.27 answer every mode as 1, but are asked no other.
        };
        let sessions = decode::sessions(capture.payload(), &info, vmode).expect("SESSION_LIST is understood");
        let mut seen: Vec<_> = sessions
            .into_iter()
            .filter(|session| session.connected)
            .map(|s| (s.version.to_string(), s.path, s.address.to_string(), s.mount_point))
            .collect();
        seen.sort();
        let expected = mounts_of(capture.told("cluster:").expect("the capture says"));
        assert_eq!(seen.len(), expected.len(), "{:?}", capture.path);
        for ((version, path, address, mount_point), expected) in seen.into_iter().zip(expected) {
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

#[test]
fn totals_are_as_the_captures_say() {
    let all = captures();
    for (capture, _) in answers(frame::MATOCL_INFO) {
        let info = decode::info(capture.payload()).expect("INFO is understood");
        if let Some((_, rest)) = capture.told("files:").and_then(|line| line.rsplit_once("symlink. ")) {
            let chunks = rest.split(' ').next().and_then(|n| n.parse().ok());
            // A scanning server may hold chunks that no file uses: a master counts them too.
            let strays = capture.told("cluster:").is_some_and(|line| line.contains("chunk files that no file uses"));
            assert!(Some(info.chunks) == chunks || (strays && Some(info.chunks) > chunks), "{:?}", capture.path);
            // The root and the folder; all files, with the one in the trash; and the symlink.
            assert_eq!((info.directories, info.files), (2, 13), "{:?}", capture.path);
            assert_eq!(info.inodes, 2 + 13 + 1, "{:?}", capture.path);
        }
        let servers = beside(&all, &capture, &request::chunkservers()).expect("the servers were asked for");
        let servers = decode::chunkservers(servers.payload(), info.layout).expect("CSERV_LIST is understood");
        assert_eq!(info.total_space, servers.iter().map(|s| s.total).sum::<u64>(), "{:?}", capture.path);
        if let Some(copies) = info.copies {
            let listed = servers.iter().map(|s| u64::from(s.chunks)).sum::<u64>();
            // The two were asked one after the other, and a scan went on in between.
            let scanning = capture.told("cluster:").is_some_and(|line| line.contains("scanning"));
            assert!(copies == listed || (scanning && copies > listed), "{:?}", capture.path);
        }
    }
}

/// `… And one 1.6.27 metalogger on 10.99.0.13.`
#[test]
fn metaloggers_are_as_the_captures_say() {
    for (capture, _) in answers(frame::MATOCL_MLOG_LIST) {
        let loggers = decode::metaloggers(capture.payload()).expect("MLOG_LIST is understood");
        let cluster = capture.told("cluster:").expect("the capture says");
        let said = cluster.split_once(" metalogger on ");
        let said = said.map(|(before, after)| (before.rsplit(' ').next(), after.trim_end_matches('.')));
        let seen: Vec<_> =
            loggers.iter().map(|l| (l.version.as_ref().map(Version::to_string), l.address.to_string())).collect();
        let expected: Vec<_> =
            said.into_iter().map(|(v, address)| (v.map(str::to_owned), address.to_owned())).collect();
        assert_eq!(seen, expected, "{:?}", capture.path);
    }
}

#[test]
fn file_tests_are_as_the_captures_say() {
    for (capture, _) in answers(frame::MATOCL_FSTEST_INFO) {
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
    }
}

/// What a daemon wrote and what is written here in its name differ in nothing that the types carry.
#[test]
fn captured_answers_are_written_again_as_they_were() {
    for (capture, _) in answers(frame::MATOCL_INFO) {
        let info = decode::info(capture.payload()).expect("INFO is understood");
        let again = encode::info(&info, &capture.release);
        assert_eq!(again.len(), capture.payload().len(), "{:?}", capture.path);
        assert_eq!(decode::info(&again), Ok(info), "{:?}", capture.path);
    }
    for (capture, info) in answers(frame::MATOCL_CSERV_LIST) {
        let servers = decode::chunkservers(capture.payload(), info.layout).expect("CSERV_LIST is understood");
        let again = encode::chunkservers(&servers, &capture.release);
        assert_eq!(again.len(), capture.payload().len(), "{:?}", capture.path);
        if matches!(info.layout, Layout::V15 | Layout::V16) {
            assert_eq!(
                again,
                capture.payload(),
                "{:?}: nothing is marked for removal, so all is carried",
                capture.path
            );
        }
    }
    for (capture, info) in answers(frame::MATOCL_SESSION_LIST) {
        let vmode = capture.request().payload.first().copied().unwrap_or(0);
        if request::sessions(&info, vmode).is_some() {
            let sessions = decode::sessions(capture.payload(), &info, vmode).expect("SESSION_LIST is understood");
            let again = encode::sessions(&sessions, &capture.release, vmode);
            assert_eq!(again.len(), capture.payload().len(), "{:?}", capture.path);
        }
    }
    for (capture, info) in answers(frame::MATOCL_MLOG_LIST) {
        let loggers = decode::metaloggers(capture.payload()).expect("MLOG_LIST is understood");
        assert_eq!(encode::metaloggers(&loggers), capture.payload(), "{:?} {:?}", capture.path, info.version);
    }
}
