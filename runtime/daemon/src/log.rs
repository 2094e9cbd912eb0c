//! Events as structured log lines: one message, and fields that a machine can filter by. Knows nothing of where lines go.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use lang::checked::{Checked, Effect, RuleId};
use lang::flowspec::flow_text;
use lang::testing::rule_label;
use net::{Dpid, Location, Time};
use runtime::dialect::{Version, ofctl};

use runtime::event::{Decided, Event};
use runtime::session::Capabilities;
use runtime::{ConnId, Controller, Peer, Status};
use tracing::field::{DisplayValue, display};

use crate::policy::{self, Loaded};
use crate::reactor::{Observer, Reload};

/// The time in which lines are counted.
const SECOND: Duration = Duration::from_secs(1);
/// How many rules one line names.
const MOST_NAMED: usize = 20;

/// How many findings of a refused policy one line tells.
const MOST_TOLD: usize = 20;

/// Writes every event to the log, and counts the policies that were refused.
#[derive(Clone, Debug)]
pub struct Logger {
    refusals: u64,
    lines: Lines,
}

/// How many lines there were of each kind of event in its second.
#[derive(Clone, Debug)]
struct Lines {
    per_second: u32,
    kinds: HashMap<Discriminant<Event>, (Instant, u32)>,
    untold: u64,
    told: Option<Instant>,
}

