//! A look at a command before it is decoded.
//!
//! AMF0 lets a value refer to an earlier one, and the decoder copies what is referred to: forty objects
//! of two references each, a few hundred bytes, would be 2^40 values. No encoder sends references, so
//! none is let through, nor anything nested deeper than an encoder's `connect`.

/// How deep values may lie in each other: Enhanced RTMP's `connect` needs three.
const MAX_DEPTH: usize = 8;

/// Whether `body` is a row of whole AMF0 values, each a tree of bounded depth; else what is wrong.
pub(super) fn check(mut body: &[u8]) -> Result<(), &'static str> {
    while !body.is_empty() {
        value(&mut body, 0)?;
    }
    Ok(())
}

/// Passes over one value. The markers are those of "Action Message Format – AMF 0", §2.1.
fn value(body: &mut &[u8], depth: usize) -> Result<(), &'static str> {
    if depth == MAX_DEPTH {
        return Err("nests too deep");
    }
    match number(body, 1)? {
        // number, boolean; null, undefined, unsupported; date
        0x00 => skip(body, 8),
        0x01 => skip(body, 1),
        0x05 | 0x06 | 0x0d => Ok(()),
        0x0b => skip(body, 10),
        // string, long string, XML document
        0x02 => text(body, 2),
        0x0c | 0x0f => text(body, 4),
        // object, ECMA array (its count is a hint and not believed), typed object
        0x03 => properties(body, depth),
        0x08 => skip(body, 4).and_then(|()| properties(body, depth)),
        0x10 => text(body, 2).and_then(|()| properties(body, depth)),
        // strict array: a count that lies runs into the end, since every value takes a byte
        0x0a => {
            let count = number(body, 4)?;
            (0..count).try_for_each(|_| value(body, depth + 1))
        }
        0x07 => Err("holds a reference"),
        _ => Err("holds a value of unknown type"),
    }
}

fn properties(body: &mut &[u8], depth: usize) -> Result<(), &'static str> {
    loop {
        let name = number(body, 2)?;
        if name == 0 {
            return if number(body, 1)? == 0x09 {
                Ok(())
            } else {
                Err("has an object without an end")
            };
        }
        skip(body, name)?;
        value(body, depth + 1)?;
    }
}

fn text(body: &mut &[u8], length_bytes: usize) -> Result<(), &'static str> {
    let length = number(body, length_bytes)?;
    skip(body, length)
}

fn number(body: &mut &[u8], bytes: usize) -> Result<usize, &'static str> {
    let digits = body.get(..bytes).ok_or(CUT)?;
    skip(body, bytes)?;
    Ok(digits
        .iter()
        .fold(0, |number, digit| number << 8 | usize::from(*digit)))
}

fn skip(body: &mut &[u8], bytes: usize) -> Result<(), &'static str> {
    *body = body.get(bytes..).ok_or(CUT)?;
    Ok(())
}

const CUT: &str = "ends in the middle of a value";

#[cfg(test)]
mod tests {
    use rtmp_rs::amf::{Amf0Decoder, Amf0Encoder, AmfValue};

    use super::*;

    #[test]
    fn whatever_an_encoder_says_passes() {
        let mut encoder = Amf0Encoder::new();
        let text = AmfValue::String("avc1".into());
        let object = AmfValue::Object([("app".to_owned(), text.clone())].into());
        let list = AmfValue::Array(vec![text.clone(), object.clone(), AmfValue::Boolean(true)]);
        for value in [
            AmfValue::Number(1.0),
            AmfValue::Null,
            AmfValue::Undefined,
            AmfValue::Date(1.0),
            AmfValue::String("x".repeat(70_000)),
            AmfValue::EcmaArray([("fourCcList".to_owned(), list)].into()),
            object,
            text,
        ] {
            encoder.encode(&value);
        }
        assert_eq!(check(&encoder.finish()), Ok(()));
    }

    #[test]
    fn references_are_refused_before_they_multiply() {
        let laughs = [
            &[0x0a, 0, 0, 0, 0][..],
            &[0x0a, 0, 0, 0, 2, 0x07, 0, 0, 0x07, 0, 0],
        ]
        .concat();

        // The witness: the decoder itself would have copied.
        let decoded = Amf0Decoder::new().decode_all(&mut laughs.clone().into()).unwrap();
        assert_eq!(decoded[1].as_array().unwrap().len(), 2);

        assert_eq!(check(&laughs), Err("holds a reference"));
    }

    #[test]
    fn nesting_is_refused_before_it_overflows_anything() {
        let nested = [0x0a, 0, 0, 0, 1].repeat(100_000);
        assert_eq!(check(&nested), Err("nests too deep"));
    }

    #[test]
    fn lengths_that_lie_run_into_the_end() {
        for liar in [
            &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x05][..],
            &[0x0c, 0xff, 0xff, 0xff, 0xff, b'x'],
            &[0x02, 0, 2, b'x'],
            &[0x03, 0, 1, b'x'],
            &[0x00, 1, 2, 3],
        ] {
            assert_eq!(check(liar), Err("ends in the middle of a value"), "{liar:?}");
        }
        assert_eq!(check(&[0x11, 0x01]), Err("holds a value of unknown type"));
        assert_eq!(check(&[0x03, 0, 0, 0x05]), Err("has an object without an end"));
    }
}
