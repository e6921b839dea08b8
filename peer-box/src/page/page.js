// Asks the box every second, and shows what it says. All of it is shown as text.

const EVERY_MS = 1000;

const at = (id) => document.getElementById(id);

function say(id, text) {
  if (at(id).textContent !== text) at(id).textContent = text;
}

function bytes(count) {
  const units = [['TB', 1e12], ['GB', 1e9], ['MB', 1e6], ['kB', 1e3]];
  const [unit, size] = units.find(([, size]) => count >= size) ?? ['B', 1];
  return `${(count / size).toFixed(unit === 'B' ? 0 : 1)} ${unit}`;
}

const mbit = (bits) => `${(bits / 1e6).toFixed(1)} Mbit/s`;

const total = (given) => given.viewers + given.neighbours + given.besides;

const parts = (given) => `${bytes(given.viewers)} to viewers, ${bytes(given.neighbours)} to boxes`;

function fill(id, items, make) {
  at(id).replaceChildren(...items.map(make));
}

function row({ text, good }) {
  const item = document.createElement('li');
  item.textContent = text;
  item.classList.toggle('trouble', !good);
  return item;
}

function cells(texts) {
  const line = document.createElement('tr');
  for (const text of texts) {
    const cell = document.createElement('td');
    cell.textContent = text;
    line.append(cell);
  }
  return line;
}

function port({ whom, address, seen }) {
  const name = whom[0].toUpperCase() + whom.slice(1);
  const told = seen.ok ? 'reach it' : seen.why ? `do not reach it: ${seen.why}` : 'have not been tried yet';
  return { text: `${name} ${told} (${address})`, good: seen.ok };
}

function tracker({ url, answers, listed, why }) {
  const told = listed ? 'sends viewers here' : answers ? 'sends no viewers here' : 'does not answer';
  return { text: `${url} ${told}${!listed && why ? `: ${why}` : ''}`, good: listed };
}

function health(box) {
  const ahead = Math.abs(box.clock_ahead_ms);
  const channels = box.carried.map(({ channel }) => channel).join(', ');
  return [
    ...box.trackers.map(tracker),
    {
      text: `${box.accepted_chunks} chunks accepted, ${box.refused_chunks} refused; ${box.banned_neighbours} neighbours banned`,
      good: box.refused_chunks === 0,
    },
    { text: `This machine’s clock is ${ahead} ms from the tracker’s`, good: ahead < 2000 },
    { text: `${bytes(box.window_bytes)} kept of ${channels || 'no channel'}`, good: true },
    ...(box.hours ? [{ text: `Serves at ${box.hours}, by this machine’s clock`, good: !box.closed }] : []),
  ];
}

function show(box) {
  say('id', box.id);
  at('notice').hidden = !box.closed;
  say('notice', box.closed ? `Nobody is served now: ${box.closed}.` : '');
  say('viewers', String(box.viewers));
  say('room', `room for ${box.room} more`);
  say('sending', mbit(box.sending_bits_per_second));
  at('load').value = box.sending_bits_per_second / box.upload_bits_per_second;
  say('upload', `of ${mbit(box.upload_bits_per_second)}`);
  say('today', bytes(total(box.today)));
  say('today-parts', parts(box.today));
  say('month', bytes(total(box.month)));
  at('used').hidden = !box.quota;
  if (box.quota) at('used').value = 1 - box.quota.left / box.quota.bytes;
  const left = box.quota ? `; ${bytes(box.quota.left)} left of ${bytes(box.quota.bytes)}` : '';
  say('month-parts', parts(box.month) + left);
  fill('reach', [...box.ports.map(port), ...box.router], row);
  fill('neighbours', box.neighbours, (one) =>
    cells([
      one.id,
      bytes(one.delivered),
      bytes(one.taken),
      one.round_trip_ms === null ? '–' : `${one.round_trip_ms.toFixed(1)} ms`,
    ]),
  );
  fill('health', health(box), row);
}

async function look() {
  try {
    const answer = await fetch('/status.json', { signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error(String(answer.status));
    show(await answer.json());
  } catch {
    at('notice').hidden = false;
    say('notice', 'The box does not answer: it may have been stopped.');
  }
  setTimeout(look, EVERY_MS);
}

void look();
