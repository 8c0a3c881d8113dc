//! Plans that name files here: what is read of them, and what is refused.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::bad_plans::{install, refused_in};
use super::small;
use crate::plan::{Exports, InstallHow, Plan};

/// What a gzip file begins with, and something behind it.
const GZIP: &[u8] = b"\x1f\x8babc";

/// A folder with an archive `a.tar.gz`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.tar.gz"), GZIP).unwrap();
    folder
}

fn parse_in(folder: &TempDir, source: &str) -> Plan {
    Plan::parse(source, Path::new("p.toml"), folder.path()).unwrap_or_else(|error| panic!("{error}"))
}

/// `[install]` in line 4 with the archive in line 5 and `keys` from line 6 on.
fn archive(keys: &str) -> String {
    install(&format!("[install]\narchive = \"a.tar.gz\"\n{keys}\n"))
}

/// `[config]` in line 10 with the file `name` in line 11.
fn exports(name: &str) -> String {
    small(&format!("[config]\nexports = \"{name}\"\n"))
}

#[test]
fn an_archive_is_known_by_its_digest() {
    let folder = folder();
    fs::write(folder.path().join("p.toml"), archive("configure = [\"CFLAGS=-O2 -g\"]")).unwrap();
    let plan = Plan::load(&folder.path().join("p.toml")).unwrap().plan;
    let InstallHow::Archive(archive) = &plan.chunkservers[1].access.install.how else { panic!() };
    assert_eq!(archive.path, folder.path().join("a.tar.gz"));
    assert_eq!(archive.sha256, "49d07e32b9cecb2ae7f8c77f8d75b400d00a9d671f74e13455c0a8cbb9d627a6");
    assert_eq!(archive.bytes, 5);
    assert_eq!(archive.configure, ["--prefix=/usr/local", "CFLAGS=-O2 -g"]);
    let kept = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&kept).unwrap(), plan);
}

#[test]
fn an_archive_of_several_sections_is_the_same() {
    let folder = folder();
    let both = "[install]\narchive = \"a.tar.gz\"\nconfigure = [\"A=1\"]\n";
    let source = format!("{}install = {{ archive = \"./a.tar.gz\", configure = [\"B=2\"] }}\n", install(both));
    let plan = parse_in(&folder, &source);
    let of = |install: &InstallHow| match install {
        InstallHow::Archive(archive) => archive.clone(),
        other => panic!("{other:?}"),
    };
    let (master, server) = (of(&plan.master.access.install.how), of(&plan.chunkservers[0].access.install.how));
    assert_eq!((&master.path, &master.sha256), (&server.path, &server.sha256));
    assert_eq!(master.configure, ["--prefix=/usr/local", "A=1"]);
    assert_eq!(server.configure, ["--prefix=/usr/local", "B=2"]);
}

#[test]
fn archives_that_cannot_be_read() {
    let folder = folder();
    let refused = |name: &str, help: &str| {
        let source = install(&format!("[install]\narchive = \"{name}\"\n"));
        refused_in(folder.path(), &source, "unreadable-file", (5, 11), help);
    };
    refused("b.tar.gz", &format!("looked for here, at {}", folder.path().join("b.tar.gz").display()));
    refused(".", "looked for here");
    refused("/dev/zero", "looked for here, at /dev/zero");
    for name in ["", "~/a.tar.gz", "a\\nb", "a\\u001b[2Jb"] {
        refused(name, "from the plan's folder");
    }
    let source = install("[install]\narchive = 1\n");
    refused_in(folder.path(), &source, "wrong-type", (5, 11), "expected a string");
}

#[test]
fn archives_that_are_none() {
    let folder = folder();
    let path = folder.path().join("a.tar.gz");
    let refused = |help| refused_in(folder.path(), &archive(""), "invalid-archive", (5, 11), help);
    fs::write(&path, "").unwrap();
    refused("name a `.tar.gz`");
    for other in [&b"BZh91AY"[..], b"\x1f", b"x\x1f\x8b", b"<html>"] {
        fs::write(&path, other).unwrap();
        refused("name a `.tar.gz`");
    }
    // a hole takes no room on the disk
    fs::write(&path, GZIP).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_len((1 << 30) + 1).unwrap();
    refused("not an archive of sources");
}

