//! Plans that must be refused: each with its code, its place and a hint, and with nothing else.

use std::path::Path;

use super::{parse, small, with_upgrade};
use crate::plan::{Code, Plan, PlanError};

/// `source` is refused for one reason alone.
#[track_caller]
fn refused(source: &str, code: &str, place: (usize, usize), help: &str) {
    refused_in(Path::new("/plans"), source, code, place, help);
}

/// `source` in the folder `base` is refused for one reason alone.
#[track_caller]
pub(super) fn refused_in(base: &Path, source: &str, code: &str, (line, column): (usize, usize), help: &str) {
    let error = Plan::parse(source, Path::new("p.toml"), base).expect_err(source);
    let [finding] = error.findings() else { panic!("not one finding:\n{error}") };
    let place = finding.position(source);
    assert_eq!((finding.code.as_str(), place.line, place.column), (code, line, column), "\n{error}");
    assert!(finding.help.as_deref().unwrap_or(&finding.label).contains(help), "no {help:?} in\n{error}");
    assert!(error.to_string().contains(&format!("p.toml:{line}:{column}\n")), "\n{error}");
}

/// `[upgrade]` with `key` in its fourth line.
fn upgrade(key: &str) -> String {
    small("").replacen("to = \"1.6.27\"\n", &format!("to = \"1.6.27\"\n{key}\n"), 1)
}

/// A plan with this in place of `[install]`, which begins in line 4.
pub(super) fn install(section: &str) -> String {
    small("").replacen("[install]\nsource_dir = \"/s\"\n", section, 1)
}

/// A plan with this in place of `[master]`, which begins in line 6.
fn master(section: &str) -> String {
    small("").replacen("[master]\nhost = \"m\"\n", section, 1)
}

/// A plan with this in place of `[[chunkservers]]`, which begin in line 8.
fn chunkservers(section: &str) -> String {
    small("").replacen("[[chunkservers]]\nhosts = [\"cs[1-3]\"]\n", section, 1)
}

/// A plan with `keys` for chunkservers; the first line of them is line 9.
fn chunkserver(keys: &str) -> String {
    chunkservers(&format!("[[chunkservers]]\n{keys}\n"))
}

/// A plan with this behind it, which begins in line 10.
fn client(keys: &str) -> String {
    small(&format!("[[clients]]\nhosts = [\"cl1\"]\n{keys}\n"))
}

/// A plan with a `[window]` behind it that has these lines; the first of them is line 11.
fn window(keys: &str) -> String {
    small(&format!("[window]\n{keys}\n"))
}

#[test]
fn a_time_of_day_that_is_none() {
    for time in ["22", "9:00", "24:00", "22:60", "22:00:00", "10pm", "", "noon"] {
        let plan = window(&format!("from = \"{time}\"\nto = \"06:00\"\ntime_zone = \"UTC\""));
        refused(&plan, "invalid-time", (11, 8), "two digits each");
    }
    let plan = window("from = \"22:00\"\nto = \"6:00\"\ntime_zone = \"UTC\"");
    refused(&plan, "invalid-time", (12, 6), "00:00");
    refused(&window("from = 22\nto = \"06:00\"\ntime_zone = \"UTC\""), "wrong-type", (11, 8), "a string");
}

#[test]
fn a_time_zone_that_is_not_known() {
    for zone in ["Europe/Atlantis", "CEST+2", "", "../../../etc/passwd", "+01:00"] {
        let plan = window(&format!("from = \"22:00\"\nto = \"06:00\"\ntime_zone = \"{zone}\""));
        refused(&plan, "unknown-time-zone", (13, 13), "Europe/Berlin");
    }
    refused(&window("from = \"22:00\"\nto = \"06:00\""), "missing-key", (10, 1), "time_zone");
}

#[test]
fn a_window_that_is_empty() {
    let plan = window("from = \"22:00\"\nto = \"22:00\"\ntime_zone = \"UTC\"");
    refused(&plan, "empty-window", (12, 6), "leave `[window]` out");
    let times = "from = \"22:00\"\nto = \"06:00\"\ntime_zone = \"UTC\"";
    refused(&window(&format!("{times}\ndays = []")), "empty-list", (14, 8), "every day");
    refused(&window(&format!("{times}\ndays = [\"mon\", \"thur\"]")), "unknown-value", (14, 16), "thu");
    refused(&window(&format!("{times}\nday = \"mon\"")), "unknown-key", (14, 1), "`days`");
}

