//! Writing records as JSON bytes, and instants in the three precisions that a console uses.

/// Microseconds in a second.
pub(crate) const SECOND: i64 = 1_000_000;
/// Microseconds in a minute.
pub(crate) const MINUTE: i64 = 60 * SECOND;
/// Microseconds in an hour.
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// Microseconds in a day.
pub(crate) const DAY: i64 = 24 * HOUR;

/// Year, month and day of a day counted from 1970-01-01 (proleptic Gregorian calendar).
const fn civil(days: i64) -> (i64, u8, u8) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month as u8, day as u8)
}

fn digits(out: &mut [u8], mut value: u64) {
    for byte in out.iter_mut().rev() {
        *byte = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// `2025-01-30T10:12:09.458490Z`: the form of most fields, always 27 bytes (years 0 to 9999).
pub(crate) fn micros(at: i64) -> [u8; 27] {
    let mut out = *b"0000-00-00T00:00:00.000000Z";
    let (year, month, day) = civil(at.div_euclid(DAY));
    let of_day = at.rem_euclid(DAY).unsigned_abs();
    digits(&mut out[0..4], year.clamp(0, 9999).unsigned_abs());
    digits(&mut out[5..7], u64::from(month));
    digits(&mut out[8..10], u64::from(day));
    digits(&mut out[11..13], of_day / 3_600_000_000);
    digits(&mut out[14..16], of_day / 60_000_000 % 60);
    digits(&mut out[17..19], of_day / 1_000_000 % 60);
    digits(&mut out[20..26], of_day % 1_000_000);
    out
}

/// The same as text.
pub(crate) fn micros_text(at: i64) -> String {
    String::from_utf8_lossy(&micros(at)).into_owned()
}

/// `2025-01-30T10:12:09Z`: the form without a fraction.
pub(crate) fn seconds_text(at: i64) -> String {
    let mut text = micros_text(at);
    text.replace_range(19..26, "");
    text
}

/// `2025-01-30T10:12:09.458Z`: the form with milliseconds.
pub(crate) fn millis_text(at: i64) -> String {
    let mut text = micros_text(at);
    text.replace_range(23..26, "");
    text
}

/// `Wed, 21 Oct 2015 07:28:00 GMT`, for the `Date` header.
pub(crate) fn http_date(at: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let days = at.div_euclid(DAY);
    let (year, month, day) = civil(days);
    let weekday = DAYS[days.rem_euclid(7) as usize];
    let second = at.rem_euclid(DAY) / SECOND;
    let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
    format!("{weekday}, {day:02} {} {year:04} {h:02}:{m:02}:{s:02} GMT", MONTHS[usize::from(month) - 1])
}

/// An instant from RFC 3339 text, with any fraction and offset.
pub(crate) fn parse_instant(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_microsecond)
}

/// A JSON object being written. Commas are kept by [`Json::key`].
pub(crate) struct Json {
    pub(crate) out: Vec<u8>,
}

impl Json {
    pub(crate) fn with_capacity(capacity: usize) -> Json {
        Json { out: Vec::with_capacity(capacity) }
    }

    fn separate(&mut self) {
        if !matches!(self.out.last(), None | Some(b'{' | b'[' | b':')) {
            self.out.push(b',');
        }
    }

    /// A key, which needs no escaping.
    pub(crate) fn key(&mut self, key: &str) -> &mut Json {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self
    }

    pub(crate) fn object(&mut self, inside: impl FnOnce(&mut Json)) {
        self.separate();
        self.out.push(b'{');
        inside(self);
        self.out.push(b'}');
    }

    pub(crate) fn array(&mut self, inside: impl FnOnce(&mut Json)) {
        self.separate();
        self.out.push(b'[');
        inside(self);
        self.out.push(b']');
    }

    pub(crate) fn raw(&mut self, text: &str) {
        self.separate();
        self.out.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn string(&mut self, text: &str) {
        self.separate();
        self.out.push(b'"');
        let bytes = text.as_bytes();
        if bytes.iter().all(|&b| b >= 0x20 && b != b'"' && b != b'\\') {
            self.out.extend_from_slice(bytes);
        } else {
            for &b in bytes {
                match b {
                    b'"' | b'\\' => self.out.extend_from_slice(&[b'\\', b]),
                    b'\n' => self.out.extend_from_slice(b"\\n"),
                    b'\r' => self.out.extend_from_slice(b"\\r"),
                    b'\t' => self.out.extend_from_slice(b"\\t"),
                    0..=0x1f => {
                        const HEX: &[u8; 16] = b"0123456789abcdef";
                        self.out.extend_from_slice(b"\\u00");
                        self.out.extend_from_slice(&[HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]]);
                    }
                    _ => self.out.push(b),
                }
            }
        }
        self.out.push(b'"');
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) {
        self.key(key).string(value);
    }

    pub(crate) fn maybe(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(key, value),
            None => self.null(key),
        }
    }

    pub(crate) fn id(&mut self, key: &str, id: u64) {
        let mut buffer = [0; 20];
        self.key(key);
        self.out.push(b'"');
        self.out.extend_from_slice(decimal(id, &mut buffer));
        self.out.push(b'"');
    }

    pub(crate) fn int(&mut self, key: &str, value: i64) {
        self.key(key);
        if value < 0 {
            self.out.push(b'-');
        }
        let mut buffer = [0; 20];
        self.out.extend_from_slice(decimal(value.unsigned_abs(), &mut buffer));
    }

    pub(crate) fn bool(&mut self, key: &str, value: bool) {
        self.key(key).out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    pub(crate) fn null(&mut self, key: &str) {
        self.key(key).out.extend_from_slice(b"null");
    }

    /// An instant with six digits; answers where its text begins.
    pub(crate) fn instant(&mut self, key: &str, at: i64) -> usize {
        self.key(key).out.push(b'"');
        let begins = self.out.len();
        self.out.extend_from_slice(&micros(at));
        self.out.push(b'"');
        begins
    }

    pub(crate) fn maybe_instant(&mut self, key: &str, at: Option<i64>) {
        match at {
            Some(at) => {
                self.instant(key, at);
            }
            None => self.null(key),
        }
    }
}

/// The decimal digits of a number.
pub(crate) fn decimal(mut value: u64, buffer: &mut [u8; 20]) -> &[u8] {
    let mut begin = buffer.len();
    loop {
        begin -= 1;
        buffer[begin] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            return &buffer[begin..];
        }
    }
}

