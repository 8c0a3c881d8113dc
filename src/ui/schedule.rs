//! A schedule as text, for 80 columns and for 200.

use std::collections::HashSet;

use console::Style;

use super::shown::Shown;
use crate::host::shell::Become;
use crate::moosefs::daemon::Role;
use crate::plan::Busy;
use crate::schedule::{Schedule, Stage, Step, Track, Wait};
use crate::step::{Action, Effect, Unmount};
use crate::words::{count, human};

/// Column at which a step's own text begins.
const INDENT: usize = 14;

/// Characters from which on a command is a recipe, and is not written out a second time.
const LONG: usize = 160;

/// The whole schedule. `contacted`: whether hosts were looked at for it.
#[must_use]
pub fn text(schedule: &Schedule, contacted: bool, width: usize, color: bool) -> Shown {
    let mut page = Page {
        out: Shown::default(),
        recipes: Vec::new(),
        width: width.max(40),
        bold: style(color).bold(),
        dim: style(color).dim(),
    };
    page.head(schedule, contacted);
    for (at, stage) in schedule.stages.iter().enumerate() {
        page.stage(at + 1, stage, schedule);
    }
    page.recipes();
    page.out
}

fn style(color: bool) -> Style {
    Style::new().force_styling(color)
}

/// Whether a command is too long to stand among others.
#[must_use]
pub fn is_recipe(command: &str) -> bool {
    command.len() > LONG || command.contains('\n')
}

/// `1 master, 3 chunkservers, 2 clients`.
#[must_use]
pub fn cluster(schedule: &Schedule) -> String {
    let of = |role: Role| count(schedule.hosts_of(role).count(), &role.to_string());
    let mut parts = vec![of(Role::Master), of(Role::Chunkserver), of(Role::Client)];
    if schedule.hosts_of(Role::Metalogger).next().is_some() {
        parts.insert(1, of(Role::Metalogger));
    }
    parts.join(", ")
}

struct Page {
    out: Shown,
    /// Long commands: written out once, behind the schedule.
    recipes: Vec<String>,
    width: usize,
    bold: Style,
    dim: Style,
}

impl Page {
    fn line(&mut self, indent: usize, text: &str) {
        let indent = " ".repeat(indent);
        let options = textwrap::Options::new(self.width)
            .initial_indent(&indent)
            .subsequent_indent(&indent)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        for line in textwrap::wrap(Shown::line(text).as_str(), options) {
            self.out.push_line(&Shown::line(line.trim_end()));
        }
    }

    /// A line that is not wrapped: commands are copied from it.
    fn verbatim(&mut self, indent: usize, text: &Shown) {
        self.out.push(&Shown::line(&" ".repeat(indent)));
        self.out.push_line(text);
    }

    /// The number of a command that is too long to stand among the steps. What keeps and copies is the same on every host.
    fn recipe(&mut self, command: &str) -> Option<usize> {
        if !is_recipe(command) {
            return None;
        }
        let known = self.recipes.iter().position(|c| c == command);
        Some(
            1 + known.unwrap_or_else(|| {
                self.recipes.push(command.to_owned());
                self.recipes.len() - 1
            }),
        )
    }

    fn recipes(&mut self) {
        for (at, recipe) in std::mem::take(&mut self.recipes).iter().enumerate() {
            self.out.push_line(&Shown::default());
            let title = Shown::styled(&self.bold, &format!("Recipe {}", at + 1));
            self.verbatim(0, &title);
            for line in recipe.lines() {
                let line = Shown::styled(&self.dim, line);
                self.verbatim(3, &line);
            }
        }
    }

