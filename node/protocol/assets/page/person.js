
const asked = new URLSearchParams(location.search).get('lang') || navigator.language || 'en';
const words = asked.toLowerCase().startsWith('fr') ? French : English;
document.documentElement.lang = words === French ? 'fr' : 'en';

const ROWS_MAX = 500;
const element = (id) => document.getElementById(id);

// What a person sees

const human = (bytes) => {
  const units = words === French ? ['o', 'Kio', 'Mio', 'Gio', 'Tio'] : ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0, value = bytes;
  for (; value >= 1024 && unit < 4; unit += 1) value /= 1024;
  return `${value.toLocaleString(document.documentElement.lang, { maximumFractionDigits: unit === 0 ? 0 : 1 })} ${units[unit]}`;
};

// Names are for others to choose: what would turn or command its neighbours is shown as an escape.
const shown = (name) => name.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/g,
  (letter) => `\\u{${letter.charCodeAt(0).toString(16)}}`);

function complain(problem) {
  const text = words.problems[problem instanceof Problem ? problem.kind : 'disk'];
  element('problem').textContent = text;
  element('problem').hidden = false;
  element('status').textContent = '';
  element('bar').hidden = true;
}

