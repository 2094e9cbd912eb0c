//! THE tables of Faucet's keys (those of version 1.10): what a value has to be, and what it has to do with who may talk to whom.
//! Knows nothing of how what is read of them is used.

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ty {
    Bool,
    /// `true` is 1 there.
    Int,
    Float,
    Str,
    StrInt,
    List,
    Map,
    /// A list, a string or a number.
    ListStrInt,
    MapList,
    Any,
}

/// What a key has to do with who may talk to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// It is read by name.
    Read,
    /// Nothing: how the network is run, not who may use it.
    Nothing,
    /// Something that has no counterpart: this is why, and what stands for it.
    Lost(&'static str),
}

use Ty::{Any, Bool, Float, Int, List, ListStrInt, Map, MapList, Str, StrInt};
use Use::{Lost, Nothing, Read};

/// One key.
pub(crate) type Row = (&'static str, Ty, Use);

/// Keys of the file.
pub(crate) const TOP: &[Row] = &[
    ("acls", Map, Read),
    ("dps", Map, Read),
    ("meters", Map, Read),
    ("routers", Map, Lost("Pentane routes nothing: conversations between VLANs are denied")),
    ("vlans", Map, Read),
    ("version", Int, Read),
    ("include", List, Read),
    ("include-optional", List, Read),
];

/// Keys of a datapath.
pub(crate) const DP: &[Row] = &[
    ("dp_id", Int, Read),
    ("name", Str, Read),
    ("interfaces", Map, Read),
    ("interface_ranges", Map, Read),
    ("dp_acls", List, Read),
    ("stack", Map, Nothing),
    ("dot1x", Map, Lost("nothing logs hosts in by 802.1X: ports that wait for it are closed")),
    ("global_vlan", Int, Lost("Pentane routes nothing: conversations between VLANs are denied")),
    ("egress_pipeline", Bool, Nothing),
    ("arp_neighbor_timeout", Int, Nothing),
    ("advertise_interval", Int, Nothing),
    ("cache_update_guard_time", Int, Nothing),
    ("combinatorial_port_flood", Bool, Nothing),
    ("cookie", Int, Nothing),
    ("description", Str, Nothing),
    ("drop_broadcast_source_address", Bool, Nothing),
    ("drop_spoofed_faucet_mac", Bool, Nothing),
    ("fast_advertise_interval", Int, Nothing),
    ("faucet_dp_mac", Str, Nothing),
    ("group_table", Bool, Nothing),
    ("hardware", Str, Nothing),
    ("high_priority", Int, Nothing),
    ("highest_priority", Int, Nothing),
    ("idle_dst", Bool, Nothing),
    ("ignore_learn_ins", Int, Nothing),
    ("lacp_timeout", Int, Nothing),
    ("learn_ban_timeout", Int, Nothing),
    ("learn_jitter", Int, Nothing),
    ("lldp_beacon", Map, Nothing),
    ("low_priority", Int, Nothing),
    ("lowest_priority", Int, Nothing),
    ("max_host_fib_retry_count", Int, Nothing),
    ("max_hosts_per_resolve_cycle", Int, Nothing),
    ("max_resolve_backoff_time", Int, Nothing),
    ("max_wildcard_table_size", Int, Nothing),
    ("metrics_rate_limit_sec", Int, Nothing),
    ("min_wildcard_table_size", Int, Nothing),
    ("multi_out", Bool, Nothing),
    ("nd_neighbor_timeout", Int, Nothing),
    ("ofchannel_log", Str, Nothing),
    ("packetin_pps", Int, Nothing),
    ("port_table_scale_factor", Float, Nothing),
    ("priority_offset", Int, Nothing),
    ("proactive_learn_v4", Bool, Nothing),
    ("proactive_learn_v6", Bool, Nothing),
    ("slowpath_pps", Int, Nothing),
    ("strict_packet_in_cookie", Bool, Nothing),
    ("table_sizes", Map, Nothing),
    ("timeout", Int, Nothing),
    ("use_classification", Bool, Nothing),
    ("use_idle_timeout", Bool, Nothing),
];

/// Keys of an interface.
pub(crate) const PORT: &[Row] = &[
    ("number", Int, Read),
    ("name", Str, Read),
    ("enabled", Bool, Read),
    ("output_only", Bool, Read),
    ("native_vlan", StrInt, Read),
    ("tagged_vlans", List, Read),
    ("acl_in", StrInt, Read),
    ("acls_in", List, Read),
    ("stack", Map, Read),
    ("mirror", ListStrInt, Read),
    ("hairpin", Bool, Read),
    ("hairpin_unicast", Bool, Read),
    ("dot1x", Bool, Read),
    ("coprocessor", Map, Read),
    ("restricted_bcast_arpnd", Bool, Read),
    ("max_hosts", Int, Lost("Pentane does not count the hosts at a port")),
    ("permanent_learn", Bool, Lost("Pentane lets a host move that is not pinned: declare it with `at`")),
    ("loop_protect_external", Bool, Lost("Pentane finds its links by itself, and knows no other loops")),
    ("count_untag_vlan_miss", Bool, Nothing),
    ("description", Str, Nothing),
    ("dot1x_acl", Bool, Nothing),
    ("dot1x_dyn_acl", Bool, Nothing),
    ("dot1x_mab", Bool, Nothing),
    ("lacp", Int, Nothing),
    ("lacp_active", Bool, Nothing),
    ("lacp_collect_and_distribute", Bool, Nothing),
    ("lacp_passthrough", List, Nothing),
    ("lacp_port_id", Int, Nothing),
    ("lacp_port_priority", Int, Nothing),
    ("lacp_resp_interval", Int, Nothing),
    ("lacp_selected", Bool, Nothing),
    ("lacp_standby", Bool, Nothing),
    ("lacp_unselected", Bool, Nothing),
    ("lldp_beacon", Map, Nothing),
    ("lldp_peer_mac", Str, Nothing),
    ("loop_protect", Bool, Nothing),
    ("max_lldp_lost", Int, Nothing),
    ("opstatus_reconf", Bool, Nothing),
    ("receive_lldp", Bool, Nothing),
    ("unicast_flood", Bool, Nothing),
];

/// Keys of a VLAN.
pub(crate) const VLAN: &[Row] = &[
    ("vid", Int, Read),
    ("name", Str, Read),
    ("acl_in", StrInt, Read),
    ("acls_in", List, Read),
    ("acl_out", StrInt, Read),
    ("acls_out", List, Read),
    ("faucet_vips", List, Lost("Pentane routes nothing: conversations between VLANs are denied")),
    ("routes", List, Lost("Pentane routes nothing: conversations between VLANs are denied")),
    ("max_hosts", Int, Lost("Pentane does not count the hosts of a VLAN")),
    ("dot1x_assigned", Bool, Lost("nothing logs hosts in by 802.1X: no port joins this VLAN by it")),
    ("reserved_internal_vlan", Bool, Lost("what Faucet carries in it between its tables is carried by nothing here")),
    ("description", Str, Nothing),
    ("edge_learn_stack_root", Bool, Nothing),
    ("faucet_mac", Str, Nothing),
    ("minimum_ip_size_check", Bool, Nothing),
    ("proactive_arp_limit", Int, Nothing),
    ("proactive_nd_limit", Int, Nothing),
    ("targeted_gw_resolution", Bool, Nothing),
    ("unicast_flood", Bool, Nothing),
];

/// Keys of a list that is written as a mapping.
pub(crate) const ACL: &[Row] =
    &[("rules", List, Read), ("exact_match", Bool, Read), ("dot1x_assigned", Bool, Lost("nothing logs hosts in by 802.1X"))];

/// Keys of a rule besides what it matches.
pub(crate) const RULE: &[Row] = &[("cookie", Int, Nothing), ("actions", Map, Read), ("description", Str, Read)];

/// Keys of what a rule does.
pub(crate) const ACTIONS: &[Row] = &[
    ("allow", Int, Read),
    ("force_port_vlan", Int, Read),
    ("meter", Str, Read),
    ("mirror", StrInt, Read),
    ("output", MapList, Read),
    ("ct", Map, Read),
];

/// Keys of where a rule sends a packet.
pub(crate) const OUTPUT: &[Row] = &[
    ("tunnel", Map, Read),
    ("port", StrInt, Read),
    ("ports", List, Read),
    ("failover", Map, Read),
    ("set_fields", List, Read),
    ("pop_vlans", Int, Read),
    ("swap_vid", Int, Read),
    ("vlan_vid", Any, Read),
    ("vlan_vids", List, Read),
];

/// Keys of a meter.
pub(crate) const METER: &[Row] = &[("entry", Map, Read), ("meter_id", Int, Nothing)];

/// Keys of what a meter does.
pub(crate) const ENTRY: &[Row] = &[("flags", Any, Read), ("bands", List, Read), ("meter_id", Int, Nothing)];

/// Keys of the link to another datapath of a stack.
pub(crate) const STACK: &[Row] = &[("dp", Str, Read), ("port", StrInt, Read)];
