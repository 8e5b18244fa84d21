
const STALE_MS = 3600000, KEEP_MS = 600000;

// To disk: into the browser's own private files, where it has them, so that memory stays flat; else in memory. A worker writes fastest; some
// browsers let only a stream write there, or nothing.

async function forgetOld(root) {
  for await (const name of root.keys()) {
    const [, time] = /^vauban-(\d+)-/.exec(name) || [];
    if (time && Date.now() - Number(time) > STALE_MS) await root.removeEntry(name).catch(() => {});
  }
}

async function privateFile() {
  const root = await navigator.storage.getDirectory(), name = `vauban-${Date.now()}-${crypto.randomUUID()}`;
  await forgetOld(root);
  const file = await root.getFileHandle(name, { create: true });
  const drop = () => root.removeEntry(name).catch(() => {});
  return { name, file, drop, lend: () => { setTimeout(drop, KEEP_MS); return file.getFile(); } };
}

async function byWorker(kept) {
  const code = URL.createObjectURL(new Blob([workerCode], { type: 'text/javascript' })), worker = new Worker(code);
  const carryOut = (order, tell) => new Promise((resolve, reject) => {
    worker.onerror = () => reject(new Problem('disk'));
    worker.onmessage = ({ data }) => {
      if (data.problem) reject(new Problem(data.problem));
      else if (data.bytes) tell(data.bytes);
      else resolve();
    };
    worker.postMessage(order);
  });
  const end = (problem) => { worker.terminate(); throw problem; };
  await carryOut(kept.name).catch(end).finally(() => URL.revokeObjectURL(code));
  return {
    receive: (order, tell) => carryOut(order, tell).catch(end),
    end: () => { worker.terminate(); return kept.lend(); },
    drop: kept.drop,
  };
}

async function byStream(kept) {
  const stream = await kept.file.createWritable();
  return {
    receive: (order, tell) => receive(order, stream, tell),
    end: async () => { await stream.close(); return kept.lend(); },
    drop: async () => { await stream.abort().catch(() => {}); await kept.drop(); },
  };
}

function inMemory() {
  const parts = [], out = { write: async (bytes) => { parts.push(bytes.slice()); } };
  return { receive: (order, tell) => receive(order, out, tell), end: async () => new Blob(parts), drop: async () => {} };
}

async function place() {
  let kept;
  try { kept = await privateFile(); } catch { return inMemory(); }
  for (const way of [byWorker, byStream]) {
    try { return await way(kept); } catch { /* this browser has not got it: the next way */ }
  }
  await kept.drop();
  return inMemory();
}

function hand(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), KEEP_MS);
}

let busy = false;

async function download(opened, entries, name, isZip) {
  if (busy) return;
  busy = true;
  const buttons = [...document.querySelectorAll('#shown button')];
  for (const button of buttons) button.disabled = true;
  element('problem').hidden = true;
  const bar = element('bar'), all = entries.reduce((sum, entry) => sum + entry.size, 0);
  let done = 0, told = 0;
  bar.hidden = false;
  const tell = (bytes) => {
    done += bytes;
    if (done - told < 4 * 1024 * 1024 && done < all) return;
    told = done;
    bar.value = all === 0 ? 1 : done / all;
    element('status').textContent = words.loading(human(done), human(all));
  };
  const to = await place();
  try {
    await to.receive({ link: opened.link, token: opened.token, entries, isZip }, tell);
    hand(await to.end(), name);
    element('status').textContent = words.saved(shown(name));
  } catch (problem) {
    await to.drop();
    complain(problem);
  }
  bar.hidden = true;
  busy = false;
  for (const button of buttons) button.disabled = false;
}

function show(opened) {
  const { name, entries } = opened.manifest, files = entries.filter((entry) => !entry.isFolder);
  const isOne = entries.length === 1 && files.length === 1, all = element('all');
  element('title').textContent = shown(name);
  document.title = `${shown(name)} · Vauban`;
  element('summary').textContent = words.summary(files.length, human(files.reduce((sum, file) => sum + file.size, 0)));
  all.textContent = isOne ? words.all(shown(name)) : words.zip(shown(name));
  all.addEventListener('click', () => download(opened, entries, isOne ? name : `${name}.zip`, !isOne));
  for (const file of isOne ? [] : files.slice(0, ROWS_MAX)) {
    const row = document.createElement('li'), label = document.createElement('span'), button = document.createElement('button');
    const path = shown(file.path.slice(1).join('/'));
    label.textContent = `${path} (${human(file.size)})`;
    button.textContent = words.one;
    button.className = 'plain';
    button.setAttribute('aria-label', words.oneOf(path));
    button.addEventListener('click', () => download(opened, [file], file.path[file.path.length - 1], false));
    row.append(label, button);
    element('files').append(row);
  }
  if (!isOne && files.length > ROWS_MAX) {
    const row = document.createElement('li');
    row.textContent = words.more(files.length - ROWS_MAX);
    element('files').append(row);
  }
  element('files').hidden = isOne;
  element('shown').hidden = false;
  element('status').textContent = '';
  all.focus();
}

async function open(found, password) {
  const keys = await keysOf(found.link, found.secret, password);
  const head = await openSalted(keys.key, 'VBU', 'link head', found.link, await ask('open', joined(found.link, keys.token)));
  const opened = { link: found.link, token: keys.token }, pieces = [];
  for await (const piece of contents(opened, readHead(head))) pieces.push(piece.slice());
  opened.manifest = readManifest(joined(...pieces));
  return opened;
}

