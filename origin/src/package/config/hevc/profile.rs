//! What a decoder has to be able to do: profile, tier and level (ITU-T H.265 §7.3.3).

use std::fmt;

use crate::package::config::bits::Bits;

/// The general part; the layers below it are passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Profile {
    space: u8,
    high_tier: bool,
    number: u8,
    compatible: u32,
    constraints: [u8; 6],
    level: u8,
}

impl Profile {
    /// Reads it from a parameter set with so many layers in time below the highest.
    pub(super) fn read(bits: &mut Bits<'_>, lower_layers: u32) -> Option<Self> {
        let space = u8::try_from(bits.take(2)?).ok()?;
        let high_tier = bits.flag()?;
        let number = u8::try_from(bits.take(5)?).ok()?;
        let compatible = bits.take(32)?;
        let mut constraints = [0; 6];
        for byte in &mut constraints {
            *byte = bits.byte()?;
        }
        let level = bits.byte()?;
        skip_layers(bits, lower_layers)?;
        Some(Self {
            space,
            high_tier,
            number,
            compatible,
            constraints,
            level,
        })
    }
}

fn skip_layers(bits: &mut Bits<'_>, lower_layers: u32) -> Option<()> {
    let mut layers = Vec::with_capacity(8);
    for _ in 0..lower_layers {
        layers.push((bits.flag()?, bits.flag()?));
    }
    if lower_layers > 0 {
        (lower_layers..8).try_for_each(|_| bits.skip(2))?;
    }
    for (profile, level) in layers {
        bits.skip(if profile { 88 } else { 0 })?;
        bits.skip(if level { 8 } else { 0 })?;
    }
    Some(())
}

/// As RFC 6381 wants it (ISO/IEC 14496-15 Annex E.3): `1.6.L93.B0`.
impl fmt::Display for Profile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(["", "A", "B", "C"][usize::from(self.space & 3)])?;
        write!(out, "{}.{:X}.", self.number, self.compatible.reverse_bits())?;
        write!(out, "{}{}", if self.high_tier { 'H' } else { 'L' }, self.level)?;
        let told = self.constraints.iter().rposition(|&byte| byte != 0);
        let told = told.map_or(0, |last| last + 1);
        self.constraints[..told]
            .iter()
            .try_for_each(|byte| write!(out, ".{byte:X}"))
    }
}
