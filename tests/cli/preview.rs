//! `plan`: the same for people and machines, for narrow and wide terminals, and without a host.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use mfsupgrade::check::{Baseline, ClientSeen, ConfigChange, MasterSeen, Observation};
use mfsupgrade::host::{AbsPath, HostName, MountArguments};
use mfsupgrade::moosefs::daemon::Role;
use mfsupgrade::plan::Plan;
use mfsupgrade::rules::V1_5_TO_1_6;
use mfsupgrade::schedule::{Schedule, compile};
use mfsupgrade::step::{Action, Effect};
use mfsupgrade::ui::summary;
use serde_json::Value;

use crate::{code, command, mfsupgrade, stderr, stdout};

#[test]
fn a_preview_contacts_no_host_and_says_so() {
    // the plan's hosts do not exist: a look at any of them would fail
    let output = mfsupgrade(&["plan", "plans/rolling.toml"]);
    assert_eq!((code(&output), stderr(&output)), (0, ""));
    assert!(stdout(&output).contains("No host was contacted"));
    assert!(stdout(&output).contains("$ cd /usr/src/mfs-1.6.27 && make install"));
}

#[test]
fn a_dry_run_is_the_plan() {
    let plan = mfsupgrade(&["plan", "plans/full-stop.toml"]);
    let dry_run = mfsupgrade(&["upgrade", "--dry-run", "plans/full-stop.toml"]);
    assert_eq!(stdout(&plan), stdout(&dry_run));
}

#[test]
fn a_window_is_shown_to_people_and_machines() {
    let output = command(&["plan", "plans/large.toml"]).env("COLUMNS", "300").output().unwrap();
    let line =
        "Window: 22:00 to 05:30 Europe/Berlin (mon, tue, wed, thu). Outside it the run takes nothing down, and waits.";
    assert!(stdout(&output).contains(line), "{}", stdout(&output));
    assert!(!stdout(&output).contains("do not fit"));
    let json: Value =
        serde_json::from_slice(&mfsupgrade(&["plan", "--format", "json", "plans/large.toml"]).stdout).unwrap();
    let expected = r#"{"days":["mon","tue","wed","thu"],"from":"22:00","time_zone":"Europe/Berlin","to":"05:30"}"#;
    assert_eq!(json["window"].to_string(), expected);
    let folder = tempfile::tempdir().unwrap();
    let short = include_str!("../../plans/large.toml").replace("05:30", "23:30");
    let short = crate::write(folder.path(), "short.toml", &short);
    let output = command(&["plan", &short]).env("COLUMNS", "300").output().unwrap();
    assert!(
        stdout(&output)
            .contains("The required waiting does not fit into one window: the run waits for the next one in between.")
    );
}

#[test]
fn text_fits_the_terminal() {
    for width in [80, 200] {
        let output = command(&["plan", "plans/rolling.toml"]).env("COLUMNS", width.to_string()).output().unwrap();
        // commands are never broken: they are copied from here, and so are the recipes behind the schedule
        let long = |line: &&str| !line.trim_start().starts_with('$') && line.chars().count() > width;
        let (schedule, recipes) = stdout(&output).split_once("\nRecipe 1\n").unwrap();
        assert_eq!(schedule.lines().skip(1).find(long), None);
        assert!(recipes.contains("mfsmetarestore"));
    }
}

#[test]
fn json_has_every_step_with_its_commands_and_times() {
    let output = mfsupgrade(&["plan", "--format", "json", "plans/rolling.toml"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["format"], 2);
    assert_eq!(json["observed"], false);
    assert_eq!(json["least_s"], 600);
    let chunkservers = &json["stages"][3]["tracks"];
    assert_eq!(chunkservers[2]["host"], "cs3");
    assert_eq!(chunkservers[2]["wait"]["wait"], "stagger");
    let steps = chunkservers[2]["steps"].as_array().unwrap();
    let start = steps.iter().find(|step| step["id"] == "chunkservers/cs3/start").unwrap();
    assert_eq!(start["earliest_s"], 600);
    assert_eq!(start["commands"][0], "/usr/local/sbin/mfschunkserver -t 1800");
}

#[test]
fn mode_can_be_chosen_on_the_command_line() {
    let output = mfsupgrade(&["plan", "--mode", "full-stop", "plans/rolling.toml"]);
    assert!(stdout(&output).contains("$ /usr/local/sbin/mfsmaster -t 1800 -s"));
    assert!(stdout(&output).contains("3 min after the last chunkserver"));
}

#[test]
fn there_is_no_colour_without_a_terminal_unless_asked_for() {
    assert!(!stdout(&mfsupgrade(&["plan", "plans/rolling.toml"])).contains('\u{1b}'));
    assert!(stdout(&mfsupgrade(&["--color", "always", "plan", "plans/rolling.toml"])).contains('\u{1b}'));
}

#[test]
fn every_plan_of_the_project_compiles() {
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/plans")).unwrap() {
        let path = entry.unwrap().path();
        let output = mfsupgrade(&["plan", path.to_str().unwrap()]);
        assert_eq!(code(&output), 0, "{}: {}", path.display(), stderr(&output));
    }
}

