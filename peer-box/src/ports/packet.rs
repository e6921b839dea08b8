//! What PCP (RFC 6887) and NAT-PMP (RFC 6886) look like on the wire. Pure.
//!
//! Both have numbers of fixed size in fixed places, most significant byte first.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// No packet of either protocol is larger (RFC 6887 §7).
pub(super) const MAX_BYTES: usize = 1100;

pub(super) const NONCE_BYTES: usize = 12;

const PCP: u8 = 2;
const NAT_PMP: u8 = 0;
const MAP: u8 = 1;
const IS_ANSWER: u8 = 0x80;
const PCP_HEAD: usize = 24;
const PCP_ANSWER: usize = PCP_HEAD + 36;
const NAT_PMP_ANSWER: usize = 16;
const NAT_PMP_ADDRESS_ANSWER: usize = 12;

/// "This number or none" (RFC 6887 §13.2), an option without content.
const PREFER_FAILURE: [u8; 4] = [2, 0, 0, 0];

/// What a port is spoken to by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Udp,
}

impl fmt::Display for Transport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        })
    }
}

impl Transport {
    /// Its number in IP, which PCP uses.
    fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }

    /// Its number as NAT-PMP counts.
    fn opcode(self) -> u8 {
        match self {
            Self::Udp => 1,
            Self::Tcp => 2,
        }
    }
}

/// What is asked for: no time at all takes it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) transport: Transport,
    pub(super) port: u16,
    pub(super) seconds: u32,
}

/// What a router answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// 0 for yes; else see [`pcp_reason`] and [`nat_pmp_reason`].
    pub(super) result: u8,
    pub(super) port: u16,
    pub(super) seconds: u32,
    pub(super) external: Option<IpAddr>,
}

/// An answer to PCP's question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PcpAnswer {
    Mapped(Answer),
    /// From a router that hears another version only.
    AnotherVersion,
}

pub(super) fn pcp_map(wish: Wish, client: Ipv4Addr, nonce: [u8; NONCE_BYTES]) -> Vec<u8> {
    let mut out = Vec::with_capacity(PCP_ANSWER + PREFER_FAILURE.len());
    out.extend([PCP, MAP, 0, 0]);
    out.extend(wish.seconds.to_be_bytes());
    out.extend(client.to_ipv6_mapped().octets());
    out.extend(nonce);
    out.extend([wish.transport.number(), 0, 0, 0]);
    out.extend(wish.port.to_be_bytes());
    let is_taken_back = wish.seconds == 0;
    out.extend(if is_taken_back { 0 } else { wish.port }.to_be_bytes());
    out.extend(Ipv4Addr::UNSPECIFIED.to_ipv6_mapped().octets());
    if !is_taken_back {
        out.extend(PREFER_FAILURE);
    }
    out
}

/// The answer to [`pcp_map`]; `None` for anything else.
pub(super) fn read_pcp(bytes: &[u8], wish: Wish, nonce: [u8; NONCE_BYTES]) -> Option<PcpAnswer> {
    if bytes.len() > MAX_BYTES {
        return None;
    }
    let (version, kind) = (*bytes.first()?, *bytes.get(1)?);
    let is_answer = kind & IS_ANSWER != 0;
    // A router of NAT-PMP answers in four bytes and a clock that the version is not its own (RFC 6887 §9).
    if version != PCP {
        return (version == NAT_PMP && is_answer).then_some(PcpAnswer::AnotherVersion);
    }
    let result = *bytes.get(3)?;
    if !is_answer {
        return None;
    }
    if result == 1 {
        return Some(PcpAnswer::AnotherVersion);
    }
    let body = bytes.get(PCP_HEAD..PCP_ANSWER)?;
    let is_ours = kind == IS_ANSWER | MAP
        && body[..NONCE_BYTES] == nonce
        && body[12] == wish.transport.number()
        && body[16..18] == wish.port.to_be_bytes();
    if !is_ours {
        return None;
    }
    let external: [u8; 16] = body[20..36].try_into().ok()?;
    let external = Ipv6Addr::from(external).to_canonical();
    Some(PcpAnswer::Mapped(Answer {
        result,
        port: u16::from_be_bytes([body[18], body[19]]),
        seconds: u32::from_be_bytes(bytes.get(4..8)?.try_into().ok()?),
        external: Some(external).filter(|ip| !ip.is_unspecified()),
    }))
}

