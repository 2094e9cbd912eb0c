//! A bounds-checked reader over one frame and a writer over an output buffer: all that the two versions share. Knows no message.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use bytes::{BufMut, Bytes, BytesMut};
use net::{Dpid, MacAddr};

use crate::error::{BAD_LEN, DecodeError, DecodeErrorKind, EncodeError};

/// Reads a frame, or a structure within it, in order. Every read is checked against the structure's own end.
pub(crate) struct Reader<'a> {
    frame: &'a Bytes,
    at: usize,
    end: usize,
    what: &'static str,
    answer: (u16, u16),
}

/// A value with a fixed place on the wire.
pub(crate) trait Wire: Sized {
    /// Reads it; `field` names it in errors.
    fn get(r: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError>;
    /// Writes it.
    fn put(&self, w: &mut Writer<'_>);
}

impl<'a> Reader<'a> {
    /// Reads all of `frame`; errors speak of `what`.
    pub(crate) fn new(frame: &'a Bytes, what: &'static str) -> Self {
        Reader { frame, at: 0, end: frame.len(), what, answer: BAD_LEN }
    }

    /// The bytes left before the end of this structure.
    #[inline]
    pub(crate) fn remaining(&self) -> usize {
        self.end.saturating_sub(self.at)
    }

    /// True at the end of this structure.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// Names the structure that errors speak of from here on; gives the former name.
    pub(crate) fn enter(&mut self, what: &'static str) -> &'static str {
        std::mem::replace(&mut self.what, what)
    }

    /// The same reader, whose errors are answered with this (type, code) unless they say otherwise.
    pub(crate) fn answering(mut self, answer: impl Into<(u16, u16)>) -> Self {
        self.answer = answer.into();
        self
    }

    /// An error at the present place.
    pub(crate) fn fail(&self, field: &'static str, kind: DecodeErrorKind) -> DecodeError {
        self.fail_as(field, kind, self.answer)
    }

    /// An error at the present place with its own answer.
    pub(crate) fn fail_as(&self, field: &'static str, kind: DecodeErrorKind, answer: impl Into<(u16, u16)>) -> DecodeError {
        DecodeError::new(self.what, field, self.at, kind, answer.into())
    }

    /// The next `n` bytes.
    #[inline]
    pub(crate) fn take(&mut self, n: usize, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let range = self.range(n, field)?;
        let slice = self.frame.get(range.clone()).ok_or_else(|| self.fail(field, DecodeErrorKind::Truncated))?;
        self.at = range.end;
        Ok(slice)
    }

    /// All that is left, uncopied.
    pub(crate) fn rest(&mut self) -> Bytes {
        let range = self.at..self.end;
        self.at = self.end;
        self.frame.slice(range)
    }

    /// Passes over padding.
    #[inline]
    pub(crate) fn skip(&mut self, n: usize) -> Result<(), DecodeError> {
        self.take(n, "pad").map(|_| ())
    }

    /// Reads one value.
    #[inline]
    pub(crate) fn get<T: Wire>(&mut self, field: &'static str) -> Result<T, DecodeError> {
        T::get(self, field)
    }

    /// The 16-bit number `ahead` bytes from here, without moving.
    pub(crate) fn peek_u16(&self, ahead: usize, field: &'static str) -> Result<u16, DecodeError> {
        let mut other = Reader { frame: self.frame, at: self.at, end: self.end, what: self.what, answer: self.answer };
        other.take(ahead, field)?;
        other.get(field)
    }

    /// A reader of the next `n` bytes, which this one passes over. `field` is the length field that said `n`.
    pub(crate) fn child(&mut self, n: usize, field: &'static str, what: &'static str) -> Result<Reader<'a>, DecodeError> {
        if n > self.remaining() {
            return Err(self.fail(field, DecodeErrorKind::BadLength));
        }
        let at = self.at;
        self.take(n, field)?;
        Ok(Reader { frame: self.frame, at, end: self.at, what, answer: self.answer })
    }

    /// As [`Reader::child`], for a structure whose own length field tells its length: it must be `least` at the least.
    pub(crate) fn structure(
        &mut self,
        n: usize,
        least: usize,
        field: &'static str,
        what: &'static str,
    ) -> Result<Reader<'a>, DecodeError> {
        if n < least {
            return Err(DecodeError::new(what, field, self.at, DecodeErrorKind::BadLength, self.answer));
        }
        self.child(n, field, what)
    }

    /// A list that fills the rest of this structure. Ends on any bytes: an element that takes none is an error.
    pub(crate) fn list<T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let mut all = Vec::new();
        while !self.is_empty() {
            let before = self.at;
            all.push(element(self)?);
            if self.at == before {
                return Err(self.fail("length", DecodeErrorKind::BadLength));
            }
        }
        Ok(all)
    }

