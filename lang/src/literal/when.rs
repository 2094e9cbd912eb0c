//! Dates, times of day, windows and rates: text to value. Knows nothing of whose clock is meant.

use jiff::civil::{Date, DateTime};

use super::LiteralError;
use crate::calendar::{self, Clock, DAY, Days, Moment, Until, WEEKDAYS, Window};
use crate::checked::Rate;
use crate::codes::syntax;
use crate::suggest::{self, Candidate};

/// Units of rates, and how many bits a second each is.
pub const RATES: [(&str, u64); 4] = [("gbps", 1_000_000_000), ("mbps", 1_000_000), ("kbps", 1_000), ("bps", 1)];

/// The highest rate, in bits per second: what a meter of OpenFlow 1.3 (§7.3.4.5) can count in kilobits.
const MAX_RATE: u64 = 1_000 * u32::MAX as u64;

fn no_time(message: String) -> LiteralError {
    LiteralError::new(syntax::E0126, message)
}

/// `08:00-18:00`; a range that ends before it starts goes over midnight.
///
/// # Errors
/// E0126.
pub fn clock(text: &str) -> Result<Clock, LiteralError> {
    let help = "a stretch of a day is written `08:00-18:00`; the whole day by leaving it out";
    let Some((from, to)) = text.split_once('-') else {
        return Err(no_time(format!("`{text}` is no stretch of a day")).help(help));
    };
    let (from, to) = (minute(from)?, minute(to)?);
    if from == to || from == DAY {
        return Err(no_time(format!("`{text}` is no stretch of a day: it starts where it ends")).help(help));
    }
    Ok(Clock { from, to })
}

/// `08:00`, `24:00`: minutes since midnight.
fn minute(text: &str) -> Result<u16, LiteralError> {
    let two =
        |part: &str| (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<u16>().ok()).flatten();
    let parts = text.split_once(':').and_then(|(hour, minute)| Some((two(hour)?, two(minute)?)));
    match parts {
        Some((hour @ 0..=23, minute @ 0..=59)) => Ok(hour * 60 + minute),
        Some((24, 0)) => Ok(DAY),
        _ => {
            Err(no_time(format!("`{text}` is no time of day")).help("times of day are `00:00` to `24:00`, with two digits each"))
        }
    }
}

/// `2026-12-24`
fn date(text: &str) -> Result<Date, LiteralError> {
    let shaped = text.len() == 10 && text.split('-').map(str::len).eq([4, 2, 2]);
    let read = if shaped { text.parse().ok() } else { None };
    match read {
        Some(date) if date >= jiff::civil::date(1970, 1, 1) => Ok(date),
        Some(_) => Err(no_time(format!("`{text}` is before 1970"))),
        None => Err(no_time(format!("`{text}` is no date")).help(match two_dates(text) {
            Some((first, last)) => format!("write `{first} to {last}` for all days from the one to the other"),
            None => "dates are written year, month, day: `2026-12-24`".to_owned(),
        })),
    }
}

/// Two dates with a `-` between them.
fn two_dates(text: &str) -> Option<(&str, &str)> {
    let (first, last) = text.split_at_checked("2026-12-24".len())?;
    let last = last.strip_prefix('-').filter(|last| last.len() == first.len())?;
    (date(first).is_ok() && date(last).is_ok()).then_some((first, last))
}

/// True for what can only be meant as a date.
fn is_date(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || b == b'-') && text.contains('-')
}

/// The words of a window: `mon-fri 08:00-18:00`, `sat`, `daily 22:00-06:00`, `08:00-18:00`, `2026-12-24`,
/// `2026-12-24 to 2027-01-06`.
///
/// # Errors
/// E0126.
pub fn window(words: &[&str]) -> Result<Window, LiteralError> {
    let (clocks, days): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| word.contains(':'));
    let clock = match clocks.as_slice() {
        [] => None,
        [only] if words.last() == Some(only) => Some(clock(only)?),
        _ => {
            let text = words.join(" ");
            let turned =
                clocks.len() == 1 && words.first() == clocks.first() && window(&[&days[..], &clocks[..]].concat()).is_ok();
            let help = if turned {
                format!("write `{} {}`", days.join(" "), clocks.join(" "))
            } else {
                "more windows are listed with commas".to_owned()
            };
            let message = format!("`{text}` is no window: it has days first, then one stretch of the day");
            return Err(no_time(message).help(help));
        }
    };
    let days = match days.as_slice() {
        [] => Days::Every,
        ["daily"] => Days::Every,
        [first, "to", last] => dates(first, last)?,
        [only] if is_date(only) => dates(only, only)?,
        [only] => match calendar::weekdays(only) {
            Some(mask) => Days::Week(mask),
            None => return Err(no_days(only)),
        },
        _ => {
            let sound = |word: &&&str| !is_date(word) && calendar::weekdays(word).is_none() && **word != "daily";
            if let Some(wrong) = days.iter().find(sound) {
                return Err(no_days(wrong));
            }
            let text = days.join(" ");
            return Err(no_time(format!("`{text}` are no days"))
                .help("days and times of a window: `mon-fri 08:00-18:00`; more windows are listed with commas"));
        }
    };
    Ok(Window { days, clock })
}

