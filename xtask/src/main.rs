#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people at a terminal")]

mod postgres;
mod suite;
mod tidy;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The kitchen of Muster.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs everything that must hold: formatting, lints, the rules of the house, all tests on both databases.
    Test {
        /// Runs only tests whose name contains this, and skips formatting, lints and doc tests.
        filter: Option<String>,
    },
    /// Checks the rules of the house: who depends on whom, who writes which table, where I/O may be.
    Tidy,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Test { filter } => suite::run(root(), filter.as_deref()),
        Task::Tidy => tidy::run(root()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The project's root: where this crate's folder stands.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lives in a folder of the project")
}
