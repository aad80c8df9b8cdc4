//! What a process cost, read from `/proc`.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// What a process cost.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// User and system seconds, all threads, children that it waited for too.
    pub cpu: f64,
    /// Seconds from start to end.
    pub wall: f64,
    /// Most memory resident at once.
    pub peak_bytes: u64,
}

/// How often the peak of a running process is read; it only grows, so that the last reading is nearly the end's.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Ticks a second in `/proc/*/stat`, on every Linux.
const TICKS: f64 = 100.0;

/// Runs a program to its end. It must succeed.
#[expect(clippy::disallowed_methods, reason = "measuring takes the machine's own time")]
pub fn run_measured(command: &mut Command) -> anyhow::Result<Cost> {
    let before = cpu_of("self", true);
    let started = Instant::now();
    let mut child = command.spawn().with_context(|| format!("starting {command:?}"))?;
    let mut peak_bytes = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        peak_bytes = peak_of(child.id()).unwrap_or(peak_bytes).max(peak_bytes);
        std::thread::sleep(LOOK_EVERY);
    };
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(Cost { cpu: cpu_of("self", true) - before, wall: started.elapsed().as_secs_f64(), peak_bytes })
}

/// CPU seconds of a process, or of the children that it has waited for.
pub fn cpu_of(process: &str, of_children: bool) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name, in brackets, may hold anything; the fields after it are numbers. utime is the 14th of all.
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let first = if of_children { 13 } else { 11 };
    fields.iter().skip(first).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS
}

fn peak_of(process: u32) -> Option<u64> {
    status_of(process, "VmHWM:")
}

/// Bytes of a process that are resident now.
pub fn resident_of(process: u32) -> Option<u64> {
    status_of(process, "VmRSS:")
}

fn status_of(process: u32, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_works_costs_cpu_and_memory() {
        let cost =
            run_measured(Command::new("sh").args(["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"])).unwrap();
        assert!(cost.cpu > 0.0 && cost.wall > 0.0 && cost.peak_bytes > 100_000, "{cost:?}");
        assert!(run_measured(&mut Command::new("false")).is_err());
    }
}
