//! How wide the entries of a decision are: one flow, or as many as are judged alike and the switch can be told of. Never wider than
//! permission. Knows nothing of where entries go.

use compiler::template::Template;
use lang::checked::Verdict;
use lang::flow::{End, Judgement};
use net::{Dpid, FlowKey, FlowMatch, Location, MacAddr, Time, TransportMatch};

use crate::controller::Controller;
use crate::dialect::{Version, can_match};
use crate::effect::Effects;
use crate::install::{Slot, WIDE_PRIORITY};
use crate::record::{Conversation, FlowId};
use crate::settings::Width;

impl Controller {
    /// The template of a flow that comes in here, as the settings want it.
    pub(crate) fn template(&self, at: Location, key: &FlowKey, ends: (&End, &End), judgement: &Judgement, now: Time) -> Template {
        match self.settings.width {
            Width::Exact => self.program.template(key, ends.1, judgement),
            Width::Template | Width::Proactive => {
                let exact = self.program.template(key, ends.1, judgement);
                self.wide(at, key, ends, now).filter(|wide| wide.verdict == exact.verdict).unwrap_or(exact)
            }
        }
    }

    /// The template of a conversation as it is judged now: one of a single flow stays so, whatever has become alike to it.
    pub(crate) fn template_again(
        &self,
        conversation: &Conversation,
        (src, dst): (&End, &End),
        judgement: &Judgement,
        now: Time,
    ) -> Template {
        let key = &conversation.key;
        let exact = self.program.template(key, dst, judgement);
        if !conversation.template.wide {
            return exact;
        }
        self.wide(conversation.ingress, key, (src, dst), now).unwrap_or(exact)
    }

    /// The template of an entry that is found in a switch, whose packets one has these headers; nothing if it would be another now.
    pub(crate) fn template_of_entry(
        &self,
        at: Location,
        key: &FlowKey,
        ends: (&End, &End),
        judgement: &Judgement,
        slot: &Slot,
        now: Time,
    ) -> Option<Template> {
        if slot.priority != WIDE_PRIORITY {
            return Some(self.program.template(key, ends.1, judgement));
        }
        let region = FlowMatch { in_port: None, ..slot.region };
        let wanted = self.settings.width != Width::Exact;
        self.wide(at, key, ends, now).filter(|one| wanted && one.wide && one.region == region)
    }

    /// The widest template that the switch can be told of; nothing if that is the flow alone.
    fn wide(&self, at: Location, key: &FlowKey, ends: (&End, &End), now: Time) -> Option<Template> {
        // Where packets may be the rest of many conversations, each is looked at.
        if self.ended.covers(key, now) {
            return None;
        }
        let wide = self.told(at.dpid, key, self.program.widest(key, ends, now));
        if wide.verdict != Verdict::Allow && self.would_stop_answers(key.dl_src) {
            return None;
        }
        let (version, _) = self.means(at.dpid)?;
        let regions = std::iter::once(&wide.region).chain(&wide.reply);
        regions.into_iter().all(|region| can_match(version, region)).then_some(wide)
    }

    /// Where a switch cannot be told of a block of ports, the port itself.
    fn told(&self, dpid: Dpid, key: &FlowKey, wide: Template) -> Template {
        let TransportMatch::Ports { src, dst } = wide.region.transport else { return wide };
        let blocks = self.means(dpid).is_some_and(|(_, blocks)| blocks);
        let own = match FlowMatch::exact(key).transport {
            TransportMatch::Ports { dst, .. } if !blocks => dst,
            TransportMatch::Ports { .. } | TransportMatch::Any | TransportMatch::Icmp { .. } => dst,
        };
        Template { region: FlowMatch { transport: TransportMatch::Ports { src, dst: own }, ..wide.region }, ..wide }
    }

    /// What can be said to a switch: its version, and whether it takes blocks of ports.
    pub(crate) fn means(&self, dpid: Dpid) -> Option<(Version, bool)> {
        let version = self.switches.version(dpid)?;
        Some((version, self.switches.capabilities(dpid).is_some_and(|own| own.masks_ports(0))))
    }

    /// A denial of many flows at the port of a station would stop answers whose entries have gone in their silence, and of which the
    /// controller should see the next.
    pub(crate) fn would_stop_answers(&self, mac: MacAddr) -> bool {
        self.records.of_station(mac).into_iter().any(|id| self.records.get(id).is_some_and(|one| one.partial))
    }

    /// The same for denials that stand, when entries of a conversation go in their silence.
    pub(crate) fn lift_wide_denials(&mut self, id: FlowId, now: Time, out: &mut Effects) {
        let Some(conversation) = self.records.get_mut(id) else { return };
        conversation.partial = true;
        let ends = [conversation.key.dl_src, conversation.key.dl_dst];
        self.unplan_drops_of(ends, now, out);
        for mac in ends {
            let denies =
                |one: &Conversation| one.template.wide && one.template.verdict != Verdict::Allow && one.key.dl_src == mac;
            let mut ids = self.records.of_station(mac);
            ids.retain(|id| self.records.get(*id).is_some_and(denies));
            for denial in ids {
                self.forget(denial, out);
            }
        }
    }
}
