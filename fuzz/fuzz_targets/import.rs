//! Any bytes are answered by every reader of files, within bounds, and what is read is a record that reads back.
//!
//! `cargo +nightly fuzz run import`, from the repository's root.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sync::import::fields::{Columns, Mapping};
use sync::import::host::Host;
use sync::import::source::Source;
use sync::import::{ImportError, csv, json, nmap};

/// A file that is longer than what a fuzzer makes is cut, not refused.
const BYTES_MAX: u64 = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let Some((format, bytes)) = bytes.split_first() else { return };
    let Ok(mut source) = Source::open(bytes, BYTES_MAX) else { return };
    match format % 3 {
        0 => {
            let _ = nmap::read(&mut source, &mut |_, host| check(&host));
        }
        1 => {
            let columns = std::cell::RefCell::new(None);
            let _ = csv::read(
                &mut source,
                &mut |headers| {
                    *columns.borrow_mut() = Some(Columns::new(headers, Mapping::default()));
                    Ok(())
                },
                &mut |_, headers, row| {
                    let row = headers.iter().zip(row).map(|(header, cell)| (header.clone(), vec![cell])).collect();
                    columns.borrow_mut().as_mut().map_or(Ok(()), |columns| check(&columns.host(row)))
                },
            );
        }
        _ => {
            let mut columns: Option<Columns> = None;
            let _ = json::read(&mut source, &mut |_, object| {
                let row = json::row(object)?;
                let headers: Vec<String> = row.iter().map(|(header, _)| header.clone()).collect();
                check(&columns.get_or_insert_with(|| Columns::new(&headers, Mapping::default())).host(row))
            });
        }
    }
});

fn check(host: &Host) -> Result<(), ImportError> {
    let raw = serde_json::to_vec(host).expect("a host is texts and numbers");
    assert_eq!(&serde_json::from_slice::<Host>(&raw).expect("it reads back"), host);
    assert!(host.identities().iter().all(|identity| !identity.is_empty()));
    Ok(())
}
