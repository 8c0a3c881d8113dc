//! The embedded cluster by itself: what an operator would find on its hosts, and what the simulated releases do when they
//! are driven by hand through the real `ssh`. No executor takes part.

mod asked;
mod build;
mod by_hand;
mod children;
mod codes;
mod crash;
mod desk;
mod disks;
mod end;
mod escapes;
mod faults;
#[path = "../golden.rs"]
mod golden;
mod judged;
mod kept;
mod logins;
mod lost;
mod metalogger;
mod names;
mod observed;
mod operator;
mod outages;
mod pages;
mod prompt;
mod protocol;
mod remains;
mod roles;
mod rollback;
mod second;
mod secrets;
mod streams;
mod support;
mod survey;
mod transcripts;
mod transfer;
mod traps;
mod trial;
mod unchecked;
mod upgrade;
