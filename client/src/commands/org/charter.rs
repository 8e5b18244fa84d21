//! `vauban org charter REQUEST`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use vauban_protocol::id::Digest;
use vauban_protocol::organisation::{Charter, Grant, NodeAdmission, Organisation};
use vauban_protocol::time::Timestamp;

use crate::clock::{self, PeriodError, end_of_day};
use crate::commands::granted::{waiting_text, waits};
use crate::commands::root_passphrase::RootPassphrase;
use crate::commands::{Context, block_on};
use crate::complaint::breach_text;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys::Root;
use crate::limit::{CHARTER_DAYS, SMALL_FILE_BYTES_MAX, TLS_CERTIFICATE_DAYS};
use crate::link::Link;
use crate::organisation::{CharterTerms, Draft, Granted, NodeApplication, NodeRequestError, sign_node};
use crate::say;
use crate::session::{Certifying, Session};
use crate::state::{StateError, create_new, read_bounded};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "REQUEST", help = say!(
        fr: "La demande, écrite par `vauban-node init`",
        en: "The request, written by `vauban-node init`",
    ))]
    request: PathBuf,
    #[arg(long, help = say!(fr: "Le centre de données", en: "The datacentre"))]
    site: String,
    #[arg(long, help = say!(
        fr: "Le département, ou la région hors de France (75, 2A…)",
        en: "The French department, or the region elsewhere (75, 2A…)",
    ))]
    department: String,
    #[arg(long, value_name = "CC", default_value = "FR", help = say!(
        fr: "Le pays, en deux lettres",
        en: "The country, in two letters",
    ))]
    country: String,
    #[arg(long, value_name = "NAME", help = say!(fr: "Le nom légal de l'exploitant", en: "The operator's legal name"))]
    operator: String,
    #[arg(long, help = say!(fr: "Le SIREN de l'exploitant, neuf chiffres", en: "The operator's SIREN, nine digits"))]
    siren: String,
    #[arg(long, help = say!(
        fr: "Le droit dont répond l'exploitant, comme votre politique le nomme",
        en: "The law that the operator answers to, as your policy names it",
    ))]
    regime: String,
    #[arg(long, value_name = "DATE", value_parser = parse_day, help = say!(
        fr: "Fin du visa SecNumCloud de l'exploitant, comme 2027-12-31",
        en: "End of the operator's SecNumCloud visa, as 2027-12-31",
    ))]
    secnumcloud_until: Option<Timestamp>,
    #[arg(long, default_value_t = CHARTER_DAYS, help = say!(
        fr: "Durée de la charte, en jours",
        en: "How long the charter lasts, in days",
    ))]
    days: u64,
    #[arg(long, value_name = "FILE", help = say!(
        fr: "L'admission à écrire, pour `vauban-node admit`",
        en: "The admission to write, for `vauban-node admit`",
    ))]
    out: PathBuf,
    #[arg(long, help = say!(
        fr: "N'essaie pas de joindre un nœud : le suivant que cet appareil joindra apprendra la charte",
        en: "Does not try to reach a node: the next one that this device reaches learns the charter",
    ))]
    offline: bool,
    #[arg(long, help = say!(
        fr: "Une charte proposée a reçu sa seconde signature : écrit l'admission, sans rien signer d'autre",
        en: "A proposed charter has got its second signature: writes the admission, and signs no other charter",
    ))]
    approved: bool,
    #[command(flatten)]
    root_passphrase: RootPassphrase,
}

#[derive(Debug, Serialize)]
struct Report {
    node: String,
    address: String,
    site: String,
    country: String,
    charter_until: String,
    certificate_until: String,
    /// None as long as the charter waits for a second admin.
    admission: Option<PathBuf>,
    /// The number by which a second admin approves the charter; none if it is in force.
    waits: Option<u64>,
    /// Which rule of the policy the charter breaks. A charter states facts, and the policy judges them: clients will not use
    /// such a node, until the policy permits it.
    breach: Option<String>,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let application = read_request(&arguments.request)?;
    if arguments.out.exists() {
        return Err(StateError::Exists(arguments.out.clone()).into());
    }
    let session = context.session()?;
    let root = arguments.root_passphrase.open_root(context)?;
    let report = block_on(admit(&session, &root, &application, arguments))?;
    context.output.result(&report, text);
    Ok(Exit::Done)
}