pub(super) fn nat_pmp_map(wish: Wish) -> Vec<u8> {
    let mut out = vec![NAT_PMP, wish.transport.opcode(), 0, 0];
    out.extend(wish.port.to_be_bytes());
    let is_taken_back = wish.seconds == 0;
    out.extend(if is_taken_back { 0 } else { wish.port }.to_be_bytes());
    out.extend(wish.seconds.to_be_bytes());
    out
}

/// The answer to [`nat_pmp_map`]; `None` for anything else.
pub(super) fn read_nat_pmp(bytes: &[u8], wish: Wish) -> Option<Answer> {
    let result = nat_pmp_result(bytes, wish.transport.opcode())?;
    let refused = Answer {
        result,
        port: 0,
        seconds: 0,
        external: None,
    };
    // A refusal may be as short as its reason.
    let Some(body) = bytes.get(8..NAT_PMP_ANSWER) else {
        return (result != 0).then_some(refused);
    };
    let is_ours = body[..2] == wish.port.to_be_bytes();
    is_ours.then(|| Answer {
        port: u16::from_be_bytes([body[2], body[3]]),
        seconds: u32::from_be_bytes([body[4], body[5], body[6], body[7]]),
        ..refused
    })
}

/// The question for the router's address on the far side.
pub(super) const NAT_PMP_ADDRESS: [u8; 2] = [NAT_PMP, 0];

/// The answer to [`NAT_PMP_ADDRESS`]; `None` for anything else. Unspecified, if the router does not tell.
pub(super) fn read_nat_pmp_address(bytes: &[u8]) -> Option<Ipv4Addr> {
    if nat_pmp_result(bytes, 0)? != 0 {
        return Some(Ipv4Addr::UNSPECIFIED);
    }
    let ip: [u8; 4] = bytes.get(8..NAT_PMP_ADDRESS_ANSWER)?.try_into().ok()?;
    Some(ip.into())
}

fn nat_pmp_result(bytes: &[u8], opcode: u8) -> Option<u8> {
    let head = bytes.get(..4).filter(|_| bytes.len() <= MAX_BYTES)?;
    let is_answer = head[0] == NAT_PMP && head[1] == IS_ANSWER | opcode && head[2] == 0;
    is_answer.then_some(head[3])
}

/// Why a router refuses, by PCP (RFC 6887 §7.4).
pub(super) fn pcp_reason(result: u8) -> String {
    match result {
        2 => "it is set not to allow this".into(),
        7 => "it has no connection itself".into(),
        8 | 10 => "it has no room for more".into(),
        11 => "the port is taken".into(),
        12 => "there is another router before it".into(),
        other => format!("PCP result {other}"),
    }
}

