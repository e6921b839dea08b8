//! Decoding never takes more memory than a small multiple of what came in.

#![expect(unsafe_code, reason = "an allocator that counts is the only honest witness")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bytes::Bytes;
use wire::announcement::Announcement;
use wire::chunk::SealedChunk;
use wire::exchange::{MAX_WORD_BYTES, Word};
use wire::feed::Answer;
use wire::presentation::Presentation;

use crate::samples::{chunk, id, origin};

struct Counting;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
    static TOTAL: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn note(size: usize) {
    // A thread that ends has no counters left.
    let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(size)));
    let _ = TOTAL.try_with(|total| total.set(total.get() + size));
}

fn allocated_by(work: impl FnOnce()) -> (usize, usize) {
    LARGEST.set(0);
    TOTAL.set(0);
    work();
    (LARGEST.get(), TOTAL.get())
}

#[test]
fn the_witness_sees_allocations() {
    let (largest, _) = allocated_by(|| drop(std::hint::black_box(Vec::<u8>::with_capacity(12_345))));
    assert_eq!(largest, 12_345);
}

#[test]
fn a_lying_length_allocates_next_to_nothing() {
    // Byte strings, texts and arrays that say they are huge, at every depth the messages have.
    let lies: [&[u8]; 6] = [
        b"\x9b\x00\x00\x7f\xff\xff\xff\xff\xff",
        b"\x5b\x00\x00\x7f\xff\xff\xff\xff\xff",
        b"\x7b\x00\x00\x7f\xff\xff\xff\xff\xff",
        b"\x81\x9a\xff\xff\xff\xff",
        b"\x85\x64demo\x1a\xff\xff\xff\xff\x7a\xff\xff\xff\xff",
        b"\x9a\xff\xff\xff\xff\x40\x40\x40\x40\x40",
    ];
    for lie in lies {
        for kind in 0..12_u8 {
            let frame = Bytes::from([&[kind], lie].concat());
            let bare = Bytes::copy_from_slice(lie);
            let (largest, total) = allocated_by(|| {
                let _ = Word::decode(&frame);
                let _ = Answer::decode(&bare);
                let _ = Announcement::open(&bare);
                let _ = Presentation::open(&bare);
                let _ = SealedChunk::new(bare.clone()).open(&id(1, 0), &[origin().public()]);
            });
            assert!(
                largest <= 4096 && total <= 32 << 10,
                "{lie:x?} after {kind}: {largest} at once, {total} in all"
            );
        }
    }
}

#[test]
fn more_elements_than_allowed_are_refused_before_any_is_read() {
    let empty_seals = vec![0x40; 60_000];
    let count = u16::try_from(empty_seals.len()).unwrap().to_be_bytes();
    let frame = Bytes::from([&[1, 0x99, count[0], count[1]], &empty_seals[..]].concat());
    assert!(frame.len() <= MAX_WORD_BYTES);
    let (_, total) = allocated_by(|| assert!(Word::decode(&frame).is_err()));
    assert!(
        total <= 128 * MAX_WORD_BYTES,
        "{total} bytes for a frame of {MAX_WORD_BYTES}"
    );
}

#[test]
fn what_is_over_its_bound_is_refused_before_anything_is_allocated() {
    let large = Bytes::from(vec![1; 8 << 20]);
    let (_, total) = allocated_by(|| {
        assert!(Word::decode(&large).is_err());
        assert!(Answer::decode(&large).is_err());
        assert!(Announcement::open(&large).is_err());
        assert!(
            SealedChunk::new(large.clone())
                .open(&id(1, 0), &[origin().public()])
                .is_err()
        );
    });
    assert!(total <= 1024, "{total} bytes");
}

#[test]
fn a_seal_that_is_kept_does_not_keep_what_it_came_in() {
    let made = chunk(id(3, 0), true, &[7; 9000]);
    let travelled = Bytes::copy_from_slice(made.bytes());
    let opened = SealedChunk::new(travelled.clone()).open(made.id(), &[origin().public()]);
    let seal = opened.unwrap().seal().clone();
    assert!(travelled.is_unique(), "the seal keeps its chunk");
    assert_eq!(&seal, made.seal());

    let frame = Word::Have(vec![seal; 100]).encode();
    let Ok(Word::Have(seals)) = Word::decode(&frame) else {
        panic!("a have")
    };
    assert!(frame.is_unique(), "the seals keep their message");
    assert_eq!(seals.len(), 100);
}