    /// A list of values of fixed size that fills the rest of this structure.
    pub(crate) fn values<T: Wire>(&mut self, field: &'static str) -> Result<Vec<T>, DecodeError> {
        self.list(|r| r.get(field))
    }

    /// Bytes after the last field are an error.
    pub(crate) fn finish(&self) -> Result<(), DecodeError> {
        if self.is_empty() { Ok(()) } else { Err(self.fail("length", DecodeErrorKind::Trailing)) }
    }

    #[inline]
    fn range(&self, n: usize, field: &'static str) -> Result<std::ops::Range<usize>, DecodeError> {
        #[cfg(test)]
        crate::work::count();
        match self.at.checked_add(n) {
            Some(end) if end <= self.end => Ok(self.at..end),
            _ => Err(self.fail(field, DecodeErrorKind::Truncated)),
        }
    }
}

/// Writes into an output buffer; lengths are filled in when a structure is complete.
pub(crate) struct Writer<'a> {
    out: &'a mut BytesMut,
}

impl Writer<'_> {
    /// The present place.
    #[inline]
    pub(crate) fn at(&self) -> usize {
        self.out.len()
    }

    /// Writes one value.
    #[inline]
    pub(crate) fn put<T: Wire>(&mut self, value: T) {
        value.put(self);
    }

    /// Writes bytes as they are.
    #[inline]
    pub(crate) fn put_slice(&mut self, bytes: &[u8]) {
        self.out.put_slice(bytes);
    }

    /// Writes each value.
    pub(crate) fn put_all<T: Wire>(&mut self, values: &[T]) {
        for value in values {
            value.put(self);
        }
    }

    /// Writes `n` zero bytes.
    #[inline]
    pub(crate) fn pad(&mut self, n: usize) {
        self.out.put_bytes(0, n);
    }

    /// Pads so that the structure begun at `start` is a multiple of eight bytes long.
    #[inline]
    pub(crate) fn align8(&mut self, start: usize) {
        let over = self.at().saturating_sub(start) & 7;
        if over != 0 {
            self.pad(8_usize.saturating_sub(over));
        }
    }

    /// Writes the length of what was written since `start` into the 16-bit field at `field`. A length that does not fit makes
    /// the whole message too long, which [`write_frame`] finds.
    #[inline]
    pub(crate) fn fill_length(&mut self, start: usize, field: usize) {
        let length = u16::try_from(self.at().saturating_sub(start)).unwrap_or(u16::MAX);
        let end = field.saturating_add(2);
        if let Some(place) = self.out.get_mut(field..end) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }

    /// As [`Writer::fill_length`], for a length of 8 bits.
    #[inline]
    pub(crate) fn fill_short_length(&mut self, start: usize, field: usize) {
        let length = u8::try_from(self.at().saturating_sub(start)).unwrap_or(u8::MAX);
        if let Some(place) = self.out.get_mut(field) {
            *place = length;
        }
    }

    /// Writes a structure that starts with a 16-bit type and its own 16-bit length, padded to eight bytes within the length.
    #[inline]
    pub(crate) fn element(&mut self, kind: u16, body: impl FnOnce(&mut Self)) {
        let start = self.at();
        self.put(kind);
        self.put(0_u16);
        body(self);
        self.align8(start);
        self.fill_length(start, start.saturating_add(2));
    }

    /// Writes a structure that starts with a 16-bit type and its own 16-bit length, and is as long as its bytes.
    #[inline]
    pub(crate) fn unpadded(&mut self, kind: u16, body: impl FnOnce(&mut Self)) {
        let start = self.at();
        self.put(kind);
        self.put(0_u16);
        body(self);
        self.fill_length(start, start.saturating_add(2));
    }

    /// Writes a structure that starts with a 16-bit type and its own 16-bit length, which leaves out the padding after it.
    #[inline]
    pub(crate) fn property(&mut self, kind: u16, body: impl FnOnce(&mut Self)) {
        let start = self.at();
        self.put(kind);
        self.put(0_u16);
        body(self);
        self.fill_length(start, start.saturating_add(2));
        self.align8(start);
    }
}

