//! The vectors in `wire/vectors` are what this crate makes: other implementations test against them.
//!
//! After a deliberate change of the protocol: `BOXMESH_WRITE_VECTORS=1 cargo test -p wire`.

use std::fmt::Write as _;
use std::path::Path;

use wire::chunk::Chunk;

use crate::samples::{chunk, id, init, origin, poster, stranger};

#[test]
fn the_vectors_are_what_this_crate_makes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/sealed.json");
    let made = vectors();
    if std::env::var_os("BOXMESH_WRITE_VECTORS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &made).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), made);
}

fn vectors() -> String {
    let segment = [
        chunk(id(3, 0), false, b"first"),
        chunk(id(3, 1), false, b"second"),
        chunk(id(3, 2), true, b"third"),
    ];
    let mut out = String::from("{\n");
    writeln!(out, "  \"origin\": \"{}\",", origin().public()).unwrap();
    writeln!(out, "  \"stranger\": \"{}\",", stranger().public()).unwrap();
    writeln!(out, "  \"init\": {},", described(&init())).unwrap();
    writeln!(out, "  \"poster\": {},", described(&poster(2, b"a picture"))).unwrap();
    let chunks: Vec<String> = segment.iter().map(described).collect();
    writeln!(out, "  \"segment\": [\n    {}\n  ]\n}}", chunks.join(",\n    ")).unwrap();
    out
}

fn described(chunk: &Chunk) -> String {
    let record = chunk.record();
    let id = &record.id;
    format!(
        "{{\"channel\": \"{}\", \"epoch\": {}, \"track\": \"{}\", \"segment\": {}, \"index\": {}, \"last\": {}, \
         \"time\": {}, \"duration\": {}, \"timescale\": {}, \"size\": {}, \"sha256\": \"{}\", \
         \"seal\": \"{}\", \"bytes\": \"{}\"}}",
        id.channel,
        id.epoch,
        id.track,
        id.segment,
        id.index,
        record.last,
        record.time,
        record.duration,
        record.timescale,
        record.size,
        hex::encode(record.sha256),
        hex::encode(chunk.seal().bytes()),
        hex::encode(chunk.bytes()),
    )
}
