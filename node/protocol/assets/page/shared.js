// Keys, bytes, and the server. This script needs no document: a worker runs it, too.

const CHUNK_MAX = 4 * 1024 * 1024, BATCH_BYTES = 6 * 1024 * 1024, BATCH_IDS = 512, BATCHES_AHEAD = 3;
const PASSWORD_ROUNDS = 600000, FORMAT = 1, OBJECT_PREFIX = 36, ROOT_LENGTH = 32;
const LINK_ENTRIES_MAX = 200000, LINK_PATH_NAMES_MAX = 129, LINK_NAMES_MAX = 2000000;
const encoder = new TextEncoder(), decoder = new TextDecoder('utf-8', { fatal: true });

class Problem extends Error {
  constructor(kind) { super(kind); this.kind = kind; }
}

function joined(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { all.set(part, at); at += part.length; }
  return all;
}

function same(one, other) {
  if (one.length !== other.length) return false;
  let differs = 0;
  for (let at = 0; at < one.length; at += 1) differs |= one[at] ^ other[at];
  return differs === 0;
}

// Keys

const labelled = (label, context = new Uint8Array(0)) => joined(encoder.encode(`vauban/1 ${label}\0`), context);

async function hkdf(key, salt, label, context) {
  const from = await crypto.subtle.importKey('raw', key, 'HKDF', false, ['deriveBits']);
  const how = { name: 'HKDF', hash: 'SHA-256', salt, info: labelled(label, context) };
  return new Uint8Array(await crypto.subtle.deriveBits(how, from, 8 * ROOT_LENGTH));
}

async function keysOf(link, secret, password) {
  const none = new Uint8Array(0);
  let salt = none;
  if (password !== null) {
    const from = await crypto.subtle.importKey('raw', encoder.encode(password), 'PBKDF2', false, ['deriveBits']);
    const how = { name: 'PBKDF2', hash: 'SHA-256', salt: await hkdf(secret, none, 'link password', link), iterations: PASSWORD_ROUNDS };
    salt = new Uint8Array(await crypto.subtle.deriveBits(how, from, 8 * ROOT_LENGTH));
  }
  const derive = (label) => hkdf(secret, salt, label, link);
  return { token: await derive('link token'), key: await derive('link key'), base: await derive('request base') };
}

async function decrypt(key, additionalData, sealed) {
  const cipher = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['decrypt']);
  try {
    return new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-GCM', iv: new Uint8Array(12), additionalData }, cipher, sealed));
  } catch {
    throw new Problem('forged');
  }
}

const hasMagic = (object, magic) => object.length > OBJECT_PREFIX && same(object.subarray(0, 4), joined(encoder.encode(magic), [1]));

async function openSalted(from, magic, label, link, sealed) {
  if (!hasMagic(sealed, magic)) throw new Problem('forged');
  const key = await hkdf(from, sealed.slice(4, OBJECT_PREFIX), label);
  return decrypt(key, joined(sealed.subarray(0, 4), link), sealed.subarray(OBJECT_PREFIX));
}

function paddedLength(length) {
  const whole = length + 4;
  if (whole <= 4096) return 4096;
  const exponent = 31 - Math.clz32(whole);
  const step = 2 ** (exponent - (32 - Math.clz32(exponent)));
  return Math.ceil(whole / step) * step;
}