#[test]
fn a_word_for_busy_mounts_that_is_none() {
    for word in ["ignore", "wait", "wait10m", "Skip", ""] {
        refused(&client(&format!("busy = \"{word}\"")), "unknown-value", (12, 8), "\"wait 10m\"");
    }
    for time in ["10", "0s", "25h", "soon"] {
        refused(&client(&format!("busy = \"wait {time}\"")), "invalid-duration", (12, 8), "wait 10m");
    }
    refused(&client("busy = 10"), "wrong-type", (12, 8), "a string");
    let both = client("busy = \"skip\"\nlazy_unmount = true");
    refused(&both, "lazy-or-skipped", (13, 16), "keep one of the two");
}

#[test]
fn a_stagger_outside_5_to_10_minutes() {
    for stagger in ["4m..10m", "5m..11m", "299s..5m", "1m", "11m", "10m..10m 1ms"] {
        refused(&upgrade(&format!("stagger = \"{stagger}\"")), "stagger-out-of-range", (4, 11), "5 to 10 minutes");
    }
}

#[test]
fn a_stagger_that_is_turned_round() {
    refused(&upgrade("stagger = \"10m..5m\""), "stagger-turned-round", (4, 11), "write \"5m..10m\"");
}

#[test]
fn a_time_that_is_none() {
    refused(&upgrade("stagger = \"5..10\""), "invalid-duration", (4, 11), "\"5m..10m\"");
    refused(&upgrade("stagger = \"-5m\""), "invalid-duration", (4, 11), "\"5m..10m\"");
    refused(&upgrade("master_wait = \"1mo\""), "invalid-duration", (4, 15), "3m");
    refused(&upgrade("stagger = 300"), "wrong-type", (4, 11), "with its unit, in quotes");
}

#[test]
fn a_master_wait_under_3_minutes() {
    refused(&upgrade("master_wait = \"179s\""), "master-wait-too-short", (4, 15), "about 3 minutes");
}

#[test]
fn releases_outside_the_line() {
    let plan = |from: &str, to: &str| small("").replace("1.5.12", from).replace("1.6.27", to);
    refused(&plan("1.6.5", "1.6.27"), "from-outside-line", (2, 8), "other rules");
    refused(&plan("1.5.12", "1.7.0"), "to-outside-line", (3, 6), "other rules");
    refused(&plan("1.5.12", "1.6.27-1"), "to-outside-line", (3, 6), "other rules");
    refused(&plan("1.5", "1.6.27"), "invalid-version", (2, 8), "three numbers");
}

#[test]
fn a_target_that_deletes_unknown_chunks_unless_it_is_acknowledged() {
    let plan = small("").replace("1.6.27", "1.6.18");
    let accepted = "acknowledge = [\"target-deletes-unknown-chunks\"]";
    refused(&plan, "target-deletes-unknown-chunks", (3, 6), accepted);
    let plan = parse(&plan.replace("[install]", &format!("{accepted}\n[install]"))).unwrap();
    assert_eq!(plan.upgrade.to.patch, 18);
}

#[test]
fn an_acknowledgement_of_nothing() {
    let source = upgrade("acknowledge = [\n  \"chunks-missing\",\n  \"chunk-under-goal\",\n]");
    refused(&source, "unknown-acknowledgement", (6, 3), "did you mean `chunks-under-goal`?");
}

#[test]
fn no_upgrade_section() {
    let source = "[install]\nsource_dir = \"/s\"\n[master]\nhost = \"m\"\n[[chunkservers]]\nhosts = [\"cs1\"]\n";
    refused(source, "missing-section", (1, 1), "`from` and `to`");
}

#[test]
fn no_master() {
    refused(&master(""), "no-master", (1, 1), "write `[master]`");
    refused(&master("[master]\n"), "missing-key", (6, 1), "`host` must be given here");
}

