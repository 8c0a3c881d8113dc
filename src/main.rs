//! The exit code, nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|first| first == mfsupgrade::rehearsal::simulated::ARGUMENT) {
        return mfsupgrade::rehearsal::simulated::main(args);
    }
    ExitCode::SUCCESS
}
