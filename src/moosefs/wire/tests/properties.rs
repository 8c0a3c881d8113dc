//! Whatever comes from the network: no panic, nothing bigger than what came, nothing read that was not written.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use semver::Version;

use super::super::*;
use super::{RELEASES, info_of, version};

fn speaker() -> impl Strategy<Value = Version> {
    proptest::sample::select(&RELEASES[..]).prop_map(version)
}

/// Versions that the wire can carry.
fn told_version() -> impl Strategy<Value = Version> {
    prop_oneof![
        (0_u64..=255).prop_map(|patch| Version::new(1, 5, patch)),
        (0_u64..=255).prop_map(|patch| Version::new(1, 6, patch)),
        (2_u64..=4, 0_u64..=255, 0_u64..=127).prop_map(|(a, b, c)| Version::new(a, b, c)),
    ]
}

prop_compose! {
    fn any_info()(
        speaker in speaker(),
        spaces in any::<[u64; 2]>(),
        counts in any::<[u32; 4]>(),
        copies in any::<u32>(),
    ) -> (Version, Info) {
        let base = info_of(&speaker);
        let [total_space, available_space] = spaces;
        let [inodes, directories, files, chunks] = counts;
        let copies = base.copies.map(|_| copies.into());
        let info = Info { total_space, available_space, inodes, directories, files, chunks, copies, ..base };
        (speaker, info)
    }
}

prop_compose! {
    fn any_server()(
        version in option::of(told_version()),
        disconnected in any::<bool>(),
        maintenance in any::<bool>(),
        address in any::<[u8; 4]>(),
        port in 1_u16..,
        spaces in any::<[u64; 2]>(),
        counts in any::<[u32; 3]>(),
    ) -> Chunkserver {
        let [used, total] = spaces;
        let [chunks, removal_chunks, errors] = counts;
        let address = address.into();
        Chunkserver { version, disconnected, maintenance, address, port, used, total, chunks, removal_chunks, errors }
    }
}

prop_compose! {
    fn any_session()(
        id in any::<u32>(),
        address in any::<[u8; 4]>(),
        version in told_version(),
        mount_point in option::of("[ -~ß€]{1,20}"),
        path in "[ -~ß€]{1,20}",
        connected in any::<bool>(),
    ) -> Session {
        Session { id: Some(id), address: address.into(), version, mount_point, path: Some(path), connected }
    }
}

/// What a master of this release tells of the server, if it does.
fn as_told(server: &Chunkserver, speaker: &Version) -> Option<Chunkserver> {
    let number = (speaker.major, speaker.minor, speaker.patch);
    let mut told = server.clone();
    if number < (1, 6, 0) {
        told.version = None;
    }
    if number < (2, 0, 0) {
        told.maintenance = false;
    }
    if told.disconnected {
        told = Chunkserver { version: None, used: 0, total: 0, chunks: 0, removal_chunks: 0, errors: 0, ..told };
    }
    (!told.disconnected || number >= (1, 6, 27)).then_some(told)
}

/// What a master of this release tells of the session, if it does.
fn session_as_told(session: &Session, speaker: &Version) -> Option<Session> {
    let number = (speaker.major, speaker.minor, speaker.patch);
    let mut told = session.clone();
    if number < (1, 6, 0) {
        told = Session { id: None, mount_point: None, path: None, ..told };
    }
    (told.connected || number >= (2, 0, 0)).then_some(told)
}

