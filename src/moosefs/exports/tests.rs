//! Files that were given to real masters, and what those made of them: `tests/fixtures/exports/seen.json`.

use std::net::Ipv4Addr;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

const SEEN: &str = include_str!("../../../tests/fixtures/exports/seen.json");
const NEW: Version = Version::new(1, 6, 27);

#[derive(Deserialize)]
struct File {
    name: String,
    text: String,
    mounts: Vec<SeenMount>,
    seen: Vec<Seen>,
}

#[derive(Deserialize)]
struct SeenMount {
    address: Ipv4Addr,
    #[serde(default)]
    path: String,
    #[serde(default)]
    meta: bool,
    password: Option<String>,
    version: Version,
}

#[derive(Deserialize)]
struct Seen {
    r#in: Vec<Version>,
    rules: Vec<SeenRule>,
    mounts: Vec<Outcome>,
}

/// As the master tells its exports (CLTOMA_EXPORTS_INFO).
#[derive(Deserialize)]
struct SeenRule {
    from: Ipv4Addr,
    to: Ipv4Addr,
    path: String,
    minversion: Version,
    extra: u8,
    flags: u8,
    root: [u32; 2],
    all: Option<[u32; 2]>,
}

/// As the master answers a mount that registers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Outcome {
    /// Flags, and whom root becomes.
    Mounted(u8, [u32; 2]),
    /// Flags of a meta mount.
    Meta([u8; 1]),
    /// A status: 4 not allowed, 36 no password, 37 the wrong one.
    Refused(u8),
}

/// The accounts of the host on which the masters ran.
fn known(account: &Account) -> bool {
    match account {
        Account::User(name) => ["root", "nobody"].contains(&name.as_str()),
        Account::Uid(uid) => *uid == 0,
        Account::Group(name) => name == "nogroup",
    }
}

fn numbers(ids: &Ids) -> [u32; 2] {
    let number = |word: &str| match word {
        "root" => 0,
        "nobody" | "nogroup" => 65534,
        word => word.parse().unwrap(),
    };
    [number(&ids.user), number(ids.group.as_ref().unwrap_or(&ids.user))]
}

fn flags(rule: &Rule) -> u8 {
    let bits = [rule.read_only, rule.dynamic_ip, rule.ignore_gid, rule.change_quota, rule.all.is_some()];
    bits.iter().enumerate().map(|(bit, set)| u8::from(*set) << bit).sum()
}

/// Every file with every release that it was given to.
fn each(mut hold: impl FnMut(&File, &Seen, &Version, &Exports)) {
    let files: Vec<File> = serde_json::from_str(SEEN).unwrap();
    for file in &files {
        for seen in &file.seen {
            for release in &seen.r#in {
                hold(file, seen, release, &Exports::parse_knowing(&file.text, release, &known).0);
            }
        }
    }
}

#[test]
fn rules_are_those_that_real_masters_told() {
    let mut held = 0;
    each(|File { name, .. }, seen, release, exports| {
        assert_eq!(exports.rules.len(), seen.rules.len(), "{name} @ {release}");
        for (rule, seen) in exports.rules.iter().zip(&seen.rules) {
            let path = rule.path.as_ref().map_or(".".to_owned(), |path| format!("/{path}"));
            let extra = u8::from(rule.all_dirs) + 2 * u8::from(rule.password);
            let ours = (rule.from, rule.to, path.as_str(), &rule.min_version, extra, flags(rule), numbers(&rule.root));
            let real = (seen.from, seen.to, seen.path.as_str(), &seen.minversion, seen.extra, seen.flags, seen.root);
            assert_eq!(ours, real, "{name} @ {release}");
            assert_eq!(rule.all.as_ref().map(numbers), seen.all, "{name} @ {release}");
            held += 1;
        }
    });
    assert!(held > 500, "{held}");
}

#[test]
fn mounts_are_admitted_as_by_real_masters() {
    let mut held = [0, 0];
    each(|File { name, mounts, .. }, seen, release, exports| {
        for (asked, outcome) in mounts.iter().zip(&seen.mounts) {
            let SeenMount { address, path, meta, version, password } = asked;
            let right = password.as_ref().is_some_and(|word| !["wrong", "a,b"].contains(&word.as_str()));
            let mount = Mount { address: *address, path, meta: *meta, password: right, version };
            let told = exports.admits(&mount);
            let rule = |line| exports.rules.iter().find(|rule| rule.line == line).unwrap();
            match (outcome, &told) {
                (Outcome::Refused(status), Err(refused)) => {
                    assert!(*status == 4 || refused.reason.contains("it wants a password"), "{name} @ {release}");
                    held[0] += 1;
                }
                (Outcome::Mounted(seen, root), Ok(admitted)) => {
                    let rule = rule(admitted.line);
                    assert_eq!((flags(rule), numbers(&rule.root)), (*seen, *root), "{name} @ {release}");
                    assert_eq!(admitted.root_mapped.is_none(), root[0] == 0, "{name} @ {release}");
                    held[1] += 1;
                }
                (Outcome::Meta([seen]), Ok(admitted)) => {
                    assert_eq!(flags(rule(admitted.line)), *seen, "{name} @ {release}");
                    held[1] += 1;
                }
                _ => panic!("{name} @ {release}: {path:?} from {address}: {told:?}"),
            }
        }
    });
    assert!(held[0] > 300 && held[1] > 500, "{held:?}");
}

