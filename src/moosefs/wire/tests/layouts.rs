//! Lengths and borders as the facts (section 2.3) and the sources give them, byte by byte where it matters.

use super::super::*;
use super::{RELEASES, info_of, version};

#[test]
fn every_info_has_the_length_of_its_release() {
    for (release, length) in [
        ("1.5.2", 60),
        ("1.5.12", 60),
        ("1.6.0", 68),
        ("1.6.20", 68),
        ("1.6.23", 76),
        ("1.6.27", 76),
        ("2.0.60", 121),
        ("3.0.31", 121),
        ("3.0.32", 129),
        ("3.0.103", 137),
        ("3.0.107", 149),
        ("3.0.117", 149),
        ("4.56.6", 205),
    ] {
        let speaker = version(release);
        assert_eq!(encode::info(&info_of(&speaker), &speaker).len(), length, "{release}");
    }
}

#[test]
fn an_info_whose_length_and_version_disagree_is_refused() {
    let payload = encode::info(&info_of(&version("1.6.27")), &version("1.6.27"));
    for (wire, shown) in [(0, "0"), (0x0001_050c, "1.5.12"), (0x0001_0700, "1.7.0"), (0x0002_0000, "2.0.0")] {
        let mut payload = payload.clone();
        payload[..4].copy_from_slice(&u32::to_be_bytes(wire));
        let error = decode::info(&payload).unwrap_err();
        assert_eq!(error.to_string(), format!("answer INFO of 76 bytes is not known of version {shown}"));
    }
    for length in [0, 4, 52, 59, 61, 75, 77, 101, 173, 206] {
        let error = decode::info(&vec![1; length]).unwrap_err();
        assert!(matches!(error, WireError::Length { .. }), "{length}: {error}");
    }
}

/// matocsserv.c @ 1.6.27, `matocsserv_cservlist_data`.
#[test]
fn a_disconnected_server_of_1_6_27_is_a_flag_an_address_and_zeros() {
    let server = Chunkserver {
        version: Some(version("1.6.27")),
        disconnected: true,
        maintenance: false,
        address: [10, 0, 0, 21].into(),
        port: 9422,
        used: 5,
        total: 6,
        chunks: 7,
        removal_chunks: 8,
        errors: 9,
    };
    let payload = encode::chunkservers(std::slice::from_ref(&server), &version("1.6.27"));
    assert_eq!(payload[..10], [1, 0, 0, 0, 10, 0, 0, 21, 0x24, 0xce]);
    assert!(payload[10..].iter().all(|&byte| byte == 0));
    let [seen] = decode::chunkservers(&payload, Layout::V16).unwrap().try_into().unwrap();
    assert_eq!(
        seen,
        Chunkserver { version: None, used: 0, total: 0, chunks: 0, removal_chunks: 0, errors: 0, ..server }
    );
    assert_eq!(encode::chunkservers(&[seen], &version("1.6.26")), Vec::<u8>::new(), "before, it is not told");
}

/// matocsserv.c @ 1.6.26: every connection stands in the list, also one that never registers (a port scan).
#[test]
fn a_connection_that_has_not_registered_is_no_chunkserver() {
    assert_eq!(decode::chunkservers(&[0; 50], Layout::V15), Ok(vec![]));
    assert_eq!(decode::chunkservers(&[0; 54], Layout::V16), Ok(vec![]));
}

/// matocuserv.c @ 1.5.12: BLOB, BLOB_NOPS and BLOB_DNAMES without a version leave 1, 2 and 3 where a version would be.
#[test]
fn mfstools_of_1_5_are_no_mounts() {
    let mut payload = Vec::new();
    for wire in [1_u32, 2, 3, 0, 0x0001_050c] {
        payload.extend([10, 0, 0, 31]);
        payload.extend(wire.to_be_bytes());
        payload.extend([0; 128]);
    }
    let sessions = decode::sessions(&payload, &info_of(&version("1.5.12")), 0).unwrap();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].version, version("1.5.12"));
    assert_eq!((&sessions[0].id, &sessions[0].mount_point, &sessions[0].path), (&None, &None, &None));
}

fn mount() -> Session {
    Session {
        id: Some(7),
        address: [10, 0, 0, 31].into(),
        version: version("1.6.21"),
        mount_point: Some("/mnt/mfs".into()),
        path: Some("/".into()),
        connected: true,
    }
}

