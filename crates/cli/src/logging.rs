//! The log: what happens meanwhile, a line each on standard error, as text for people or as JSON for collectors.

use std::fmt;

use kernel::Clock;
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::arguments::{Command, Global, LogFormat};
use crate::failure::Failure;
use crate::terminal::to_the_second;

/// What a command tells that ends by itself: only what is wrong, and not what it says of each reading in its own words.
const QUIETLY: &str = "warn,sync=off,sentinelone=off";

/// What a server tells: each reading, each request; not what each reading of machines joined.
const SERVING: &str = "info,muster_sync::settle=warn";

/// What the demo tells, at whose terminal somebody sits: where it is and what is wrong, not each of its many readings.
const SHOWING: &str = "warn,service=info";

/// Begins to write the log, as the command line says.
pub fn start(global: &Global, command: &Command) -> Result<(), Failure> {
    let usual = match command {
        Command::Serve(_) | Command::Explorer(_) => SERVING,
        Command::Demo(_) => SHOWING,
        _ => QUIETLY,
    };
    let filter = global.log.as_deref().unwrap_or(usual);
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Failure::usage(format!("--log {filter:?} is no filter: {error}")).with("Such as warn, info, or sync=debug.")
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    // A line that nobody can read any more must not end the request that it tells of.
    let log = log.log_internal_errors(false);
    match global.log_format {
        LogFormat::Text => log.event_format(Line).init(),
        LogFormat::Json => log.json().flatten_event(true).with_current_span(false).with_span_list(false).init(),
    }
    Ok(())
}

/// `2026-11-20T12:00:00Z [INFO] sentinelone: fetched 12 threats org=org_1 integration=acme`.
struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut told = String::new();
        context.format_fields(Writer::new(&mut told), event)?;
        let (at, of) = (to_the_second(Clock::System.now()), event.metadata());
        // Names and reasons come from consoles: they end no line and draw nothing.
        writeln!(out, "{at} [{}] {}: {}", of.level(), of.target(), reports::terminal::harmless(&told))
    }
}