/// A look that found something for every host of the plan to be told: a file of each daemon, two mounts of each client.
fn observation(plan: &Plan) -> Observation {
    let path = |text: &str| AbsPath::new(text).unwrap();
    let mut config: BTreeMap<HostName, Vec<ConfigChange>> = BTreeMap::new();
    let mut clients = BTreeMap::new();
    for (host, role, _) in plan.hosts() {
        if role == Role::Client {
            let mount = |point: &str| MountArguments::new(path(point), HostName::new("mfsmaster").unwrap());
            let mounts = ["/mnt/mfs", "/mnt/other"].map(mount).into();
            clients.insert(host.clone(), ClientSeen { address: Ipv4Addr::LOCALHOST, mounts, upgraded: false });
            continue;
        }
        config.entry(host.clone()).or_default().push(ConfigChange {
            role,
            file: path("/etc/some.cfg"),
            text: mfsupgrade::host::FileText::new("A = B\n"),
            mode: 0o644,
            owner: "root:root".to_owned(),
            replaces: None,
            diff: "+A = B\n".to_owned(),
        });
    }
    Observation {
        machines: Default::default(),
        baseline: Baseline::default(),
        master: MasterSeen {
            version: plan.upgrade.from.clone(),
            data_path: path("/var/mfs"),
            user: "nobody".to_owned(),
            group: "nogroup".to_owned(),
            configuration: Vec::new(),
            admin_address: Ipv4Addr::UNSPECIFIED,
            chunkserver_port: None,
            metadata_bytes: 0,
        },
        metaloggers: BTreeMap::new(),
        config,
        chunkservers: BTreeMap::new(),
        clients,
        without_old: std::collections::BTreeMap::new(),
        reconnect_s: mfsupgrade::rules::away::RECONNECT_S,
    }
}

#[test]
fn what_only_the_hosts_know_is_marked() {
    let preview_only = |schedule: &Schedule| {
        let only = |a: &Action| matches!(a.effect(), Effect::Previewed { .. });
        schedule.steps().filter(|(_, _, step)| only(&step.action)).count()
    };
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/plans")).unwrap() {
        let file = entry.unwrap().path();
        let plan = Plan::load(&file).unwrap().plan;
        let (preview, observed) =
            (compile(&plan, None, plan.line()), compile(&plan, Some(&observation(&plan)), plan.line()));
        assert_eq!(preview_only(&observed), 0, "{}", file.display());
        assert_eq!(preview.stages.len(), observed.stages.len(), "{}", file.display());
        let marked = |text: &String| text.starts_with("# ") || text.contains("   # ");
        let mut filled_in = 0;
        for (preview, observed) in preview.stages.iter().zip(&observed.stages) {
            for (before, after) in preview.tracks.iter().zip(&observed.tracks) {
                let what = format!("{}: {}, {}", file.display(), preview.title, before.host);
                assert_eq!(before.host, after.host, "{what}");
                // what stands in both is the same in both, and the rest of the preview is marked
                let is_in_both = |id: &_| after.steps.iter().any(|step| step.id == *id);
                let rest: Vec<_> = before.steps.iter().filter(|step| !is_in_both(&step.id)).collect();
                let more = after.steps.len() > before.steps.len() - rest.len();
                assert_eq!(more, !rest.is_empty(), "{what}");
                assert!(rest.iter().all(|step| !step.commands.is_empty()), "{what}");
                assert!(rest.iter().flat_map(|step| &step.commands).all(marked), "{what}: {rest:#?}");
                filled_in += usize::from(more);
            }
        }
        assert_eq!(filled_in, plan.hosts().count(), "{}: every daemon and client once", file.display());
    }
}