#[test]
fn an_archive_is_refused_wherever_it_is_named() {
    let folder = folder();
    fs::write(folder.path().join("a.tar.gz"), "").unwrap();
    let source = format!("{}install.archive = \"a.tar.gz\"\n", archive(""));
    let error = Plan::parse(&source, Path::new("p.toml"), folder.path()).unwrap_err();
    let lines: Vec<_> = error.findings().iter().map(|f| (f.code.as_str(), f.position(&source).line)).collect();
    assert_eq!(lines, [("invalid-archive", 5), ("invalid-archive", 11)], "\n{error}");
}

#[test]
fn an_archive_beside_another_kind_of_install() {
    let folder = folder();
    let refused = |keys, place, help| refused_in(folder.path(), &archive(keys), "two-kinds-of-install", place, help);
    refused("source_dir = \"/s\"", (6, 14), "`archive` for one that the run builds there");
    refused("commands = { master = \"a\", chunkserver = \"b\" }", (6, 12), "keep");
    let three = archive("source_dir = \"/s\"\ncommands = { master = \"a\", chunkserver = \"b\" }");
    let error = Plan::parse(&three, Path::new("p.toml"), folder.path()).unwrap_err();
    let lines: Vec<_> = error.findings().iter().map(|f| (f.code.as_str(), f.position(&three).line)).collect();
    assert_eq!(lines, [("two-kinds-of-install", 6), ("two-kinds-of-install", 7)], "\n{error}");
}

#[test]
fn arguments_of_configure_that_cannot_be() {
    let folder = folder();
    let refused = |argument: &str, code, help| {
        let source = archive(&format!("configure = [\"A=1\", \"{argument}\"]"));
        refused_in(folder.path(), &source, code, (6, 21), help);
    };
    for argument in ["", "  "] {
        refused(argument, "invalid-configure-argument", "one argument an entry");
    }
    refused("a\\nb", "invalid-configure-argument", "without a line break");
    refused("a\\rb", "invalid-configure-argument", "without a line break");
    for argument in ["a\\u001b[2J", "a\\u0000", "a\\tb"] {
        refused(argument, "invalid-configure-argument", "a preview can show");
    }
    for argument in ["--prefix", "-prefix=/p", "--p", "--pref=/p", "prefix=/p"] {
        refused(argument, "invalid-configure-argument", "in one entry");
    }
    for prefix in ["", "/a b", "/a/../b", "${x}"] {
        refused(&format!("--prefix={prefix}"), "invalid-path", "accepted are letters");
    }
    refused("--prefix=usr", "invalid-path", "the whole path from `/`");
    let twice = archive("configure = [\"--prefix=/p\", \"--prefix=/p\"]");
    refused_in(folder.path(), &twice, "invalid-configure-argument", (6, 29), "keep one of the two");
    let number = archive("configure = \"--prefix=/p\"");
    refused_in(folder.path(), &number, "wrong-type", (6, 13), "write `configure = [");
    let quoted = archive("configure = [\"CFLAGS=-O2 '$(x)'\", \"--exec-prefix=/e\", \"--program-prefix=\"]");
    parse_in(&folder, &quoted);
}

#[test]
fn configure_without_an_archive() {
    let folder = folder();
    let source = install("[install]\nsource_dir = \"/s\"\nconfigure = []\n");
    refused_in(folder.path(), &source, "configure-without-archive", (6, 13), "name the `archive` beside it");
    // what a section says of an archive, it says of its own
    let source = format!("{}install.configure = [\"A=1\"]\n", archive(""));
    refused_in(folder.path(), &source, "configure-without-archive", (11, 21), "name the `archive` beside it");
}

#[test]
fn a_prefix_that_is_not_the_one_of_configure() {
    let folder = folder();
    let source = archive("configure = [\"--prefix=/usr\"]\nprefix = \"/usr/local\"");
    refused_in(folder.path(), &source, "conflicting-prefix", (7, 10), "leave `--prefix` out");
    let error = Plan::parse(&source, Path::new("p.toml"), folder.path()).unwrap_err();
    assert_eq!(error.findings()[0].related.as_ref().unwrap().1, "built for here");
    let section = format!("{}install.prefix = \"/opt\"\n", archive("configure = [\"--prefix=/usr\"]"));
    refused_in(folder.path(), &section, "conflicting-prefix", (11, 18), "leave `--prefix` out");
}