/// Lower-case hexadecimal digits, as many as asked for, drawn from a number and its successors.
pub(crate) fn hex(dice: &mut crate::draw::Dice, count: usize) -> String {
    let mut out = Vec::with_capacity(count);
    push_hex(dice, count, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

fn push_hex(dice: &mut crate::draw::Dice, count: usize, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let end = out.len() + count;
    while out.len() < end {
        let word = dice.next();
        let digits: [u8; 16] = std::array::from_fn(|nth| HEX[(word >> (4 * nth) & 15) as usize]);
        out.extend_from_slice(&digits[..16.min(end - out.len())]);
    }
}

/// A UUID-shaped text.
pub(crate) fn uuid(dice: &mut crate::draw::Dice) -> String {
    let mut digits = Vec::with_capacity(32);
    push_hex(dice, 32, &mut digits);
    let mut out = Vec::with_capacity(36);
    for (nth, digit) in digits.into_iter().enumerate() {
        if matches!(nth, 8 | 12 | 16 | 20) {
            out.push(b'-');
        }
        out.push(digit);
    }
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_the_calendar_says() {
        for at in [0, 1, -1, 951_782_399_999_999, 951_782_400_000_000, 1_738_231_929_458_490, 4_102_444_800_000_000] {
            let expected = jiff::Timestamp::from_microsecond(at).unwrap();
            assert_eq!(micros_text(at), format!("{expected:.6}"), "{at}");
            assert_eq!(parse_instant(&micros_text(at)), Some(at));
        }
        assert_eq!(seconds_text(1_738_231_929_458_490), "2025-01-30T10:12:09Z");
        assert_eq!(millis_text(1_738_231_929_458_490), "2025-01-30T10:12:09.458Z");
        assert_eq!(http_date(1_445_412_480_000_000), "Wed, 21 Oct 2015 07:28:00 GMT");
    }

    #[test]
    fn written_text_reads_back() {
        let mut json = Json::with_capacity(64);
        json.object(|j| {
            j.text("a", "quote \" slash \\ line \n bell \u{7} ß");
            j.key("b").array(|j| {
                j.string("x");
                j.string("y");
            });
            j.int("c", i64::MIN);
            j.id("d", u64::MAX);
            j.key("e").object(|_| {});
            j.null("f");
        });
        let value: serde_json::Value = serde_json::from_slice(&json.out).unwrap();
        assert_eq!(value["a"], "quote \" slash \\ line \n bell \u{7} ß");
        assert_eq!(value["b"][1], "y");
        assert_eq!(value["c"], i64::MIN);
        assert_eq!(value["d"], "18446744073709551615");
        assert!(value["f"].is_null());
    }
}
