//! Bodies: the JSON of a record as the source sent it (redacted), compressed one by one with a dictionary.

use std::collections::BTreeMap;
use std::io;

use kernel::{IntegrationId, OrgId, RecordId};
use rustc_hash::FxHashMap;
use store::{Keys, Row, StoreError, Tx};

use crate::InventoryError;

/// The codec that bodies are written with.
pub(crate) const CODEC: &str = "zstd";

/// With a dictionary, levels above cost more time and save next to nothing.
const LEVEL: i32 = 1;

/// A stream's first page with this many bodies trains its dictionary. With fewer there is nothing worth saving.
const SAMPLES_MIN: usize = 64;

/// More samples make training slower and the dictionary no better.
const SAMPLES_MAX: usize = 256;

/// The most bytes of a dictionary: some ten typical bodies.
const DICTIONARY_BYTES_MAX: usize = 32 << 10;

/// The most bytes that a body may have: a response has no more.
const BODY_BYTES_MAX: usize = 64 << 20;

/// What bodies of a stream are compressed with.
pub(crate) struct BodyDictionary<'a> {
    pub id: i64,
    pub bytes: &'a [u8],
}

/// Compressors, by stream, made once.
#[derive(Default)]
pub(crate) struct Bodies {
    plain: Option<zstd::bulk::Compressor<'static>>,
    by_stream: FxHashMap<Box<str>, (i64, zstd::bulk::Compressor<'static>)>,
}

impl Bodies {
    /// Uses this dictionary for the stream from now on. A dictionary that zstd refuses is not used.
    pub fn add(&mut self, stream: &str, dictionary: &BodyDictionary) {
        if let Ok(compressor) = compressor(dictionary.bytes) {
            self.by_stream.insert(stream.into(), (dictionary.id, compressor));
        }
    }

    /// Whether the stream has a dictionary.
    pub fn knows(&self, stream: &str) -> bool {
        self.by_stream.contains_key(stream)
    }

    /// Compresses a body; answers the dictionary's id, if one was used, and the bytes.
    pub fn compress(&mut self, stream: &str, body: &[u8]) -> io::Result<(Option<i64>, Vec<u8>)> {
        if let Some((id, compressor)) = self.by_stream.get_mut(stream) {
            return Ok((Some(*id), compressor.compress(body)?));
        }
        let plain = match &mut self.plain {
            Some(plain) => plain,
            empty => empty.insert(compressor(&[])?),
        };
        Ok((None, plain.compress(body)?))
    }
}

/// A compressor that adds four bytes of checksum: a disk that forgets a bit is found out when the body is read, and never
/// makes another body.
fn compressor(dictionary: &[u8]) -> io::Result<zstd::bulk::Compressor<'static>> {
    let mut compressor = zstd::bulk::Compressor::with_dictionary(LEVEL, dictionary)?;
    compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
    Ok(compressor)
}

/// Makes a dictionary of a page's bodies; `None` if there are too few, or too unlike each other to have one.
pub(crate) fn train(bodies: &[&[u8]]) -> Option<Vec<u8>> {
    if bodies.len() < SAMPLES_MIN {
        return None;
    }
    let step = bodies.len().div_ceil(SAMPLES_MAX);
    let samples: Vec<&[u8]> = bodies.iter().step_by(step).copied().collect();
    zstd::dict::from_samples(&samples, DICTIONARY_BYTES_MAX).ok()
}

/// The body of one record, or `None` if there is no such record.
///
/// # Errors
/// The database fails or the body is damaged.
pub fn body(tx: &mut Tx, org: OrgId, record: RecordId) -> Result<Option<Vec<u8>>, InventoryError> {
    Ok(bodies(tx, org, &[record])?.pop().flatten())
}

