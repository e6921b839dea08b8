//! What a box of the simulation does with what it is sent.

use super::*;

impl Simulation {
    pub(super) fn receive(&mut self, from: usize, to: usize, message: Message) {
        let now = self.now;
        let sender = self.members[from].id;
        if self.members[to].banned.contains(&sender) {
            return;
        }
        if let Message::Here(id) | Message::Offer(id) = &message
            && !self.members[to].taken.insert(id.clone())
        {
            self.members[to].schedule.declined(sender, id);
            return self.send(to, from, Message::Withdraw(id.clone()));
        }
        let stream = self.stream;
        let silent = self.members[to].manner == Manner::Silent;
        let hands_on = self.members[from].schedule.hands_on();
        let schedule = &mut self.members[to].schedule;
        schedule.says_that_it_hands_on(sender, hands_on);
        match message {
            Message::Have(ids) => {
                self.send(to, from, Message::Heard);
                for id in ids {
                    if silent {
                        self.store(to, &id);
                    } else {
                        let record = ChunkRecord {
                            size: stream.bytes_of(&id),
                            duration: u32::try_from(stream.every.as_millis()).unwrap(),
                            ..record_of(&id)
                        };
                        self.members[to].schedule.told(now, sender, &record, seal_of(&id));
                    }
                }
            }
            Message::Heard => schedule.heard(sender),
            Message::Want(..) if silent => {}
            Message::Want(id, next) => match schedule.wanted(now, sender, &id, stream.bytes_of(&id) as usize)
            {
                Turn::Now => {
                    self.send(to, from, Message::Here(id.clone()));
                    self.upload(to, from, id, next);
                }
                Turn::Wait => {
                    self.send(to, from, Message::Wait(id.clone()));
                    self.members[to].waiting.insert((from, id));
                }
                Turn::Busy => self.refuse(to, from, id),
            },
            Message::Part {
                id,
                number,
                is_genuine,
            } => self.part(from, to, &id, number, is_genuine),
            Message::Here(id) => schedule.begins(now, sender, &id),
            Message::Offer(id) => {
                schedule.begins(now, sender, &id);
                let here = self.members[to].coming.get(&id).copied().unwrap_or(0);
                self.send(to, from, Message::Go(id, here));
            }
            Message::Go(id, next) => self.upload(to, from, id, next),
            Message::Wait(id) => schedule.waits(sender, &id),
            Message::Busy(id) => schedule.busy(now, sender, &id),
            Message::Withdraw(id) => {
                schedule.not_served(sender, &id);
                let member = &mut self.members[to];
                member.waiting.remove(&(from, id.clone()));
                member
                    .uploads
                    .retain(|upload| upload.to != from || upload.id != id);
            }
            Message::Done(id) => schedule.done(sender, &id),
            Message::Seek(id) => schedule.sought(sender, &id),
        }
    }

    pub(super) fn part(&mut self, from: usize, to: usize, id: &ChunkId, number: u32, is_genuine: bool) {
        let (now, bytes) = (self.now, self.stream.bytes_of(id));
        let sender = self.members[from].id;
        let member = &mut self.members[to];
        member.parts += 1;
        if !is_genuine && self.is_checked {
            member.schedule.left(sender);
            member.banned.insert(sender);
            member.coming.retain(|id, _| member.schedule.awaits(id));
            return;
        }
        self.bad_accepted += usize::from(!is_genuine);
        let here = member.coming.entry(id.clone()).or_default();
        if member.held.contains_key(id) || *here != number {
            member.parts_twice += 1;
        } else {
            *here += 1;
            member.schedule.comes(now, sender, id);
        }
        if number + 1 == parts_of(bytes) {
            member.schedule.arrived(now, sender, id, bytes as usize);
            if !member.held.contains_key(id) {
                member.fetched.push(id.clone());
                self.store(to, id);
            }
        }
        self.pump(to);
    }
}