#[test]
fn a_preview_says_what_the_plan_itself_knows_of_configuration() {
    let output = command(&["plan", "plans/full-stop.toml"]).env("COLUMNS", "200").output().unwrap();
    let lines: Vec<_> = stdout(&output).lines().map(str::trim).collect();
    for file in ["mfsmaster.cfg", "mfschunkserver.cfg", "mfsmetalogger.cfg", "mfshdd.cfg"] {
        let line = format!("$ # /usr/local/etc/mfs/{file}: ");
        assert!(lines.iter().any(|l| l.starts_with(&line)), "{line}\n{lines:#?}");
    }
    let exports = lines.iter().find(|line| line.contains("mfsexports.cfg: ")).unwrap();
    assert!(exports.contains("what 1.5 allowed (* / rw,alldirs,maproot=0; * . rw)"), "{exports}");
    // of a plan that names none those of the host stay
    assert!(!stdout(&mfsupgrade(&["plan", "plans/large.toml"])).contains("mfsexports.cfg: "));
}

#[test]
fn the_readme_shows_what_the_program_prints() {
    let readme = include_str!("../../README.md");
    let (_, plan) = readme.split_once("```toml\n").unwrap();
    let (plan, rest) = plan.split_once("```").unwrap();
    let (_, shown) = rest.split_once("$ mfsupgrade plan cluster.toml\n").unwrap();
    let (shown, _) = shown.split_once("\n…\n").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cluster.toml");
    std::fs::write(&file, plan).unwrap();
    let output = command(&["plan", file.to_str().unwrap()]).env("COLUMNS", "100").output().unwrap();
    assert!(stdout(&output).starts_with(shown), "README.md shows another plan:\n{}", stdout(&output));
}

#[test]
fn plan_and_prompt_name_every_point_from_which_only_rollback_leads_back() {
    let words = V1_5_TO_1_6.hard_to_undo.iter().map(|(_, words)| *words).collect::<Vec<_>>();
    for file in ["plans/rolling.toml", "plans/full-stop.toml"] {
        let shown = command(&["plan", file]).env("COLUMNS", "400").output().unwrap();
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let prompt = summary::text(&compile(&Plan::load(&path).unwrap().plan, None, &V1_5_TO_1_6)).to_string();
        let points: Vec<_> = prompt
            .lines()
            .filter(|line| line.starts_with("From this step on, the way back is `mfsupgrade rollback`: "))
            .collect();
        assert_eq!(points.len(), words.len(), "{prompt}");
        let told = |start: &str, words: &str| {
            let told = points.iter().filter(|p| p.starts_with(start) && p.ends_with(&format!(": {words}."))).count();
            assert_eq!(told, 1, "{start}\n{prompt}");
            assert_eq!(stdout(&shown).matches(&format!("way back: {words}")).count(), 1, "{}", stdout(&shown));
        };
        told("From this step on, the way back is `mfsupgrade rollback`: start the new mfsmaster on ", words[0]);
        told(
            "From this step on, the way back is `mfsupgrade rollback`: start the new mfschunkserver on cs1, and on 2 more hosts: ",
            words[1],
        );
        told("From this step on, the way back is `mfsupgrade rollback`: ", words[2]);
    }
}

#[test]
fn what_needs_no_host_is_told_by_plan_too() {
    let plan = include_str!("../../plans/rolling.toml").replace("[[metaloggers]]\nhosts = [\"log1\"]", "");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cluster.toml");
    let told = |plan: &str| {
        std::fs::write(&file, plan).unwrap();
        let output = mfsupgrade(&["plan", file.to_str().unwrap()]);
        (output.status.code(), String::from_utf8(output.stderr.clone()).unwrap(), stdout(&output).to_owned())
    };
    let (code, said, shown) = told(&plan);
    assert_eq!(code, Some(4), "{said}");
    assert!(shown.starts_with("MooseFS 1.5.12 to 1.6.27, rolling"), "the plan is shown all the same: {shown}");
    assert!(said.contains("blocking warning[no-metalogger]: "), "{said}");
    let accepts = "acknowledge = [\"no-metalogger\"]";
    assert!(said.contains(accepts), "{said}");
    let (code, said, _) = told(&plan.replace("[upgrade]\n", &format!("[upgrade]\n{accepts}\n")));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("acknowledged warning[no-metalogger]"), "{said}");
    let (_, said, _) = told(&plan.replace("[upgrade]\n", "[upgrade]\nacknowledge = [\"exports-missing\"]\n"));
    assert!(said.contains("an error must be fixed"), "{said}");
}
