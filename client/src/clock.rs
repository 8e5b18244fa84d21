//! This machine's clock, and dates as people write them. Everything pure takes time as an argument; shells read it here.

use std::time::{SystemTime, UNIX_EPOCH};

use vauban_protocol::time::{DAY_SECONDS, Timestamp};

/// Now, by this machine's clock. A clock before 1970 counts as 1970.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

/// The day of a moment, in UTC, as `2026-05-01`.
#[must_use]
pub fn day(moment: Timestamp) -> String {
    i64::try_from(moment.0)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .map_or_else(|| "—".to_owned(), |moment| moment.strftime("%Y-%m-%d").to_string())
}

/// Whole days from `now` until `moment`; none once it has passed.
#[must_use]
pub fn days_until(moment: Timestamp, now: Timestamp) -> u64 {
    moment.0.saturating_sub(now.0) / DAY_SECONDS
}

/// A moment to the minute, by this machine's time zone, as `2026-05-01 14:03`.
#[must_use]
pub fn minute(moment: Timestamp) -> String {
    i64::try_from(moment.0)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .map_or_else(|| "—".to_owned(), |moment| local(moment).strftime("%Y-%m-%d %H:%M").to_string())
}

/// A moment of the past as people type it: `2h` ago, the end of the day `2026-05-01`, or `2026-05-01T14:03`, by this
/// machine's time zone.
///
/// # Errors
/// [`MomentError`] for anything else.
pub fn past_moment(text: &str, now: Timestamp) -> Result<Timestamp, MomentError> {
    if let Ok(period) = text.parse::<Period>() {
        return Ok(Timestamp(now.0.saturating_sub(period.seconds)));
    }
    let civil = match text.parse::<jiff::civil::Date>() {
        Ok(date) if !text.contains([':', 'T', ' ']) => date.at(23, 59, 59, 0),
        _ => text.parse::<jiff::civil::DateTime>().map_err(|_| MomentError)?,
    };
    let moment = jiff::tz::TimeZone::system().to_timestamp(civil).map_err(|_| MomentError)?;
    u64::try_from(moment.as_second()).map(Timestamp).map_err(|_| MomentError)
}

fn local(moment: jiff::Timestamp) -> jiff::civil::DateTime {
    jiff::tz::TimeZone::system().to_datetime(moment)
}

/// A text that is no moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("2h, 2026-05-01, 2026-05-01T14:03, #41")]
pub struct MomentError;

/// A length of time as people type it: `90s`, `30m`, `12h`, `7d`, `2w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its seconds.
    pub seconds: u64,
}

/// A text that is no length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("30m, 12h, 7d, 2w")]
pub struct PeriodError;

impl std::str::FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or(PeriodError)?;
        let (number, unit) = text.split_at_checked(unit_at).ok_or(PeriodError)?;
        let unit_seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            "d" | "j" => DAY_SECONDS,
            "w" => 7 * DAY_SECONDS,
            _ => return Err(PeriodError),
        };
        let number: u64 = number.parse().map_err(|_| PeriodError)?;
        number.checked_mul(unit_seconds).map(|seconds| Self { seconds }).ok_or(PeriodError)
    }
}

/// A day as people type it, `2026-12-31`: its last second, in UTC.
///
/// # Errors
/// [`PeriodError`] for anything else, or a day before 1970.
pub fn end_of_day(text: &str) -> Result<Timestamp, PeriodError> {
    let date: jiff::civil::Date = text.parse().map_err(|_| PeriodError)?;
    let end = jiff::tz::TimeZone::UTC.to_timestamp(date.at(23, 59, 59, 0)).map_err(|_| PeriodError)?;
    u64::try_from(end.as_second()).map(Timestamp).map_err(|_| PeriodError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_have_a_number_and_a_unit() {
        assert_eq!("7d".parse(), Ok(Period { seconds: 7 * DAY_SECONDS }));
        assert_eq!("90m".parse(), Ok(Period { seconds: 5400 }));
        for wrong in ["", "7", "d", "-1d", "7 d", "7D", "99999999999999999999d", "7dd"] {
            assert_eq!(wrong.parse::<Period>(), Err(PeriodError), "{wrong:?}");
        }
    }

    #[test]
    fn moments_are_read_in_three_forms() {
        let now = Timestamp(1_800_000_000);
        assert_eq!(past_moment("2h", now), Ok(Timestamp(now.0 - 7200)));
        let noon = past_moment("2026-05-01T12:00", now).unwrap();
        assert_eq!(past_moment("2026-05-01 12:00", now), Ok(noon));
        assert_eq!(minute(noon), "2026-05-01 12:00");
        let end = past_moment("2026-05-01", now).unwrap();
        assert_eq!(minute(end), "2026-05-01 23:59");
        for wrong in ["", "yesterday", "12:00", "2026-13-01", "2026-05-01T25:00"] {
            assert_eq!(past_moment(wrong, now), Err(MomentError), "{wrong:?}");
        }
    }

    #[test]
    fn days_are_read_and_written_alike() {
        assert_eq!(end_of_day("2027-01-31").map(day).as_deref(), Ok("2027-01-31"));
        assert_eq!(end_of_day("31/01/2027"), Err(PeriodError));
        assert_eq!(days_until(Timestamp(3 * DAY_SECONDS), Timestamp(DAY_SECONDS)), 2);
        assert_eq!(days_until(Timestamp(0), Timestamp(DAY_SECONDS)), 0);
    }
}
