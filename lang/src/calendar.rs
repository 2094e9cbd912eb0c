//! Civil time: the windows that `time` declares, the instants that `until` and flows name, and whose wall clock is meant.
//! Knows nothing of rules. Reads no clock: instants come in as values. The rules of time zones are those of the IANA database that
//! is built in.

use std::fmt;
use std::ops::RangeInclusive;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use net::Time;

/// Minutes of a day.
pub const DAY: u16 = 24 * 60;

/// How many instants [`Calendar::samples`] gives at most.
pub const MAX_SAMPLES: usize = 2_000;

/// How many days around an end are looked at: a week behind it, and what is left of the days around that.
const DAYS_AROUND: usize = 17;

/// Whose wall clock is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    zone: TimeZone,
}

/// When a time holds: on these days, between these times of day.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// On which days.
    pub days: Days,
    /// Between which times of day; absent: all day.
    pub clock: Option<Clock>,
}

/// Days of a window. A window over midnight belongs to the day on which it starts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Days {
    /// Every day.
    Every,
    /// These days of the week: bit 0 is Monday.
    Week(u8),
    /// These dates, both ends in it.
    Dates(RangeInclusive<Date>),
}

/// From one minute of the day to before another one, 0 to 1,440. If it does not end after it starts, it goes over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Clock {
    /// The first minute.
    pub from: u16,
    /// The minute behind the last.
    pub to: u16,
}

/// The end of a rule as its text has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// To the end of this day.
    Day(Date),
    /// To before this time of this day.
    Minute(DateTime),
}

/// When a flow in text is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// On this day of the week, at this minute.
    Week(Weekday, u16),
    /// On this date, at this time.
    Date(DateTime),
}

/// An instant on the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    date: Date,
    minute: u16,
}

impl Default for Calendar {
    /// UTC.
    fn default() -> Self {
        Calendar { zone: TimeZone::UTC }
    }
}

impl Calendar {
    /// The calendar of a time zone of the IANA database: `Europe/Berlin`. Nothing if there is none of that name.
    #[must_use]
    pub fn of_zone(name: &str) -> Option<Calendar> {
        TimeZone::get(name).ok().map(|zone| Calendar { zone })
    }

    /// The name of the time zone.
    #[must_use]
    pub fn zone(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// All names of time zones, for suggestions.
    pub fn zones() -> impl Iterator<Item = String> {
        jiff::tz::db().available().map(|name| name.as_str().to_owned())
    }

    /// The instant on the wall clock. Instants beyond the year 9999 are taken for its end.
    #[must_use]
    pub fn civil(&self, time: Time) -> Civil {
        let zoned = self.zoned(time);
        let clock = zoned.time();
        let minute = i16::from(clock.hour()) * 60 + i16::from(clock.minute());
        Civil { date: zoned.date(), minute: u16::try_from(minute).unwrap_or(0) }
    }

    fn zoned(&self, time: Time) -> Zoned {
        let micros = i64::try_from(time.0).unwrap_or(i64::MAX);
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX).to_zoned(self.zone.clone())
    }

    /// The instant of a time on the wall clock. Where the clock is put forward over it, the time after the gap; where it is put
    /// back, the first of both (RFC 5545 §3.3.5). Times before 1970 are taken for its start.
    #[must_use]
    pub fn instant(&self, at: DateTime) -> Time {
        let micros = at.to_zoned(self.zone.clone()).map_or(i64::MAX, |zoned| zoned.timestamp().as_microsecond());
        Time(u64::try_from(micros).unwrap_or(0))
    }

    /// The first instant at which a rule with this end does not match.
    #[must_use]
    pub fn end_of(&self, until: Until) -> Time {
        match until {
            Until::Minute(at) => self.instant(at),
            Until::Day(date) => date.tomorrow().map_or(Time(u64::MAX), |next| self.instant(next.at(0, 0, 0, 0))),
        }
    }

