//! How many chunks each chunkserver has while some of them are away: what those had still counts for them, and a chunk that moved
//! from one of them meanwhile counts once.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::Baseline;

/// What a server has at least that `had` so many chunks, when so many were deleted in all: one, unless it had none. That users have
/// deleted all that it had, and it shows none therefore, is seen when it is there, and not taken for granted.
fn less(had: u32, deleted: u32) -> u32 {
    had.saturating_sub(deleted).max(had.min(1))
}

/// How many chunks each server has that was there `before` or is there `now`. A server that is away keeps what it had, less what was
/// deleted in all, and so does one whose lower count is not believed (`believed` gets the count that it shows).
///
/// The copies of what such a server kept may be on the others already: its master has moved them there, or has made new ones. All
/// together have no more copies for a chunk than before. What is beyond that is taken from the servers that show more than they had,
/// since a measure that counts it twice is one that the cluster never reaches.
pub(super) fn since(before: &Baseline, now: &Baseline, believed: impl Fn(u32) -> bool) -> BTreeMap<Ipv4Addr, u32> {
    let deleted = before.chunks.saturating_sub(now.chunks);
    let had = |server: &Ipv4Addr| before.servers.get(server).map_or(0, |had| less(*had, deleted));
    let mut servers = now.servers.clone();
    // copies that no server shows now
    let mut kept = 0;
    for server in before.servers.keys() {
        let shown = now.servers.get(server).copied();
        let has = match shown {
            Some(shows) if believed(shows) => shows,
            _ => had(server).max(shown.unwrap_or(0)),
        };
        kept += u128::from(has - shown.unwrap_or(0));
        servers.insert(*server, has);
    }
    let all = |servers: &BTreeMap<Ipv4Addr, u32>| servers.values().map(|chunks| u128::from(*chunks)).sum::<u128>();
    let most = (all(&before.servers) * u128::from(now.chunks)).checked_div(u128::from(before.chunks));
    // what the servers show is there, however much it is
    let mut twice = most.map_or(0, |most| all(&servers).saturating_sub(most)).min(kept);
    for (server, has) in &mut servers {
        let more = u128::from(has.saturating_sub(had(server))).min(twice);
        *has -= u32::try_from(more).unwrap_or(*has);
        twice -= more;
    }
    servers
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn address(n: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 1, n)
    }

    /// A cluster that knows so many chunks, and has so many on each of its servers; a server of `None` is away.
    fn cluster(chunks: u32, servers: &[Option<u32>]) -> Baseline {
        let of = |(n, has): (u8, &Option<u32>)| Some((address(n), (*has)?));
        Baseline { chunks, servers: (1..).zip(servers).filter_map(of).collect(), ..Baseline::default() }
    }

    /// What counts for each server of two clusters, where every count but of nothing is believed.
    fn counts(before: (u32, &[Option<u32>]), now: (u32, &[Option<u32>])) -> Vec<u32> {
        let [before, now] = [before, now].map(|(chunks, servers)| cluster(chunks, servers));
        since(&before, &now, |shows| shows > 0).into_values().collect()
    }

    #[test]
    fn what_moved_from_a_server_that_is_away_counts_once() {
        let before = [Some(600), Some(500), Some(400)];
        assert_eq!(counts((500, &before), (500, &[None, Some(800), Some(400)])), [600, 500, 400]);
        assert_eq!(counts((500, &before), (500, &[None, Some(550), Some(650)])), [600, 500, 400], "to two of them");
        assert_eq!(
            counts((500, &before), (500, &[None, Some(700), Some(200)])),
            [600, 700, 200],
            "from one that is there"
        );
        assert_eq!(
            counts((500, &before), (500, &[None, Some(700), Some(300)])),
            [600, 600, 300],
            "and from one that is not"
        );
        // a server that is new has no other chunks either
        assert_eq!(counts((500, &before), (500, &[None, Some(500), Some(400), Some(250)])), [600, 500, 400, 0]);
    }

    #[test]
    fn what_users_have_written_since_is_on_the_servers_that_are_there() {
        let before = [Some(600), Some(400)];
        assert_eq!(counts((500, &before), (600, &[None, Some(580)])), [600, 580], "1200 copies of 600 chunks");
        assert_eq!(counts((500, &before), (600, &[None, Some(700)])), [600, 600], "100 of them have moved");
    }

    #[test]
    fn what_users_have_deleted_is_on_no_server_that_is_away_and_may_go_slowly_elsewhere() {
        let before = [Some(500), Some(500)];
        assert_eq!(counts((500, &before), (450, &[None, Some(450)])), [450, 450]);
        assert_eq!(counts((500, &before), (450, &[None, Some(480)])), [450, 450], "30 are still to be deleted");
        assert_eq!(counts((500, &before), (0, &[None, Some(0)])), [1, 1], "nobody has looked at the one that is away");
    }

    #[test]
    fn what_the_servers_show_is_there_when_none_is_away() {
        // new copies of what was under goal before
        assert_eq!(counts((500, &[Some(500), Some(300)]), (500, &[Some(500), Some(500)])), [500, 500]);
        // and no more than was kept is taken away
        let before = [Some(10), Some(500), Some(300)];
        assert_eq!(counts((500, &before), (500, &[None, Some(500), Some(500)])), [10, 500, 490]);
    }

    #[test]
    fn a_count_that_is_not_believed_is_no_count() {
        let [before, now] = [[Some(500), Some(500)], [Some(200), Some(700)]].map(|servers| cluster(500, &servers));
        let of = |believed: fn(u32) -> bool| since(&before, &now, believed).into_values().collect::<Vec<_>>();
        assert_eq!(of(|_| true), [200, 700]);
        assert_eq!(of(|_| false), [500, 500], "200 have moved to the other");
    }

    #[test]
    fn a_cluster_that_was_empty_measures_nothing() {
        assert_eq!(counts((0, &[None]), (10, &[Some(10), Some(10)])), [10, 10]);
        assert_eq!(counts((0, &[Some(0)]), (10, &[None, Some(10)])), [0, 10]);
    }

    proptest! {
        /// However chunks move between servers of which some are away: all together are a measure that the cluster reaches when they
        /// are back.
        #[test]
        fn a_cluster_that_lost_nothing_reaches_what_it_is_measured_by(
            had in prop::collection::vec(0_u32..1000, 1..6),
            moves in prop::collection::vec((0_usize..6, 0_usize..6, 0_u32..1000), 0..8),
            away in prop::collection::vec(prop::bool::ANY, 6),
        ) {
            let chunks = had.iter().copied().max().unwrap_or(0);
            let before: Vec<_> = had.iter().copied().map(Some).collect();
            let mut has = had.clone();
            for (from, to, much) in moves {
                let (from, to) = (from % has.len(), to % has.len());
                let much = much.min(has[from]);
                has[from] -= much;
                has[to] += much;
            }
            let shown: Vec<_> = has.iter().zip(&away).map(|(has, away)| (!away).then_some(*has)).collect();
            let (before, now) = (cluster(chunks, &before), cluster(chunks, &shown));
            let servers = since(&before, &now, |_| true);
            prop_assert!(servers.values().sum::<u32>() <= has.iter().sum());
            for (server, counts) in &servers {
                let least = before.servers[server].min(now.servers.get(server).copied().unwrap_or(u32::MAX));
                prop_assert!(*counts >= least, "{server} would pass with less than it had and shows");
            }
        }
    }
}
