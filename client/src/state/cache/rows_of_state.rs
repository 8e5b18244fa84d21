//! The `state` table: values of one kind each, by name.

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use vauban_protocol::canonical::{decode, encode};

use super::CacheError;

pub(super) fn read_state<T>(db: &Connection, key: &str) -> Result<Option<T>, CacheError>
where
    T: Serialize + serde::de::DeserializeOwned,
{
    let bytes: Option<Vec<u8>> =
        db.prepare_cached("SELECT value FROM state WHERE key = ?1")?.query_row([key], |row| row.get(0)).optional()?;
    Ok(bytes.map(|bytes| decode(&bytes)).transpose()?)
}

pub(super) fn write_state<T: Serialize>(db: &Connection, key: &str, value: &T) -> Result<(), CacheError> {
    db.prepare_cached("INSERT OR REPLACE INTO state(key, value) VALUES(?1, ?2)")?
        .execute(params![key, encode(value)])?;
    Ok(())
}