    /// The last day on which a window starts, and the end of the day on which it ends then; nothing for days that come again.
    #[must_use]
    pub fn last_of(&self, window: &Window) -> Option<(Date, Time)> {
        let Days::Dates(dates) = &window.days else { return None };
        let last = *dates.end();
        let over_midnight = window.clock.is_some_and(|clock| clock.to <= clock.from);
        let ends = if over_midnight { last.tomorrow().unwrap_or(last) } else { last };
        Some((last, self.end_of(Until::Day(ends))))
    }

    /// The instant of a moment; days of the week are those of the week that [`Calendar::samples`] takes.
    #[must_use]
    pub fn moment(&self, moment: Moment, windows: &[Window], ends: &[Time]) -> Time {
        match moment {
            Moment::Date(at) => self.instant(at),
            Moment::Week(day, minute) => {
                let mut date = self.plain_week(windows, ends);
                while date.weekday() != day {
                    date = date.tomorrow().unwrap_or(Date::MAX);
                    if date == Date::MAX {
                        break;
                    }
                }
                self.instant(at_minute(date, minute))
            }
        }
    }

    /// One instant of every stretch of time that the windows and ends tell apart, ends in the future: each day of a plain week and
    /// each date that is named, at every time of day where a window starts or ends. Nothing lies behind the first of the ends.
    #[must_use]
    pub fn samples(&self, windows: &[Window], ends: &[Time]) -> Vec<Time> {
        let minutes = minutes_of(windows);
        let mut dates: Vec<Date> = Vec::new();
        let mut day = self.plain_week(windows, ends);
        for _ in 0..7 {
            dates.push(day);
            day = day.tomorrow().unwrap_or(day);
        }
        for window in windows {
            if let Days::Dates(range) = &window.days {
                dates.extend(around(range));
            }
        }
        dates.sort_unstable();
        dates.dedup();
        let first_end = ends.iter().min().copied().unwrap_or(Time(u64::MAX));
        // The clock is put on and back by hours: what starts a day behind the end has no instant before it.
        let early = |date: &&Date| self.instant(at_minute(date.yesterday().unwrap_or(**date), 0)) < first_end;
        let days = dates.iter().take_while(early);
        let all = days.flat_map(|date| minutes.iter().map(|minute| self.instant(at_minute(*date, *minute))));
        let mut samples: Vec<Time> = all.filter(|time| *time < first_end).take(MAX_SAMPLES).collect();
        samples.sort_unstable();
        samples.dedup();
        samples
    }

    /// How many instants [`Calendar::stretches`] looks at, at most.
    #[must_use]
    pub fn cost_of_stretches(&self, windows: &[Window], ends: &[Time]) -> usize {
        let around = if windows.is_empty() { 0 } else { DAYS_AROUND * minutes_of(windows).len() };
        MAX_SAMPLES.saturating_add(ends.len().saturating_mul(around + 2))
    }

