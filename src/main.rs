//! The exit code, nothing else.

fn main() -> std::process::ExitCode {
    mfsupgrade::cli::main()
}