/// Sizes without strings, by the comment in MFSCommunication.h @ 4.57.8 and matocuserv.c of each release.
#[test]
fn a_session_record_has_the_size_of_its_release() {
    for (release, vmode, length) in [
        ("1.6.0", 0, 157),
        ("1.6.1", 0, 165),
        ("1.6.20", 0, 165),
        ("1.6.21", 0, 205),
        ("1.6.23", 0, 2 + 165),
        ("1.6.26", 1, 2 + 175),
        ("2.0.60", 2, 2 + 184),
        ("3.0.117", 2, 2 + 184),
    ] {
        let strings = "/mnt/mfs/".len();
        assert_eq!(encode::sessions(&[mount()], &version(release), vmode).len(), length + strings, "{release}");
    }
}

/// The sources of both are lost: each of the three forms that may be meant must be read right, by whichever of the two.
#[test]
fn sessions_of_1_6_21_and_1_6_22_are_read_in_the_one_way_that_fits() {
    for count in [1, 2, 5, 33] {
        let sessions = vec![mount(); count];
        for speaker in ["1.6.20", "1.6.21", "1.6.23"] {
            let payload = encode::sessions(&sessions, &version(speaker), 0);
            for reader in ["1.6.21", "1.6.22"] {
                let read = decode::sessions(&payload, &info_of(&version(reader)), 0);
                assert_eq!(read.as_ref(), Ok(&sessions), "{count} written by {speaker}, read as {reader}");
            }
        }
    }
    for empty in [&[][..], &[0, 16], &[0, 21]] {
        assert_eq!(decode::sessions(empty, &info_of(&version("1.6.21")), 0), Ok(vec![]));
    }
}

/// 480 mounts in the form of 1.6.20, so made that the whole is also one mount with 290 counters in the form of 1.6.23.
#[test]
fn sessions_that_can_be_read_in_two_ways_are_refused() {
    let mut payload = Vec::new();
    for _ in 0..480 {
        for field in [290 << 16, 0x0a00_001f, 0x0001_0614, 0, 1_u32] {
            payload.extend(field.to_be_bytes());
        }
        payload.extend([b'.', 9]);
        payload.extend([0; 16 + 128]);
    }
    assert_eq!(decode::sessions(&payload, &info_of(&version("1.6.20")), 0).unwrap().len(), 480);
    assert_eq!(decode::sessions(&payload, &info_of(&version("1.6.23")), 0).unwrap().len(), 1);
    let error = decode::sessions(&payload, &info_of(&version("1.6.22")), 0).unwrap_err();
    assert_eq!(error, WireError::Ambiguous { answer: "SESSION_LIST", length: 480 * 166 });
}

#[test]
fn the_matrix_is_read_from_both_answers_that_a_2_0_master_gives() {
    let mut matrix = ChunkMatrix([[0; 11]; 11]);
    matrix.0[2] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    let one = encode::chunk_matrix(&matrix);
    assert_eq!(one.len(), 484);
    let several = |n: usize| [vec![2], one.clone(), vec![9; (n - 1) * 484]].concat();
    for layout in [Layout::V16, Layout::V20, Layout::V21, Layout::V30, Layout::V4] {
        assert_eq!(decode::chunk_matrix(&one, layout), Ok(matrix.clone()));
    }
    assert_eq!(decode::chunk_matrix(&several(2), Layout::V30), Ok(matrix.clone()));
    assert_eq!(decode::chunk_matrix(&several(8), Layout::V4), Ok(matrix));
    assert!(decode::chunk_matrix(&several(2), Layout::V16).is_err());
    assert!(decode::chunk_matrix(&several(3), Layout::V30).is_err());
    assert!(decode::chunk_matrix(&one, Layout::V15).is_err(), "1.5 has none");
}

