//! What every command gets from the command line: where its home is, how it asks for passphrases, to whom it speaks.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::cli::Global;
use crate::failure::Failure;
use crate::keys::{KeysError, Passphrase, PassphraseSource};
use crate::link::LinkError;
use crate::output::Output;
use crate::say;
use crate::service::{Limits, Settings, Working, claim_or_borrow};
use crate::session::{News, Session};
use crate::state::Home;

/// The surroundings of one command.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) home: Home,
    pub(crate) output: Output,
    passphrase_file: Option<PathBuf>,
    limits: Limits,
    /// What the sessions of this command learn on their way.
    news: Arc<Mutex<Vec<Arc<News>>>>,
}

impl Context {
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            home: Home::at(global.home.clone()),
            output: if global.json { Output::Json } else { Output::Text },
            passphrase_file: global.passphrase_file.clone(),
            limits: Limits::default(),
            news: Arc::default(),
        }
    }

    /// The same, with limits that were typed.
    pub(crate) fn limited(&self, limits: Limits) -> Self {
        let (home, passphrase_file) = (self.home.clone(), self.passphrase_file.clone());
        Self { home, output: self.output, passphrase_file, limits, news: Arc::clone(&self.news) }
    }

    /// Limits that were typed.
    pub(crate) fn typed_limits(&self) -> Limits {
        self.limits
    }

    /// How fast content may travel: as was typed, else as the settings say.
    pub(crate) fn limits(&self) -> Result<Limits, Failure> {
        Ok(self.limits.or(Settings::load(&self.home)?.limits))
    }

    /// Says what other people of this machine could read. Nothing is refused for it: what they have read, they have read.
    fn warn_of_readers(&self) {
        for path in self.passphrase_file.iter().map(PathBuf::as_path).chain([self.home.folder()]) {
            if path.metadata().is_ok_and(|metadata| metadata.mode() & 0o077 != 0) {
                let path = path.display();
                self.output.note(&say!(
                    fr: "(attention : d'autres personnes de cette machine ont accès à {path} ; `chmod go= {path}`)",
                    en: "(warning: other people of this machine have access to {path}; `chmod go= {path}`)",
                ));
            }
        }
    }

    /// The passphrase of this device's keystore.
    pub(crate) fn passphrase(&self) -> Result<Passphrase, KeysError> {
        self.warn_of_readers();
        PassphraseSource::of(self.passphrase_file.as_ref())
            .read(&say!(fr: "Phrase de passe de cet appareil :", en: "This device's passphrase:"))
    }

    /// A new passphrase for this device's keystore.
    pub(crate) fn choose_passphrase(&self) -> Result<Passphrase, KeysError> {
        PassphraseSource::of(self.passphrase_file.as_ref()).choose(
            &say!(fr: "Choisir la phrase de passe de cet appareil :", en: "Choose this device's passphrase:"),
            &again(),
        )
    }

    /// The passphrase of the organisation's root: from a file of its own, else where the device's comes from.
    pub(crate) fn root_passphrase(&self, file: Option<&PathBuf>) -> Result<Passphrase, KeysError> {
        PassphraseSource::of(file.or(self.passphrase_file.as_ref())).read(&say!(
            fr: "Phrase de passe de la racine de l'organisation :",
            en: "Passphrase of the organisation's root:",
        ))
    }

    /// A new passphrase for the organisation's root.
    pub(crate) fn choose_root_passphrase(&self, file: Option<&PathBuf>) -> Result<Passphrase, KeysError> {
        PassphraseSource::of(file.or(self.passphrase_file.as_ref())).choose(
            &say!(
                fr: "Choisir la phrase de passe de la racine de l'organisation :",
                en: "Choose the passphrase of the organisation's root:",
            ),
            &again(),
        )
    }

    /// The passphrase of a backup that exists.
    pub(crate) fn backup_passphrase(&self, file: Option<&PathBuf>) -> Result<Passphrase, KeysError> {
        PassphraseSource::of(file.or(self.passphrase_file.as_ref()))
            .read(&say!(fr: "Phrase de passe de la sauvegarde :", en: "The backup's passphrase:"))
    }

    /// A new passphrase for a backup.
    pub(crate) fn choose_backup_passphrase(&self, file: Option<&PathBuf>) -> Result<Passphrase, KeysError> {
        PassphraseSource::of(file.or(self.passphrase_file.as_ref())).choose(
            &say!(fr: "Choisir la phrase de passe de la sauvegarde :", en: "Choose the backup's passphrase:"),
            &again(),
        )
    }

    /// The enrolled device of this home, unlocked.
    pub(crate) fn session(&self) -> Result<Session, Failure> {
        if !self.home.keystore().exists() {
            return Err(crate::state::StateError::NoHome(self.home.folder().to_owned()).into());
        }
        let session = Session::open(self.home.clone(), &self.passphrase()?)?;
        self.hear(&session);
        Ok(session)
    }

    /// Has what a session learns told when the command is over.
    pub(crate) fn hear(&self, session: &Session) {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(session.news()));
    }

    /// Tells it.
    pub(crate) fn say_news(&self) {
        let news = std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner));
        news.iter().flat_map(|news| news.take()).for_each(|text| self.output.note(&text));
    }

    /// The right to write with this home's keys: the service that has it, if one runs, halts for as long as this is held.
    pub(crate) fn claim(&self) -> Result<Working, Failure> {
        claim_or_borrow(&self.home, || {
            self.output.note(&say!(
                fr: "(le service s'interrompt le temps de cette commande)",
                en: "(the service halts while this command runs)",
            ));
        })
    }

    /// The file of the passphrase, where it can be had without asking a person.
    pub(crate) fn passphrase_file(&self) -> Option<&PathBuf> {
        self.passphrase_file.as_ref()
    }

    /// Brings the chain up to date where a node answers; where none does, says so, and what is known stands.
    pub(crate) async fn refresh(&self, session: &Session) -> Result<(), Failure> {
        match session.connect().await {
            Err(Failure::Link(error @ LinkError::Unreachable { .. })) => {
                self.output.note(&say!(
                    fr: "(hors ligne : {error} ; dernier état vérifié)",
                    en: "(offline: {error}; as last verified)",
                ));
                Ok(())
            }
            other => other.map(|_| ()),
        }
    }
}

fn again() -> String {
    say!(fr: "Encore une fois :", en: "Once more:")
}
