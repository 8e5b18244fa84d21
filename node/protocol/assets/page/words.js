'use strict';
// Opens a link, or a file request, in the browser, with WebCrypto alone: see client/SPEC.md, "Links", for the bytes, and crypto/SPEC.md for
// the keys.

const French = {
  title: 'Fichiers partagés', opening: 'Ouverture du lien…', password: 'Mot de passe du lien', unlock: 'Ouvrir',
  deriving: 'Vérification du mot de passe…', all: (name) => `Télécharger ${name}`, zip: (name) => `Tout télécharger (${name}.zip)`,
  one: 'Télécharger', oneOf: (name) => `Télécharger ${name}`,
  summary: (files, size) => `${files} fichier${files > 1 ? 's' : ''}, ${size}. Déchiffré dans votre navigateur.`,
  more: (count) => `Et ${count} autre(s) fichier(s), dans le zip.`,
  loading: (done, all) => `${done} sur ${all}`, saved: (name) => `${name} : déchiffré, vérifié, remis à votre navigateur.`,
  trust: (origin) => `Cette page vient de ${origin}, et vous lui faites confiance : c'est elle qui reçoit votre mot de passe et déchiffre. ` +
    'Le serveur ne reçoit ni la clé, qui suit le « # » de l\'adresse, ni le mot de passe. Pour ne dépendre que du programme installé ' +
    'sur votre machine : vauban link get DOSSIER, qui demande l\'adresse.',
  requestTitle: 'Déposer des fichiers', zone: 'Glissez ici des fichiers ou un dossier, ou choisissez-les :', choose: 'Choisir des fichiers',
  chooseFolder: 'Choisir un dossier', remove: 'Retirer', removeOf: (name) => `Retirer ${name}`,
  moreChosen: (count) => `Et ${count} autre(s) fichier(s).`,
  limits: (size, until) => `Jusqu'au ${until} ; il reste ${size}. Chiffré dans votre navigateur : seules les personnes qui demandent ces fichiers les liront.`,
  send: (files, size) => (files === 0 ? 'Envoyer' : `Envoyer ${files} fichier${files > 1 ? 's' : ''} (${size})`),
  chosen: (files, size) => `${files} fichier${files > 1 ? 's' : ''}, ${size}.`,
  sending: (files, size) => `Envoi de ${files} fichier${files > 1 ? 's' : ''}, ${size}. Gardez cette page ouverte.`,
  sent: (done, all) => `${done} sur ${all}`, waiting: 'Le serveur ne répond pas ; nouvel essai dans un moment…', cancel: 'Annuler l\'envoi',
  doneTitle: 'C\'est envoyé.', again: 'Envoyer d\'autres fichiers', doneCode: 'Référence de cet envoi :',
  doneWhat: (files, size) => `${files} fichier${files > 1 ? 's' : ''}, ${size} : chiffrés ici, gardés par le serveur jusqu'à ce qu'un membre les prenne.`,
  requestTrust: (origin) => `Cette page vient de ${origin}, et vous lui faites confiance : c'est elle qui lit et chiffre vos fichiers. Le serveur ne ` +
    'reçoit ni vos fichiers en clair, ni leurs noms, ni la clé, qui suit le « # » de l\'adresse ; il voit combien vous envoyez, et quand. ' +
    'Qui a aussi cette adresse ne lit pas ce que vous déposez.',
  hash: 'Empreinte SHA-256 de cette page, à comparer à celle que donne la personne qui a envoyé l\'adresse (vauban link list). ' +
    'Si elle est autre, lui demander avant de continuer :', unhashed: 'inconnue',
  problems: {
    address: 'Cette adresse n\'est pas un lien entier : la copier avec tout ce qui suit le « # ».',
    version: 'Ce lien vient d\'une version plus récente : demander à l\'exploitant de mettre ce serveur à jour.',
    insecure: 'Votre navigateur n\'ouvre de lien que par une adresse https.',
    token: 'Le mot de passe, ou le lien lui-même, n\'est pas le bon.', unknown: 'Ce lien n\'existe pas.',
    expired: 'Ce lien a expiré : en demander un autre à la personne qui l\'a envoyé.',
    ended: 'Ce lien a été révoqué : en demander un autre à la personne qui l\'a envoyé.',
    busy: 'Ce lien a été ouvert, ou essayé, trop souvent : attendre une minute, puis recharger la page.',
    away: 'Le serveur ne répond pas : réessayer dans un moment.',
    malformed: 'Le serveur ne garde pas ce qui est venu de cet envoi : le recommencer.',
    forged: 'Ce qui a été reçu n\'est pas ce qui a été partagé. Rien n\'a été enregistré ; prévenir la personne qui a envoyé le lien.',
    missing: 'Un fragment manque sur les serveurs. Rien n\'a été enregistré ; réessayer, ou prévenir la personne qui a envoyé le lien.',
    full: 'Cette demande ne peut pas recevoir autant : en enlever, ou prévenir la personne qui l\'a faite.',
    room: 'Le serveur n\'a plus la place pour ces fichiers : prévenir la personne qui les demande. Rien n\'a été déposé.',
    many: 'Au plus 10 000 fichiers et 10 000 dossiers à la fois : envoyer une archive (zip), ou en plusieurs fois.',
    deep: 'Ces dossiers sont trop imbriqués : envoyer une archive (zip).',
    unreadable: 'Un fichier a changé ou ne se lit plus : le choisir à nouveau. Rien n\'a été déposé.',
    cancelled: 'Envoi annulé. Rien n\'a été déposé.',
    disk: 'Le navigateur n\'a pas la place pour ce fichier : libérer de la place, ou utiliser vauban link get.',
  },
};
const English = {
  title: 'Shared files', opening: 'Opening the link…', password: 'The link\'s password', unlock: 'Open',
  deriving: 'Checking the password…', all: (name) => `Download ${name}`, zip: (name) => `Download all (${name}.zip)`,
  one: 'Download', oneOf: (name) => `Download ${name}`,
  summary: (files, size) => `${files} file${files > 1 ? 's' : ''}, ${size}. Decrypted in your browser.`,
  more: (count) => `And ${count} more file(s), in the zip.`,
  loading: (done, all) => `${done} of ${all}`, saved: (name) => `${name}: decrypted, verified, handed to your browser.`,
  trust: (origin) => `This page comes from ${origin}, and you trust it: it is what takes your password and decrypts. The server gets ` +
    'neither the key, which follows the # in the address, nor the password. To depend on nothing but the program installed on your ' +
    'machine: vauban link get FOLDER, which asks for the address.',
  requestTitle: 'Drop files', zone: 'Drag files or a folder here, or choose them:', choose: 'Choose files',
  chooseFolder: 'Choose a folder', remove: 'Remove', removeOf: (name) => `Remove ${name}`,
  moreChosen: (count) => `And ${count} more file(s).`,
  limits: (size, until) => `Until ${until}; ${size} are left. Encrypted in your browser: only those who ask for these files will read them.`,
  send: (files, size) => (files === 0 ? 'Send' : `Send ${files} file${files > 1 ? 's' : ''} (${size})`),
  chosen: (files, size) => `${files} file${files > 1 ? 's' : ''}, ${size}.`,
  sending: (files, size) => `Sending ${files} file${files > 1 ? 's' : ''}, ${size}. Keep this page open.`,
  sent: (done, all) => `${done} of ${all}`, waiting: 'The server does not answer; trying again in a moment…', cancel: 'Cancel sending',
  doneTitle: 'It is sent.', again: 'Send more files', doneCode: 'Reference of this drop:',
  doneWhat: (files, size) => `${files} file${files > 1 ? 's' : ''}, ${size}: encrypted here, kept by the server until a member takes them.`,
  requestTrust: (origin) => `This page comes from ${origin}, and you trust it: it is what reads and encrypts your files. The server gets neither your ` +
    'files in clear, nor their names, nor the key, which follows the # in the address; it sees how much you send, and when. ' +
    'Others who have this address do not read what you drop.',
  hash: 'SHA-256 of this page; compare it with the one that whoever sent the address tells you (vauban link list). ' +
    'If it is another one, ask before you go on:', unhashed: 'unknown',
  problems: {
    address: 'This address is no whole link: copy it with everything behind the #.',
    version: 'This link was made by a later version: ask the operator to update this server.',
    insecure: 'Your browser opens links by https addresses alone.',
    token: 'The password, or the link itself, is not the right one.', unknown: 'This link does not exist.',
    expired: 'This link has expired: ask whoever sent it for a new one.',
    ended: 'This link was revoked: ask whoever sent it for a new one.',
    busy: 'This link was opened, or tried, too often: wait a minute, then reload the page.',
    away: 'The server does not answer: try again in a moment.',
    malformed: 'The server does not keep what has come of this: begin it again.',
    forged: 'What was received is not what was shared. Nothing was saved; tell whoever sent the link.',
    missing: 'A chunk is missing on the servers. Nothing was saved; try again, or tell whoever sent the link.',
    full: 'This request cannot take in as much: remove some, or tell whoever made it.',
    room: 'The server has no room left for these files: tell whoever asks for them. Nothing was dropped.',
    many: 'At most 10,000 files and 10,000 folders at a time: send an archive (zip), or in several times.',
    deep: 'These folders are nested too deep: send an archive (zip).',
    unreadable: 'A file has changed or cannot be read any more: choose it again. Nothing was dropped.',
    cancelled: 'Sending was cancelled. Nothing was dropped.',
    disk: 'The browser has no room for this file: make room, or use vauban link get.',
  },
};
