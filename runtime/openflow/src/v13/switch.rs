//! What a switch tells of itself and its ports, and how it is configured: OpenFlow 1.3.5 §7.2.1, §7.3.1 to §7.3.3, §7.3.4.3,
//! §7.3.9, §7.3.10, §7.4.3.

use net::{Dpid, MacAddr};

use crate::cursor::{Text, codes, flags, wire_struct};

codes! {
    /// A port number (`ofp_port_no`): physical and logical ones are 1 to `0xffffff00`.
    PortNo(u32) "OFPP_" {
        MAX = 0xffff_ff00, IN_PORT = 0xffff_fff8, TABLE = 0xffff_fff9, NORMAL = 0xffff_fffa, FLOOD = 0xffff_fffb,
        ALL = 0xffff_fffc, CONTROLLER = 0xffff_fffd, LOCAL = 0xffff_fffe, ANY = 0xffff_ffff,
    }
}

flags! {
    /// `ofp_port_config`.
    PortConfig(u32) "OFPPC_" { PORT_DOWN = 1, NO_RECV = 4, NO_FWD = 32, NO_PACKET_IN = 64 }
}

flags! {
    /// `ofp_port_state`.
    PortState(u32) "OFPPS_" { LINK_DOWN = 1, BLOCKED = 2, LIVE = 4 }
}

flags! {
    /// `ofp_port_features`.
    PortFeatures(u32) "OFPPF_" {
        TEN_MB_HD = 1, TEN_MB_FD = 2, HUNDRED_MB_HD = 4, HUNDRED_MB_FD = 8, ONE_GB_HD = 0x10, ONE_GB_FD = 0x20, TEN_GB_FD = 0x40,
        FORTY_GB_FD = 0x80, HUNDRED_GB_FD = 0x100, ONE_TB_FD = 0x200, OTHER = 0x400, COPPER = 0x800, FIBER = 0x1000,
        AUTONEG = 0x2000, PAUSE = 0x4000, PAUSE_ASYM = 0x8000,
    }
}

flags! {
    /// `ofp_capabilities`.
    Capabilities(u32) "OFPC_" {
        FLOW_STATS = 1, TABLE_STATS = 2, PORT_STATS = 4, GROUP_STATS = 8, IP_REASM = 0x20, QUEUE_STATS = 0x40,
        PORT_BLOCKED = 0x100,
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

codes! {
    /// `ofp_controller_role`.
    Role(u32) "OFPCR_ROLE_" { NOCHANGE = 0, EQUAL = 1, MASTER = 2, SLAVE = 3 }
}

impl PortNo {
    /// The physical or logical port, if it is one: not 0 and not reserved.
    #[must_use]
    pub fn physical(self) -> Option<net::PortNo> {
        (self.0 != 0 && self <= PortNo::MAX).then_some(net::PortNo(self.0))
    }
}

impl From<net::PortNo> for PortNo {
    fn from(port: net::PortNo) -> Self {
        PortNo(port.0)
    }
}

wire_struct! {
    /// `ofp_port`.
    Port as "ofp_port" {
        /// Number.
        port_no: PortNo,
        /// MAC address.
        @4 hw_addr: MacAddr,
        /// Name.
        @2 name: Text<16>,
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
        /// Current speed in kbit/s.
        curr_speed: u32,
        /// Greatest speed in kbit/s.
        max_speed: u32,
    }
}

wire_struct! {
    /// `ofp_port_status`.
    PortStatus as "ofp_port_status" {
        /// What happened.
        reason: PortReason,
        /// The port afterwards.
        @7 desc: Port,
    }
}

wire_struct! {
    /// `ofp_port_mod`.
    PortMod as "ofp_port_mod" {
        /// The port.
        port_no: PortNo,
        /// Its MAC address, as a check.
        @4 hw_addr: MacAddr,
        /// The bits to set.
        @2 config: PortConfig,
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

wire_struct! {
    /// `ofp_switch_features`.
    FeaturesReply as "ofp_switch_features" {
        /// The switch.
        datapath_id: Dpid,
        /// How many packets it can hold back.
        n_buffers: u32,
        /// How many tables it has.
        n_tables: u8,
        /// 0 for the main connection.
        auxiliary_id: u8,
        /// What it can do.
        @2 capabilities: Capabilities,
        /// Nothing yet.
        reserved: u32,
    }
}

wire_struct! {
    /// `ofp_table_mod`.
    TableMod as "ofp_table_mod" {
        /// The table; 0xff for all.
        table_id: u8,
        /// Deprecated bits.
        @3 config: u32,
    }
}

wire_struct! {
    /// `ofp_role_request`, request and reply.
    RoleRequest as "ofp_role_request" {
        /// The role.
        role: Role,
        /// The election that gave it: a switch refuses older ones.
        @4 generation_id: u64,
    }
}

wire_struct! {
    /// `ofp_async_config`: which asynchronous messages come, bit `n` for reason `n`. The first of two masks is for the master
    /// and equal roles, the second for the slave.
    AsyncConfig as "ofp_async_config" {
        /// Reasons of packet-ins for a master.
        packet_in_mask: u32,
        /// Reasons of packet-ins for a slave.
        packet_in_mask_slave: u32,
        /// Reasons of port status for a master.
        port_status_mask: u32,
        /// Reasons of port status for a slave.
        port_status_mask_slave: u32,
        /// Reasons of flow removal for a master.
        flow_removed_mask: u32,
        /// Reasons of flow removal for a slave.
        flow_removed_mask_slave: u32,
    }
}