/// The bodies of many records, none named twice, in the same order: from the source record, or from the log
/// where that alone has them.
///
/// # Errors
/// As [`body`].
pub fn bodies(tx: &mut Tx, org: OrgId, records: &[RecordId]) -> Result<Vec<Option<Vec<u8>>>, InventoryError> {
    const BODIES: &str = "SELECT record_id, codec, dictionary_id, body, integration_id, stream, native_id
        FROM inventory_source_record WHERE org_id = $1 AND record_id IN KEYS";
    let ids: Vec<i64> = records.iter().map(|record| record.0).collect();
    let stored = tx.select_in(BODIES, &[org.into()], Keys::Ints(&ids), Stored::read)?;

    let mut found = BTreeMap::new();
    let mut logged: BTreeMap<(i64, String), Vec<(String, i64)>> = BTreeMap::new();
    let mut packed = Vec::new();
    for Stored { record, integration, stream, native_id, bytes } in stored {
        match bytes {
            Some(bytes) => packed.push((record, bytes)),
            None => logged.entry((integration, stream)).or_default().push((native_id, record)),
        }
    }
    let mut unpack = Unpack::load(tx, org, packed.iter().filter_map(|(_, packed)| packed.dictionary))?;
    for (record, packed) in packed {
        found.insert(record, unpack.body(record, &packed)?);
    }
    for ((integration, stream), records) in logged {
        let native_ids: Vec<&str> = records.iter().map(|(id, _)| id.as_str()).collect();
        let seqs = signals::latest(tx, org, IntegrationId(integration), &stream, &native_ids)?;
        let known: Vec<i64> = seqs.iter().flatten().copied().collect();
        let bodies = signals::bodies(tx, org, &known)?;
        let by_seq: FxHashMap<i64, Vec<u8>> =
            known.into_iter().zip(bodies).filter_map(|(seq, body)| Some((seq, body?))).collect();
        for ((_, record), seq) in records.iter().zip(seqs) {
            if let Some(body) = seq.and_then(|seq| by_seq.get(&seq)) {
                found.insert(*record, body.clone());
            }
        }
    }
    Ok(ids.iter().map(|id| found.remove(id)).collect())
}

/// A source record as far as its body is concerned.
struct Stored {
    record: i64,
    integration: i64,
    stream: String,
    native_id: String,
    /// `None`: the body is in the log.
    bytes: Option<Packed>,
}

struct Packed {
    codec: String,
    dictionary: Option<i64>,
    bytes: Vec<u8>,
}

impl Stored {
    fn read(row: &Row) -> Result<Stored, StoreError> {
        let bytes = match (row.opt_text(1)?, row.opt_bytes(3)?) {
            (Some(codec), Some(bytes)) => {
                Some(Packed { codec: codec.to_owned(), dictionary: row.opt_int(2)?, bytes: bytes.to_vec() })
            }
            _ => None,
        };
        Ok(Stored {
            record: row.int(0)?,
            integration: row.int(4)?,
            stream: row.text(5)?.to_owned(),
            native_id: row.text(6)?.to_owned(),
            bytes,
        })
    }
}