#[test]
fn two_masters() {
    let why = "exactly one master";
    refused(&master("[[master]]\nhost = \"a\"\n[[master]]\nhost = \"b\"\n"), "two-masters", (8, 1), why);
    refused(&master("[[master]]\nhost = \"a\"\n"), "two-masters", (6, 1), why);
    refused(&master("[master]\nhost = \"a\"\n[master]\nhost = \"b\"\n"), "two-masters", (8, 2), why);
    refused(&master("[master]\nhosts = [\"a\", \"b\"]\n"), "two-masters", (7, 9), why);
    refused(&master("[master]\nhost = [\"a\", \"b\"]\n"), "two-masters", (7, 8), why);
    refused(&master("[master]\nhost = \"m[1-2]\"\n"), "two-masters", (7, 8), why);
}

#[test]
fn no_chunkserver() {
    refused(&chunkservers(""), "no-chunkserver", (1, 1), "write `[[chunkservers]]`");
    refused(&chunkserver("hosts = []"), "empty-list", (9, 9), "at least one chunkserver");
    refused(&chunkservers("[chunkservers]\nhosts = [\"a\"]\n"), "wrong-type", (8, 1), "write `[[chunkservers]]`");
}

#[test]
fn the_same_host_twice_in_a_role() {
    refused(&chunkserver("hosts = [\"cs1\",\n\"cs1\"]"), "duplicate-host", (10, 1), "once in a role");
    refused(&chunkserver("hosts = [\"cs[1-9]\", \"cs[5-20]\"]"), "duplicate-host", (9, 21), "once in a role");
    refused(&chunkserver("hosts = [\"a[1-11][1-11]\"]"), "duplicate-host", (9, 10), "once in a role");
    refused(&client("[[clients]]\nhosts = [\"cl[1-2]\"]"), "duplicate-host", (13, 10), "once in a role");
    let error = parse(&chunkserver("hosts = [\"cs1\",\n\"cs1\"]")).unwrap_err();
    assert_eq!(error.findings()[0].related.as_ref().unwrap().1, "first here");
}

#[test]
fn host_names_that_a_shell_or_ssh_would_read_otherwise() {
    for host in ["-oProxyCommand=x", "a b", "a;b", "$(a)", "`a`", "a|b", "a&b", "a*", "a'b", "ä", "", "a:22"] {
        let is =
            |code, place, plan: String| refused(&plan, code, place, if host == "a:22" { "port" } else { "letters" });
        is("invalid-host", (7, 8), master(&format!("[master]\nhost = \"{host}\"\n")));
        is("invalid-host", (9, 10), chunkserver(&format!("hosts = [\"{host}\"]")));
        is("invalid-host", (11, 10), client("").replace("cl1", host));
    }
    for host in ["a\\nb", "a\\u0000", "a\\\"b"] {
        refused(&chunkserver(&format!("hosts = [\"{host}\"]")), "invalid-host", (9, 10), "letters");
    }
}

#[test]
fn paths_that_a_shell_would_read_otherwise() {
    for path in ["-rf", "/a b", "/a;b", "/$(a)", "/`a`", "/a|b", "/a&b", "/a*", "/a'b", "/ä", "", "/a/../b"] {
        let help = "accepted are letters";
        refused(&install(&format!("[install]\nsource_dir = \"{path}\"\n")), "invalid-path", (5, 14), help);
        let prefix = format!("[install]\nsource_dir = \"/s\"\nprefix = \"{path}\"\n");
        refused(&install(&prefix), "invalid-path", (6, 10), help);
        refused(&client(&format!("mounts = [\"{path}\"]")), "invalid-path", (12, 11), help);
    }
}

#[test]
fn a_relative_prefix() {
    let source = install("[install]\nsource_dir = \"/s\"\nprefix = \"usr/local\"\n");
    refused(&source, "invalid-path", (6, 10), "the whole path from `/`");
    refused(&client("mounts = [\"mnt\"]"), "invalid-path", (12, 11), "the whole path from `/`");
}

