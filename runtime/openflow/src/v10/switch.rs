//! What a switch tells of itself and its ports, and how it is configured: OpenFlow 1.0.1 §5.2.1, §5.3.1, §5.3.2, §5.4.3.

use net::{Dpid, MacAddr};

use crate::cursor::{Reader, Text, Wire, Writer, codes, flags, wire_struct};
use crate::error::DecodeError;

codes! {
    /// A port number (`ofp_port`): physical ones are 1 to `0xff00`.
    PortNo(u16) "OFPP_" {
        MAX = 0xff00, IN_PORT = 0xfff8, TABLE = 0xfff9, NORMAL = 0xfffa, FLOOD = 0xfffb, ALL = 0xfffc, CONTROLLER = 0xfffd,
        LOCAL = 0xfffe, NONE = 0xffff,
    }
}

flags! {
    /// `ofp_port_config`.
    PortConfig(u32) "OFPPC_" {
        PORT_DOWN = 1, NO_STP = 2, NO_RECV = 4, NO_RECV_STP = 8, NO_FLOOD = 16, NO_FWD = 32, NO_PACKET_IN = 64,
    }
}

flags! {
    /// `ofp_port_state`; two bits of it are the state of spanning tree.
    PortState(u32) "OFPPS_" { LINK_DOWN = 1, STP_LISTEN = 0, STP_LEARN = 0x100, STP_FORWARD = 0x200, STP_BLOCK = 0x300, STP_MASK = 0x300 }
}

flags! {
    /// `ofp_port_features`.
    PortFeatures(u32) "OFPPF_" {
        TEN_MB_HD = 1, TEN_MB_FD = 2, HUNDRED_MB_HD = 4, HUNDRED_MB_FD = 8, ONE_GB_HD = 0x10, ONE_GB_FD = 0x20, TEN_GB_FD = 0x40,
        COPPER = 0x80, FIBER = 0x100, AUTONEG = 0x200, PAUSE = 0x400, PAUSE_ASYM = 0x800,
    }
}

flags! {
    /// `ofp_capabilities`.
    Capabilities(u32) "OFPC_" {
        FLOW_STATS = 1, TABLE_STATS = 2, PORT_STATS = 4, STP = 8, IP_REASM = 0x20, QUEUE_STATS = 0x40, ARP_MATCH_IP = 0x80,
    }
}

codes! {
    /// `ofp_config_flags`: what the switch does with IP fragments.
    ConfigFlags(u16) "OFPC_" { FRAG_NORMAL = 0, FRAG_DROP = 1, FRAG_REASM = 2, FRAG_MASK = 3 }
}

codes! {
    /// `ofp_port_reason`.
    PortReason(u8) "OFPPR_" { ADD = 0, DELETE = 1, MODIFY = 2 }
}

impl PortNo {
    /// The physical port, if it is one: not 0 and not reserved.
    #[must_use]
    pub fn physical(self) -> Option<net::PortNo> {
        (self.0 != 0 && self <= PortNo::MAX).then_some(net::PortNo(u32::from(self.0)))
    }

    /// The port's number in this version, if it has one.
    #[must_use]
    pub fn of(port: net::PortNo) -> Option<PortNo> {
        u16::try_from(port.0).ok().map(PortNo).filter(|port| port.physical().is_some())
    }
}

wire_struct! {
    /// `ofp_phy_port`.
    PhyPort as "ofp_phy_port" {
        /// Number.
        port_no: PortNo,
        /// MAC address.
        hw_addr: MacAddr,
        /// Name.
        name: Text<16>,
        /// How it is configured.
        config: PortConfig,
        /// Its state.
        state: PortState,
        /// Current features.
        curr: PortFeatures,
        /// Features being advertised.
        advertised: PortFeatures,
        /// Features supported.
        supported: PortFeatures,
        /// Features advertised by the other end.
        peer: PortFeatures,
    }
}

wire_struct! {
    /// `ofp_port_status`.
    PortStatus as "ofp_port_status" {
        /// What happened.
        reason: PortReason,
        /// The port afterwards.
        @7 desc: PhyPort,
    }
}

wire_struct! {
    /// `ofp_port_mod`.
    PortMod as "ofp_port_mod" {
        /// The port.
        port_no: PortNo,
        /// Its MAC address, as a check.
        hw_addr: MacAddr,
        /// The bits to set.
        config: PortConfig,
        /// Which bits to change.
        mask: PortConfig,
        /// Features to advertise; none changes nothing.
        advertise: PortFeatures,
        ; @4
    }
}

wire_struct! {
    /// `ofp_switch_config`.
    SwitchConfig as "ofp_switch_config" {
        /// What to do with fragments.
        flags: ConfigFlags,
        /// How many bytes of a packet a table miss sends.
        miss_send_len: u16,
    }
}

/// `ofp_switch_features`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeaturesReply {
    /// The switch.
    pub datapath_id: Dpid,
    /// How many packets it can hold back.
    pub n_buffers: u32,
    /// How many tables it has.
    pub n_tables: u8,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Bit `n` says that it has the action of type `n`.
    pub actions: u32,
    /// Its ports.
    pub ports: Vec<PhyPort>,
}

impl FeaturesReply {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<FeaturesReply, DecodeError> {
        let datapath_id = r.get("datapath_id")?;
        let n_buffers = r.get("n_buffers")?;
        let n_tables = r.get("n_tables")?;
        r.skip(3)?;
        let capabilities = r.get("capabilities")?;
        let actions = r.get("actions")?;
        Ok(FeaturesReply { datapath_id, n_buffers, n_tables, capabilities, actions, ports: r.values("ports")? })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.put(self.datapath_id);
        w.put(self.n_buffers);
        w.put(self.n_tables);
        w.pad(3);
        self.capabilities.put(w);
        w.put(self.actions);
        w.put_all(&self.ports);
    }
}
