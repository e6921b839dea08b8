//! The fields of an `AudioSpecificConfig` (ISO/IEC 14496-3 §1.6.2.1, §4.4.1), as far as players want to know.

use crate::package::config::bits::Bits;

/// Audio object types: those of AAC, from the first to the last.
pub(super) const MAIN: u32 = 1;
pub(super) const LTP: u32 = 4;
/// Spectral band replication: HE-AAC.
pub(super) const SBR: u32 = 5;
/// The same with parametric stereo: HE-AAC v2.
pub(super) const PARAMETRIC_STEREO: u32 = 29;

/// What a configuration says.
pub(super) struct Header {
    /// As heard: 5 or 29 where the upper band is replicated, and the configuration tells.
    pub(super) object_type: u32,
    /// As coded.
    pub(super) core_type: u32,
    pub(super) core_rate: u32,
    /// As heard.
    pub(super) sample_rate: u32,
    /// As coded; 0 where no number tells them, but a list.
    pub(super) channels: u8,
    pub(super) short_frames: bool,
}

impl Header {
    pub(super) fn read(asc: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(asc);
        let object_type = read_object_type(&mut bits)?;
        let core_rate = read_sample_rate(&mut bits)?;
        let layout = bits.take(4)?;
        let wrapped = matches!(object_type, SBR | PARAMETRIC_STEREO);
        let (sample_rate, core_type) = if wrapped {
            (read_sample_rate(&mut bits)?, read_object_type(&mut bits)?)
        } else {
            (core_rate, object_type)
        };
        let mut header = Self {
            object_type,
            core_type,
            core_rate,
            sample_rate,
            channels: channels(layout),
            short_frames: false,
        };
        // What follows may be missing: then it says nothing that is unusual.
        let _ = header.read_core(&mut bits);
        if !wrapped {
            let _ = header.read_extension(&mut bits);
        }
        Some(header)
    }

    /// `GASpecificConfig`.
    fn read_core(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        self.short_frames = bits.flag()?;
        if bits.flag()? {
            bits.skip(14)?; // how much later than another coder
        }
        bits.flag()?; // of error resilience: none
        Some(())
    }

    /// A replicated band, told in a way that readers of old do not notice.
    fn read_extension(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        if bits.take(11)? != 0x2b7 || read_object_type(bits)? != SBR || !bits.flag()? {
            return Some(());
        }
        self.sample_rate = read_sample_rate(bits)?;
        self.object_type = SBR;
        if bits.take(11)? == 0x548 && bits.flag()? {
            self.object_type = PARAMETRIC_STEREO;
        }
        Some(())
    }
}

/// The channels of a channel configuration (§1.6.3.5); 0 of one that is reserved, or says that a list comes.
fn channels(layout: u32) -> u8 {
    match layout {
        1 => 1,
        2 => 2,
        3 => 3,
        4 => 4,
        5 => 5,
        6 => 6,
        7 | 12 | 14 => 8,
        11 => 7,
        _ => 0,
    }
}

fn read_object_type(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.take(5)? {
        31 => Some(32 + bits.take(6)?),
        object_type => Some(object_type),
    }
}

fn read_sample_rate(bits: &mut Bits<'_>) -> Option<u32> {
    const RATES: [u32; 13] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
    ];
    let rate = match bits.take(4)? {
        15 => bits.take(24)?,
        index => *RATES.get(usize::try_from(index).ok()?)?,
    };
    (rate > 0).then_some(rate)
}