/// Why a router refuses, by NAT-PMP (RFC 6886 §3.5).
pub(super) fn nat_pmp_reason(result: u8) -> String {
    match result {
        2 => "it is set not to allow this".into(),
        3 => "it has no connection itself".into(),
        4 => "it has no room for more".into(),
        other => format!("NAT-PMP result {other}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WISH: Wish = Wish {
        transport: Transport::Tcp,
        port: 8090,
        seconds: 7200,
    };
    const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 7);
    const NONCE: [u8; NONCE_BYTES] = [7; NONCE_BYTES];

    /// What a router that agrees answers to PCP's question: the question itself, with another head.
    fn agreed(question: &[u8]) -> Vec<u8> {
        let mut answer = question[..PCP_ANSWER].to_vec();
        answer[1] |= IS_ANSWER;
        answer[8..24].fill(0);
        answer[44..60].copy_from_slice(&Ipv4Addr::new(198, 51, 100, 7).to_ipv6_mapped().octets());
        answer
    }

    #[test]
    fn a_question_is_as_the_standards_write_it() {
        let pcp = pcp_map(WISH, CLIENT, NONCE);
        assert_eq!(
            hex::encode(&pcp[..24]),
            "0201000000001c2000000000000000000000ffffc0a80107"
        );
        assert_eq!(
            hex::encode(&pcp[24..44]),
            format!("{}060000001f9a1f9a", "07".repeat(12))
        );
        assert_eq!(pcp[60..], PREFER_FAILURE);
        assert_eq!(hex::encode(nat_pmp_map(WISH)), "000200001f9a1f9a00001c20");
        let back = Wish { seconds: 0, ..WISH };
        assert_eq!(pcp_map(back, CLIENT, NONCE).len(), PCP_ANSWER);
        assert_eq!(hex::encode(nat_pmp_map(back)), "000200001f9a000000000000");
    }

    #[test]
    fn an_answer_counts_only_for_what_was_asked() {
        let answer = agreed(&pcp_map(WISH, CLIENT, NONCE));
        let expected = Answer {
            result: 0,
            port: 8090,
            seconds: 7200,
            external: Some(IpAddr::from([198, 51, 100, 7])),
        };
        assert_eq!(read_pcp(&answer, WISH, NONCE), Some(PcpAnswer::Mapped(expected)));
        assert_eq!(read_pcp(&answer, WISH, [8; NONCE_BYTES]), None, "another's nonce");
        let udp = Wish {
            transport: Transport::Udp,
            ..WISH
        };
        assert_eq!(read_pcp(&answer, udp, NONCE), None);
        assert_eq!(read_pcp(&answer, Wish { port: 1, ..WISH }, NONCE), None);
        let old = [0, 0x81, 0, 1, 0, 0, 0, 9];
        assert_eq!(read_pcp(&old, WISH, NONCE), Some(PcpAnswer::AnotherVersion));

        let answer = [
            0, 0x82, 0, 0, 0, 0, 0, 9, 0x1f, 0x9a, 0x1f, 0x9a, 0, 0, 0x1c, 0x20,
        ];
        let read = read_nat_pmp(&answer, WISH).unwrap();
        assert_eq!((read.result, read.port, read.seconds), (0, 8090, 7200));
        assert_eq!(read_nat_pmp(&answer, udp), None);
        assert_eq!(
            read_nat_pmp(&[0, 0x82, 0, 3, 0, 0, 0, 9], WISH).unwrap().result,
            3
        );
        let address = [0, 0x80, 0, 0, 0, 0, 0, 9, 198, 51, 100, 7];
        assert_eq!(
            read_nat_pmp_address(&address),
            Some(Ipv4Addr::new(198, 51, 100, 7))
        );
    }

    proptest! {
        #[test]
        fn no_bytes_of_a_router_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..1200), starts in 0..4_usize) {
            let mut bytes = bytes;
            let heads: [&[u8]; 4] = [&[], &[2, 0x81, 0, 0], &[0, 0x82, 0, 0], &[0, 0x80, 0, 0]];
            for (byte, head) in bytes.iter_mut().zip(heads[starts]) {
                *byte = *head;
            }
            let _ = read_pcp(&bytes, WISH, NONCE);
            let _ = read_nat_pmp(&bytes, WISH);
            let _ = read_nat_pmp_address(&bytes);
        }

        #[test]
        fn what_a_router_agrees_to_is_read_back(port in 1..u16::MAX, seconds in 1..u32::MAX, nonce: [u8; NONCE_BYTES]) {
            let wish = Wish { transport: Transport::Udp, port, seconds };
            let answer = agreed(&pcp_map(wish, CLIENT, nonce));
            let Some(PcpAnswer::Mapped(read)) = read_pcp(&answer, wish, nonce) else {
                return Err(TestCaseError::fail("it is an answer"));
            };
            prop_assert_eq!((read.result, read.port, read.seconds), (0, port, seconds));
        }
    }
}
