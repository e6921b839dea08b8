//! What we take of Enhanced RTMP, for encoders that ask before they send (E-RTMP v2, the `connect` command).

use rtmp_rs::amf::AmfValue;

use crate::ingest::flv::{AUDIO_CODES, VIDEO_CODES};

/// That somebody hands a codec's packets on without decoding them.
const CAN_FORWARD: f64 = 4.0;
/// That somebody can pass over extensions of a packet.
const MOD_EX: f64 = 4.0;

/// The properties that the answer to `connect` has beside those of old. Version 1 has a list of codecs, version 2 says
/// what is done with each.
pub(super) fn properties() -> [(String, AmfValue); 4] {
    let code = |code: &&str| AmfValue::String((*code).to_owned());
    let list = VIDEO_CODES.iter().chain(&AUDIO_CODES).map(code).collect();
    let map = |codes: &[&str]| {
        let codes = codes.iter().map(|code| (*code).to_owned());
        AmfValue::Object(codes.map(|code| (code, AmfValue::Number(CAN_FORWARD))).collect())
    };
    [
        ("capsEx".to_owned(), AmfValue::Number(MOD_EX)),
        ("fourCcList".to_owned(), AmfValue::Array(list)),
        ("videoFourCcInfoMap".to_owned(), map(&VIDEO_CODES)),
        ("audioFourCcInfoMap".to_owned(), map(&AUDIO_CODES)),
    ]
}

#[cfg(test)]
mod tests {
    use rml_rtmp::chunk_io::ChunkDeserializer;
    use rml_rtmp::messages::RtmpMessage;
    use rml_rtmp::rml_amf0::Amf0Value;

    use crate::ingest::rtmp::Writer;

    #[test]
    fn an_encoder_hears_which_codecs_are_taken_when_it_connects() {
        let mut writer = Writer::new();
        writer.connected(1.0, 2_500_000);
        let mut reader = ChunkDeserializer::new();
        let mut bytes = writer.output().split();
        let answer = loop {
            let message = reader
                .get_next_message(&bytes)
                .unwrap()
                .expect("an answer to connect");
            bytes.clear();
            match message.to_rtmp_message().unwrap() {
                RtmpMessage::SetChunkSize { size } => {
                    reader.set_max_chunk_size(size.try_into().unwrap()).unwrap();
                }
                RtmpMessage::Amf0Command { command_object, .. } => break command_object,
                _ => {}
            }
        };
        let properties = answer.get_object_properties().unwrap();

        assert_eq!(properties["capsEx"], Amf0Value::Number(4.0));
        let text = |code: &str| Amf0Value::Utf8String(code.to_owned());
        let list = ["avc1", "hvc1", "av01", "vp09", "mp4a", "Opus"].map(text);
        assert_eq!(properties["fourCcList"], Amf0Value::StrictArray(list.into()));
        for (map, codes) in [
            ("videoFourCcInfoMap", &["avc1", "hvc1", "av01", "vp09"][..]),
            ("audioFourCcInfoMap", &["mp4a", "Opus"]),
        ] {
            let map = properties[map].clone().get_object_properties().unwrap();
            assert_eq!(map.len(), codes.len());
            assert!(
                codes.iter().all(|code| map[*code] == Amf0Value::Number(4.0)),
                "{map:?}"
            );
        }
        assert!(properties.contains_key("fmsVer"), "what was always said is said");
    }
}
