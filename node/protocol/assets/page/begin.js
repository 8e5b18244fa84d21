
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