#[test]
fn both_kinds_of_install_or_none() {
    let both = "[install]\nsource_dir = \"/s\"\ncommands = { master = \"a\", chunkserver = \"b\" }\n";
    refused(&install(both), "two-kinds-of-install", (6, 12), "keep `source_dir`");
    refused(
        &install("[install]\nprefix = \"/p\"\n"),
        "no-install",
        (4, 1),
        "give `source_dir`, `archive` or `commands`",
    );
    refused(
        &client("install = { source_dir = \"/s\", commands.client = \"x\" }"),
        "two-kinds-of-install",
        (12, 32),
        "keep",
    );

    // one for all roles: one line mends them
    refused(&install(""), "no-install", (4, 1), "under [install]");
}

#[test]
fn commands_that_lack_a_role_of_the_plan() {
    let commands = install("[install]\ncommands = { master = \"a\" }\n");
    refused(&commands, "missing-install-command", (5, 12), "add `chunkserver = \"…\"`");
    let commands = commands.replace("[[chunkservers]]\n", "[[chunkservers]]\ninstall.source_dir = \"/s\"\n");
    assert!(parse(&commands).is_ok(), "a role without hosts needs no command");
}

#[test]
fn a_work_dir_that_is_nobodys_own() {
    for dir in ["/", "//", "/.", "/./."] {
        let source = install(&format!("[install]\nsource_dir = \"/s\"\nwork_dir = \"{dir}\"\n"));
        refused(&source, "invalid-work-dir", (6, 12), "/var/lib/mfsupgrade");
    }
    let source = install("[install]\nsource_dir = \"/s\"\nwork_dir = \"var\"\n");
    refused(&source, "invalid-path", (6, 12), "the whole path from `/`");
    refused(&client("install.work_dir = \"/\""), "invalid-work-dir", (12, 20), "leave it out");
    assert!(parse(&source.replace("var", "/tmp")).is_ok());
}

#[test]
fn metaloggers_that_cannot_be() {
    let metaloggers = |keys: &str| small(&format!("[[metaloggers]]\n{keys}\n"));
    refused(&metaloggers(""), "missing-key", (10, 1), "`hosts` must be given");
    refused(&metaloggers("hosts = []"), "empty-list", (11, 9), "at least one metalogger");
    refused(&metaloggers("hosts = [\"l\", \"l\"]"), "duplicate-host", (11, 15), "once in a role");
    refused(&metaloggers("hosts = [\"l\"]\n[[metaloggers]]\nhosts = [\"l\"]"), "duplicate-host", (13, 10), "once");
    refused(&metaloggers("hosts = [\"-l\"]"), "invalid-host", (11, 10), "letters");
    refused(&metaloggers("hosts = [\"l\"]\naddress = \"10.0.0.1\""), "unknown-key", (12, 1), "[[chunkservers]]");
    refused(&metaloggers("hosts = [\"l\"]\ninstall.work_dir = \"/\""), "invalid-work-dir", (12, 20), "leave it out");
    refused(&metaloggers("hosts = [\"cs1\"]\nssh = { port = 2222 }"), "conflicting-ssh", (9, 10), "the same `ssh`");
    refused(&small("[metaloggers]\nhosts = [\"l\"]\n"), "wrong-type", (10, 1), "write `[[metaloggers]]`");
    let commands = install("[install]\ncommands = { master = \"a\", chunkserver = \"b\" }\n");
    let source = format!("{commands}[[metaloggers]]\nhosts = [\"l\"]\n");
    refused(&source, "missing-install-command", (5, 12), "add `metalogger = \"…\"`");
}

#[test]
fn metaloggers_of_a_release_that_has_none() {
    let plan = |to: &str| {
        let accepted = format!("to = \"{to}\"\nacknowledge = [\"target-deletes-unknown-chunks\"]");
        let two = "[[metaloggers]]\nhosts = [\"l1\"]\n[[metaloggers]]\nhosts = [\"l2\"]\n";
        small(two).replace("to = \"1.6.27\"", &accepted)
    };
    refused(&plan("1.6.4"), "release-without-metaloggers", (11, 1), "choose 1.6.5 or later");
    assert!(parse(&plan("1.6.5")).is_ok());
    // told together with what else is wrong with the release
    let error = parse(&plan("1.6.4").replace("target-deletes-unknown-chunks", "chunks-missing")).unwrap_err();
    let codes: Vec<_> = error.findings().iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes, ["target-deletes-unknown-chunks", "release-without-metaloggers"], "\n{error}");
}

