//! Plays seeds against the executor: `cargo run --release --example simulate -- --seeds 10000`, or one of them with its
//! whole history: `-- --seed 4711`. `--seeds 100 --seed 4711` plays a hundred from 4711 on.

#[expect(dead_code, reason = "the planted bugs are for the tests")]
mod seeds;

use std::process::ExitCode;
use std::time::Instant;

use seeds::asked::Asked;
use seeds::campaign::{self, play};
use seeds::plant::Bug;
use seeds::scenario::Scenario;

const USAGE: &str = "usage: simulate --seeds N [--seed S] | --seed S";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (from, seeds) = match Asked::read(&words) {
        Some(Asked::Many { from, seeds }) => (from, seeds),
        Some(Asked::One(seed)) => {
            let played = play(&Scenario::new(seed), Bug::None, true);
            print!("{played}");
            return if played.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
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
