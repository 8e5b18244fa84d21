
function readAddress() {
  const text = location.hash.slice(1);
  if (!/^[A-Za-z0-9_-]{100,}$/.test(text)) throw new Problem('address');
  const bytes = Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (letter) => letter.charCodeAt(0));
  const content = bytes.subarray(0, bytes.length - 4);
  return { content, sum: bytes.subarray(bytes.length - 4) };
}

async function address() {
  let read;
  try { read = readAddress(); } catch { throw new Problem('address'); }
  const { content, sum } = read;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', content));
  if (!same(digest.subarray(0, 4), sum)) throw new Problem('address');
  const flags = content[1];
  if (content[0] !== 1 || flags > 3) throw new Problem('version');
  const key = (flags & 2) === 2 ? content.slice(82, 147) : null;
  return { hasPassword: (flags & 1) === 1, link: content.slice(34, 50), secret: content.slice(50, 82), key };
}

async function begin() {
  element('title').textContent = words.title;
  element('password-label').textContent = words.password;
  element('unlock').textContent = words.unlock;
  element('trust').textContent = words.trust(location.host);
  element('hash-label').textContent = words.hash;
  element('hash').textContent = words.unhashed;
  if (!window.isSecureContext || !crypto.subtle) throw new Problem('insecure');
  fetch(location.pathname, { cache: 'no-store' }).then((page) => page.arrayBuffer())
    .then((page) => crypto.subtle.digest('SHA-256', page))
    .then((digest) => { element('hash').textContent = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join(''); })
    .catch(() => {});
  const found = await address(), isRequest = found.key !== null;
  if (isRequest) {
    element('title').textContent = words.requestTitle;
    document.title = `${words.requestTitle} · Vauban`;
    element('trust').textContent = words.requestTrust(location.host);
  }
  const enter = async (password) => (isRequest ? showRequest(await openRequest(found, password)) : show(await open(found, password)));
  if (!found.hasPassword) {
    element('status').textContent = words.opening;
    await enter(null);
    return;
  }
  element('ask').hidden = false;
  element('password').focus();
  element('ask').addEventListener('submit', async (event) => {
    event.preventDefault();
    element('unlock').disabled = true;
    element('problem').hidden = true;
    element('status').textContent = words.deriving;
    try {
      await enter(element('password').value);
      element('ask').hidden = true;
    } catch (problem) {
      complain(problem);
      element('password').focus();
    }
    element('unlock').disabled = false;
  });
}

window.addEventListener('hashchange', () => location.reload());
begin().catch(complain);
