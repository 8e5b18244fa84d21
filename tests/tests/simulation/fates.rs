//! What becomes of each request that a client sends.
//!
//! Most are drawn one after the other. Chunks are asked for several at once, and some ahead, which are given up where a run ends: what
//! becomes of such a request is drawn from the run and from what it asks for, whenever it comes.

use std::collections::BTreeMap;

use vauban_protocol::wire::Request;

use crate::cloud::Fate;
use crate::dice::Dice;
use crate::luck::Luck;
use crate::town::DEVICES_MAX;

/// Kinds of requests, which have luck of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Log,
    Commit,
    Put,
    Get,
    Other,
}

/// What was drawn for a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drawn {
    pub(crate) kind: Kind,
    pub(crate) fate: Fate,
    /// The process is killed in mid-request.
    pub(crate) kills: bool,
    /// This device runs before the request arrives.
    pub(crate) nested: Option<usize>,
}

/// The dice of all requests of a life.
pub(crate) struct Fates {
    seed: u64,
    /// Runs that each device has begun.
    runs: [u64; DEVICES_MAX],
    in_turn: BTreeMap<(usize, Kind), Dice>,
}

impl Kind {
    fn of(request: &Request) -> Self {
        match request {
            Request::Log { .. } => Self::Log,
            Request::Commit { .. } => Self::Commit,
            Request::PutChunks { .. } | Request::HaveChunks { .. } => Self::Put,
            Request::GetChunks { .. } => Self::Get,
            _ => Self::Other,
        }
    }
}

impl Fates {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, runs: [0; DEVICES_MAX], in_turn: BTreeMap::new() }
    }

    pub(crate) fn begin_run(&mut self, device: usize) {
        self.runs[device] += 1;
    }

    /// `wanted` tells which chunks are asked for, if any are.
    pub(crate) fn draw(&mut self, luck: &Luck, device: usize, request: &Request, wanted: Option<u64>) -> Drawn {
        let kind = Kind::of(request);
        let stream = 1_000 + 10 * device as u64 + kind as u64;
        let mut own;
        let dice = match wanted {
            Some(wanted) => {
                own = Dice::new(self.seed, stream + 100 * self.runs[device] + 10_000_000 * wanted);
                &mut own
            }
            None => self.in_turn.entry((device, kind)).or_insert_with(|| Dice::new(self.seed, stream)),
        };
        let fate = match () {
            () if dice.per_mille(luck.lost_request) => Fate::Lost,
            () if dice.per_mille(luck.lost_answer) => Fate::AnswerLost,
            () if dice.per_mille(luck.doubled) => Fate::Doubled,
            () => Fate::Pass,
        };
        let is_awaited = matches!(kind, Kind::Log | Kind::Commit);
        let is_lost = matches!(fate, Fate::Lost | Fate::AnswerLost);
        let kills = is_awaited && is_lost && dice.roll(2) == 0 && luck.crash > 0;
        let nested = (is_awaited && dice.per_mille(luck.nested * 5)).then(|| dice.roll(DEVICES_MAX));
        Drawn { kind, fate, kills, nested }
    }
}
