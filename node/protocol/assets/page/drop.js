
// Files for a request: sealed here, record by record, to a key that stands in the address; the server gets what only members open.
// See client/SPEC.md, "File requests", for the bytes, and crypto/SPEC.md for the keys.

const RECORD_BYTES = 1048572, RECORDS_AHEAD = 3, RECORDS_MAX = 131072, DROP_FILES_MAX = 10000, DROP_DEPTH_MAX = 32, LIST_BYTES_MAX = 4194304;
const DROP_FOLDERS_MAX = 10000;
const TRIES_MAX = 9, TRY_MS = 500, TRY_MS_MAX = 20000, RECORD_OVERHEAD = 56;

async function hmac(key, bytes) {
  const mac = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return new Uint8Array(await crypto.subtle.sign('HMAC', mac, bytes));
}

// A key of its own for each drop: the exchange with the request's key, salted by what stands in the address alone.
async function newDrop(found, base) {
  const curve = { name: 'ECDH', namedCurve: 'P-256' }, drop = crypto.getRandomValues(new Uint8Array(16));
  const requested = await crypto.subtle.importKey('raw', found.key, curve, false, []);
  const own = await crypto.subtle.generateKey(curve, false, ['deriveBits']);
  const head = new Uint8Array(await crypto.subtle.exportKey('raw', own.publicKey));
  const shared = new Uint8Array(await crypto.subtle.deriveBits({ name: 'ECDH', public: requested }, own.privateKey, 256));
  return { drop, head, key: await hkdf(shared, base, 'drop key', joined(found.link, drop, head)) };
}

const numberBytes = (number) => packed([4, number]);

// HKDF-Expand to one block is one HMAC.
const recordSecret = (key, number) => hmac(key, joined(labelled('drop record', numberBytes(number)), [1]));

async function sealRecord(secret, plain) {
  const info = labelled('chunk');
  const first = await hmac(secret, joined(info, [1])), second = await hmac(secret, joined(first, info, [2]));
  const frame = new Uint8Array(paddedLength(plain.length));
  frame.set(numberBytes(plain.length));
  frame.set(plain, 4);
  const prefix = joined(encoder.encode('VBC'), [1], second), cipher = await crypto.subtle.importKey('raw', first, 'AES-GCM', false, ['encrypt']);
  const how = { name: 'AES-GCM', iv: new Uint8Array(12), additionalData: prefix };
  return joined(prefix, new Uint8Array(await crypto.subtle.encrypt(how, cipher, frame)));
}

function varint(value) {
  const bytes = [];
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push(left % 128 + 128);
  bytes.push(left);
  return bytes;
}

const textBytes = (text) => { const bytes = encoder.encode(text); return joined(varint(bytes.length), bytes); };

function listBytes(files) {
  const list = joined([FORMAT], varint(files.length), ...files.map(({ path, file }) => joined(
    varint(path.length), ...path.map(textBytes), varint(file.size), varint(Math.max(0, Math.floor(file.lastModified || 0))))));
  if (list.length > LIST_BYTES_MAX) throw new Problem('many');
  return joined(numberBytes(list.length), list);
}

// The list, then the contents, cut into records: one is in memory at a time, and those on their way.
async function* recordsOf(files) {
  let record = new Uint8Array(RECORD_BYTES), used = 0;
  const add = async function* add(size, read) {
    for (let at = 0; at < size;) {
      const length = Math.min(size - at, RECORD_BYTES - used);
      record.set(await read(at, at + length), used);
      at += length;
      used += length;
      if (used === RECORD_BYTES) { yield record; record = new Uint8Array(RECORD_BYTES); used = 0; }
    }
  };
  const list = listBytes(files);
  yield* add(list.length, async (from, to) => list.subarray(from, to));
  for (const { file } of files) {
    yield* add(file.size, async (from, to) => {
      let bytes;
      try { bytes = new Uint8Array(await file.slice(from, to).arrayBuffer()); } catch { throw new Problem('unreadable'); }
      if (bytes.length !== to - from) throw new Problem('unreadable');
      return bytes;
    });
  }
  if (used > 0) yield record.subarray(0, used);
}

