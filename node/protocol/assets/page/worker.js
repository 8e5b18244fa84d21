
// In a worker, which runs this script and no other: receives what was chosen, into a private file. Only there can one be written without asking
// another process to write each piece. A worker is told the file's name and says that it can write; it is told what to receive, says of each piece
// how long it is, and then that all are written, or what the problem is.

async function privateOut(name) {
  const root = await navigator.storage.getDirectory(), file = await root.getFileHandle(name), handle = await file.createSyncAccessHandle();
  let at = 0;
  return {
    write: async (bytes) => {
      if (handle.write(bytes, { at }) !== bytes.length) throw new Problem('disk');
      at += bytes.length;
    },
    close: async () => handle.close(),
  };
}

async function work(name, order) {
  const out = await privateOut(name);
  postMessage({ isReady: true });
  try { await receive(await order, out, (bytes) => postMessage({ bytes })); } finally { await out.close(); }
  postMessage({ isDone: true });
}

const isWorker = typeof document === 'undefined', workerCode = isWorker ? '' : document.currentScript.textContent;

if (isWorker) {
  const told = () => new Promise((resolve) => { addEventListener('message', ({ data }) => resolve(data), { once: true }); });
  told().then((name) => work(name, told()))
    .catch((problem) => postMessage({ problem: problem instanceof Problem ? problem.kind : 'disk' }));
}