impl Lines {
    /// True if one more line may be written of this kind: a flood of anything fills no disk, and hides nothing else.
    fn may(&mut self, kind: Discriminant<Event>, now: Instant) -> bool {
        let (since, count) = self.kinds.entry(kind).or_insert((now, 0));
        if now.duration_since(*since) >= SECOND {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        let may = *count <= self.per_second;
        self.untold += u64::from(!may);
        may
    }

    /// How many were not written since that was told last, if it is time to tell.
    fn left_out(&mut self, now: Instant) -> Option<u64> {
        if self.untold == 0 || self.told.is_some_and(|told| now.duration_since(told) < SECOND) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

impl Observer for Logger {
    fn event(&mut self, event: &Event, peer: Option<SocketAddr>, controller: &Controller) {
        let now = Instant::now();
        if self.lines.may(discriminant(event), now) {
            log(event, peer, controller);
        }
        if let Some(lines) = self.lines.left_out(now) {
            tracing::warn!(event = "lines-left-out", lines, "more happened than is written: `log.lines_per_second`");
        }
    }

    fn reloaded(&mut self, reload: &Reload<'_>) {
        match reload {
            Reload::Unchanged => tracing::info!(event = "policy-unchanged", "the policy is the same: nothing was done"),
            Reload::InForce(loaded, now) => {
                tracing::info!(event = "policy-reloaded", rules = rules(loaded), "the new policy is in force");
                caution(loaded, *now);
            }
            Reload::Refused(loaded) => {
                self.refusals += 1;
                tracing::error!(
                    event = "policy-refused",
                    refusals = self.refusals,
                    report = loaded.lines(MOST_TOLD),
                    "the new policy has errors: the one before stays in force"
                );
            }
        }
    }
}

impl Logger {
    /// Writes so many lines of each kind of event in a second.
    #[must_use]
    pub fn new(per_second: u32) -> Logger {
        Logger { refusals: 0, lines: Lines { per_second, kinds: HashMap::new(), untold: 0, told: None } }
    }

    /// The last line of a daemon.
    pub fn farewell(&self, status: &Status) {
        let counters = status.counters;
        tracing::info!(
            event = "stopped",
            allowed = counters.allowed,
            denied = counters.denied,
            revoked = counters.revoked,
            shed = counters.shed,
            refusals = self.refusals,
            "stopped; entries stay in the switches"
        );
    }
}

fn rules(loaded: &Loaded) -> usize {
    loaded.policy.as_deref().map_or(0, policy::rule_count)
}

/// Somebody connected.
pub fn connected(conn: ConnId, peer: Peer) {
    let certificate = peer.certificate.map(display);
    tracing::info!(event = "connected", conn = conn.0, peer = %peer.address, certificate, "somebody connected");
}

/// Somebody did not get through the handshake of TLS.
pub fn tls_refused(peer: SocketAddr, reason: &str, untold: u64) {
    let untold = (untold > 0).then_some(untold);
    tracing::warn!(event = "tls-refused", %peer, reason, untold, "somebody was refused at the TLS port");
}

/// Packets of switches that send more than is decided were dropped: the oldest that waited.
pub fn unheard(peer: SocketAddr, dropped: u64, all: u64) {
    tracing::warn!(event = "unheard", %peer, dropped, all, "a switch sends more packets than are decided: the oldest were dropped");
}

/// The files of TLS were read again, and are in use.
pub fn tls_reloaded() {
    tracing::info!(event = "tls-reloaded", "new connections are met with the certificates as they are now");
}

/// The files of TLS were read again, and are not what they should be.
pub fn tls_stays(why: &str) {
    tracing::error!(event = "tls-stays", why, "the certificates cannot be used: those before stay in use");
}

/// Warns of a policy that only few packets can pass under, and of its rules that have expired at this time.
pub fn caution(loaded: &Loaded, now: Time) {
    if let Some(policy) = loaded.policy.as_deref() {
        let expired: Vec<RuleId> = policy.expired(now).map(|(rule, _)| rule.id).collect();
        let named: Vec<String> = expired.iter().take(MOST_NAMED).map(|id| rule_label(policy, *id)).collect();
        if !expired.is_empty() {
            tracing::warn!(
                event = "rules-expired",
                count = expired.len(),
                rules = named.join(", "),
                "the `until` of rules is past: they match nothing"
            );
        }
    }
    if let Some(policy) = loaded.policy.as_deref() {
        let needing = runtime::capability::needing_users(policy);
        let named: Vec<String> = needing.iter().take(MOST_NAMED).map(|id| rule_label(policy, *id)).collect();
        if !needing.is_empty() {
            tracing::warn!(
                event = "rules-need-users",
                count = needing.len(),
                rules = named.join(", "),
                "rules ask for a user, and nothing logs users in in this version: they match nothing"
            );
        }
    }
    if loaded.by_hand {
        tracing::warn!(
            event = "carried-by-hand",
            "a rule tests the VLAN priority: no switch can keep that, every allowed packet goes through the controller, within \
             limits.relays_per_second"
        );
    }
}

/// The place of a deciding rule as `file:line`, or `default`.
#[must_use]
pub fn place(policy: &Checked, rule: Option<RuleId>) -> String {
    match policy.deciding_span(rule).map(|span| policy.sources.position(span)) {
        Some(position) => format!("{}:{}", position.file, position.line),
        None => "default".to_owned(),
    }
}

/// A switch by its name, if it has one.
#[must_use]
pub fn switch_name(policy: &Checked, dpid: Dpid) -> String {
    let named = policy.switches.iter().find(|switch| switch.dpid == dpid);
    named.map_or_else(|| dpid.to_string(), |switch| switch.name.to_string())
}

/// A port as `switch:port`.
#[must_use]
pub fn port_name(policy: &Checked, at: Location) -> String {
    format!("{}:{}", switch_name(policy, at.dpid), at.port)
}

fn log(event: &Event, peer: Option<SocketAddr>, controller: &Controller) {
    let policy = controller.policy();
    let at_name = |at: &Location| port_name(policy, *at);
    match event {
        Event::Decided(decided) => log_decision(decided, policy),
        Event::Revoked { flow, allowed_by, cause, denied_by } => tracing::info!(
            event = "revoked",
            flow = &**flow,
            allowed_by = &**allowed_by,
            cause = cause.to_string(),
            denied_by = denied_by.map(|rule| place(policy, rule)),
            "a conversation lost its permission"
        ),
        Event::Rerouted { flow, switches } => {
            tracing::info!(event = "rerouted", flow = flow_text(policy, flow), switches, "a conversation goes another way");
        }
        Event::Unroutable { flow, why } => {
            tracing::warn!(
                event = "unroutable",
                flow = flow_text(policy, flow),
                why = why.to_string(),
                "an allowed flow has no way"
            );
        }
        Event::PolicyInForce { kept, changed, undropped } => {
            tracing::info!(event = "policy-in-force", kept, changed, undropped, "conversations were judged again");
        }
        Event::StationAttached { .. }
        | Event::StationMoved { .. }
        | Event::StationDetached { .. }
        | Event::GatewayLearned { .. } => log_station(event, policy),
        Event::Spoofed { at, mac, why } => {
            tracing::warn!(event = "spoofed", %mac, at = at_name(at), why = why.to_string(), "a sender is not believed: dropped");
        }
        Event::Limited { at, what, dropped } => {
            tracing::warn!(
                event = "limited",
                at = at_name(at),
                limit = what.to_string(),
                dropped,
                "a limit was reached: dropped"
            );
        }
        Event::Shut { at, blame, seconds } => {
            tracing::warn!(
                event = "shut",
                at = at_name(at),
                what = blame.to_string(),
                seconds,
                "a port asks too much: its switch drops"
            );
        }
        Event::SwitchJoined { .. }
        | Event::SwitchPending { .. }
        | Event::SwitchStandby { .. }
        | Event::DpidClaimed { .. }
        | Event::SwitchLeft { .. }
        | Event::EchoSlow { .. }
        | Event::EchoPrompt { .. }
        | Event::SessionEnded { .. }
        | Event::SwitchError { .. } => log_switch(event, peer, controller),
        Event::Port { .. }
        | Event::LinkUp(_)
        | Event::LinkDown(_)
        | Event::LinkHeld { .. }
        | Event::Miswired(_)
        | Event::ProbeRefused { .. } => log_cabling(event, policy),
        Event::Reconciled { .. } | Event::Repaired { .. } | Event::TableFull { .. } | Event::NothingPlanned { .. } => {
            log_tables(event, policy);
        }
        Event::AddressClaimed { .. }
        | Event::LeaseBound { .. }
        | Event::PrefixDelegated { .. }
        | Event::AddressReleased { .. }
        | Event::NameRefused { .. }
        | Event::AddressContested { .. }
        | Event::Scan { .. }
        | Event::Quarantined { .. } => log_binding(event, policy),
    }
}

/// What is told of who has what.
fn log_binding(event: &Event, policy: &Checked) {
    let at_name = |at: &Location| port_name(policy, *at);
    match event {
        Event::AddressClaimed { mac, address, source } => {
            tracing::debug!(event = "address-claimed", %mac, %address, source = %source, "a station uses an address");
        }
        Event::LeaseBound { mac, address, at, seconds, name } => tracing::info!(
            event = "lease-bound",
            %mac,
            %address,
            at = at_name(at),
            seconds,
            host_name = name.as_deref(),
            "a trusted server gave a station an address"
        ),
        Event::PrefixDelegated { mac, prefix, seconds } => {
            tracing::info!(event = "prefix-delegated", %mac, %prefix, seconds, "a trusted server put a network behind a station");
        }
        Event::AddressReleased { mac, address, source, why } => {
            tracing::debug!(event = "address-released", %mac, %address, source = %source, why = why.to_string(), "a station has an address no longer");
        }
        Event::NameRefused { mac, at } => {
            tracing::warn!(event = "name-refused", %mac, at = at_name(at), "a station calls itself what is no name, or another's");
        }
        Event::AddressContested { mac, at, address, tester } => {
            let at = at_name(at);
            tracing::warn!(event = "address-contested", %mac, at, %address, %tester, "somebody answers for an address that another tests");
        }
        Event::Scan { mac, at, destinations, seconds } => {
            let at = at_name(at);
            tracing::warn!(event = "scan", %mac, at, destinations, seconds, "a host asks for many destinations in vain");
        }
        Event::Quarantined { mac, at, seconds } => {
            tracing::warn!(event = "quarantined", %mac, at = at_name(at), seconds, "a sender is proved to be elsewhere: dropped here");
        }
        _ => {}
    }
}

/// True if each decision is a line: else nobody need be told of it.
#[must_use]
pub fn tells_decisions() -> bool {
    tracing::enabled!(tracing::Level::INFO)
}

fn log_decision(decided: &Decided, policy: &Checked) {
    let via: Vec<&str> =
        decided.via.iter().filter_map(|id| policy.middleboxes.get(id.index())).map(|one| one.name.as_ref()).collect();
    tracing::info!(
        event = "flow",
        verdict = decided.verdict.to_string(),
        flow = flow_text(policy, &decided.flow),
        rule = place(policy, decided.rule),
        name = decided.rule.and_then(|id| policy.rule(id)).and_then(|rule| rule.name.as_deref()),
        via = (!via.is_empty()).then(|| via.join(", ")),
        audited = (!decided.audited.is_empty()).then(|| audited(policy, &decided.audited)),
        switches = decided.switches,
        covers = decided.covers.map(|region| ofctl::fields(&region).join(",")),
        "a flow was decided"
    );
}

/// What rules that only audit would have done, each with its place.
fn audited(policy: &Checked, rules: &[RuleId]) -> String {
    let one = |id: &RuleId| {
        let Effect::Audit(verdict) = policy.rule(*id)?.effect else { return None };
        Some(format!("{verdict} by {}", rule_label(policy, *id)))
    };
    rules.iter().filter_map(one).collect::<Vec<_>>().join(", ")
}

/// A switch is ready: with what it is and what it can do, in its own words.
fn log_joined(dpid: Dpid, version: Version, peer: Option<DisplayValue<SocketAddr>>, controller: &Controller) {
    let can = controller.capabilities(dpid);
    let told = can.and_then(Capabilities::description);
    tracing::info!(
        event = "switch-joined",
        switch = switch_name(controller.policy(), dpid),
        %dpid,
        peer,
        openflow = %version,
        certificate = controller.peer(dpid).and_then(|peer| peer.certificate).map(display),
        vendor = told.map(|told| told.vendor.as_str()),
        hardware = told.map(|told| told.hardware.as_str()),
        software = told.map(|told| told.software.as_str()),
        tables = can.map(Capabilities::n_tables),
        entries = can.and_then(|can| can.max_entries(0)),
        groups = can.map(Capabilities::has_groups),
        failover = can.map(Capabilities::has_fast_failover),
        meters = can.map(Capabilities::has_meters),
        "a switch takes flows"
    );
}

/// Who is where.
fn log_station(event: &Event, policy: &Checked) {
    let at_name = |at: &Location| port_name(policy, *at);
    match event {
        Event::StationAttached { mac, at } => {
            tracing::info!(event = "station-attached", %mac, at = at_name(at), "a station is attached");
        }
        Event::StationMoved { mac, from, to } => {
            tracing::info!(event = "station-moved", %mac, from = at_name(from), to = at_name(to), "a station moved");
        }
        Event::StationDetached { mac, at } => {
            tracing::info!(event = "station-detached", %mac, at = at_name(at), "a station is gone");
        }
        Event::GatewayLearned { mac, .. } => tracing::info!(event = "gateway-learned", %mac, "a gateway was seen"),
        _ => {}
    }
}

fn log_switch(event: &Event, peer: Option<SocketAddr>, controller: &Controller) {
    let policy = controller.policy();
    let peer = peer.map(display);
    let name = |dpid: &Dpid| switch_name(policy, *dpid);
    match event {
        Event::SwitchJoined { dpid, version } => log_joined(*dpid, *version, peer, controller),
        Event::SwitchPending { dpid, certificate } => tracing::warn!(
            event = "switch-pending",
            %dpid,
            peer,
            certificate = certificate.map(display),
            "a switch that the policy does not declare is connected: it gets no flows"
        ),
        Event::SwitchStandby { dpid, why } => tracing::warn!(
            event = "switch-standby",
            switch = name(dpid),
            %dpid,
            why = why.to_string(),
            "another controller is the master of a switch: nothing is installed there"
        ),
        Event::DpidClaimed { dpid, holder, by } => tracing::warn!(
            event = "dpid-claimed",
            switch = name(dpid),
            %dpid,
            %holder,
            %by,
            "two connections say that they are the same switch"
        ),
        Event::EchoSlow { dpid, millis } => {
            tracing::warn!(event = "echo-slow", switch = name(dpid), %dpid, millis, "a switch lives, and takes long to answer");
        }
        Event::EchoPrompt { dpid, millis } => {
            tracing::info!(event = "echo-prompt", switch = name(dpid), %dpid, millis, "a switch answers in time again");
        }
        Event::SwitchLeft { dpid } => {
            tracing::warn!(event = "switch-left", switch = name(dpid), %dpid, "a switch is out of reach");
        }
        Event::SessionEnded { conn, dpid, reason } => tracing::warn!(
            event = "session-ended",
            conn = conn.0,
            peer,
            dpid = dpid.map(|dpid| dpid.to_string()),
            reason = reason.to_string(),
            "a connection ended"
        ),
        Event::SwitchError { dpid, xid, error, about, flow } => tracing::warn!(
            event = "switch-error",
            dpid = dpid.map(|dpid| dpid.to_string()),
            xid,
            error,
            about = about.map(|about| about.to_string()),
            flow,
            "a switch could not do something"
        ),
        _ => {}
    }
}

/// Ports, and the cables between them.
fn log_cabling(event: &Event, policy: &Checked) {
    let at_name = |at: &Location| port_name(policy, *at);
    match event {
        Event::Port { at, up } => tracing::info!(event = "port", at = at_name(at), up, "a port changed"),
        Event::LinkUp(link) => {
            tracing::info!(event = "link-up", from = at_name(&link.from), to = at_name(&link.to), "a link is in use");
        }
        Event::LinkDown(link) => {
            tracing::warn!(event = "link-down", from = at_name(&link.from), to = at_name(&link.to), "a link is gone");
        }
        Event::LinkHeld { link, quiet } => tracing::warn!(
            event = "link-held",
            from = at_name(&link.from),
            to = at_name(&link.to),
            quiet = quiet.as_secs(),
            "a link goes down again and again: it is not used until it is quiet"
        ),
        Event::Miswired(wiring) => {
            let ports: Vec<String> = wiring.ports().iter().map(at_name).collect();
            tracing::warn!(
                event = "miswired",
                ports = ports.join(", "),
                what = wiring.to_string(),
                "ports are wired in a way that is not used"
            );
        }
        Event::ProbeRefused { at, why } => {
            tracing::warn!(event = "probe-refused", at = at_name(at), why, "a discovery probe is not believed");
        }
        _ => {}
    }
}

/// What switches hold.
fn log_tables(event: &Event, policy: &Checked) {
    let name = |dpid: &Dpid| switch_name(policy, *dpid);
    match event {
        Event::Reconciled { dpid, kept, added, removed, foreign, adopted } => tracing::info!(
            event = "reconciled",
            switch = name(dpid),
            kept,
            added,
            removed,
            foreign,
            adopted,
            "a switch's entries were compared with what is wanted"
        ),
        Event::Repaired { dpid, added, removed, foreign } => tracing::warn!(
            event = "repaired",
            switch = name(dpid),
            added,
            removed,
            foreign,
            "a switch held something else than was wanted: put right"
        ),
        Event::TableFull { dpid, evicted } => {
            tracing::warn!(event = "table-full", switch = name(dpid), evicted, "a switch has no room for another entry");
        }
        Event::NothingPlanned { stations, limit } => tracing::warn!(
            event = "nothing-planned",
            stations,
            limit,
            "no entries stand before packets come: there would be too many"
        ),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use net::{Dpid, PortNo};

    use super::*;

    #[test]
    fn r10_a_flood_of_one_kind_of_event_is_cut_and_hides_no_other() {
        let mut logger = Logger::new(10);
        let at = Location::new(Dpid(1), PortNo(1));
        let kinds = [Event::Port { at, up: true }, Event::SwitchLeft { dpid: Dpid(1) }].map(|event| discriminant(&event));
        let start = Instant::now();
        let (mut flood, mut left_out) = (0, 0);
        for step in 0..3000_u32 {
            let now = start + Duration::from_millis(1) * step;
            flood += u32::from(logger.lines.may(kinds[0], now));
            left_out += logger.lines.left_out(now).unwrap_or(0);
            assert!(!step.is_multiple_of(200) || logger.lines.may(kinds[1], now), "five a second");
        }
        assert_eq!(flood, 30);
        assert!(left_out > 1900, "{left_out}");
    }
}
