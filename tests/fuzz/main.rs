//! Feeds mutated text and bytes to everything that reads what others wrote: plans, journals, answers of hosts, packets of masters,
//! configuration files.
//!
//! ```sh
//! cargo run --release --locked --example fuzz -- --seconds 60                # all targets share the minute
//! cargo run --release --locked --example fuzz -- --seconds 3600 --target plan,journal
//! cargo run --release --locked --example fuzz -- --target plan --seed 4711   # one case once more
//! ```
//!
//! Every case follows from its target and its seed. A case that breaks a law is made smaller, and printed with the command that
//! plays it again.

mod case;
mod corpus;
mod mutate;
mod targets;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use case::{Broken, Case, Played};
use targets::Target;

/// How every allocation is counted.
#[global_allocator]
static MEMORY: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

const USAGE: &str = "usage: fuzz --seconds N [--target NAME,…] [--from SEED] | fuzz --target NAME --seed SEED | fuzz --target NAME --input FILE";

/// How long a target is at work before it is the next one's turn.
const TURN: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| words.iter().position(|w| w == name).and_then(|at| words.get(at + 1));
    let number = |name: &str| value(name).and_then(|word| word.parse::<u64>().ok());
    let wanted: Vec<&str> = value("--target").map(|names| names.split(',').collect()).unwrap_or_default();
    let all = targets::all();
    if let Some(unknown) = wanted.iter().find(|name| !all.iter().any(|t| t.name == **name)) {
        let names: Vec<_> = all.iter().map(|t| t.name).collect();
        eprintln!("no target is called {unknown}; there are {}", names.join(", "));
        return ExitCode::from(2);
    }
    let chosen: Vec<Target> = all.into_iter().filter(|t| wanted.is_empty() || wanted.contains(&t.name)).collect();
    case::watch();
    match (number("--seed"), value("--input"), number("--seconds"), &chosen[..]) {
        (Some(seed), ..) => again(&chosen, |target| Case::new(target, seed)),
        (_, Some(file), _, [_]) => match std::fs::read(file) {
            Ok(bytes) => again(&chosen, |_| Case::of(bytes.clone())),
            Err(error) => {
                eprintln!("{file}: {error}");
                ExitCode::FAILURE
            }
        },
        (.., Some(seconds), _) => hunt(&chosen, Duration::from_secs(seconds), number("--from")),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// One case of each target, with its input and what came of it.
fn again(targets: &[Target], case: impl Fn(&Target) -> Case) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for target in targets {
        let case = case(target);
        println!("{}: {}", target.name, case.input.escape_ascii());
        match case.play(target) {
            Ok(played) => println!("{played}"),
            Err(broken) => {
                println!("{broken}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

/// What became of a target's cases.
struct Tally {
    next: u64,
    cases: u64,
    accepted: u64,
    /// Bytes allocated in all by the case that allocated most.
    most: u64,
    broken: bool,
}

/// Case after case, the targets in turns.
fn hunt(targets: &[Target], time: Duration, from: Option<u64>) -> ExitCode {
    let from = from.unwrap_or_else(|| fastrand::u64(..1 << 40));
    let begun = Instant::now();
    let fresh = || Tally { next: from, cases: 0, accepted: 0, most: 0, broken: false };
    let mut tallies: Vec<Tally> = targets.iter().map(|_| fresh()).collect();
    while begun.elapsed() < time && tallies.iter().any(|tally| !tally.broken) {
        for (target, tally) in targets.iter().zip(&mut tallies).filter(|(_, tally)| !tally.broken) {
            turn(target, tally);
        }
    }
    for (target, tally) in targets.iter().zip(&tallies) {
        let Tally { cases, accepted, most, broken, .. } = tally;
        let verdict = if *broken { "BROKEN" } else { "ok" };
        println!(
            "{:<8} {cases} cases from seed {from} on, {accepted} accepted, at most {} KiB allocated: {verdict}",
            target.name,
            most.div_ceil(1024)
        );
    }
    println!("{:.0} s", begun.elapsed().as_secs_f64());
    if tallies.iter().any(|tally| tally.broken) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn turn(target: &Target, tally: &mut Tally) {
    let begun = Instant::now();
    while begun.elapsed() < TURN {
        let seed = tally.next;
        tally.next += 1;
        tally.cases += 1;
        match Case::new(target, seed).play(target) {
            Ok(Played { accepted, bytes }) => {
                tally.accepted += u64::from(accepted);
                tally.most = tally.most.max(bytes);
            }
            Err(broken) => {
                tally.broken = true;
                return tell(target, seed, broken);
            }
        }
    }
}

fn tell(target: &Target, seed: u64, broken: Broken) {
    let (smaller, broken) = Case::new(target, seed).smaller(target, broken);
    println!("{}: seed {seed}: {broken}", target.name);
    println!("  made smaller: {}", smaller.input.escape_ascii());
    println!("  again: cargo run --release --locked --example fuzz -- --target {} --seed {seed}", target.name);
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use super::*;

    /// What is allocated is counted for the whole process: one test at a time.
    fn alone() -> MutexGuard<'static, ()> {
        static ALONE: Mutex<()> = Mutex::new(());
        ALONE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A reader that breaks one law.
    fn planted(check: fn(&[u8]) -> targets::Checked) -> Target {
        Target { name: "planted", corpus: vec![b"name = \"value\" # 17\nother = 4\n".to_vec()], check, bound: 1 << 20 }
    }

    fn law(target: &Target) -> (&'static str, Vec<u8>) {
        let broken = (0..20_000).find_map(|seed| Some((seed, Case::new(target, seed).play(target).err()?)));
        let (seed, broken) = broken.unwrap_or_else(|| panic!("not found"));
        let law = broken.law;
        let (smaller, broken) = Case::new(target, seed).smaller(target, broken);
        assert_eq!(broken.law, law);
        (law, smaller.input)
    }

    #[test]
    fn planted_bugs_are_found_and_made_small() {
        let _alone = alone();
        let panics = planted(|bytes| {
            assert!(!bytes.windows(3).any(|w| w == b"\x1b[2"));
            Ok(true)
        });
        assert_eq!(law(&panics), ("panics", b"\x1b[2".to_vec()));
        let overflows = planted(|bytes| {
            let text = String::from_utf8_lossy(bytes);
            let numbers = text.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse::<u64>().ok());
            Ok(numbers.sum::<u64>() > 0)
        });
        assert_eq!(law(&overflows).0, "panics");
        let greedy = planted(|bytes| Ok(Vec::<u8>::with_capacity(bytes.len() << 18).capacity() > 0));
        assert_eq!(law(&greedy).0, "memory");
        let draws = planted(|bytes| {
            targets::quiet("an error", &String::from_utf8_lossy(bytes))?;
            Ok(true)
        });
        assert_eq!(law(&draws).0, "quiet");
    }

    #[test]
    fn a_case_is_the_same_each_time() {
        let _alone = alone();
        for target in targets::all() {
            let case = |seed| Case::new(&target, seed).input;
            assert!((0..50).all(|seed| case(seed) == case(seed)), "{}", target.name);
            assert!((0..50).any(|seed| case(seed) != case(seed + 1)), "{}", target.name);
        }
    }

    /// What was recorded is read as it stands: otherwise its mutations would all be refused at the first line.
    #[test]
    fn every_corpus_is_accepted_as_it_stands() {
        let _alone = alone();
        for target in targets::all() {
            let of =
                |input: &Vec<u8>| (target.check)(input).unwrap_or_else(|broken| panic!("{}: {broken}", target.name));
            let accepted = target.corpus.iter().filter(|input| of(input)).count();
            assert!(!target.corpus.is_empty() && 2 * accepted > target.corpus.len(), "{}: {accepted}", target.name);
        }
    }
}