/// Decompressors, by dictionary.
struct Unpack(FxHashMap<Option<i64>, zstd::bulk::Decompressor<'static>>);

impl Unpack {
    fn load(tx: &mut Tx, org: OrgId, dictionaries: impl Iterator<Item = i64>) -> Result<Unpack, InventoryError> {
        const DICTIONARY: &str =
            "SELECT dictionary_id, bytes FROM inventory_body_dictionary WHERE org_id = $1 AND dictionary_id IN KEYS";
        let mut ids: Vec<i64> = dictionaries.collect();
        ids.sort_unstable();
        ids.dedup();
        let made = tx.select_in(DICTIONARY, &[org.into()], Keys::Ints(&ids), |row| {
            Ok((Some(row.int(0)?), zstd::bulk::Decompressor::with_dictionary(row.bytes(1)?)))
        })?;
        let mut unpack = FxHashMap::default();
        for (id, decompressor) in made.into_iter().chain([(None, zstd::bulk::Decompressor::new())]) {
            let decompressor = decompressor.map_err(|source| InventoryError::Body {
                record: format!("dictionary {}", id.unwrap_or_default()),
                doing: "read",
                source,
            })?;
            unpack.insert(id, decompressor);
        }
        Ok(Unpack(unpack))
    }

    fn body(&mut self, record: i64, packed: &Packed) -> Result<Vec<u8>, InventoryError> {
        let failed = |source| InventoryError::Body { record: RecordId(record).to_string(), doing: "read", source };
        let odd = |what: &str| failed(io::Error::new(io::ErrorKind::InvalidData, what));
        if packed.codec != CODEC {
            return Err(odd("its codec is unknown"));
        }
        let decompressor = self.0.get_mut(&packed.dictionary).ok_or_else(|| odd("its dictionary is missing"))?;
        let size = zstd::zstd_safe::get_frame_content_size(&packed.bytes).ok().flatten();
        let size = size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size <= BODY_BYTES_MAX);
        let size = size.ok_or_else(|| odd("its size is not told or too large"))?;
        decompressor.decompress(&packed.bytes, size).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(number: usize) -> Vec<u8> {
        format!(
            r#"{{"id":"{number}","computerName":"pc-{number:05}","osType":"windows","isActive":{},"groupName":"Default Group","scanStatus":"finished","hash":"{:x}"}}"#,
            number.is_multiple_of(2),
            number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        )
        .into_bytes()
    }

    #[test]
    fn a_dictionary_makes_bodies_several_times_smaller() {
        let records: Vec<Vec<u8>> = (0..1000).map(like).collect();
        let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        let dictionary = train(&records).unwrap();
        assert!(dictionary.len() <= DICTIONARY_BYTES_MAX);
        assert_eq!(train(&records), Some(dictionary.clone()), "training is not left to chance");

        let mut bodies = Bodies::default();
        let (none, plain) = bodies.compress("agents", records[500]).unwrap();
        bodies.add("agents", &BodyDictionary { id: 7, bytes: &dictionary });
        let (id, small) = bodies.compress("agents", records[500]).unwrap();
        assert_eq!((none, id), (None, Some(7)));
        assert!(small.len() * 2 < plain.len(), "{} against {}", small.len(), plain.len());
    }

    #[test]
    fn too_few_bodies_train_nothing() {
        let records: Vec<Vec<u8>> = (0..SAMPLES_MIN - 1).map(like).collect();
        assert_eq!(train(&records.iter().map(Vec::as_slice).collect::<Vec<_>>()), None);
    }

    #[test]
    fn fault_11_a_bit_that_turned_in_a_body_or_its_dictionary_is_an_error_and_never_another_body() {
        let records: Vec<Vec<u8>> = (0..200).map(like).collect();
        let dictionary = train(&records.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
        let mut bodies = Bodies::default();
        bodies.add("agents", &BodyDictionary { id: 7, bytes: &dictionary });
        for (stream, dictionary) in [("agents", dictionary.as_slice()), ("sites", &[])] {
            let (id, bytes) = bodies.compress(stream, &records[7]).unwrap();
            let read = |bytes: Vec<u8>, dictionary: &[u8]| {
                let decompressor = zstd::bulk::Decompressor::with_dictionary(dictionary).ok()?;
                let mut unpack = Unpack([(id, decompressor)].into_iter().collect());
                unpack.body(1, &Packed { codec: CODEC.to_owned(), dictionary: id, bytes }).ok()
            };
            assert_eq!(read(bytes.clone(), dictionary).as_ref(), Some(&records[7]));
            for bit in 0..bytes.len() * 8 {
                let mut spoilt = bytes.clone();
                spoilt[bit / 8] ^= 1 << (bit % 8);
                if let Some(body) = read(spoilt, dictionary) {
                    assert_eq!(body, records[7], "{stream}: bit {bit} made another body");
                }
            }
            for bit in (0..dictionary.len() * 8).step_by(97) {
                let mut spoilt = dictionary.to_vec();
                spoilt[bit / 8] ^= 1 << (bit % 8);
                if let Some(body) = read(bytes.clone(), &spoilt) {
                    assert_eq!(body, records[7], "{stream}: bit {bit} of the dictionary made another body");
                }
            }
        }
    }
}
