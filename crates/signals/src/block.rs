//! Blocks: the raw records of a page, compressed together, because records of one page are alike.

use std::cell::RefCell;
use std::io;

use crate::SignalsError;

/// The codec that new blocks are written with.
pub(crate) const CODEC: &str = "zstd";

/// The compression level: the log is written once and read seldom, and this level is as fast as hashing.
const LEVEL: i32 = 1;

/// The most raw bytes in one block, so that reading one artifact stays cheap; a single larger record gets its own.
pub(crate) const BLOCK_BYTES_MAX: usize = 4 << 20;

/// Compresses records into a block; answers its bytes and their size before compression.
pub(crate) fn pack(records: &[&[u8]]) -> Result<(Vec<u8>, usize), SignalsError> {
    let size = 4 + records.iter().map(|record| 4 + record.len()).sum::<usize>();
    let mut plain = Vec::with_capacity(size);
    plain.extend_from_slice(&number(records.len()));
    for record in records {
        plain.extend_from_slice(&number(record.len()));
    }
    for record in records {
        plain.extend_from_slice(record);
    }
    Ok((compress(&plain).map_err(SignalsError::Compress)?, size))
}

thread_local! {
    // Making either of them costs as much as a small page, and a store's thread meets many.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

fn compress(plain: &[u8]) -> io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|kept| match kept {
        Some(compressor) => compressor.compress(plain),
        None => {
            let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
            // Four bytes, by which a disk that forgets a bit is found out when the block is read.
            compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
            kept.insert(compressor).compress(plain)
        }
    })
}

fn decompress(bytes: &[u8], size: usize) -> io::Result<Vec<u8>> {
    DECOMPRESSOR.with_borrow_mut(|kept| match kept {
        Some(decompressor) => decompressor.decompress(bytes, size),
        None => kept.insert(zstd::bulk::Decompressor::new()?).decompress(bytes, size),
    })
}

fn number(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("a response is bounded far below 4 GiB").to_le_bytes()
}

/// A block in memory, ready to be read.
pub(crate) struct Block {
    plain: Vec<u8>,
    /// Where each record ends; the first begins after the lengths.
    ends: Vec<usize>,
    begin: usize,
}

impl Block {
    /// Decompresses a block that was stored with its size.
    pub fn unpack(block: i64, codec: &str, bytes: &[u8], size: i64) -> Result<Block, SignalsError> {
        let damaged = |reason| SignalsError::Block { block, reason };
        if codec != CODEC {
            return Err(damaged("its codec is unknown"));
        }
        let size = usize::try_from(size).map_err(|_| damaged("its size is negative"))?;
        let plain = decompress(bytes, size).map_err(|_| damaged("it cannot be decompressed"))?;
        let number = |at: usize| {
            let bytes = plain.get(at..at + 4)?;
            Some(u32::from_le_bytes(bytes.try_into().expect("four bytes")) as usize)
        };
        let count = number(0).ok_or_else(|| damaged("it is too short"))?;
        let begin = 4 + 4 * count;
        let mut end = begin;
        let mut ends = Vec::with_capacity(count.min(plain.len() / 4));
        for at in 0..count {
            end += number(4 + 4 * at).ok_or_else(|| damaged("it is too short"))?;
            ends.push(end);
        }
        if plain.len() != size || end != size {
            return Err(damaged("its lengths do not add up"));
        }
        Ok(Block { plain, ends, begin })
    }

    /// The record at a position, if there is one.
    pub fn record(&self, position: i64) -> Option<&[u8]> {
        let position = usize::try_from(position).ok()?;
        let end = *self.ends.get(position)?;
        let begin = if position == 0 { self.begin } else { self.ends[position - 1] };
        self.plain.get(begin..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_from_a_block() {
        let records: [&[u8]; 4] = [b"{\"id\":\"1\"}", b"", b"{}", b"[1,2]"];
        let (bytes, size) = pack(&records).unwrap();
        let block = Block::unpack(1, CODEC, &bytes, i64::try_from(size).unwrap()).unwrap();
        for (at, record) in records.iter().enumerate() {
            assert_eq!(block.record(at as i64), Some(*record));
        }
        assert_eq!(block.record(4), None);
        assert_eq!(block.record(-1), None);
    }

    #[test]
    fn a_damaged_block_is_an_error_and_never_other_bytes() {
        let (bytes, size) = pack(&[b"one", b"two"]).unwrap();
        let size = i64::try_from(size).unwrap();
        assert!(Block::unpack(1, "lz77", &bytes, size).is_err());
        assert!(Block::unpack(1, CODEC, &bytes, size + 1).is_err());
        assert!(Block::unpack(1, CODEC, &bytes[..bytes.len() - 2], size).is_err());
        let lies = zstd::bulk::compress(&[9, 0, 0, 0, 1, 0, 0, 0], 1).unwrap();
        assert!(Block::unpack(1, CODEC, &lies, 8).is_err());
    }

    #[test]
    fn fault_11_a_bit_that_turned_in_a_block_is_an_error_and_never_another_record() {
        let records: Vec<Vec<u8>> =
            (0..50).map(|at| format!(r#"{{"id":"{at}","n":{}}}"#, at * at).into_bytes()).collect();
        let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        let (bytes, size) = pack(&records).unwrap();
        let size = i64::try_from(size).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut spoilt = bytes.clone();
            spoilt[bit / 8] ^= 1 << (bit % 8);
            if let Ok(block) = Block::unpack(1, CODEC, &spoilt, size) {
                assert!((0..).zip(&records).all(|(at, record)| block.record(at) == Some(record)), "bit {bit}");
            }
        }
    }
}
