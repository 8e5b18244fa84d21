//! A part of a reanchoring, each of its spaces, beside what this device has seen of them.

use std::collections::BTreeMap;

use vauban_protocol::chain::Head;
use vauban_protocol::id::SpaceId;
use vauban_protocol::organisation::{Grant, Reanchor};

use super::{Told, View};
use crate::clock;
use crate::commands::restored::{Restored, SetBack, compare};
use crate::complaint::Complaint;
use crate::say;

impl View<'_> {
    pub(super) fn reanchor(&self, number: u64, part: &Reanchor) -> Told {
        let (incarnation, time, spaces) = (part.incarnation.to_hex(), clock::minute(part.time), part.spaces.len());
        let before = self.organisation.incarnation().to_hex();
        let mut details = vec![
            say!(fr: "grappe restaurée : {incarnation}", en: "restored cluster: {incarnation}"),
            say!(fr: "à la place de : {before}", en: "in place of: {before}"),
            say!(fr: "heure de la racine : {time}", en: "the root's time: {time}"),
            if part.is_last {
                say!(
                    fr: "dernière partie : elle met en vigueur toutes celles de cette grappe ; un espace qu'aucune ne nomme n'est plus",
                    en: "the last part: it puts all of this cluster into force; a space that none of them names is no more",
                )
            } else {
                say!(
                    fr: "une partie parmi d'autres : rien n'est en vigueur avant la dernière",
                    en: "one part of several: nothing is in force before the last one",
                )
            },
        ];
        let (restored, alarm) = match compare(&self.known, self.restored_by(number, part)) {
            Ok(restored) => (restored, None),
            Err(alarm) => {
                details.push(Complaint::from(&alarm).what);
                (Restored::default(), Some(alarm))
            }
        };
        for SetBack { space, commits } in restored.set_back {
            details.push(say!(
                fr: "ATTENTION : {commits} modifications vues ici de l'espace {space} n'y sont plus",
                en: "MIND: {commits} changes that were seen here of space {space} are not in it",
            ));
        }
        // What other parts name is not lost: whoever looks at one of them sees only what that one says.
        if part.is_last {
            details.extend(restored.lost.iter().map(|space| {
                say!(
                    fr: "ATTENTION : l'espace {space}, que cet appareil connaît, n'y est pas : il n'est plus",
                    en: "MIND: space {space}, which this device knows, is not in it: it is no more",
                )
            }));
        }
        Told {
            what: say!(
                fr: "remise en service d'une grappe restaurée, {spaces} espace(s) : ils reviennent à leur sauvegarde",
                en: "a restored cluster put into force, {spaces} space(s): they go back to their backup",
            ),
            details,
            spaces: part.spaces.iter().map(|(space, head)| self.space(*space, *head)).collect(),
            waits_for_last: !part.is_last,
            alarm,
            ..Told::default()
        }
    }

    /// Where spaces go on by this part; by all before it of its cluster, too, if it is the last one, which cannot be approved before them.
    /// What is proposed after it comes too late.
    fn restored_by(&self, number: u64, part: &Reanchor) -> impl Fn(SpaceId) -> Option<Head> {
        let mut heads: BTreeMap<SpaceId, Head> = BTreeMap::new();
        if part.is_last {
            heads.extend(self.organisation.reanchoring(part.incarnation));
            for open in self.organisation.proposals().filter(|open| open.number < number) {
                if let Grant::Reanchor(other) = open.grant
                    && other.incarnation == part.incarnation
                {
                    heads.extend(other.spaces.iter().copied());
                }
            }
        }
        heads.extend(part.spaces.iter().copied());
        move |space| heads.get(&space).copied()
    }

    /// A space, where it goes on, and how far this device has seen it.
    fn space(&self, space: SpaceId, head: Head) -> String {
        let (seq, digest) = (head.seq, head.digest.to_hex());
        let seen = match self.known.spaces.get(&space).and_then(|known| known.head) {
            None => say!(fr: "inconnu ici", en: "unknown here"),
            Some(seen) if seen == head => say!(fr: "comme vu ici", en: "as seen here"),
            Some(Head { seq, .. }) => say!(fr: "vu ici jusqu'au n° {seq}", en: "seen here up to no. {seq}"),
        };
        let space = space.to_hex();
        say!(
            fr: "espace {space} : n° {seq}, {digest} ({seen})",
            en: "space {space}: no. {seq}, {digest} ({seen})",
        )
    }
}