async fn admit(
    session: &Session,
    root: &Root,
    application: &NodeApplication,
    arguments: &Arguments,
) -> Result<Report, Failure> {
    let link = node_to_tell(session, arguments.offline).await?;
    let now = clock::now();
    let organisation = session.organisation();
    let certificate = sign_node(
        &root.authority,
        organisation.tls_authority(),
        application.tls_request(),
        application.node(),
        now,
        TLS_CERTIFICATE_DAYS,
    )
    .map_err(NodeRequestError::from)?;
    let (charter, granted) = if arguments.approved {
        (approved(&organisation, application, certificate.key)?, Granted::InForce)
    } else {
        let charter = application.charter(&terms(arguments), certificate.key, now)?;
        let certifying = link.as_deref().map_or(Certifying::Here, Certifying::At);
        let say =
            |draft: &mut Draft| Ok(draft.grant(root.into(), session.identity(), Grant::Charter(charter.clone()))?);
        let granted = session.certify(certifying, say).await?;
        (charter, granted)
    };
    let breach = organisation.policy().permits(&charter, now).err().map(breach_text);
    let waits = waits(granted);
    if waits.is_none() {
        let chain = session.certificates().iter().map(|certificate| certificate.to_vec()).collect();
        let admission = NodeAdmission { chain, tls_certificate: certificate.der };
        create_new(&arguments.out, &admission.to_bytes())?;
        session.anchor().update(|anchor| {
            if !anchor.servers.iter().any(|known| known == application.address()) {
                anchor.servers.push(application.address().to_owned());
            }
        })?;
    }
    Ok(Report {
        node: application.node().to_hex(),
        address: application.address().to_owned(),
        site: charter.site,
        country: charter.country,
        charter_until: clock::day(charter.not_after),
        certificate_until: clock::day(now.plus(TLS_CERTIFICATE_DAYS * vauban_protocol::time::DAY_SECONDS)),
        admission: waits.is_none().then(|| arguments.out.clone()),
        waits,
        breach,
    })
}

/// The charter that two admins have signed for this request's keys.
fn approved(organisation: &Organisation, application: &NodeApplication, key: Digest) -> Result<Charter, Failure> {
    let charter = organisation.charter(application.node()).filter(|charter| charter.tls_keys.contains(&key));
    charter.cloned().ok_or_else(|| {
        Failure::NotFound(say!(
            fr: "Aucune charte en vigueur pour ce nœud et sa clé : `vauban admin pending` montre ce qui attend encore une signature.",
            en: "No charter in force for this node and its key: `vauban admin pending` shows what still waits for a signature.",
        ))
    })
}

/// A node that takes the charter into the chain. None is asked as long as there is none, or when told so; otherwise silence
/// is an error: a charter that only this machine knew could contradict what others say meanwhile.
async fn node_to_tell(session: &Session, offline: bool) -> Result<Option<Arc<Link>>, Failure> {
    if offline || session.organisation().charters().next().is_none() {
        return Ok(None);
    }
    session.connect().await.map(Some)
}

fn read_request(path: &std::path::Path) -> Result<NodeApplication, Failure> {
    let bytes = read_bounded(path, SMALL_FILE_BYTES_MAX)?
        .ok_or_else(|| StateError::io(path)(std::io::ErrorKind::NotFound.into()))?;
    Ok(NodeApplication::parse(bytes.into())?)
}

fn terms(arguments: &Arguments) -> CharterTerms {
    CharterTerms {
        site: arguments.site.clone(),
        department: arguments.department.clone(),
        country: arguments.country.to_ascii_uppercase(),
        operator: arguments.operator.clone(),
        siren: arguments.siren.replace(' ', ""),
        regime: arguments.regime.clone(),
        secnumcloud_until: arguments.secnumcloud_until,
        days: arguments.days,
    }
}

fn parse_day(text: &str) -> Result<Timestamp, PeriodError> {
    end_of_day(text)
}

fn text(report: &Report) -> String {
    let Report { node, address, site, country, charter_until, certificate_until, admission, waits, breach } = report;
    let breach = breach.as_deref().map_or_else(String::new, |breach| {
        say!(
            fr: "\nATTENTION : cette charte ne satisfait pas votre politique ({breach}) ; aucun client ne confiera rien à ce nœud.",
            en: "\nMIND: this charter does not satisfy your policy ({breach}); no client will trust this node with anything.",
        )
    });
    if let Some(number) = waits {
        let waiting = waiting_text(*number);
        return say!(
            fr: "Charte proposée pour le nœud {node} : {site} ({country}), {address}, jusqu'au {charter_until}.\n{waiting}\nRelancer ensuite la même commande avec --approved : elle écrit l'admission.{breach}",
            en: "Charter proposed for node {node}: {site} ({country}), {address}, until {charter_until}.\n{waiting}\nThen run the same command with --approved: it writes the admission.{breach}",
        );
    }
    let admission = admission.as_deref().unwrap_or(Path::new("")).display();
    say!(
        fr: "Nœud {node} admis : {site} ({country}), {address}.\n  charte jusqu'au {charter_until}, certificat jusqu'au {certificate_until}\nÀ faire maintenant, sur le nœud : `vauban-node admit --data DOSSIER {admission}`.{breach}",
        en: "Node {node} admitted: {site} ({country}), {address}.\n  charter until {charter_until}, certificate until {certificate_until}\nTo do now, on the node: `vauban-node admit --data DIR {admission}`.{breach}",
    )
}