fn dates(first: &str, last: &str) -> Result<Days, LiteralError> {
    let (from, to) = (date(first)?, date(last)?);
    if from > to {
        let error = LiteralError::new(syntax::E0124, format!("`{first} to {last}` is reversed"));
        return Err(error.help(format!("did you mean `{last} to {first}`?")));
    }
    Ok(Days::Dates(from..=to))
}

fn no_days(text: &str) -> LiteralError {
    let words = WEEKDAYS.iter().map(|(name, _)| *name).chain(["daily"]);
    let near = suggest::nearest(text, None, words.map(|name| Candidate { name, kind: None }));
    let help = meant_days(text)
        .map(|meant| format!("write `{meant}`"))
        .or_else(|| suggest::did_you_mean(&near))
        .unwrap_or_else(|| "days are `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`, `mon-fri`, `daily`, or dates".to_owned());
    no_time(format!("`{text}` is no day")).help(help)
}

/// The refusal of what is not one day.
fn no_one_day(text: &str) -> LiteralError {
    let names = WEEKDAYS.iter().map(|(name, _)| Candidate { name, kind: None });
    let meant = meant_days(text).filter(|meant| calendar::weekday(meant).is_some());
    let several = text == "daily" || calendar::weekdays(text).is_some() || meant.is_none() && meant_days(text).is_some();
    let near = if several { Vec::new() } else { suggest::nearest(text, None, names) };
    let help = meant
        .map(|meant| format!("did you mean `{meant}`?"))
        .or_else(|| suggest::did_you_mean(&near))
        .unwrap_or_else(|| "a moment is one day and a time of day: `mon 10:00`, or `2026-12-24T10:00`".to_owned());
    no_time(format!("`{text}` is {}", if several { "more than one day" } else { "no day" })).help(help)
}

/// The days that other words stand for: `monday`, `Mon-Friday`, `weekdays`.
pub(crate) fn meant_days(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let one = |word: &str| {
        let full = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
        let place =
            full.iter().position(|day| word.len() > 2 && (day.starts_with(word) || word.strip_suffix('s') == Some(day)))?;
        WEEKDAYS.get(place).map(|(name, _)| *name)
    };
    let meant = match lower.as_str() {
        "weekday" | "weekdays" | "workday" | "workdays" | "working-days" => "mon-fri".to_owned(),
        "weekend" | "weekends" => "sat-sun".to_owned(),
        "always" | "everyday" | "every-day" => "daily".to_owned(),
        _ => match lower.split_once('-') {
            Some((first, last)) => format!("{}-{}", one(first)?, one(last)?),
            None => one(&lower)?.to_owned(),
        },
    };
    (meant != text).then_some(meant)
}

/// The end of a rule: `2026-12-31` or `2026-12-31T18:00`.
///
/// # Errors
/// E0126.
pub fn until(text: &str) -> Result<Until, LiteralError> {
    match text.split_once('T') {
        None => date(text).map(Until::Day),
        Some((day, time)) => Ok(Until::Minute(date_time(day, time)?)),
    }
}

/// The end of a rule in two words: `2026-12-31 18:00`.
///
/// # Errors
/// E0126.
pub fn until_minute(day: &str, time: &str) -> Result<Until, LiteralError> {
    date_time(day, time).map(Until::Minute)
}

fn date_time(day: &str, time: &str) -> Result<DateTime, LiteralError> {
    let date = date(day)?;
    // Counterexamples may fall on a second.
    let (time, second) = match time.rsplit_once(':') {
        Some((time, second)) if time.contains(':') => (time, second.parse().ok().filter(|second| (0..60).contains(second))),
        _ => (time, Some(0)),
    };
    match (minute(time)?, second) {
        (minute, Some(second)) if minute < DAY => {
            let (hour, minute) = (minute / 60, minute % 60);
            Ok(date.at(i8::try_from(hour).unwrap_or(0), i8::try_from(minute).unwrap_or(0), second, 0))
        }
        _ => Err(no_time(format!("`{time}` is no time of day"))),
    }
}

/// When a flow is sent: `mon 10:00`, `2026-12-24 10:00`, or a date or day alone for its start.
///
/// # Errors
/// E0126.
pub fn moment(words: &[&str]) -> Result<Moment, LiteralError> {
    let (day, time) = match words {
        [day] => (*day, "00:00"),
        [day, time] => (*day, *time),
        _ => {
            let text = words.join(" ");
            return Err(no_time(format!("`{text}` is no moment")).help("write a day and a time of day: `mon 10:00`"));
        }
    };
    if let Some((day, time)) = day.split_once('T')
        && words.len() == 1
    {
        return date_time(day, time).map(Moment::Date);
    }
    if is_date(day) {
        return date_time(day, time).map(Moment::Date);
    }
    if words.len() == 1 && minute(day).is_ok() {
        return Err(
            no_time(format!("`{day}` is a time of day, and its day is missing")).help(format!("write the day, too: `mon {day}`"))
        );
    }
    match (calendar::weekday(day), minute(time)?) {
        (Some(day), minute) if minute < DAY => Ok(Moment::Week(day, minute)),
        (Some(_), _) => Err(no_time(format!("`{time}` is the next day"))),
        (None, _) => Err(no_one_day(day)),
    }
}

