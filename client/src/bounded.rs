//! Lists that a stranger has written, held to their bounds as they are read: one of many empty items takes far more memory than its bytes.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

/// An item that is itself a list.
pub(crate) trait Weighed {
    /// How many items it holds.
    fn weight(&self) -> usize;
}

/// Reads a list of `MAX` items at most.
pub(crate) fn list<'de, D, T, const MAX: usize>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    from.deserialize_seq(Bounded { items_max: MAX, weight_max: 0, weight: |_: &T| 0 })
}

/// The same, whose items hold `WEIGHT_MAX` items at most, all together.
pub(crate) fn lists<'de, D, T, const MAX: usize, const WEIGHT_MAX: usize>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Weighed,
{
    from.deserialize_seq(Bounded { items_max: MAX, weight_max: WEIGHT_MAX, weight: T::weight })
}

struct Bounded<T> {
    items_max: usize,
    weight_max: usize,
    weight: fn(&T) -> usize,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Bounded<T> {
    type Value = Vec<T>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "a list of {} items at most, within its bounds all together", self.items_max)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        let (mut list, mut left) = (Vec::new(), self.weight_max);
        while let Some(item) = items.next_element::<T>()? {
            match left.checked_sub((self.weight)(&item)) {
                Some(rest) if list.len() < self.items_max => left = rest,
                _ => return Err(A::Error::invalid_length(list.len(), &self)),
            }
            list.push(item);
        }
        Ok(list)
    }
}