// Checks the commitment, the tag, the length and the padding. The address cannot be checked: WebCrypto has no BLAKE3.
async function openChunk(chunk, object) {
  if (!hasMagic(object, 'VBC')) throw new Problem('forged');
  const mac = await crypto.subtle.importKey('raw', chunk.secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const info = labelled('chunk');
  const first = new Uint8Array(await crypto.subtle.sign('HMAC', mac, joined(info, [1])));
  const second = new Uint8Array(await crypto.subtle.sign('HMAC', mac, joined(first, info, [2])));
  if (!same(second, object.subarray(4, OBJECT_PREFIX))) throw new Problem('forged');
  const frame = await decrypt(first, object.subarray(0, OBJECT_PREFIX), object.subarray(OBJECT_PREFIX));
  const length = new DataView(frame.buffer).getUint32(0, true);
  if (length === 0 || length !== chunk.bytes || paddedLength(length) !== frame.length) throw new Problem('forged');
  for (let at = length + 4; at < frame.length; at += 1) if (frame[at] !== 0) throw new Problem('forged');
  return frame.subarray(4, 4 + length);
}

// Bytes

class Reader {
  constructor(bytes) { this.bytes = bytes; this.at = 0; }
  take(length) {
    if (length > this.bytes.length - this.at) throw new Problem('forged');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
  byte() { return this.take(1)[0]; }
  big() {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = BigInt(this.byte());
      value |= (byte & 127n) << shift;
      if (byte < 128n) return value;
    }
    throw new Problem('forged');
  }
  number() {
    const value = this.big();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Problem('forged');
    return Number(value);
  }
  signed() { const value = this.big(); return (value >> 1n) ^ -(value & 1n); }
  text() { try { return decoder.decode(this.take(this.number())); } catch { throw new Problem('forged'); } }
  list(read, max = Infinity) {
    const length = this.number();
    if (length > max || length > this.bytes.length - this.at) throw new Problem('forged');
    return Array.from({ length }, () => read(this));
  }
  end() { if (this.at !== this.bytes.length) throw new Problem('forged'); }
}

function readChunk(reader) {
  const chunk = { id: reader.take(32), secret: reader.take(32), bytes: reader.number() };
  if (chunk.bytes > CHUNK_MAX) throw new Problem('forged');
  return chunk;
}

function readHead(bytes) {
  const reader = new Reader(bytes);
  if (reader.byte() !== FORMAT) throw new Problem('version');
  const chunks = reader.list(readChunk);
  reader.end();
  return chunks;
}

const isName = (name) => name !== '' && name !== '.' && name !== '..' && !/[/\\\0]/.test(name);

function readManifest(bytes) {
  const reader = new Reader(bytes);
  if (reader.byte() !== FORMAT) throw new Problem('version');
  const name = reader.text();
  let names = 0;
  const entries = reader.list(() => {
    const path = reader.list(() => reader.text(), LINK_PATH_NAMES_MAX);
    names += path.length;
    if (names > LINK_NAMES_MAX) throw new Problem('forged');
    const kind = reader.number(), executable = reader.byte() === 1, changed = Number(reader.signed() / 1000000n);
    reader.take(32);
    const size = reader.number(), chunks = reader.list(readChunk);
    if (kind > 1 || path[0] !== name || !path.every(isName)) throw new Problem('forged');
    if (chunks.reduce((sum, chunk) => sum + chunk.bytes, 0) !== size) throw new Problem('forged');
    return { path, isFolder: kind === 1, executable, changed, size, chunks };
  }, LINK_ENTRIES_MAX);
  reader.end();
  return { name, entries };
}

// Little-endian fields of 2, 4 or 8 bytes.
function packed(...fields) {
  const bytes = new Uint8Array(fields.reduce((sum, [size]) => sum + size, 0)), view = new DataView(bytes.buffer);
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else if (size === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += size;
  }
  return bytes;
}

// The server

const REFUSALS = { 403: 'token', 404: 'unknown', 410: 'ended', 429: 'busy' };

async function answerOf(path, body, signal) {
  let answer;
  try {
    answer = await fetch(`${self.origin}/${path}`, { method: 'POST', body, signal, cache: 'no-store', credentials: 'omit', referrerPolicy: 'no-referrer' });
  } catch { throw new Problem('away'); }
  const refusal = answer.headers.get('x-vauban-refusal');
  if (!answer.ok) throw new Problem(['expired', 'full', 'room', 'malformed'].includes(refusal) ? refusal : REFUSALS[answer.status] || 'away');
  return answer;
}

async function whole(answer) {
  try { return new Uint8Array(await answer.arrayBuffer()); } catch { throw new Problem('away'); }
}

const ask = async (path, body, signal) => whole(await answerOf(path, body, signal));

// Asks for what is shorter than this memory, and reads it there, where a browser can; the memory is the answer's from then on.
async function askInto(memory, path, body) {
  const answer = await answerOf(path, body);
  let reader, into = memory, at = 0;
  try { reader = answer.body.getReader({ mode: 'byob' }); } catch { return whole(answer); }
  for (;;) {
    // Where no room is left this fails: too much has come.
    const { value, done } = await reader.read(new Uint8Array(into, at)).catch(() => { throw new Problem('away'); });
    into = value.buffer;
    if (done) return new Uint8Array(into, 0, at);
    at += value.length;
  }
}