/// What rates are, in words.
const RATE_HELP: &str = "whole numbers with `bps`, `kbps`, `mbps` or `gbps`: `50mbps`";

/// `50mbps`: a whole number with a unit.
///
/// # Errors
/// E0127.
pub fn rate(text: &str) -> Result<Rate, LiteralError> {
    let help = || meant_rate(text).unwrap_or_else(|| format!("rates are {RATE_HELP}"));
    let refused = |why: &str| Err(LiteralError::new(syntax::E0127, format!("`{text}` is no rate{why}")).help(help()));
    let Some((unit, bits)) = RATES.iter().find(|(unit, _)| text.ends_with(unit)) else { return refused("") };
    let digits = text.strip_suffix(unit).unwrap_or("");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return refused("");
    }
    match digits.parse::<u64>().ok().and_then(|number| number.checked_mul(*bits)) {
        Some(0) => refused(": nothing would pass"),
        Some(rate) if rate <= MAX_RATE => Ok(Rate(rate)),
        _ => refused(": it is too high"),
    }
}

/// What to write for a rate in the spelling of others: `5Mbit/s`, `5MB/s`.
pub(crate) fn meant_rate(text: &str) -> Option<String> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    let thousands = unit.chars().next().filter(|c| matches!(c, 'k' | 'K' | 'm' | 'M' | 'g' | 'G'));
    let rest = thousands.map_or(unit, |_| unit.get(1..).unwrap_or(""));
    let base = ["/s", "ps", "PS"].iter().find_map(|end| rest.strip_suffix(end)).unwrap_or(rest);
    let bytes = match base {
        // All in capitals says nothing of the sort.
        "B" => rest != "BPS",
        "byte" | "Byte" | "bytes" | "Bytes" => true,
        "b" | "bit" | "Bit" | "bits" | "Bits" => false,
        "" if thousands.is_some() => false,
        _ => return None,
    };
    let prefix = thousands.map_or(String::new(), |c| c.to_ascii_lowercase().to_string());
    let bits = if bytes { number.checked_mul(8)? } else { number };
    let written = format!("{bits}{prefix}bps");
    let sound = written != text && rate(&written).is_ok();
    let why = if bytes { "rates are bits a second, not bytes: " } else { "" };
    sound.then(|| format!("{why}write `{written}`"))
}

/// The rate as it is written: in the largest unit that it is a whole number of.
#[must_use]
pub fn rate_text(rate: Rate) -> String {
    let (unit, bits) = RATES.iter().find(|(_, bits)| rate.0.is_multiple_of(*bits)).copied().unwrap_or(("bps", 1));
    format!("{}{unit}", rate.0 / bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<T: std::fmt::Debug>(result: Result<T, LiteralError>) -> String {
        match result {
            Ok(value) => format!("{value:?}"),
            Err(error) => format!("{} {} ({})", error.code, error.message, error.help.unwrap_or_default()),
        }
    }

    #[test]
    fn good_windows_print_as_they_are_written() {
        for text in ["mon-fri 08:00-18:00", "sat", "22:00-06:00", "daily", "2026-12-24", "2026-12-24 to 2027-01-06 08:00-12:00"] {
            let words: Vec<&str> = text.split(' ').collect();
            assert_eq!(window(&words).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_what_is_one() {
        let windows =
            ["mo-fr 08:00-18:00", "08:00", "25:00-26:00", "8:00-9:00", "08:00-08:00", "2026-02-30", "2027-01-06 to 2026-12-24"];
        let mut all: Vec<String> = windows.iter().map(|text| told(window(&text.split(' ').collect::<Vec<_>>()))).collect();
        all.extend(["2026-13-01", "tomorrow", "2026-12-31T25:00", "1969-01-01"].map(|text| told(until(text))));
        all.extend(
            ["mon 24:00", "someday 10:00", "mon 10:00 11:00"].map(|text| told(moment(&text.split(' ').collect::<Vec<_>>()))),
        );
        let rates = [
            "50",
            "mbps",
            "0mbps",
            "99999gbps",
            "1.5mbps",
            "-1kbps",
            "5Mbps",
            "50MBPS",
            "5MBps",
            "5MB/s",
            "5Mbit/s",
            "5M",
            "5mb",
        ];
        all.extend(rates.map(|text| told(rate(text))));
        all.extend(["2026-12-01-2026-12-31", "2026-12-31-2026-12-01"].map(|text| told(window(&[text]))));
        insta::assert_snapshot!(all.join("\n"));
    }

    #[test]
    fn rates_print_in_their_largest_unit() {
        for (text, bits) in [("50mbps", 50_000_000), ("1500kbps", 1_500_000), ("1gbps", 1_000_000_000), ("7bps", 7)] {
            assert_eq!(rate(text).unwrap(), Rate(bits));
            assert_eq!(rate_text(Rate(bits)), text);
        }
    }
}