/// Row: goal; column: copies. Row 0 counts nowhere.
#[test]
fn the_matrix_is_summed_by_goal_and_copies() {
    let mut matrix = ChunkMatrix([[0; 11]; 11]);
    matrix.0[0] = [1_000_000; 11];
    matrix.0[1][..3].copy_from_slice(&[1, 20, 300]);
    matrix.0[3][..5].copy_from_slice(&[2, 40, 500, 6_000, 70_000]);
    matrix.0[10][9..].copy_from_slice(&[u32::MAX, u32::MAX]);
    let many = u64::from(u32::MAX);
    assert_eq!(matrix.missing(), 1 + 2);
    assert_eq!(matrix.endangered(), 40, "a chunk of goal 1 with one copy has all that it asks for");
    assert_eq!(matrix.under_goal(), 1 + 2 + 40 + 500 + many);
    assert_eq!(matrix.single_copy(), 321);
    assert_eq!(matrix.total(), 321 + 76_542 + 2 * many);
}

#[test]
fn the_file_test_is_as_long_as_its_text_says() {
    let test = FileTest {
        started: 1,
        ended: 2,
        files: 3,
        under_goal_files: 4,
        missing_files: 5,
        chunks: 6,
        under_goal_chunks: 7,
        missing_chunks: 8,
    };
    let mut payload = encode::file_test(&test);
    payload[35] = 5;
    payload.extend(b"hello");
    assert_eq!(decode::file_test(&payload), Ok(test));
    payload.push(b'!');
    assert_eq!(decode::file_test(&payload), Err(WireError::Trailing { answer: "FSTEST_INFO", offset: 41, left: 1 }));
    payload[32..36].fill(0xff);
    assert!(matches!(decode::file_test(&payload), Err(WireError::Short { needed: 0xffff_ffff, left: 6, .. })));
}

/// Told by a 1.5.12 master, with 13 chunks, that had begun its first round: an end, but no beginning and nothing counted.
#[test]
fn a_first_round_under_way_is_not_one_without_trouble() {
    let mut payload = [0; 36];
    payload[4..8].copy_from_slice(&0x6b03_1e76_u32.to_be_bytes());
    let begun = decode::file_test(&payload).unwrap();
    assert_eq!((begun.ended, begun.missing_chunks, begun.is_finished()), (0x6b03_1e76, 0, false));
    payload[..4].copy_from_slice(&0x6b03_1e76_u32.to_be_bytes());
    assert!(decode::file_test(&payload).unwrap().is_finished());
}

/// What is asked of whom (`matocuserv.c` and `matoclserv.c` of each release; asked of real masters).
#[test]
fn no_master_is_asked_what_it_closes_for() {
    for release in RELEASES {
        let speaker = version(release);
        let info = info_of(&speaker);
        let number = (speaker.major, speaker.minor, speaker.patch);
        assert_eq!(request::chunk_matrix(info.layout).is_some(), number >= (1, 6, 0), "{release}");
        assert_eq!(request::metaloggers(&info).is_some(), number >= (1, 6, 5), "{release}");
        assert!(request::sessions(&info, 0).is_some(), "{release}");
        assert_eq!(request::sessions(&info, 1).is_some(), number >= (1, 6, 26), "{release}");
        assert_eq!(request::sessions(&info, 2).is_some(), number >= (2, 0, 0), "{release}");
        assert_eq!(request::sessions(&info, 3), None, "{release}");
    }
    assert_eq!(request::chunk_matrix(Layout::V16).unwrap().payload, Vec::<u8>::new(), "1.6.0-1.6.9 close for the byte");
    assert_eq!(request::chunk_matrix(Layout::V30).unwrap().payload, [0], "2.0+ sends two matrices without it");
}

#[test]
fn a_frame_is_whole_or_not_there() {
    let bytes = Frame::new(511, [1, 2, 3]).encode();
    assert_eq!(bytes, [0, 0, 1, 255, 0, 0, 0, 3, 1, 2, 3]);
    for cut in 0..bytes.len() {
        assert_eq!(frame::parse(&bytes[..cut]), Ok(None));
    }
    let two = [&bytes[..], &[0; 9]].concat();
    assert_eq!(frame::parse(&two), Ok(Some((Frame::new(511, [1, 2, 3]), 11))));
    let announced = [0, 0, 1, 255, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(
        frame::parse(&announced),
        Err(WireError::TooLong { kind: 511, length: u32::MAX, limit: frame::MAX_PAYLOAD })
    );
    assert_eq!(frame::parse_within(&bytes, 2), Err(WireError::TooLong { kind: 511, length: 3, limit: 2 }));
}