    fn head(&mut self, s: &Schedule, contacted: bool) {
        let title = Shown::styled(&self.bold, &super::summary::title(s));
        self.verbatim(0, &title);
        self.line(
            0,
            &format!(
                "Takes at least {} of required waiting. If a health gate stays red, the run stops after at most {} of waiting. \
                 Commands add their own time.",
                human(s.least_s),
                human(s.greatest_s)
            ),
        );
        if let Some(text) = super::summary::no_stop(s) {
            self.line(0, &text);
        }
        if let Some(window) = &s.window {
            self.line(0, &super::summary::window(window, s.outlasts_its_window()));
        }
        let seen = if s.observed {
            "The cluster was checked; nothing was changed."
        } else if contacted {
            "Problems block the upgrade, so lines marked # are not filled in; nothing was changed."
        } else {
            "No host was contacted. Lines marked # depend on the hosts; `plan --observe` fills them in."
        };
        self.line(0, seen);
        for (how, program) in [(Become::Sudo, "sudo -n"), (Become::Doas, "doas -n")] {
            let hosts = s.hosts.iter().filter(|h| h.r#become == Some(how)).count();
            if hosts > 0 {
                self.line(0, &format!("On {}, each command is run as root through {program}.", count(hosts, "host")));
            }
        }
    }

    fn stage(&mut self, number: usize, stage: &Stage, schedule: &Schedule) {
        self.out.push_line(&Shown::default());
        let title = Shown::styled(&self.bold, &format!("{number}. {}", stage.title));
        self.verbatim(0, &title);
        self.line(3, &stage.why);
        if stage.tracks.len() > 1 && stage.parallel > 1 {
            self.line(
                3,
                &format!(
                    "{} of {} at a time",
                    stage.parallel.min(stage.tracks.len()),
                    count(stage.tracks.len(), "host")
                ),
            );
        }
        if let Some(wait) = &stage.wait {
            self.wait(3, wait);
        }
        if let Some(gate) = &stage.gate {
            self.line(3, &format!("gate: {}, within {}", gate.describe(schedule), human(gate.greatest_s())));
        }
        let width = stage.tracks.iter().map(|t| t.host.as_str().len()).max().unwrap_or(0);
        let mut told = HashSet::new();
        for track in &stage.tracks {
            self.track(track, width, &mut told, schedule);
        }
    }

    fn wait(&mut self, indent: usize, wait: &Wait) {
        let text = match wait {
            Wait::Stagger { after, least_s, greatest_s } => {
                let host = after.0.split('/').nth(1).unwrap_or("the last");
                format!(
                    "wait: {} after {host} was back, then the gate; stop if it is not green after {}",
                    human(*least_s),
                    human(*greatest_s)
                )
            }
            Wait::MasterWait { least_s, .. } => format!("wait: {} after the last chunkserver", human(*least_s)),
        };
        self.line(indent, &text);
    }

    fn track(&mut self, track: &Track, width: usize, told: &mut HashSet<String>, schedule: &Schedule) {
        if let Some(wait) = &track.wait {
            self.wait(INDENT, wait);
        }
        if let Some(gate) = &track.gate {
            self.line(INDENT, &format!("gate: {}", gate.describe(schedule)));
        }
        if let Some(seen) = &track.seen {
            self.line(INDENT, &format!("{} {seen}", track.host));
        }
        for step in &track.steps {
            self.step(track, step, width, told, schedule);
        }
    }

    fn step(&mut self, track: &Track, step: &Step, width: usize, told: &mut HashSet<String>, schedule: &Schedule) {
        let at = format!("+{}", human(step.earliest_s));
        let head = format!("{at:<12}  {:<width$}  {}", track.host, step.action.describe());
        self.verbatim(0, &Shown::line(&head));
        let indent = INDENT + width + 2;
        for command in &step.commands {
            let shown = match self.recipe(command) {
                Some(letter) => format!("$ recipe {letter}, below"),
                None => format!("$ {command}"),
            };
            let shown = Shown::styled(&self.dim, &shown);
            self.verbatim(indent, &shown);
        }
        if let Some(diff) = step.action.diff() {
            for line in diff.lines() {
                self.verbatim(indent, &Shown::line(line));
            }
        }
        if let Some(text) = in_use(&step.action).filter(|text| told.insert(text.clone())) {
            self.line(indent, &text);
        }
        if let Some(gate) = &step.afterwards {
            self.line(indent, &format!("then: {}, within {}", gate.describe(schedule), human(gate.greatest_s())));
        }
        // said once a stage: a hundred times it would be read by nobody
        if let Some(way_back) = step.way_back.as_deref().filter(|w| told.insert((*w).to_owned())) {
            self.line(indent, &format!("way back: {way_back}"));
        }
    }
}

/// What is done with a mount that is in use, where it is not simply a failure.
fn in_use(action: &Action) -> Option<String> {
    let Effect::Unmounts(Unmount { busy, command, .. }) = action.effect() else { return None };
    let first = match busy {
        Busy::Fail => None,
        Busy::Wait(time) => Some(format!("if it is in use: the run waits, {} at most", human(time.as_secs()))),
        Busy::Skip => Some(
            "if it is in use: this client is left on the old release, and the run does not end as a success".into(),
        ),
    };
    let lazy = command.lazy.then_some(LAZY);
    match (first, lazy) {
        (Some(first), Some(lazy)) => Some(format!("{first}; then {lazy}")),
        (first, lazy) => first.or_else(|| lazy.map(|lazy| format!("if it is in use: {lazy}"))),
    }
}

/// What is dangerous about `umount -l`.
const LAZY: &str = "`umount -l` unmounts it anyway: processes with open files stay in the old mount, which no other process sees, \
     and the run is no success until they have ended";
