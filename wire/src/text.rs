//! What travels as text.

/// Conversions between a type and its text, in JSON and in CBOR, for a type with `Display` and a strict `FromStr`.
macro_rules! travels_as_text {
    ($bad:ty: $($name:ty),*) => {$(
        impl TryFrom<String> for $name {
            type Error = $bad;

            fn try_from(text: String) -> Result<Self, $bad> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.to_string()
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                out: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                out.str(&self.to_string())?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(input: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                input.str()?.parse().map_err(|bad: $bad| minicbor::decode::Error::message(bad))
            }
        }
    )*};
}
pub(crate) use travels_as_text;
