//! Blocks: raw records compressed together.
