//! What is run and what is made of what was seen, kind by kind.

mod back;
mod commands;
mod scripts;
mod verdicts;
