//! `vauban get SPACE:PATH FILE`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::commands::at::At;
use crate::commands::spaces::{Place, Purpose, connected};
use crate::commands::{Context, cat};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::log::Version;
use crate::say;
use crate::size::Size;
use crate::state::StateError;
use crate::sync::ReadFile;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE:PATH", help = say!(fr: "Le fichier à recevoir", en: "The file to receive"))]
    place: Place,
    #[arg(value_name = "FILE", help = say!(
        fr: "Où l'écrire ; un fichier présent n'est remplacé qu'une fois le nouveau entier",
        en: "Where to write it; a file that is there is replaced only once the new one is whole",
    ))]
    file: PathBuf,
    #[command(flatten)]
    at: At,
}

#[derive(Debug, Serialize)]
struct Report {
    file: PathBuf,
    bytes: u64,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    if fs::symlink_metadata(&arguments.file).is_ok_and(|there| !there.is_file()) {
        let file = arguments.file.display();
        return Err(Failure::Usage(say!(
            fr: "« {file} » n'est pas un fichier ordinaire : pour écrire ailleurs, `vauban cat`.",
            en: "`{file}` is no ordinary file: to write anywhere else, `vauban cat`.",
        )));
    }
    let (place, file, at) = (arguments.place.clone(), arguments.file.clone(), arguments.at);
    let report = connected(context, Purpose::Read, move |connected| {
        let reading = cat::open(&connected, &place, at)?;
        let bytes = reading.version.bytes;
        write(reading, &file)?;
        Ok(Report { file, bytes })
    })?;
    context.output.result(&report, |report| {
        let (file, bytes) = (report.file.display(), Size(report.bytes));
        say!(fr: "{file} : {bytes} reçus et vérifiés.", en: "{file}: {bytes} received and verified.")
    });
    Ok(Exit::Done)
}

/// Writes beside, then renames: nobody ever sees half a file under the name.
fn write(mut reading: ReadFile, path: &Path) -> Result<(), Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".vauban-{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let written =
        fill(&mut reading, &beside).and_then(|()| Ok(fs::rename(&beside, path).map_err(StateError::io(path))?));
    if written.is_err() {
        // What is left of it is of no use to anyone.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn fill(reading: &mut ReadFile, path: &Path) -> Result<(), Failure> {
    let mode = if reading.version.executable { 0o777 } else { 0o666 };
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)
        .map_err(StateError::io(path))?;
    while let Some(piece) = reading.next_chunk()? {
        file.write_all(piece.as_ref()).map_err(StateError::io(path))?;
    }
    Ok(seal(&file, &reading.version).map_err(StateError::io(path))?)
}

fn seal(file: &File, version: &Version) -> io::Result<()> {
    let since = Duration::from_nanos(version.mtime_ns.unsigned_abs());
    let modified: SystemTime = if version.mtime_ns < 0 { UNIX_EPOCH - since } else { UNIX_EPOCH + since };
    file.set_modified(modified)?;
    file.sync_all()
}
