//! How parts leave a box of the simulation.

use super::*;

impl Simulation {
    pub(super) fn upload(&mut self, from: usize, to: usize, id: ChunkId, next: u32) {
        let latency = Duration::from_millis(self.random.random_range(5..25));
        let by = self.members[to].id;
        let worth = self.members[from].schedule.worth_of(by, &id);
        self.members[from].uploads.push(Upload {
            to,
            id,
            next,
            worth,
            latency,
            is_told: false,
        });
        self.pump(from);
    }

    /// Sends the next part of what is worth most of that which is being uploaded and here: the bytes leave one after
    /// another, that is what an uplink is. What is small goes between the packets of what is large.
    pub(super) fn pump(&mut self, from: usize) {
        let now = self.now;
        let parts = |stream: &Stream, id: &ChunkId| parts_of(stream.bytes_of(id));
        loop {
            let sender = &mut self.members[from];
            let stream = self.stream;
            sender
                .uploads
                .retain(|upload| upload.next < parts(&stream, &upload.id));
            let here = |upload: &Upload| {
                if sender.held.contains_key(&upload.id) {
                    parts(&stream, &upload.id)
                } else {
                    sender.coming.get(&upload.id).copied().unwrap_or(0)
                }
            };
            let is_free = sender.uplink_free_at <= now;
            let ready = sender.uploads.iter().enumerate().filter(|(_, upload)| {
                upload.next < here(upload) && (is_free || is_small(stream.bytes_of(&upload.id) as usize))
            });
            let Some(best) = ready
                .min_by_key(|(_, upload)| {
                    Order::of(upload.worth, (parts(&stream, &upload.id) - upload.next) as usize)
                })
                .map(|(best, _)| best)
            else {
                break;
            };
            let upload = &mut sender.uploads[best];
            let bytes = stream.bytes_of(&upload.id);
            let transfer = Duration::from_secs_f64(f64::from(bytes.min(PART_BYTES)) / sender.uplink);
            let sent_at = if is_small(bytes as usize) {
                now + 2 * transfer
            } else {
                sender.uplink_free_at = now + transfer;
                sender.uplink_free_at
            };
            let upload_id = upload.id.clone();
            let message = Message::Part {
                id: upload.id.clone(),
                number: upload.next,
                is_genuine: sender.manner != Manner::Polluter,
            };
            upload.next += 1;
            let to_go = (parts(&stream, &upload.id) - upload.next) as usize;
            let is_last = to_go < NEARLY_DONE && !std::mem::replace(&mut upload.is_told, to_go < NEARLY_DONE);
            let (to, at) = (upload.to, sent_at + upload.latency);
            if is_last {
                self.at(
                    sent_at,
                    Event::Sent {
                        from,
                        to,
                        id: upload_id,
                    },
                );
            }
            self.at(at, Event::Message { from, to, message });
            if !is_small(bytes as usize) {
                self.at(sent_at, Event::Uplink(from));
            }
        }
    }
}