/// Random bytes, of lengths that get past the first check as well.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![
        0_usize..700,
        proptest::sample::select(vec![36, 60, 68, 76, 121, 129, 137, 149, 205, 484, 969, 3873]),
        (1_usize..20, proptest::sample::select(vec![8, 50, 54, 64, 68, 69, 73, 136, 165]))
            .prop_map(|(n, size)| n * size),
    ];
    let byte = prop_oneof![3 => Just(0_u8), 1 => any::<u8>()];
    length.prop_flat_map(move |length| vec(byte.clone(), length))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic_or_grow(payload in bytes(), speaker in speaker(), vmode in 0_u8..4) {
        let info = info_of(&speaker);
        let _ = decode::info(&payload);
        let _ = decode::file_test(&payload);
        let _ = decode::chunk_matrix(&payload, info.layout);
        if let Ok(servers) = decode::chunkservers(&payload, info.layout) {
            prop_assert!(servers.len() * 50 <= payload.len());
        }
        if let Ok(loggers) = decode::metaloggers(&payload) {
            prop_assert!(loggers.len() * 8 <= payload.len());
        }
        if let Ok(sessions) = decode::sessions(&payload, &info, vmode) {
            let text = |s: &Session| s.mount_point.as_ref().map_or(0, String::len) + s.path.as_ref().map_or(0, String::len);
            prop_assert!(sessions.len() * 29 <= payload.len());
            // A byte that is no UTF-8 becomes three.
            prop_assert!(sessions.iter().map(text).sum::<usize>() <= payload.len() * 3);
        }
    }

    #[test]
    fn no_stream_panics_the_frame_reader(stream in vec(any::<u8>(), 0..64), limit in 0_u32..100) {
        if let Ok(Some((frame, length))) = frame::parse_within(&stream, limit) {
            prop_assert!(length <= stream.len());
            prop_assert!(frame.payload.len() <= limit as usize);
            prop_assert_eq!(frame.encode(), &stream[..length]);
        }
    }

    #[test]
    fn an_info_comes_back((speaker, info) in any_info()) {
        prop_assert_eq!(decode::info(&encode::info(&info, &speaker)), Ok(info));
    }

    #[test]
    fn chunkservers_come_back(servers in vec(any_server(), 0..6), speaker in speaker()) {
        let payload = encode::chunkservers(&servers, &speaker);
        let told: Vec<_> = servers.iter().filter_map(|server| as_told(server, &speaker)).collect();
        prop_assert_eq!(decode::chunkservers(&payload, encode::layout(&speaker)), Ok(told));
    }

    #[test]
    fn sessions_come_back(sessions in vec(any_session(), 0..6), speaker in speaker()) {
        let info = info_of(&speaker);
        let (vmode, _) = request::sessions_of(&info);
        let payload = encode::sessions(&sessions, &speaker, vmode);
        let told: Vec<_> = sessions.iter().filter_map(|session| session_as_told(session, &speaker)).collect();
        prop_assert_eq!(decode::sessions(&payload, &info, vmode), Ok(told));
    }

    #[test]
    fn sessions_come_back_in_the_mode_with_limits(sessions in vec(any_session(), 0..6)) {
        for speaker in ["1.6.26", "1.6.27", "3.0.117"].map(version) {
            let payload = encode::sessions(&sessions, &speaker, 1);
            let told: Vec<_> = sessions.iter().filter(|session| session.connected).cloned().collect();
            prop_assert_eq!(decode::sessions(&payload, &info_of(&speaker), 1), Ok(told));
        }
    }

    #[test]
    fn matrix_file_test_and_metaloggers_come_back(
        counts in vec(any::<u32>(), 121),
        fields in any::<[u32; 8]>(),
        loggers in vec((option::of(told_version()), any::<[u8; 4]>()), 0..5),
    ) {
        let mut matrix = ChunkMatrix([[0; 11]; 11]);
        matrix.0.as_flattened_mut().copy_from_slice(&counts);
        prop_assert_eq!(decode::chunk_matrix(&encode::chunk_matrix(&matrix), Layout::V16), Ok(matrix));

        let [started, ended, files, under_goal_files, missing_files, chunks, under_goal_chunks, missing_chunks] = fields;
        let test = FileTest {
            started, ended, files, under_goal_files, missing_files, chunks, under_goal_chunks, missing_chunks,
        };
        prop_assert_eq!(decode::file_test(&encode::file_test(&test)), Ok(test));

        let loggers: Vec<_> =
            loggers.into_iter().map(|(version, ip)| Metalogger { version, address: ip.into() }).collect();
        prop_assert_eq!(decode::metaloggers(&encode::metaloggers(&loggers)), Ok(loggers));
    }

    /// A packet that is cut is not there at all; its header tells. A payload that lost bytes behind the header's back is
    /// an error too, but where records of one size follow each other, or where it is as long as another release's INFO.
    #[test]
    fn a_cut_answer_is_never_a_wrong_one(
        servers in vec(any_server(), 1..4),
        sessions in vec(any_session(), 1..4),
        speaker in speaker(),
    ) {
        let info = info_of(&speaker);
        let packet = Frame::new(frame::MATOCL_INFO, encode::info(&info, &speaker)).encode();
        for cut in 0..packet.len() {
            prop_assert_eq!(frame::parse(&packet[..cut]), Ok(None));
        }

        let payload = encode::chunkservers(&servers, &speaker);
        let whole = decode::chunkservers(&payload, info.layout).unwrap();
        for cut in 0..payload.len() {
            if let Ok(part) = decode::chunkservers(&payload[..cut], info.layout) {
                prop_assert!(part.len() < whole.len() && whole.starts_with(&part));
            }
        }

        let (vmode, _) = request::sessions_of(&info);
        let payload = encode::sessions(&sessions, &speaker, vmode);
        let whole = decode::sessions(&payload, &info, vmode).unwrap();
        for cut in 0..payload.len() {
            if let Ok(part) = decode::sessions(&payload[..cut], &info, vmode) {
                // Of 1.6.21 and 1.6.22 the number of counters is not known, which is all that is cut off then.
                let sure = !matches!((speaker.minor, speaker.patch), (6, 21 | 22));
                prop_assert!(whole.starts_with(&part), "cut at {cut}");
                prop_assert!(part.len() < whole.len() || !sure, "cut at {cut}");
            }
        }

        let test = encode::file_test(&decode::file_test(&[0; 36]).unwrap());
        let matrix = vec![1; 484];
        for cut in 0..484 {
            prop_assert!(cut >= 36 || decode::file_test(&test[..cut]).is_err());
            prop_assert!(decode::chunk_matrix(&matrix[..cut], Layout::V16).is_err());
        }
    }
}