#[test]
fn configuration_that_cannot_be() {
    let config = |keys: &str| small(&format!("[config]\n{keys}\n"));
    for host in ["", "-m", "a b", "$(a)", "m[1-2]", "m:9420", "fe80::1"] {
        refused(&config(&format!("master_host = \"{host}\"")), "invalid-host", (11, 15), "name or IPv4 address");
    }
    refused(&config("exports_like_1_5 = \"yes\""), "wrong-type", (11, 20), "expected true or false");
    refused(&config("exports = [\"a\"]"), "wrong-type", (11, 11), "write `exports = \"a\"`");
    refused(&config("export = \"a\""), "unknown-key", (11, 1), "did you mean `exports`?");
    refused(&small("[[config]]\n"), "wrong-type", (10, 1), "expected a table");
    refused(&client("exports_like_1_5 = true"), "unknown-key", (12, 1), "a key of [config]");
}

#[test]
fn commands_that_a_preview_could_not_show() {
    for command in ["", "  ", "a\\nb", "a\\u001b[2J"] {
        let source = install(&format!("[install]\ncommands.master = \"{command}\"\ncommands.chunkserver = \"b\"\n"));
        refused(&source, "invalid-command", (5, 19), "one line of shell");
    }
    let source = client("install.commands.master = \"a\"\ninstall.commands.client = \"b\"");
    refused(&source, "unknown-key", (12, 18), "a key of [install.commands]");
}

#[test]
fn empty_host_ranges() {
    refused(&chunkserver("hosts = [\"cs[]\"]"), "empty-host-range", (9, 10), "first and last");
    refused(&chunkserver("hosts = [\"cs[3-1]\"]"), "empty-host-range", (9, 10), "the lower number first");
    refused(&chunkserver("hosts = [\"cs[1,3]\"]"), "invalid-host-range", (9, 10), "two numbers");
    refused(&chunkserver("hosts = [\"cs[1-03]\"]"), "invalid-host-range", (9, 10), "as many digits");
    refused(&chunkserver("hosts = [\"cs[1-3\"]"), "invalid-host-range", (9, 10), "two numbers");
}

#[test]
fn more_than_10_000_hosts() {
    refused(&chunkserver("hosts = [\"cs[1-10001]\"]"), "too-many-hosts", (9, 10), "check the numbers");
    refused(&chunkserver("hosts = [\"a[1-101]b[1-100]\"]"), "too-many-hosts", (9, 10), "check the numbers");
    refused(&chunkserver("hosts = [\"a[0-999999999999999999]\"]"), "too-many-hosts", (9, 10), "check the numbers");
    refused(&chunkserver("hosts = [\"a[1-9000]\", \"b[1-1001]\"]"), "too-many-hosts", (9, 23), "check the numbers");
}

#[test]
fn keys_that_a_plan_does_not_have() {
    refused(&upgrade("stager = \"5m\""), "unknown-key", (4, 1), "did you mean `stagger`?");
    refused(&small("[upgrades]\n"), "unknown-key", (10, 2), "did you mean `upgrade`?");
    refused(&small("[ssh]\nbecame = \"sudo\"\n"), "unknown-key", (11, 1), "did you mean `become`?");
    refused(&chunkserver("hosts = [\"a\"]\nhost = \"b\""), "unknown-key", (10, 1), "did you mean `hosts`?");
    refused(&master("[master]\nhost = \"m\"\nprefix = \"/p\"\n"), "unknown-key", (8, 1), "a key of [install]");
    refused(&client("ssh = { prot = 22 }"), "unknown-key", (12, 9), "did you mean `port`?");
}