const sealedBytes = (files) => {
  const total = listBytes(files).length + files.reduce((sum, { file }) => sum + file.size, 0);
  const whole = Math.floor(total / RECORD_BYTES), rest = total % RECORD_BYTES;
  return { records: whole + (rest > 0 ? 1 : 0), bytes: whole * (RECORD_BYTES + RECORD_OVERHEAD) + (rest > 0 ? paddedLength(rest) + 52 : 0) };
};

const pause = (milliseconds, signal) => new Promise((resolve, reject) => {
  const stop = () => reject(new Problem('cancelled'));
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  setTimeout(resolve, milliseconds);
});

// A server that does not answer may be back in a moment, and one that others have asked too often listens again within a minute: the same again
// is the same.
const isPassing = (problem) => problem instanceof Problem && ['away', 'busy'].includes(problem.kind);

async function askUntil(path, body, signal) {
  for (let tries = 1, wait = TRY_MS; ; tries += 1, wait = Math.min(2 * wait, TRY_MS_MAX)) {
    try { return await ask(path, body, signal); } catch (problem) {
      if (signal.aborted) throw new Problem('cancelled');
      if (!isPassing(problem) || tries >= TRIES_MAX) throw problem;
    }
    element('status').textContent = words.waiting;
    await pause(wait, signal);
  }
}

// A drop that is under way. Each record is sealed once, whatever happens: its secret seals one message. What has not been answered is kept,
// and sent again as it is.
async function newSending(request, files) {
  const { drop, head, key } = await newDrop(request.found, request.base), before = joined(request.found.link, request.token, drop);
  return { drop, head, key, before, records: recordsOf(files), unsent: new Map(), number: 0, isSealed: false, done: 0 };
}

async function sendRecords(sending, stop, told) {
  const flying = new Set();
  let failed = null;
  const send = async (place) => {
    const { object, bytes } = sending.unsent.get(place);
    const flight = askUntil('record', joined(sending.before, numberBytes(place), object), stop.signal)
      .then(() => { sending.unsent.delete(place); sending.done += bytes; told(); })
      .catch((problem) => { failed = failed || problem; }).finally(() => flying.delete(flight));
    flying.add(flight);
    while (flying.size >= RECORDS_AHEAD && !failed) await Promise.race(flying);
    if (failed) throw failed;
  };
  try {
    for (const place of [...sending.unsent.keys()]) await send(place);
    while (!sending.isSealed) {
      const { value, done } = await sending.records.next();
      if (done) { sending.isSealed = true; break; }
      const place = sending.number;
      sending.number += 1;
      sending.unsent.set(place, { object: await sealRecord(await recordSecret(sending.key, place), value), bytes: value.length });
      await send(place);
    }
    await Promise.all(flying);
    if (failed) throw failed;
  } catch (problem) {
    stop.abort();
    await Promise.all(flying);
    throw problem;
  }
}

async function sendAll(sending, stop, told) {
  await sendRecords(sending, stop, told);
  await askUntil('finish', joined(sending.before, numberBytes(sending.number), sending.head), stop.signal);
}

// What a person can name the drop by.
const referenceOf = ({ drop }) => [...drop.subarray(0, 6)].map((byte) => byte.toString(16).padStart(2, '0')).join('');

// Has the server let go of what has come of a drop; whether the drop turns out to be whole.
async function giveUp(sending) {
  try { await ask('cancel', sending.before); return false; } catch (problem) { return problem.kind === 'malformed'; }
}

// What a person chooses

