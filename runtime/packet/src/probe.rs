//! Our LLDP probes: a data unit that only the holder of the key can have made, for this port, at this time. Decides nothing about
//! links; whether a nonce and a time are fresh is the receiver's question.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use net::{Dpid, EtherType, MacAddr, PortNo, Time};
use sha2::Sha256;

use crate::build::ethernet;
use crate::lldp::{self, CHASSIS_LOCAL, Id, NEAREST_BRIDGE, Organisational, PORT_LOCAL, Unit};

/// A locally administered identifier: no organisation is assigned it (RFC 9542 §2.1).
const OUI: [u8; 3] = [0x02, 0x50, 0x4e];
const SUBTYPE: u8 = 1;
/// Separates these codes from any other use of the key.
const DOMAIN: &[u8] = b"pentane lldp probe 1";
/// Seconds that a listening neighbour may believe it.
const TTL: u16 = 120;
const NONCE: usize = 8;
const SENT: usize = 8;
const CODE: usize = 16;

/// What a probe says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The switch it leaves.
    pub dpid: Dpid,
    /// The port it leaves by.
    pub port: PortNo,
    /// The sender's number for this probe or this epoch.
    pub nonce: u64,
    /// When it was sent.
    pub sent: Time,
}

/// The key that authenticates probes.
#[derive(Clone)]
pub struct ProbeKey(pub [u8; 32]);

impl fmt::Debug for ProbeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProbeKey(…)")
    }
}

/// Why a data unit is no probe of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeError {
    /// A sound data unit of somebody else's.
    NotOurs,
    /// It claims to be ours, and the key did not make it.
    Forged,
    /// Not a sound data unit, or not in the form that we write.
    Malformed,
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProbeError::NotOurs => "not a probe of ours",
            ProbeError::Forged => "a probe that was not made with our key",
            ProbeError::Malformed => "a malformed LLDP data unit",
        })
    }
}

impl std::error::Error for ProbeError {}

impl Probe {
    /// The frame to send out of the port, from the port's address.
    #[must_use]
    pub fn build(&self, key: &ProbeKey, src: MacAddr) -> Vec<u8> {
        let code = self.code(key).finalize().into_bytes();
        let code = code.get(..CODE).unwrap_or_default();
        let value = [&self.nonce.to_be_bytes()[..], &self.sent.0.to_be_bytes()[..], code].concat();
        let unit = lldp::build(
            Id { subtype: CHASSIS_LOCAL, value: chassis(self.dpid).as_bytes() },
            Id { subtype: PORT_LOCAL, value: self.port.to_string().as_bytes() },
            TTL,
            &[Organisational { oui: OUI, subtype: SUBTYPE, value: &value }],
        );
        ethernet(NEAREST_BRIDGE, src, EtherType::LLDP, &unit)
    }

    /// Reads what follows the Ethernet header of an LLDP frame, and checks that the key made it.
    ///
    /// # Errors
    /// Whose it is instead, or that it cannot be read.
    pub fn verify(payload: &[u8], key: &ProbeKey) -> Result<Probe, ProbeError> {
        let unit = Unit::parse(payload).map_err(|_| ProbeError::Malformed)?;
        let mut ours = unit.organisational().filter(|tlv| tlv.oui == OUI && tlv.subtype == SUBTYPE);
        let own = ours.next().ok_or(ProbeError::NotOurs)?;
        let (probe, code) = read(&unit, own.value).ok_or(ProbeError::Malformed)?;
        if ours.next().is_some() {
            return Err(ProbeError::Malformed);
        }
        probe.code(key).verify_truncated_left(code).map_err(|_| ProbeError::Forged)?;
        Ok(probe)
    }

    fn code(&self, key: &ProbeKey) -> Hmac<Sha256> {
        let mut code = Hmac::<Sha256>::new(&block(key).into());
        code.update(DOMAIN);
        code.update(&self.dpid.0.to_be_bytes());
        code.update(&self.port.0.to_be_bytes());
        code.update(&self.nonce.to_be_bytes());
        code.update(&self.sent.0.to_be_bytes());
        code
    }
}

