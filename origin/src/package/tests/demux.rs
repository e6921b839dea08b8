//! The samples of an MP4 file that an encoder wrote, with what its sample table says of them.

use mp4_atom::{Atom, Codec, DecodeMaybe, Header, Moov, StszSamples};

/// A track as a file has it.
pub(super) struct File {
    pub(super) entry: Codec,
    pub(super) timescale: u32,
    pub(super) samples: Vec<Sample>,
}

#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// In units of the timescale.
    pub(super) decoded: u64,
    pub(super) offset: i64,
    pub(super) keyframe: bool,
    pub(super) data: Vec<u8>,
}

/// The only track of a file.
pub(super) fn read(file: &[u8]) -> File {
    let mut moov = movie(file);
    let mut track = moov.trak.remove(0);
    let table = &mut track.mdia.minf.stbl;

    let sizes = match &table.stsz.samples {
        StszSamples::Identical { count, size } => vec![*size; *count as usize],
        StszSamples::Different { sizes } => sizes.clone(),
    };
    let durations = table.stts.entries.iter();
    let mut durations =
        durations.flat_map(|entry| vec![u64::from(entry.sample_delta); entry.sample_count as usize]);
    let offsets = table.ctts.iter().flat_map(|ctts| &ctts.entries);
    let mut offsets = offsets.flat_map(|entry| vec![entry.sample_offset; entry.sample_count as usize]);
    let mut places = places(table, &sizes).into_iter();

    let mut decoded = 0;
    let mut samples = Vec::new();
    for (number, size) in (1..).zip(&sizes) {
        let at = places.next().expect("every sample is in a chunk");
        samples.push(Sample {
            decoded,
            offset: offsets.next().unwrap_or(0),
            keyframe: table
                .stss
                .as_ref()
                .is_none_or(|sync| sync.entries.contains(&number)),
            data: file[at..at + *size as usize].to_vec(),
        });
        decoded += durations.next().expect("every sample has a duration");
    }
    File {
        entry: table.stsd.codecs.remove(0),
        timescale: track.mdia.mdhd.timescale,
        samples,
    }
}

fn movie(mut file: &[u8]) -> Moov {
    loop {
        let header = Header::decode_maybe(&mut file).unwrap().expect("a movie");
        let size = header.size.unwrap();
        if header.kind == Moov::KIND {
            return Moov::decode_body(&mut &file[..size]).unwrap();
        }
        file = &file[size..];
    }
}

/// Where in the file each sample begins.
fn places(table: &mp4_atom::Stbl, sizes: &[u32]) -> Vec<usize> {
    let chunks = &table.stco.as_ref().expect("a file of less than 4 GiB").entries;
    let mut sizes = sizes.iter();
    let mut places = Vec::new();
    for (number, chunk) in (1..).zip(chunks) {
        let run = table
            .stsc
            .entries
            .iter()
            .rev()
            .find(|run| run.first_chunk <= number);
        let mut at = *chunk as usize;
        for size in sizes.by_ref().take(run.unwrap().samples_per_chunk as usize) {
            places.push(at);
            at += *size as usize;
        }
    }
    places
}
