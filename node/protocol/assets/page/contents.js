
// The contents of chunks: asked for in batches, opened, and written one after the other, or as a zip.

// What the server answers for a chunk: a length, and the sealed object, whose frame is followed by a tag of 16 bytes.
const answerLength = (chunk) => 4 + OBJECT_PREFIX + paddedLength(chunk.bytes) + 16;

const answersLength = (chunks) => chunks.reduce((sum, chunk) => sum + answerLength(chunk), 0);

function batches(chunks) {
  const all = [];
  let room = 0;
  for (const chunk of chunks) {
    const last = all[all.length - 1], bytes = answerLength(chunk);
    if (last && bytes <= room && last.length < BATCH_IDS) { last.push(chunk); room -= bytes; } else { all.push([chunk]); room = BATCH_BYTES - bytes; }
  }
  return all;
}

async function fetchBatch({ link, token }, batch, memory) {
  const body = await askInto(memory, 'chunks', joined(link, token, ...batch.map((chunk) => chunk.id)));
  const view = new DataView(body.buffer, body.byteOffset, body.length), objects = [];
  let at = 0;
  for (const chunk of batch) {
    if (at + 4 > body.length) throw new Problem('away');
    const length = view.getUint32(at, true);
    if (length === 0) throw new Problem('missing');
    if (at + 4 + length > body.length) throw new Problem('away');
    objects.push(openChunk(chunk, body.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return { pieces: await Promise.all(objects), memory: body.buffer };
}

// The contents of chunks, in order, a few requests ahead. Answers are read into the same memory again and again: to get new memory for each takes
// longer than to decrypt what is in it.
async function* contents(opened, chunks) {
  const all = batches(chunks), longest = all.reduce((longest, batch) => Math.max(longest, answersLength(batch)), 0);
  const waiting = all.values(), ahead = [];
  const next = (memory) => {
    const { value, done } = waiting.next();
    if (done) return;
    const fetched = fetchBatch(opened, value, memory);
    fetched.catch(() => {});
    ahead.push(fetched);
  };
  for (let count = 0; count < BATCHES_AHEAD; count += 1) next(new ArrayBuffer(longest + 1));
  while (ahead.length > 0) {
    const { pieces, memory } = await ahead.shift();
    next(memory);
    yield* pieces;
  }
}

// A zip that is only stored: its entries' lengths are known, their sums follow them.

const CRC = (() => {
  const tables = Array.from({ length: 8 }, () => new Uint32Array(256));
  for (let byte = 0; byte < 256; byte += 1) {
    let value = byte;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    tables[0][byte] = value >>> 0;
  }
  for (let byte = 0; byte < 256; byte += 1) {
    for (let table = 1; table < 8; table += 1) {
      const before = tables[table - 1][byte];
      tables[table][byte] = (before >>> 8) ^ tables[0][before & 255];
    }
  }
  return tables;
})();

function crc(sum, bytes) {
  let value = ~sum, at = 0;
  const [t0, t1, t2, t3, t4, t5, t6, t7] = CRC;
  for (; at + 8 <= bytes.length; at += 8) {
    value ^= bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24;
    value = t7[value & 255] ^ t6[value >>> 8 & 255] ^ t5[value >>> 16 & 255] ^ t4[value >>> 24]
      ^ t3[bytes[at + 4]] ^ t2[bytes[at + 5]] ^ t1[bytes[at + 6]] ^ t0[bytes[at + 7]];
  }
  for (; at < bytes.length; at += 1) value = (value >>> 8) ^ t0[(value ^ bytes[at]) & 255];
  return ~value >>> 0;
}

const LARGE = 0xffffffff;

class Zip {
  constructor(out) { this.out = out; this.at = 0; this.directory = []; }
  async write(bytes) { await this.out.write(bytes); this.at += bytes.length; }

  async add(entry, pieces) {
    const name = encoder.encode(entry.path.join('/') + (entry.isFolder ? '/' : '')), offset = this.at;
    const when = new Date(Math.max(entry.changed, Date.UTC(1980, 0, 2)));
    const time = when.getHours() << 11 | when.getMinutes() << 5 | when.getSeconds() >> 1;
    const date = Math.min(when.getFullYear() - 1980, 127) << 9 | when.getMonth() + 1 << 5 | when.getDate();
    const isLarge = entry.size >= LARGE, flags = entry.isFolder ? 0x0800 : 0x0808, size = isLarge ? LARGE : 0;
    const extra = isLarge ? packed([2, 1], [2, 16], [8, 0], [8, 0]) : new Uint8Array(0);
    await this.write(joined(packed([4, 0x04034b50], [2, isLarge ? 45 : 20], [2, flags], [2, 0], [2, time], [2, date], [4, 0],
      [4, size], [4, size], [2, name.length], [2, extra.length]), name, extra));
    let sum = 0;
    if (!entry.isFolder) {
      for await (const piece of pieces) { sum = crc(sum, piece); await this.write(piece); }
      const width = isLarge ? 8 : 4;
      await this.write(packed([4, 0x08074b50], [4, sum], [width, entry.size], [width, entry.size]));
    }
    this.directory.push({ name, offset, time, date, flags, sum, size: entry.size, isFolder: entry.isFolder, executable: entry.executable });
  }

  async end() {
    const start = this.at;
    for (const entry of this.directory) {
      const isLarge = entry.size >= LARGE, isFar = entry.offset >= LARGE;
      const wide = [...(isLarge ? [[8, entry.size], [8, entry.size]] : []), ...(isFar ? [[8, entry.offset]] : [])];
      const extra = wide.length > 0 ? packed([2, 1], [2, 8 * wide.length], ...wide) : new Uint8Array(0);
      const mode = entry.isFolder ? 0o40755 : entry.executable ? 0o100755 : 0o100644;
      const size = isLarge ? LARGE : entry.size;
      await this.write(joined(packed([4, 0x02014b50], [2, 3 << 8 | 45], [2, wide.length > 0 ? 45 : 20], [2, entry.flags], [2, 0], [2, entry.time],
        [2, entry.date], [4, entry.sum], [4, size], [4, size], [2, entry.name.length], [2, extra.length], [2, 0], [2, 0], [2, 0],
        [4, mode * 65536 + (entry.isFolder ? 16 : 0)], [4, isFar ? LARGE : entry.offset]), entry.name, extra));
    }
    const length = this.at - start, count = this.directory.length, few = Math.min(count, 0xffff);
    if (count >= 0xffff || start >= LARGE || length >= LARGE) {
      const at = this.at;
      await this.write(joined(
        packed([4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0], [8, count], [8, count], [8, length], [8, start]),
        packed([4, 0x07064b50], [4, 0], [8, at], [4, 1])));
    }
    await this.write(packed([4, 0x06054b50], [2, 0], [2, 0], [2, few], [2, few], [4, Math.min(length, LARGE)], [4, Math.min(start, LARGE)], [2, 0]));
  }
}


// All that was chosen of what a link shows, into `out`: one file as it is, or a zip.
async function receive({ link, token, entries, isZip }, out, tell) {
  const pieces = async function* pieces(chunks) {
    for await (const piece of contents({ link, token }, chunks)) { tell(piece.length); yield piece; }
  };
  if (!isZip) {
    for await (const piece of pieces(entries[0].chunks)) await out.write(piece);
    return;
  }
  const zip = new Zip(out);
  for (const entry of entries) await zip.add(entry, pieces(entry.chunks));
  await zip.end();
}