/// The key padded to the hash's block, as HMAC itself does (RFC 2104 §2).
fn block(key: &ProbeKey) -> [u8; 64] {
    let mut block = [0; 64];
    for (to, from) in block.iter_mut().zip(key.0) {
        *to = from;
    }
    block
}

fn chassis(dpid: Dpid) -> String {
    format!("dpid:{:016x}", dpid.0)
}

/// The probe that a data unit states, in exactly the spelling that we write, and its code.
fn read<'a>(unit: &Unit<'a>, value: &'a [u8]) -> Option<(Probe, &'a [u8])> {
    let (nonce, rest) = value.split_first_chunk::<NONCE>()?;
    let (sent, code) = rest.split_first_chunk::<SENT>()?;
    let dpid = std::str::from_utf8(unit.chassis.value).ok()?.strip_prefix("dpid:")?;
    let dpid = Dpid(u64::from_str_radix(dpid, 16).ok()?);
    let port = PortNo(std::str::from_utf8(unit.port.value).ok()?.parse().ok()?);
    let canonical = unit.chassis == Id { subtype: CHASSIS_LOCAL, value: chassis(dpid).as_bytes() }
        && unit.port == Id { subtype: PORT_LOCAL, value: port.to_string().as_bytes() };
    let probe = Probe { dpid, port, nonce: u64::from_be_bytes(*nonce), sent: Time(u64::from_be_bytes(*sent)) };
    (canonical && code.len() == CODE).then_some((probe, code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Payload, parse};

    const PORT_MAC: MacAddr = MacAddr([2, 0, 0, 0, 1, 1]);
    const PROBE: Probe = Probe { dpid: Dpid(0x10), port: PortNo(48), nonce: 7, sent: Time(1_700_000_000_000_000) };

    fn payload(frame: &[u8]) -> &[u8] {
        match parse(frame).unwrap().payload {
            Payload::Lldp(payload) => payload,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_probe_is_verified_with_its_key_only() {
        let key = ProbeKey([1; 32]);
        let frame = PROBE.build(&key, PORT_MAC);
        assert_eq!(Probe::verify(payload(&frame), &key), Ok(PROBE));
        assert_eq!(Probe::verify(payload(&crate::build::pad(frame.clone())), &key), Ok(PROBE));
        assert_eq!(Probe::verify(payload(&frame), &ProbeKey([2; 32])), Err(ProbeError::Forged));
        assert_eq!(format!("{key:?}"), "ProbeKey(…)");
    }

    #[test]
    fn the_code_is_hmac_sha256_as_computed_elsewhere() {
        let frame = PROBE.build(&ProbeKey([1; 32]), PORT_MAC);
        let code = &frame[frame.len() - 2 - CODE..frame.len() - 2];
        assert_eq!(code.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), "28c2d93adf8595dab7ed719e6dcf3da1");
    }

    #[test]
    fn no_changed_bit_is_accepted() {
        let key = ProbeKey([1; 32]);
        let frame = PROBE.build(&key, PORT_MAC);
        let unit = payload(&frame);
        let mut forged = 0;
        for bit in 0..unit.len() * 8 {
            let mut changed = unit.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            match Probe::verify(&changed, &key) {
                // What the code does not cover: how long a neighbour may believe it.
                Ok(probe) => assert_eq!(probe, PROBE),
                Err(error) => forged += usize::from(error == ProbeError::Forged),
            }
        }
        assert!(forged >= (NONCE + SENT + CODE) * 8);
    }

    #[test]
    fn another_sender_is_not_ours_and_a_cut_one_is_malformed() {
        let key = ProbeKey([1; 32]);
        let other = lldp::build(Id { subtype: 4, value: &[2, 0, 0, 0, 0, 9] }, Id { subtype: 5, value: b"eth0" }, 120, &[]);
        assert_eq!(Probe::verify(&other, &key), Err(ProbeError::NotOurs));
        let frame = PROBE.build(&key, PORT_MAC);
        let unit = payload(&frame);
        for length in 0..unit.len() {
            assert_eq!(Probe::verify(&unit[..length], &key), Err(ProbeError::Malformed));
        }
    }
}
