#![doc = include_str!("../README.md")]

mod arguments;
mod commands;
mod config;
#[cfg(test)]
mod deployed;
mod failure;
mod logging;
mod place;
mod progress;
mod terminal;

use std::process::ExitCode;

use crate::arguments::{Arguments, Command};
use crate::config::Refused;
use crate::failure::{Exit, Failure};
use crate::terminal::Terminal;

/// What is said to who types nothing but the program's name.
const BEGIN: &str = "\
Muster accounts for every endpoint. It reads SentinelOne consoles, and changes nothing there.

Three ways to begin:
  muster demo                                              look around a simulated fleet, in the browser
  muster serve                                             connect your console, in the browser
  muster connect acme.sentinelone.net --token-file FILE    connect your console, from here

All commands: muster --help
";

fn main() -> ExitCode {
    let arguments = match config::read(std::env::args_os().collect::<Vec<_>>()) {
        Ok(arguments) => arguments,
        Err(Refused::File(failure)) => {
            Terminal::new(kernel::Clock::System).draw(&failure.lines());
            return ExitCode::from(failure.exit.code());
        }
        // Usage is told by the parser itself: help and version with 0, mistakes with 2.
        Err(Refused::Told(told)) => {
            if std::env::args_os().len() <= 1 {
                Terminal::new(kernel::Clock::System).draw(BEGIN);
                return ExitCode::from(Exit::Usage.code());
            }
            let _ = told.print();
            return ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(Exit::Usage.code()));
        }
    };
    let terminal = Terminal::new(kernel::Clock::System);
    tell_bugs_plainly();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(arguments, &terminal)));
    let failure = match outcome {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(failure)) => failure,
        Err(_) => Failure::told(Exit::Bug),
    };
    terminal.draw(&failure.lines());
    ExitCode::from(failure.exit.code())
}

fn run(arguments: Arguments, terminal: &Terminal) -> Result<(), Failure> {
    let Arguments { global, command, .. } = arguments;
    logging::start(&global, &command)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Bug, format!("starting the runtime failed: {error}")))?;
    // A server is ended by Ctrl-C in its own way; everything else is cut off where it stands.
    let serves = matches!(command, Command::Simulate(_) | Command::Serve(_) | Command::Demo(_) | Command::Explorer(_));
    let outcome = runtime.block_on(async {
        let story = dispatch(&global, command, terminal);
        tokio::select! {
            outcome = story => outcome,
            _ = tokio::signal::ctrl_c(), if !serves => Err(interrupted()),
        }
    });
    // Database threads finish the step they are in; nothing else is worth waiting for.
    runtime.shutdown_timeout(SHUTDOWN_WAIT);
    outcome
}

/// Threads that wait for the network; the work itself is done on the store's.
const WORKER_THREADS: usize = 2;

/// How long an ended command waits for what still runs.
const SHUTDOWN_WAIT: std::time::Duration = std::time::Duration::from_secs(5);

async fn dispatch(global: &arguments::Global, command: Command, terminal: &Terminal) -> Result<(), Failure> {
    match command {
        Command::Demo(demo) => commands::demo::run(global, &demo, terminal).await,
        Command::Connect(connect) => commands::connect::run(global, connect, terminal).await,
        Command::Sync(sync) => commands::sync::run(global, sync, terminal).await,
        Command::Import(import) => commands::import::run(global, import, terminal).await,
        Command::Scan(scan) => commands::scan::run(global, scan, terminal).await,
        Command::Query(query) => commands::query::run(global, query, terminal).await,
        Command::Saved { command } => commands::saved::run(global, command, terminal).await,
        Command::Serve(serve) => commands::serve::run(global, &serve, terminal).await,
        Command::Integration(order) => commands::integration::run(global, order.command, terminal).await,
        Command::Asset { command } => commands::asset::run(global, command, terminal).await,
        Command::Site { command } => commands::site::run(global, command, terminal).await,
        Command::Field { command } => commands::field::run(global, command, terminal).await,
        Command::Finding { command } => commands::finding::run(global, command, terminal).await,
        Command::Owner { command } => commands::owner::run(global, command, terminal).await,
        Command::Sink { command } => commands::sink::run(global, command, terminal).await,
        Command::Log { command } => commands::log::run(global, command, terminal).await,
        Command::Simulate(simulate) => commands::simulate::run(&simulate, terminal).await,
        Command::Explorer(explorer) => commands::explorer::run(global, explorer, terminal).await,
        Command::Doctor(doctor) => commands::doctor::run(global, &doctor, terminal).await,
        Command::Rekey(rekey) => commands::rekey::run(global, &rekey, terminal).await,
        Command::Migrate(migrate) => commands::migrate::run(global, &migrate, terminal),
        Command::Backup(backup) => commands::backup::backup(global, &backup, terminal).await,
        Command::Restore(restore) => commands::backup::restore(global, &restore, terminal),
        Command::Completion { shell } => commands::help::completion(shell, terminal),
        Command::Help { topic } => commands::help::run(&topic, terminal),
    }
}

/// What is said where Ctrl-C cut a command off.
fn interrupted() -> Failure {
    Failure::new(Exit::Incomplete, "stopped by Ctrl-C")
        .with("What was stored is kept; a sync that was cut off goes on from there.")
}

/// A panic is a mistake of ours: say so in a sentence, with the place for whoever mends it.
fn tell_bugs_plainly() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|place| format!("{}:{}", place.file(), place.line())).unwrap_or_default();
        let said = info.payload_as_str().unwrap_or("no words");
        let lines = Failure::new(Exit::Bug, format!("this is a mistake in Muster ({place}: {said})"))
            .with("What was stored before is kept. Please report the line above.")
            .lines();
        let _ = std::io::Write::write_all(&mut std::io::stderr().lock(), lines.as_bytes());
    }));
}