#[test]
fn a_prefix_is_said_once() {
    let folder = folder();
    let resolved = |source: &str| {
        let plan = parse_in(&folder, source);
        let install = &plan.chunkservers[0].access.install;
        let InstallHow::Archive(archive) = &install.how else { return format!("{} by hand", install.prefix) };
        format!("{} by {}", install.prefix, archive.configure.join(" "))
    };
    assert_eq!(resolved(&archive("configure = [\"A=1\", \"--prefix=/p/\"]")), "/p by A=1 --prefix=/p/");
    assert_eq!(resolved(&archive("configure = [\"--prefix=/p/\"]\nprefix = \"/p\"")), "/p by --prefix=/p/");
    assert_eq!(resolved(&archive("prefix = \"/p\"")), "/p by --prefix=/p");
    assert_eq!(resolved(&archive("")), "/usr/local by --prefix=/usr/local");
    let section = |keys: &str, own: &str| resolved(&format!("{}install = {{ {own} }}\n", archive(keys)));
    assert_eq!(section("configure = [\"A=1\"]", "prefix = \"/q\""), "/q by --prefix=/q A=1");
    let own = "archive = \"a.tar.gz\", configure = [\"--prefix=/q\"]";
    assert_eq!(section("prefix = \"/p\"", own), "/q by --prefix=/q");
    assert_eq!(section("configure = [\"--prefix=/p\"]", "archive = \"a.tar.gz\""), "/p by --prefix=/p");
    assert_eq!(section("configure = [\"--prefix=/p\"]", "source_dir = \"/s\""), "/p by hand");
}

#[test]
fn exports_are_kept_as_they_were_read() {
    let folder = folder();
    let path = folder.path().join("e.cfg");
    let text = "# ours\n\n10.0.0.0/8\t/\trw,maproot=0\r\n";
    fs::write(&path, text).unwrap();
    let plan = parse_in(&folder, &format!("{}exports_like_1_5 = false\nmaster_host = \"mm\"\n", exports("e.cfg")));
    assert_eq!(plan.config.exports, Some(Exports::File { path, text: crate::host::FileText::new(text) }));
    assert_eq!(plan.config.master_host.as_ref().unwrap().as_str(), "mm");
    assert_eq!(parse_in(&folder, &small("[config]\nexports_like_1_5 = false\n")).config.exports, None);
    let like = small("[config]\nexports_like_1_5 = true\n");
    assert_eq!(parse_in(&folder, &like).config.exports, Some(Exports::LikeV15));
}

#[test]
fn exports_that_are_none() {
    let folder = folder();
    let refused = |text: &[u8], help| {
        fs::write(folder.path().join("e.cfg"), text).unwrap();
        refused_in(folder.path(), &exports("e.cfg"), "invalid-exports", (11, 11), help);
    };
    for text in ["", "\n \n", "# * / rw\n", "  # * / rw"] {
        refused(text.as_bytes(), "write one rule at least");
    }
    for text in [&b"* / rw # \xff\n"[..], b"* / rw\0\n", "\u{feff}* / rw\n".as_bytes()] {
        refused(text, "as plain text");
    }
    refused("* / rw\n".repeat(200_000).as_bytes(), "not a mfsexports.cfg");
    refused_in(folder.path(), &exports("f.cfg"), "unreadable-file", (11, 11), "looked for here");
    refused_in(folder.path(), &exports("/"), "unreadable-file", (11, 11), "looked for here");
    refused_in(folder.path(), &exports("~/e.cfg"), "unreadable-file", (11, 11), "from the plan's folder");
}

#[test]
fn exports_in_two_ways() {
    let folder = folder();
    fs::write(folder.path().join("e.cfg"), "* / rw\n").unwrap();
    let both = format!("{}exports_like_1_5 = true\n", exports("e.cfg"));
    refused_in(folder.path(), &both, "two-kinds-of-exports", (12, 20), "keep `exports`");
}