#[test]
fn several_slips_are_all_told_in_the_order_of_the_file() {
    let error = parse(&upgrade("stager = 1\nmode = \"roling\"\nstagger = \"1m\"\nfoo = 2").replace("cs[1-3]", "-cs"))
        .unwrap_err();
    let codes: Vec<_> = error.findings().iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(
        codes,
        ["unknown-key", "unknown-value", "stagger-out-of-range", "unknown-key", "invalid-host"],
        "\n{error}"
    );
}

#[test]
fn words_that_are_not_known() {
    refused(&upgrade("mode = \"fullstop\""), "unknown-value", (4, 8), "did you mean `full-stop`?");
    refused(&small("[ssh]\nbecome = \"su\"\n"), "unknown-value", (11, 10), "did you mean `sudo`?");
}

#[test]
fn numbers_out_of_range() {
    for port in ["0", "65536", "-1", "99999999999999999999"] {
        refused(&small(&format!("[ssh]\nport = {port}\n")), "out-of-range", (11, 8), "1 to 65535");
        let source = master(&format!("[master]\nhost = \"m\"\nadmin_port = {port}\n"));
        refused(&source, "out-of-range", (8, 14), "1 to 65535");
    }
    refused(&client("parallel = 0"), "out-of-range", (12, 12), "1 to 1000");
    refused(&client("parallel = 1_001"), "out-of-range", (12, 12), "1 to 1000");
    refused(&client("parallel = \"4\""), "wrong-type", (12, 12), "a whole number");
}

#[test]
fn ssh_settings_that_ssh_would_read_otherwise() {
    refused(&small("[ssh]\nuser = \"-root\"\n"), "invalid-user", (11, 8), "letters");
    refused(&small("[ssh]\nuser = \"a b\"\n"), "invalid-user", (11, 8), "letters");
    refused(&small("[ssh]\njump = [\"gate\", \"a,b\"]\n"), "invalid-jump", (11, 17), "user@host:port");
    for key in ["config", "identity"] {
        for path in ["", "-F", "a b", "a;b", "$(a)", "a\\nb"] {
            let source = small(&format!("[ssh]\n{key} = \"{path}\"\n"));
            refused(&source, "invalid-local-path", (11, key.len() + 4), "from the plan's folder");
        }
    }
    refused(&small("[ssh]\nconfig = \"~/x\"\n"), "invalid-local-path", (11, 10), "from the plan's folder");
}

#[test]
fn a_host_of_two_roles_that_is_reached_in_two_ways() {
    let source = small("[[clients]]\nhosts = [\"x\", \"cs2\"]\nssh = { port = 2222 }\n");
    refused(&source, "conflicting-ssh", (11, 15), "the same `ssh`");
    assert!(parse(&source.replace("2222 }", "22 }").replace("[master]", "[ssh]\nport = 22\n[master]")).is_ok());
}

