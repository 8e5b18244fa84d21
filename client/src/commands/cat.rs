//! `vauban cat SPACE:PATH`.

use std::io::{self, Write};

use rustix::pipe::fcntl_setpipe_size;

use crate::commands::Context;
use crate::commands::at::At;
use crate::commands::spaces::{Connected, Place, Purpose, connected, not_a_file, not_there};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::limit::PIPE_BYTES;
use crate::log::Kind;
use crate::say;
use crate::state::StateError;
use crate::sync::{ReadFile, find_at, read_at};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE:PATH", help = say!(fr: "Le fichier à écrire sur la sortie standard", en: "The file to write to standard output"))]
    place: Place,
    #[command(flatten)]
    at: At,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let (place, at) = (arguments.place.clone(), arguments.at);
    connected(context, Purpose::Read, move |connected| {
        let mut file = open(&connected, &place, at)?;
        let mut out = io::stdout().lock();
        // Only a pipe has a size, and its reader need not be woken for every 64 KiB. The system may refuse.
        let _ = fcntl_setpipe_size(&out, PIPE_BYTES);
        while let Some(piece) = file.next_chunk()? {
            match out.write_all(piece.as_ref()) {
                Ok(()) => {}
                // A reader that closed its end has seen what it wanted.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => return Err(StateError::io("stdout".as_ref())(error).into()),
            }
        }
        Ok(out.flush().map_err(StateError::io("stdout".as_ref()))?)
    })?;
    Ok(Exit::Done)
}

/// Starts to read a file of a space, its log read to the end first.
pub(super) fn open(connected: &Connected, place: &Place, at: At) -> Result<ReadFile, Failure> {
    let mut space = connected.open(&connected.find(&place.space)?)?;
    space.follow()?;
    space.write_record()?;
    let moment = at.moment(&space)?;
    let child = find_at(&space, &place.path, moment)?.ok_or_else(|| not_there(place))?;
    if child.kind != Kind::File {
        return Err(not_a_file(place));
    }
    read_at(&space, child.entry, moment)?.ok_or_else(|| not_there(place))
}
