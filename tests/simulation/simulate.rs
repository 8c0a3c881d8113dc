//! Plays seeds against the executor: `cargo run --release --example simulate -- --seeds 10000`, or one of them with its
//! whole history: `-- --seed 4711`. `--seeds 100 --seed 4711` plays a hundred from 4711 on. `--proofs` plants every bug, which a law is to
//! catch, and lets every fault strike at every command and record of a small cluster.

#[expect(dead_code, reason = "what tells of a campaign's faults by name is for the tests")]
mod seeds;

use std::process::ExitCode;
use std::time::Instant;

use seeds::asked::Asked;
use seeds::campaign::{self, play};
use seeds::plant::{Bug, PLANTED};
use seeds::proofs;
use seeds::scenario::Scenario;

const USAGE: &str = "usage: simulate --seeds N [--seed S] | --seed S | --proofs";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (from, seeds) = match Asked::read(&words) {
        Some(Asked::Many { from, seeds }) => (from, seeds),
        Some(Asked::One(seed)) => {
            let played = play(&Scenario::new(seed), Bug::None, true);
            print!("{played}");
            return if played.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        Some(Asked::Proofs) => return prove(),
        None => {
            eprintln!("{USAGE}");
            return ExitCode::FAILURE;
        }
    };
    let begun = Instant::now();
    let tally = campaign::run(from, seeds, Bug::None);
    print!("{tally}");
    println!("{:.1} s", begun.elapsed().as_secs_f64());
    if tally.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn prove() -> ExitCode {
    let begun = Instant::now();
    let table = proofs::catches(PLANTED);
    let escaped = table.iter().filter(|line| line.is_err()).count();
    for line in table {
        println!("{}", line.unwrap_or_else(|line| line));
    }
    println!("{} planted bugs, {escaped} of them not caught, {:.1} s", PLANTED.len(), begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    let scenarios = proofs::every_fault();
    let broken = proofs::broken(&scenarios);
    for played in &broken {
        println!("{played}");
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{} faults at commands and records of a small cluster, {} of them broke a law, {seconds:.1} s",
        scenarios.len(),
        broken.len()
    );
    if escaped == 0 && broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