#[test]
fn addresses_that_no_chunkserver_has() {
    let address = |address: &str| chunkserver(&format!("hosts = [\"a\"]\naddress = \"{address}\""));
    for bad in ["10.0.0", "::1", "a", "010.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "127.0.0.1", "127.9.9.9"]
    {
        refused(&address(bad), "invalid-address", (10, 11), "the master lists");
    }
    let several = chunkserver("hosts = [\"a[1-2]\"]\naddress = \"10.0.0.1\"");
    refused(&several, "address-of-several-hosts", (10, 11), "a section of its own");
    let twice = format!("{}[[chunkservers]]\nhosts = [\"b\"]\naddress = \"10.0.0.1\"\n", address("10.0.0.1"));
    refused(&twice, "duplicate-address", (13, 11), "by their addresses");
}

#[test]
fn mounts_that_are_none() {
    refused(&client("mounts = []"), "empty-list", (12, 10), "leave `mounts` out");
    refused(&client("mounts = [\"/\"]"), "invalid-mount", (12, 11), "the folder");
    refused(&client("mounts = [\"/m\", \"/m/\"]"), "duplicate-mount", (12, 17), "once");
    for option in ["", "-o", "a,b", "a b", "a;b", "$(a)", "a'b"] {
        let source = client(&format!("mount_options = [\"rw\", \"{option}\"]"));
        refused(&source, "invalid-mount-option", (12, 24), "between the commas");
    }
}

#[test]
fn a_table_or_a_key_twice() {
    refused(&upgrade("mode = \"rolling\"\nmode = \"rolling\""), "duplicate-key", (5, 1), "one of the two");
    refused(&small("[install]\nsource_dir = \"/t\"\n"), "duplicate-key", (10, 2), "into one table");
}

#[test]
fn what_is_not_toml() {
    refused(&small("[ssh\n"), "toml-syntax", (10, 5), "TOML");
    refused(&with_upgrade("mode = rolling\n"), "toml-syntax", (4, 8), "write `mode = \"rolling\"`");
}

#[test]
fn a_plan_for_a_folder_that_a_shell_would_read_otherwise() {
    let source = small("[ssh]\nconfig = \"ssh_config\"\n");
    let error = Plan::parse(&source, "p.toml".as_ref(), "/my plans".as_ref()).unwrap_err();
    assert_eq!(error.findings()[0].code, Code::InvalidLocalPath);
    assert!(error.findings()[0].message.contains("the plan's folder contains ' '"));
    assert!(parse(&source).is_ok());
}

#[test]
fn a_byte_order_mark_moves_no_column() {
    let error = parse(&format!("\u{feff}{}", "foo = 1\n")).unwrap_err();
    assert!(error.to_string().contains("p.toml:1:1\n"));
    assert!(parse(&format!("\u{feff}{}", small(""))).is_ok());
}

#[test]
fn windows_line_ends_move_no_line() {
    refused(&upgrade("stagger = \"1m\"").replace('\n', "\r\n"), "stagger-out-of-range", (4, 11), "5 to 10");
}

#[test]
fn files_that_are_no_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.toml");
    let load = || Plan::load(&path).unwrap_err();

    let error = load();
    assert!(matches!(&error, PlanError::Io { .. }) && error.to_string().starts_with("cannot read the plan /"));
    assert!(std::error::Error::source(&error).is_some());

    std::fs::write(&path, b"[upgrade]\nfrom = \"\xff\"\n").unwrap();
    let error = load();
    assert!(matches!(&error, PlanError::NotUtf8 { .. }), "{error}");
    assert!(error.to_string().ends_with("p.toml is not UTF-8 text from line 2, column 9 on"), "{error}");

    std::fs::File::create(&path).unwrap().set_len(crate::plan::GREATEST_SIZE + 1).unwrap();
    let error = load();
    assert!(matches!(&error, PlanError::TooLarge { .. }), "{error}");
    assert!(error.to_string().ends_with("p.toml is larger than 16 MiB"), "{error}");
}

#[test]
fn a_finding_as_an_operator_sees_it() {
    let error = parse(&client("parallel = 0\n[[clients]]\nhosts = [\"gw\", \"cl[1-2]\"]")).unwrap_err();
    assert_eq!(error.to_string(), GOLDEN.trim());
    assert_eq!(error.to_string(), error.render(false));
    let styled = error.render(true);
    assert!(styled.contains("\u{1b}["), "colour where it is asked for");
    assert_eq!(console::strip_ansi_codes(&styled), GOLDEN.trim(), "and the same words");
}

const GOLDEN: &str = r#"
error[out-of-range]: `parallel` is out of range
  --> p.toml:12:12
   |
12 | parallel = 0
   |            ^ must be 1 to 1000

error[duplicate-host]: cl1 is named twice as a client
  --> p.toml:14:16
   |
11 | hosts = ["cl1"]
   |          ----- first here
...
14 | hosts = ["gw", "cl[1-2]"]
   |                ^^^^^^^^^ here again
   |
   = help: name each host once in a role; it may have several roles
"#;

