//! Plays seeds against the executor: `cargo run --release --example simulate -- --seeds 10000`, or one of them with its
//! whole history: `-- --seed 4711`.

#[expect(dead_code, reason = "the planted bugs are for the tests")]
mod seeds;

use std::process::ExitCode;
use std::time::Instant;

use seeds::campaign::{self, play};
use seeds::plant::Bug;
use seeds::scenario::Scenario;

const USAGE: &str = "usage: simulate --seeds N [--from S] | --seed S";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| {
        let at = words.iter().position(|w| w == name)?;
        words.get(at + 1)?.parse::<u64>().ok()
    };
    if let Some(seed) = number("--seed") {
        let played = play(&Scenario::new(seed), Bug::None, true);
        print!("{played}");
        return if played.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let Some(seeds) = number("--seeds") else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let begun = Instant::now();
    let tally = campaign::run(number("--from").unwrap_or(0), seeds, Bug::None);
    print!("{tally}");
    println!("{:.1} s", begun.elapsed().as_secs_f64());
    if tally.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
