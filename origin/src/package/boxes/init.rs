//! Init segments: what a decoder has to know before the first chunk (ISO/IEC 23000-19 §7.3.1).

use bytes::Bytes;
use mp4_atom::{
    Codec, Dinf, Dref, Edts, Elst, ElstEntry, Encode, Ftyp, Hdlr, Mdhd, Mdia, Minf, Moov, Mvex, Mvhd, Smhd,
    Stbl, Stco, Stsd, Tkhd, Trak, Trex, Url, Vmhd,
};

use super::super::description::{TrackDescription, VideoDescription};
use super::TRACK_NUMBER;

/// `ftyp` and `moov` of a track; `delay` is what all its composition times are too late, in units of its timescale.
pub(in super::super) fn init_segment(
    description: &TrackDescription,
    sample_entry: Codec,
    delay: u32,
) -> Bytes {
    // cmf2 wants what cmfc does, and no edit list.
    let mut brands: Vec<&[u8; 4]> = if delay == 0 {
        vec![b"cmf2", b"cmfc", b"iso6"]
    } else {
        vec![b"cmfc", b"iso6"]
    };
    // AV1 wants to be known by its brand (AV1-ISOBMFF §2.1).
    if matches!(sample_entry, Codec::Av01(_)) {
        brands.push(b"av01");
    }
    let ftyp = Ftyp {
        major_brand: brands[0].into(),
        minor_version: 0,
        compatible_brands: brands.iter().map(|&brand| brand.into()).collect(),
    };
    let mut moov = movie(description, sample_entry);
    if delay > 0 {
        // Without an end of its own: what comes in chunks has none yet.
        let edit = ElstEntry {
            segment_duration: 0,
            media_time: Some(delay.into()),
            media_rate: 1.into(),
        };
        moov.trak[0].edts = Some(Edts {
            elst: Some(Elst { entries: vec![edit] }),
        });
    }
    let mut out = Vec::with_capacity(1024);
    ftyp.encode(&mut out)
        .and_then(|()| moov.encode(&mut out))
        .expect("a configuration that was read can be written");
    out.into()
}

fn movie(description: &TrackDescription, sample_entry: Codec) -> Moov {
    let mvhd = Mvhd {
        creation_time: 0,
        modification_time: 0,
        timescale: description.timescale,
        duration: 0,
        rate: 1.into(),
        volume: 1.into(),
        matrix: mp4_atom::Matrix::default(),
        next_track_id: TRACK_NUMBER + 1,
    };
    let trex = Trex {
        track_id: TRACK_NUMBER,
        default_sample_description_index: 1,
        ..Trex::default()
    };
    Moov {
        mvhd,
        mvex: Some(Mvex {
            mehd: None,
            trex: vec![trex],
        }),
        trak: vec![track(description, sample_entry)],
        ..Moov::default()
    }
}

fn track(description: &TrackDescription, sample_entry: Codec) -> Trak {
    let mut tkhd = Tkhd {
        track_id: TRACK_NUMBER,
        enabled: true,
        in_movie: true,
        ..Tkhd::default()
    };
    let (handler, name, vmhd, smhd) = if let Some(video) = &description.video {
        tkhd.width = shown_width(video).into();
        tkhd.height = side(video.height).into();
        (b"vide", "Boxmesh video", Some(Vmhd::default()), None)
    } else {
        tkhd.volume = 1.into();
        (b"soun", "Boxmesh audio", None, Some(Smhd::default()))
    };
    let mdhd = Mdhd {
        timescale: description.timescale,
        language: "und".to_owned(),
        ..Mdhd::default()
    };
    // The other tables of samples are there, and empty: samples come in chunks.
    let stsd = Stsd {
        codecs: vec![sample_entry],
    };
    let minf = Minf {
        vmhd,
        smhd,
        dinf: Dinf {
            dref: Dref {
                entries: vec![Url::default().into()],
            },
        },
        stbl: Stbl {
            stsd,
            stco: Some(Stco::default()),
            ..Stbl::default()
        },
        ..Minf::default()
    };
    let mdia = Mdia {
        mdhd,
        hdlr: Hdlr {
            handler: handler.into(),
            name: name.to_owned(),
        },
        minf,
    };
    Trak {
        tkhd,
        mdia,
        ..Trak::default()
    }
}

/// The width as a square-pixel display shows it (ISO/IEC 14496-12 §8.3.2.3).
fn shown_width(video: &VideoDescription) -> u16 {
    let Some(sar) = video.sar else {
        return side(video.width);
    };
    let wide = u64::from(video.width) * u64::from(sar.numerator()) / u64::from(sar.denominator());
    u16::try_from(wide).unwrap_or(u16::MAX)
}

fn side(length: u32) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}