    /// One instant of every stretch of time that the windows and ends tell apart, those behind ends among them.
    #[must_use]
    pub fn stretches(&self, windows: &[Window], ends: &[Time]) -> Vec<Time> {
        let mut all = self.samples(windows, &[]);
        let minutes = minutes_of(windows);
        for end in ends {
            all.extend([Time(end.0.saturating_sub(1)), *end]);
            if windows.is_empty() {
                continue;
            }
            let mut day = self.zoned(*end).date().saturating_sub(8.days());
            for _ in 0..DAYS_AROUND {
                all.extend(minutes.iter().map(|minute| self.instant(at_minute(day, *minute))));
                day = day.saturating_add(1.day());
            }
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The first day of seven that come before every date and end that is named, and that the clock is not put on: the second week
    /// of January 2026, or one that long before the first of them.
    fn plain_week(&self, windows: &[Window], ends: &[Time]) -> Date {
        const START: Date = jiff::civil::date(2026, 1, 12);
        let named = windows.iter().filter_map(|window| match &window.days {
            Days::Dates(range) => Some(*range.start()),
            Days::Every | Days::Week(_) => None,
        });
        let ends = ends.iter().map(|end| self.zoned(*end).date());
        match named.chain(ends).min() {
            Some(first) if first < START.saturating_add(9.days()) => first.saturating_sub(9.days()),
            Some(_) | None => START,
        }
    }

    /// The next instant after `now` at which a window opens or closes; nothing if there is none within a year.
    #[must_use]
    pub fn next_edge(&self, windows: &[Window], now: Time) -> Option<Time> {
        let today = self.zoned(now).date();
        let mut dates: Vec<Date> = Vec::new();
        let mut day = today;
        for _ in 0..9 {
            dates.push(day);
            day = day.tomorrow().ok()?;
        }
        for window in windows {
            if let Days::Dates(range) = &window.days {
                dates.extend(around(range));
            }
        }
        let inside = |time: Time| -> Vec<bool> {
            let civil = self.civil(time);
            windows.iter().map(|window| window.contains(civil)).collect()
        };
        let minutes = minutes_of(windows);
        let mut edges: Vec<Time> =
            dates.iter().flat_map(|date| minutes.iter().map(|minute| self.instant(at_minute(*date, *minute)))).collect();
        edges.retain(|edge| *edge > now);
        edges.sort_unstable();
        edges.dedup();
        let present = inside(now);
        edges.into_iter().find(|edge| inside(*edge) != present)
    }

    /// `2026-11-27 10:00`, with seconds where they are not zero: as flows in text have it.
    #[must_use]
    pub fn text(&self, time: Time) -> String {
        let zoned = self.zoned(time);
        let format = if zoned.second() == 0 { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d %H:%M:%S" };
        zoned.strftime(format).to_string()
    }
}

/// The minutes of the day at which a window starts or ends, and the first one.
fn minutes_of(windows: &[Window]) -> Vec<u16> {
    let clocks = windows.iter().filter_map(|window| window.clock);
    let mut minutes: Vec<u16> = clocks.flat_map(|clock| [clock.from % DAY, clock.to % DAY]).chain([0]).collect();
    minutes.sort_unstable();
    minutes.dedup();
    minutes
}

/// The dates at both ends of a range, one inside, and the days around it.
fn around(range: &RangeInclusive<Date>) -> Vec<Date> {
    let (first, last) = (*range.start(), *range.end());
    let days = [first.yesterday().ok(), Some(first), first.tomorrow().ok(), Some(last), last.tomorrow().ok()];
    days.into_iter().flatten().collect()
}

fn at_minute(date: Date, minute: u16) -> DateTime {
    let (hour, minute) = (minute / 60, minute % 60);
    date.at(i8::try_from(hour.min(23)).unwrap_or(0), i8::try_from(minute).unwrap_or(0), 0, 0)
}

impl Window {
    /// True if the instant lies in it.
    #[must_use]
    pub fn contains(&self, at: Civil) -> bool {
        let today = self.days.contains(at.date);
        match self.clock {
            None => today,
            Some(Clock { from, to }) if from < to => today && (from..to).contains(&at.minute),
            Some(Clock { from, to }) => {
                let yesterday = at.date.yesterday().is_ok_and(|date| self.days.contains(date));
                (today && at.minute >= from) || (yesterday && at.minute < to)
            }
        }
    }
}

impl Days {
    fn contains(&self, date: Date) -> bool {
        match self {
            Days::Every => true,
            Days::Week(mask) => mask >> date.weekday().to_monday_zero_offset() & 1 == 1,
            Days::Dates(range) => range.contains(&date),
        }
    }
}

/// The words of the days of the week.
pub const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// The day of the week with this word.
#[must_use]
pub fn weekday(word: &str) -> Option<Weekday> {
    WEEKDAYS.iter().find(|(name, _)| *name == word).map(|(_, day)| *day)
}

/// The days of `mon-fri` or `sat`, over the end of the week where it is turned round; nothing if they are other words.
#[must_use]
pub fn weekdays(text: &str) -> Option<u8> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (weekday(first)?.to_monday_zero_offset(), weekday(last)?.to_monday_zero_offset());
    let count = (last - first).rem_euclid(7);
    Some((0..=count).fold(0, |mask, step| mask | 1 << ((first + step) % 7)))
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.days {
            Days::Every if self.clock.is_some() => {}
            Days::Every => f.write_str("daily")?,
            Days::Week(mask) => f.write_str(&week_text(*mask))?,
            Days::Dates(range) if range.start() == range.end() => write!(f, "{}", range.start())?,
            Days::Dates(range) => write!(f, "{} to {}", range.start(), range.end())?,
        }
        let Some(clock) = self.clock else { return Ok(()) };
        if self.days != Days::Every {
            f.write_str(" ")?;
        }
        write!(f, "{:02}:{:02}-{:02}:{:02}", clock.from / 60, clock.from % 60, clock.to / 60, clock.to % 60)
    }
}

/// `mon-fri`, `sat-sun`: the run of days that a mask is; the parser makes no other masks.
fn week_text(mask: u8) -> String {
    let has = |day: usize| mask >> (day % 7) & 1 == 1;
    let name = |day: usize| WEEKDAYS.get(day % 7).map_or("", |(name, _)| *name);
    let first = (0..7).find(|day| has(*day) && !has(day + 6)).unwrap_or(0);
    let last = (first..first + 7).take_while(|day| has(*day)).last().unwrap_or(first);
    if first == last { name(first).to_owned() } else { format!("{}-{}", name(first), name(last)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> Calendar {
        Calendar::of_zone("Europe/Berlin").unwrap()
    }

    fn at(calendar: &Calendar, text: &str) -> Time {
        calendar.instant(text.parse().unwrap())
    }

    fn window(days: Days, from: u16, to: u16) -> Window {
        Window { days, clock: Some(Clock { from, to }) }
    }

    #[test]
    fn windows_hold_on_the_wall_clock_over_changes_of_the_clock_leap_days_and_midnight() {
        let berlin = berlin();
        let office = window(Days::Week(weekdays("mon-fri").unwrap()), 8 * 60, 18 * 60);
        let night = window(Days::Week(weekdays("fri").unwrap()), 22 * 60, 6 * 60);
        let small_hours = window(Days::Every, 2 * 60, 3 * 60);
        let leap = Window { days: Days::Dates("2028-02-29".parse().unwrap()..="2028-02-29".parse().unwrap()), clock: None };
        for (window, instant, inside) in [
            (&office, "2026-11-27T07:59:59", false),
            (&office, "2026-11-27T08:00:00", true),
            (&office, "2026-11-27T17:59:59", true),
            (&office, "2026-11-27T18:00:00", false),
            (&office, "2026-11-28T12:00:00", false),
            (&office, "2026-03-30T08:00:00", true),
            (&office, "2026-10-26T08:00:00", true),
            (&night, "2026-11-27T21:59:00", false),
            (&night, "2026-11-27T22:00:00", true),
            (&night, "2026-11-28T05:59:00", true),
            (&night, "2026-11-28T06:00:00", false),
            (&night, "2026-11-28T22:00:00", false),
            (&small_hours, "2026-03-29T01:59:59", false),
            (&small_hours, "2026-03-29T03:00:00", false),
            (&leap, "2028-02-28T23:59:59", false),
            (&leap, "2028-02-29T00:00:00", true),
            (&leap, "2028-03-01T00:00:00", false),
        ] {
            assert_eq!(window.contains(berlin.civil(at(&berlin, instant))), inside, "{window} {instant}");
        }
    }

    #[test]
    fn an_hour_that_comes_twice_is_in_the_window_twice_and_one_that_is_left_out_never() {
        let berlin = berlin();
        let window = window(Days::Every, 2 * 60, 3 * 60);
        let inside = |start: &str| {
            let start = at(&berlin, start);
            (0..300).filter(|minute| window.contains(berlin.civil(Time(start.0 + minute * 60_000_000)))).count()
        };
        assert_eq!(inside("2026-10-25T00:00:00"), 120);
        assert_eq!(inside("2026-03-29T00:00:00"), 0);
        assert_eq!(inside("2026-11-27T00:00:00"), 60);
    }

    #[test]
    fn until_a_day_lasts_to_its_end_on_the_wall_clock() {
        let utc = Calendar::default();
        let day = Until::Day("2026-12-31".parse().unwrap());
        assert_eq!(utc.text(utc.end_of(day)), "2027-01-01 00:00");
        assert_eq!(utc.text(berlin().end_of(day)), "2026-12-31 23:00");
        assert_eq!(utc.text(berlin().end_of(Until::Minute("2026-07-01T18:00".parse().unwrap()))), "2026-07-01 16:00");
    }

    #[test]
    fn words_of_days_go_over_the_end_of_the_week() {
        assert_eq!(weekdays("mon-fri"), Some(0b001_1111));
        assert_eq!(weekdays("sat-mon"), Some(0b110_0001));
        assert_eq!(weekdays("sun"), Some(0b100_0000));
        assert_eq!(weekdays("mo-fr"), None);
        for text in ["mon-fri", "sat-mon", "sun", "tue-thu"] {
            assert_eq!(week_text(weekdays(text).unwrap()), text);
        }
    }

    #[test]
    fn samples_meet_every_stretch_that_windows_tell_apart() {
        let calendar = berlin();
        let windows = [
            window(Days::Week(weekdays("mon-fri").unwrap()), 8 * 60, 18 * 60),
            window(Days::Week(weekdays("sat").unwrap()), 22 * 60, 6 * 60),
            Window { days: Days::Dates("2026-12-24".parse().unwrap()..="2026-12-26".parse().unwrap()), clock: None },
        ];
        let key = |time: Time| windows.iter().map(|window| window.contains(calendar.civil(time))).collect::<Vec<_>>();
        let met: std::collections::BTreeSet<Vec<bool>> = calendar.samples(&windows, &[]).into_iter().map(key).collect();
        let start = at(&calendar, "2026-12-01T00:00:00").0;
        for minute in 0..60 * 24 * 45 {
            assert!(met.contains(&key(Time(start + minute * 60_000_000))), "{minute}");
        }
        let end = at(&calendar, "2020-01-01T00:00:00");
        assert!(calendar.samples(&windows, &[end]).iter().all(|time| *time < end));
        assert!(!calendar.samples(&windows, &[end]).is_empty());
    }

    #[test]
    fn the_next_edge_is_the_first_at_which_something_opens_or_closes() {
        let calendar = berlin();
        let windows = [window(Days::Week(weekdays("mon-fri").unwrap()), 8 * 60, 18 * 60)];
        let next = |text| calendar.text(calendar.next_edge(&windows, at(&calendar, text)).unwrap());
        assert_eq!(next("2026-11-27T07:00:00"), "2026-11-27 08:00");
        assert_eq!(next("2026-11-27T08:00:00"), "2026-11-27 18:00");
        assert_eq!(next("2026-11-27T18:00:00"), "2026-11-30 08:00");
        assert_eq!(next("2026-03-27T18:00:00"), "2026-03-30 08:00");
        assert_eq!(calendar.next_edge(&[], at(&calendar, "2026-03-27T18:00:00")), None);
    }

    #[test]
    fn zones_are_those_of_the_database() {
        assert_eq!(berlin().zone(), "Europe/Berlin");
        assert!(Calendar::of_zone("Europe/Berln").is_none());
        assert!(Calendar::zones().any(|name| name == "Europe/Berlin"));
    }
}