async function entriesOf(entry, path, into) {
  if (into.length > DROP_FILES_MAX) throw new Problem('many');
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => { entry.file(resolve, reject); }).catch(() => { throw new Problem('unreadable'); });
    into.push({ path: [...path, file.name], file });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); }).catch(() => { throw new Problem('unreadable'); });
    if (some.length === 0) return;
    for (const next of some) await entriesOf(next, [...path, entry.name], into);
  }
}

// How many folders these files lie in. Where one is known, those that it lies in are.
function foldersOf(files) {
  const folders = new Set();
  for (const { path } of files) {
    for (let depth = path.length - 1; depth > 0; depth -= 1) {
      const folder = path.slice(0, depth).join('/');
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  }
  return folders.size;
}

const pathOf = (file) => (file.webkitRelativePath ? file.webkitRelativePath.split('/') : [file.name]);

async function droppedOn(transfer) {
  const entries = [...transfer.items].map((item) => (item.webkitGetAsEntry ? item.webkitGetAsEntry() : null)).filter(Boolean), found = [];
  if (entries.length === 0) return [...transfer.files].map((file) => ({ path: [file.name], file }));
  for (const entry of entries) await entriesOf(entry, [], found);
  return found;
}

function showRequest(request) {
  let chosen = [], cancel = null, sending = null;
  const say = (id, text) => { element(id).textContent = text; };
  const total = () => chosen.reduce((sum, { file }) => sum + file.size, 0);
  const limits = () => say('limits', words.limits(human(request.bytesLeft), request.until));
  const phase = (name) => {
    for (const id of ['choosing', 'sending', 'done']) element(id).hidden = id !== name;
    element('limits').hidden = name === 'done';
  };

  // What was begun is of use for the very same files alone.
  function forget() {
    if (sending) giveUp(sending);
    sending = null;
  }

  function list() {
    const rows = chosen.slice(0, ROWS_MAX).map((one, at) => {
      const row = document.createElement('li'), label = document.createElement('span'), button = document.createElement('button');
      const name = shown(one.path.join('/'));
      label.textContent = `${name} (${human(one.file.size)})`;
      button.textContent = words.remove;
      button.type = 'button';
      button.className = 'plain';
      button.setAttribute('aria-label', words.removeOf(name));
      button.addEventListener('click', () => {
        forget();
        chosen.splice(at, 1);
        list();
        (element('chosen').querySelectorAll('button')[Math.min(at, chosen.length - 1)] || element('choose')).focus();
      });
      row.append(label, button);
      return row;
    });
    if (chosen.length > ROWS_MAX) {
      const row = document.createElement('li');
      row.textContent = words.moreChosen(chosen.length - ROWS_MAX);
      rows.push(row);
    }
    element('chosen').replaceChildren(...rows);
    element('chosen').hidden = chosen.length === 0;
    element('send').disabled = chosen.length === 0;
    say('send', words.send(chosen.length, human(total())));
    say('status', chosen.length === 0 ? '' : words.chosen(chosen.length, human(total())));
  }

  function add(files) {
    element('problem').hidden = true;
    const known = new Set(chosen.map(({ path }) => path.join('/')));
    const fresh = files.filter(({ path }) => !known.has(path.join('/')));
    if (chosen.length + fresh.length > DROP_FILES_MAX) { complain(new Problem('many')); return; }
    if (fresh.some(({ path }) => path.length > DROP_DEPTH_MAX)) { complain(new Problem('deep')); return; }
    if (foldersOf([...chosen, ...fresh]) > DROP_FOLDERS_MAX) { complain(new Problem('many')); return; }
    forget();
    chosen = [...chosen, ...fresh];
    list();
  }

  async function send() {
    element('problem').hidden = true;
    const { records, bytes } = sealedBytes(chosen);
    if (bytes > request.bytesLeft || records > RECORDS_MAX) throw new Problem('full');
    const all = total(), count = chosen.length, bar = element('bar'), stop = new AbortController();
    const told = () => {
      const done = Math.min(all, sending.done);
      bar.value = all === 0 ? 1 : done / all;
      say('status', words.sent(human(done), human(all)));
    };
    let problem = null;
    cancel = () => stop.abort();
    phase('sending');
    say('sending-what', words.sending(count, human(all)));
    element('cancel').focus();
    bar.hidden = false;
    try {
      sending = sending || await newSending(request, chosen);
      told();
      await sendAll(sending, stop, told);
    } catch (caught) { problem = caught; }
    cancel = null;
    bar.hidden = true;
    const sent = sending;
    if (problem && !isPassing(problem)) {
      // The last answer may have been lost: then all of it is there. Otherwise nothing of it is to stay.
      sending = null;
      if (sent && await giveUp(sent)) problem = null;
    }
    if (problem) {
      phase('choosing');
      element('send').focus();
      // Whoever reloaded the page, as that of other requests says, would lose what has come.
      throw problem.kind === 'busy' ? new Problem('away') : problem;
    }
    sending = null;
    request.bytesLeft -= bytes;
    chosen = [];
    list();
    limits();
    phase('done');
    say('done-what', words.doneWhat(count, human(all)));
    say('done-code', referenceOf(sent));
    say('status', '');
    element('done-title').focus();
  }

  const run = (action) => action().catch((problem) => complain(problem instanceof Problem ? problem : new Problem('unreadable')));
  const zone = element('zone');
  say('zone-words', words.zone);
  say('choose', words.choose);
  say('choose-folder', words.chooseFolder);
  say('cancel', words.cancel);
  say('again', words.again);
  say('done-title', words.doneTitle);
  say('done-code-label', words.doneCode);
  element('note').textContent = shown(request.note.replace(/\r/g, '')).replace(/\\u\{a\}/g, '\n');
  element('note').hidden = request.note === '';
  element('choose-folder').hidden = !('webkitdirectory' in element('folder-input'));
  for (const [button, input] of [['choose', 'files-input'], ['choose-folder', 'folder-input']]) {
    element(button).addEventListener('click', () => element(input).click());
    element(input).addEventListener('change', (event) => {
      add([...event.target.files].map((file) => ({ path: pathOf(file), file })));
      event.target.value = '';
    });
  }
  element('send').addEventListener('click', () => run(send));
  element('cancel').addEventListener('click', () => cancel && cancel());
  element('again').addEventListener('click', () => { phase('choosing'); element('choose').focus(); });
  zone.addEventListener('dragover', (event) => { event.preventDefault(); zone.classList.add('over'); });
  zone.addEventListener('dragleave', () => zone.classList.remove('over'));
  zone.addEventListener('drop', (event) => {
    event.preventDefault();
    zone.classList.remove('over');
    run(async () => add(await droppedOn(event.dataTransfer)));
  });
  window.addEventListener('beforeunload', (event) => { if (cancel) event.preventDefault(); });
  window.addEventListener('pagehide', () => { if (sending) navigator.sendBeacon('cancel', sending.before); });
  limits();
  list();
  phase('choosing');
  element('request').hidden = false;
  element('choose').focus();
}

async function openRequest(found, password) {
  const keys = await keysOf(found.link, found.secret, password);
  const answer = await ask('request', joined(found.link, keys.token));
  if (answer.length < 12) throw new Problem('away');
  const view = new DataView(answer.buffer), reader = new Reader(await openSalted(keys.key, 'VBG', 'request words', found.link, answer.subarray(12)));
  if (reader.byte() !== FORMAT) throw new Problem('version');
  const expires = reader.number(), note = reader.text();
  reader.end();
  if (view.getUint32(8, true) === 0) throw new Problem('full');
  const until = new Date(1000 * expires).toLocaleString(document.documentElement.lang, { dateStyle: 'long', timeStyle: 'short' });
  return { found, token: keys.token, base: keys.base, bytesLeft: Number(view.getBigUint64(0, true)), until, note };
}