/// Slips that a first plan has: each is one finding, with the line to write.
#[test]
fn first_slips_are_answered_with_the_line_to_write() {
    let only = |source: &str, code: &str, help: &str| {
        let error = parse(source).expect_err(source);
        let [finding] = error.findings() else { panic!("not one finding:\n{error}") };
        assert_eq!(finding.code.as_str(), code, "\n{error}");
        assert!(finding.help.as_deref().unwrap_or_default().contains(help), "no {help:?} in\n{error}");
    };
    let plan = small("");
    let with = |from: &str, to: &str| {
        assert!(plan.contains(from));
        plan.replacen(from, to, 1)
    };
    only(&with("\"1.5.12\"", "1.5.12"), "toml-syntax", "write `from = \"1.5.12\"`");
    only(&with("\"1.6.27\"", "1.6.27 # new"), "toml-syntax", "write `to = \"1.6.27\"`");
    only(&with("\"1.5.12\"", "1.5"), "wrong-type", "write `from = \"1.5\"`");
    only(&with("from = \"1.5.12\"", "from: \"1.5.12\""), "toml-syntax", "write `from = \"1.5.12\"`");
    only(&with("\"1.5.12\"", "\u{201c}1.5.12\u{201d}"), "toml-syntax", "straight quotes");
    only(&with("[\"cs[1-3]\"]", "\"cs[1-3]\""), "wrong-type", "write `hosts = [\"cs[1-3]\"]`");
    only(&with("hosts = [\"cs[1-3]\"]", "host = \"cs1\""), "unknown-key", "write `hosts = [");
    only(&with("\"m\"", "\"root@m\""), "invalid-host", "write \"m\" here, and `user = \"root\"` under [ssh]");
    only(&with("\"m\"", "\"m:2222\""), "invalid-host", "write \"m\" here, and `port = 2222` under [ssh]");
    let both = "write \"cs[1-3]\" here, and `user = \"ops\"` and `port = 22` under [ssh]";
    only(&with("cs[1-3]", "ops@cs[1-3]:22"), "invalid-host", both);
    let turned = with("1.5.12", "x").replacen("1.6.27", "1.5.12", 1).replacen('x', "1.6.27", 1);
    only(&turned, "from-outside-line", "write `from = \"1.5.12\"` and `to = \"1.6.27\"`");
    // what is no such slip has the hint that it had
    for host in ["a@b@c", "@m", "m:x", "m:0", "a b@m"] {
        let error = parse(&with("\"m\"", &format!("\"{host}\""))).expect_err(host);
        assert!(!error.to_string().contains("under [ssh]"), "{error}");
    }
}

/// One mend mends all that follows from it.
#[test]
fn what_follows_from_a_slip_is_not_told_beside_it() {
    let plan = small("[[metaloggers]]\nhosts = [\"log1\"]\n\n[[clients]]\nhosts = [\"cl1\"]\n");
    let slips = [
        ("[master]", "[Master]", "unknown-key", (6, 2), "`master`"),
        ("[[chunkservers]]", "[[chunkserver]]", "unknown-key", (8, 3), "`chunkservers`"),
        ("[install]", "[instal]", "unknown-key", (4, 2), "`install`"),
        ("[install]\nsource_dir = \"/s\"\n", "", "no-install", (4, 1), "under [install]"),
        ("source_dir", "sourcedir", "unknown-key", (5, 1), "`source_dir`"),
        ("from =", "From =", "unknown-key", (2, 1), "`from`"),
        ("[upgrade]", "[upgrades]", "unknown-key", (1, 2), "`upgrade`"),
        ("[upgrade]\n", "", "missing-section", (1, 1), "`[upgrade]`"),
        ("[master]\nhost", "master", "unknown-key", (6, 1), "`[master]`"),
    ];
    for (right, wrong, code, place, help) in slips {
        assert!(plan.contains(right), "{right}");
        refused(&plan.replacen(right, wrong, 1), code, place, help);
    }
    let turned = plan.replacen("1.5.12", "x", 1).replacen("1.6.27", "1.5.12", 1).replacen('x', "1.6.27", 1);
    refused(&turned, "from-outside-line", (2, 8), "rollback");
    // a slip in another section is no reason
    let two = plan.replacen("[[clients]]\nhosts", "[[clients]]\nfro = \"a\"\nhosts", 1).replacen(
        "from = \"1.5.12\"\n",
        "",
        1,
    );
    let error = Plan::parse(&two, Path::new("p.toml"), Path::new("/plans")).expect_err(&two);
    let codes: Vec<_> = error.findings().iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes, ["missing-key", "unknown-key"], "{error}");
}