/// Appends one message: header, body, then the length. Leaves `out` as it was if the message exceeds 65,535 bytes.
pub(crate) fn write_frame(
    out: &mut BytesMut,
    version: u8,
    kind: u8,
    xid: u32,
    body: impl FnOnce(&mut Writer<'_>),
) -> Result<(), EncodeError> {
    let start = out.len();
    let mut w = Writer { out };
    w.put(version);
    w.put(kind);
    w.put(0_u16);
    w.put(xid);
    body(&mut w);
    let length = w.at().saturating_sub(start);
    if length > usize::from(u16::MAX) {
        out.truncate(start);
        return Err(EncodeError { length });
    }
    w.fill_length(start, start.saturating_add(2));
    Ok(())
}

/// Text in a field of `N` bytes, ended by a zero byte if shorter. Bytes after the zero are kept as they came.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Text<const N: usize>(pub [u8; N]);

impl<const N: usize> Text<N> {
    /// The text, cut to `N - 1` bytes.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut bytes = [0; N];
        for (place, byte) in bytes.iter_mut().take(N.saturating_sub(1)).zip(text.bytes()) {
            *place = byte;
        }
        Text(bytes)
    }

    /// The bytes before the first zero.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.split(|byte| *byte == 0).next().unwrap_or_default()
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Text([0; N])
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.as_bytes()))
    }
}

impl<const N: usize> Wire for [u8; N] {
    #[inline]
    fn get(r: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let slice = r.take(N, field)?;
        slice.first_chunk().copied().ok_or_else(|| r.fail(field, DecodeErrorKind::Truncated))
    }

    #[inline]
    fn put(&self, w: &mut Writer<'_>) {
        w.put_slice(self);
    }
}

/// A value that is an array of bytes in network order.
macro_rules! wire_as {
    ($($ty:ty = $from:expr, $to:expr;)*) => {$(
        impl Wire for $ty {
            #[inline]
            fn get(r: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
                r.get(field).map($from)
            }

            #[inline]
            fn put(&self, w: &mut Writer<'_>) {
                ($to)(*self).put(w);
            }
        }
    )*};
}

wire_as! {
    u8 = u8::from_be_bytes, u8::to_be_bytes;
    u16 = u16::from_be_bytes, u16::to_be_bytes;
    u32 = u32::from_be_bytes, u32::to_be_bytes;
    u64 = u64::from_be_bytes, u64::to_be_bytes;
    MacAddr = MacAddr, |mac: MacAddr| mac.0;
    Dpid = Dpid, |dpid: Dpid| dpid.0;
    Ipv4Addr = |octets: [u8; 4]| Ipv4Addr::from(octets), |a: Ipv4Addr| a.octets();
    Ipv6Addr = |octets: [u8; 16]| Ipv6Addr::from(octets), |a: Ipv6Addr| a.octets();
}

impl<const N: usize> Wire for Text<N> {
    #[inline]
    fn get(r: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        r.get(field).map(Text)
    }

    #[inline]
    fn put(&self, w: &mut Writer<'_>) {
        self.0.put(w);
    }
}