#[test]
fn what_1_5_allowed_is_allowed() {
    for patch in 0..28 {
        let to = Version::new(1, 6, patch);
        let (exports, bad) = Exports::parse(ALLOWS_ALL, &to);
        assert_eq!((bad.len(), exports.rules.len(), exports.accounts.len()), (0, 2, 1));
        assert!(!exports.keeps_master_from_starting());
        let address = Ipv4Addr::new(10, 0, 0, 7);
        for (path, meta) in [("/", false), ("/a/b", false), ("", true)] {
            let mount = Mount { address, path, meta, password: false, version: &to };
            let admitted = exports.admits(&mount).unwrap();
            assert_eq!((admitted.read_only, admitted.root_mapped, admitted.all_mapped), (false, None, None));
        }
    }
}

#[test]
fn a_file_without_a_rule_keeps_1_6_14_and_later_from_starting() {
    for (text, patch, keeps) in
        [("", 13, false), ("", 14, true), ("# x\n\n", 27, true), ("client / rw\n", 27, true), ("* . rw", 27, false)]
    {
        let (exports, _) = Exports::parse(text, &Version::new(1, 6, patch));
        assert_eq!(exports.keeps_master_from_starting(), keeps, "{text:?}");
    }
}

#[test]
fn refusals_name_the_nearest_rule_and_why_it_does_not_fit() {
    let text = "# all\n10.1.0.0/16 / rw,minversion=1.7\n10.2.0.9 /a rw,password=x\n";
    let (exports, _) = Exports::parse(text, &NEW);
    let asks = |address: [u8; 4], path: &str, meta| {
        let mount = Mount { address: address.into(), path, meta, password: false, version: &NEW };
        exports.admits(&mount).unwrap_err().to_string()
    };
    assert_eq!(
        asks([10, 1, 2, 3], "/a", false),
        "no rule admits a mount of /a from 10.1.2.3; the nearest is line 2, `10.1.0.0/16 / rw,minversion=1.7`, and it \
         has no `alldirs`, so that no folder below its path may be mounted, and it wants mfsmount 1.7.0 or later, not \
         1.6.27"
    );
    assert_eq!(
        asks([10, 2, 0, 9], "/a", false),
        "no rule admits a mount of /a from 10.2.0.9; the nearest is line 3, `10.2.0.9 /a rw,password=…`, and it wants \
         a password"
    );
    assert!(asks([10, 2, 0, 8], "/a", false).ends_with("it is for 10.2.0.9 alone, and it wants a password"));
    assert!(asks([10, 1, 0, 8], "", true).starts_with("no rule admits a meta mount from 10.1.0.8; "));
    assert!(asks([10, 1, 0, 8], "", true).contains("it has not the path `.`, which meta mounts need"));
    let (nothing, _) = Exports::parse("", &NEW);
    let mount = Mount { address: Ipv4Addr::LOCALHOST, path: "/", meta: false, password: false, version: &NEW };
    assert_eq!(nothing.admits(&mount).unwrap_err().reason, "mfsexports.cfg has no rule");
}

#[test]
fn bad_lines_are_told_with_the_word() {
    let text = "* / rw, alldirs\n* / rw # all\nclient / rw\n10.0.0.1\n #x y\n* / rw,maproot=0 # x\n\
                * / rw,minversion=x\n0.0.0.0/0 / rw\n* . rw,alldirs\n* / rw,maproot=admin\n";
    let (exports, bad) = Exports::parse(text, &NEW);
    let told: Vec<_> = bad.iter().map(|bad| (bad.line, bad.word.as_str(), bad.dropped)).collect();
    assert_eq!(
        told,
        [
            (1, " alldirs", false),
            (2, "rw # all", false),
            (3, "client", true),
            (4, "10.0.0.1", true),
            (5, "#x", true),
            (6, "maproot=0 # x", true),
            (7, "minversion=x", true),
            (8, "0.0.0.0/0", false),
            (9, "alldirs", false),
        ]
    );
    let reason = "options have commas between them, no blanks, and no comment behind them";
    let said = format!("line 2 has a word that does not do what it seems to: \"rw # all\": {reason}");
    assert_eq!(bad[1].to_string(), said);
    assert_eq!(exports.accounts, [(10, Account::User("admin".to_owned()))]);
}

proptest! {
    #[test]
    fn no_text_is_too_odd(
        text in "([*0-9./\\-]{0,12}[ \t]{0,2}[/.a]{0,3}[ \t]{0,2}[a-z0-9=,: #ä\0\r]{0,30}\n?){0,12}",
        patch in 0u64..28,
        meta: bool,
    ) {
        let (exports, bad) = Exports::parse(&text, &Version::new(1, 6, patch));
        let dropped = bad.iter().filter(|bad| bad.dropped).count();
        prop_assert!(exports.rules.len() + dropped <= text.split('\n').count());
        let mount = Mount { address: Ipv4Addr::LOCALHOST, path: "/a", meta, password: true, version: &NEW };
        match exports.admits(&mount) {
            Ok(admitted) => prop_assert!(exports.rules.iter().any(|rule| rule.line == admitted.line)),
            Err(refused) => prop_assert!(!refused.reason.is_empty()),
        }
    }
}
