// SPDX-License-Identifier: GPL-3.0-or-later
//! Sockets of points that go, and others that come in their place. In: faults, closed sockets, fresh ones of a
//! shepherd. Out: what lived there is taken as gone once that is certain; shepherds are told what is missing.
//!
//! A point whose socket the monitor closes may notice late. Until it has another socket and has said there that
//! nothing of before lives, or [`RETURN_LIMIT`] is over, no revocation that waited for it is answered.

use super::orders::Until;
use super::tickets::Seat;
use super::words::{Effect, LinkId, PointId, Role};
use super::{Core, RETURN_LIMIT};
use cofferdam_monitor_wire::point::{BEFORE, ToPoint};
use cofferdam_monitor_wire::registry::FromMonitor;

impl Core {
    /// A point broke the protocol, or did not cut in time: it loses its socket.
    pub(super) fn fault(&mut self, point: PointId) {
        self.may_go_on(point);
        self.end_point(point);
    }

    /// Closes a point's socket.
    pub(super) fn end_point(&mut self, point: PointId) {
        self.faults = self.faults.saturating_add(1);
        if self.vms.by_point(point).is_some() {
            self.push(Effect::ClosePoint(point));
            self.point_closed(point);
        }
    }

    /// A point closed its socket itself, and with it ended all that lived there.
    pub(super) fn point_closed(&mut self, point: PointId) {
        let Some((vm, role)) = self.vms.by_point(point).cloned() else { return };
        self.drop_point(point);
        if let Some(link) = self.vms.get(&vm).map(|vm| vm.link) {
            self.push(Effect::Shepherd(link, FromMonitor::Lost { role }));
        }
    }

    /// What lives at a point may outlive its socket: who waits for its end waits for the next socket, too.
    fn may_go_on(&mut self, point: PointId) {
        let Some((vm, role)) = self.vms.by_point(point).cloned() else { return };
        let keys = self.tickets.at(Seat::Point(point));
        // A point that is lost again before it said that nothing lives has no more time than it had.
        let fresh = self.time.mono.saturating_add(RETURN_LIMIT);
        let deadline = self.tickets.unclear_until(Seat::Point(point)).unwrap_or(fresh);
        let next = Until::Point(vm.clone(), role);
        if let Some(entry) = self.vms.get_mut(&vm)
            && !keys.is_empty()
        {
            entry.lost.insert(role, deadline);
        }
        for key in keys {
            self.orders.also(&Until::Cut(key), std::slice::from_ref(&next));
        }
    }

    /// A shepherd brought another socket for a point.
    pub(super) fn renewed(&mut self, link: LinkId, role: Role, point: PointId) {
        let Some(vm) = self.vms.by_link(link).cloned() else {
            return self.push(Effect::ClosePoint(point));
        };
        let old = self.vms.get(&vm).and_then(|vm| vm.points.get(&role).copied());
        if let Some(old) = old {
            self.may_go_on(old);
            self.push(Effect::ClosePoint(old));
            self.drop_point(old);
        }
        let deadline = self.vms.get_mut(&vm).and_then(|vm| vm.lost.remove(&role));
        let seat = Seat::Point(point);
        self.vms.put_point(&vm, role, point);
        self.tickets.begin(seat, deadline);
        self.push(Effect::Point(point, ToPoint::Cut { ticket: BEFORE }));
        let lost = Until::Point(vm.clone(), role);
        if deadline.is_some() {
            self.orders.also(&lost, &[Until::Cut((seat, BEFORE))]);
        }
        self.happened(&lost);
        self.touch(&vm);
    }

    /// A point's socket is gone, or has to go.
    pub(super) fn drop_point(&mut self, point: PointId) {
        let Some(vm) = self.vms.drop_point(point) else { return };
        let seat = Seat::Point(point);
        self.drop_seat(seat);
        // The last ones first: none is shown that nobody waits for.
        for id in self.questions.forget_seat(seat).into_iter().rev() {
            self.abandon_question(id, false);
        }
        self.portals_lost_point(point);
        self.touch(&vm);
    }
}