/// A structure of fixed size, declared once: type, reader, writer and the names in errors. `@n` is padding.
macro_rules! wire_struct {
    (
        $(#[$meta:meta])*
        $name:ident as $what:literal {
            $( $(#[$fmeta:meta])* $(@$before:literal)? $field:ident : $ty:ty ),* $(,)?
            $(; @$after:literal)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $( $(#[$fmeta])* pub $field: $ty, )*
        }

        impl crate::cursor::Wire for $name {
            #[inline]
            fn get(
                r: &mut crate::cursor::Reader<'_>,
                _field: &'static str,
            ) -> Result<Self, crate::error::DecodeError> {
                let outer = r.enter($what);
                $( $( r.skip($before)?; )? let $field = r.get(stringify!($field))?; )*
                $( r.skip($after)?; )?
                r.enter(outer);
                Ok($name { $($field),* })
            }

            #[inline]
            fn put(&self, w: &mut crate::cursor::Writer<'_>) {
                $( $( w.pad($before); )? crate::cursor::Wire::put(&self.$field, w); )*
                $( w.pad($after); )?
            }
        }
    };
}

/// A number with named values; others are kept as they came, since switches may know more names than we do.
macro_rules! codes {
    ($(#[$meta:meta])* $name:ident($raw:ty) $prefix:literal { $($konst:ident = $value:expr),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $raw);

        impl $name {
            $(
                #[doc = concat!("`", $prefix, stringify!($konst), "`.")]
                pub const $konst: $name = $name($value);
            )*

            /// The name in the specification, without its prefix, if the number has one.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$konst => Some(stringify!($konst)),)*
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "{}", self.0),
                }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{self}")
            }
        }

        impl crate::cursor::Wire for $name {
            #[inline]
            fn get(
                r: &mut crate::cursor::Reader<'_>,
                field: &'static str,
            ) -> Result<Self, crate::error::DecodeError> {
                r.get(field).map($name)
            }

            #[inline]
            fn put(&self, w: &mut crate::cursor::Writer<'_>) {
                w.put(self.0);
            }
        }
    };
}

/// A set of bits; unnamed bits are kept as they came.
macro_rules! flags {
    ($(#[$meta:meta])* $name:ident($raw:ty) $prefix:literal { $($konst:ident = $value:expr),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name(pub $raw);

        impl $name {
            /// No bit set.
            pub const NONE: $name = $name(0);
            $(
                #[doc = concat!("`", $prefix, stringify!($konst), "`.")]
                pub const $konst: $name = $name($value);
            )*

            /// True if every bit of `other` is set.
            #[must_use]
            pub fn contains(self, other: $name) -> bool {
                self.0 & other.0 == other.0
            }
        }

        impl std::ops::BitOr for $name {
            type Output = $name;

            fn bitor(self, other: $name) -> $name {
                $name(self.0 | other.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }

        impl crate::cursor::Wire for $name {
            #[inline]
            fn get(
                r: &mut crate::cursor::Reader<'_>,
                field: &'static str,
            ) -> Result<Self, crate::error::DecodeError> {
                r.get(field).map($name)
            }

            #[inline]
            fn put(&self, w: &mut crate::cursor::Writer<'_>) {
                w.put(self.0);
            }
        }
    };
}

/// The error types of a version with their codes: the numbers, the names, and the name of a pair.
macro_rules! error_table {
    (
        $($kind:ident = $number:literal, $codes:ident $prefix:literal { $($konst:ident = $value:literal),* $(,)? };)*
        $(+ $extra:ident = $extra_number:literal)?
    ) => {
        crate::cursor::codes! {
            /// The type of an error message (`ofp_error_type`).
            ErrorType(u16) "OFPET_" { $($kind = $number,)* $($extra = $extra_number)? }
        }

        $(
            crate::cursor::codes! {
                #[doc = concat!("The codes of `OFPET_", stringify!($kind), "`.")]
                $codes(u16) $prefix { $($konst = $value),* }
            }

            impl From<$codes> for (ErrorType, u16) {
                fn from(code: $codes) -> Self {
                    (ErrorType::$kind, code.0)
                }
            }

            impl From<$codes> for (u16, u16) {
                fn from(code: $codes) -> Self {
                    ($number, code.0)
                }
            }
        )*

        /// The name of a code of this type.
        fn code_name(kind: ErrorType, code: u16) -> Option<&'static str> {
            match kind {
                $(ErrorType::$kind => $codes(code).name(),)*
                _ => None,
            }
        }
    };
}

pub(crate) use {codes, error_table, flags, wire_struct};
