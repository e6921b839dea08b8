//! Whatever an encoder says, the session takes it or ends, and keeps no more than it may.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| origin::ingest::fuzz::converse(bytes));
