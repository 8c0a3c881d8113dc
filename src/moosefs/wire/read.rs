//! Takes fields off a payload, one after the other. Never looks past the end and never allocates more than it was given.

use std::net::Ipv4Addr;

use super::WireError;

/// A place in the payload of one answer.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    answer: &'static str,
    payload: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(answer: &'static str, payload: &'a [u8]) -> Self {
        Self { answer, payload, offset: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.offset == self.payload.len()
    }

    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16, WireError> {
        Ok(u16::from_be_bytes(self.array(field)?))
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, WireError> {
        Ok(u32::from_be_bytes(self.array(field)?))
    }

    pub(super) fn u64(&mut self, field: &'static str) -> Result<u64, WireError> {
        Ok(u64::from_be_bytes(self.array(field)?))
    }

    pub(super) fn address(&mut self, field: &'static str) -> Result<Ipv4Addr, WireError> {
        Ok(Ipv4Addr::from(self.array::<4>(field)?))
    }

    /// `length:32` and that many bytes. Names in MooseFS are bytes; what is no UTF-8 in them is replaced, so that such a
    /// name is shown but equals no name of a plan.
    pub(super) fn text(&mut self, field: &'static str) -> Result<String, WireError> {
        let length = self.u32(field)? as usize;
        Ok(String::from_utf8_lossy(self.take(field, length)?).into_owned())
    }

    pub(super) fn skip(&mut self, field: &'static str, length: usize) -> Result<(), WireError> {
        self.take(field, length).map(|_| ())
    }

    /// Nothing may be left.
    pub(super) fn finish(self) -> Result<(), WireError> {
        match self.payload.len() - self.offset {
            0 => Ok(()),
            left => Err(WireError::Trailing { answer: self.answer, offset: self.offset, left }),
        }
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], WireError> {
        Ok(self.take(field, N)?.try_into().expect("take gives N bytes"))
    }

    fn take(&mut self, field: &'static str, needed: usize) -> Result<&'a [u8], WireError> {
        let rest = &self.payload[self.offset..];
        let Some(bytes) = rest.get(..needed) else {
            return Err(WireError::Short { answer: self.answer, field, offset: self.offset, needed, left: rest.len() });
        };
        self.offset += needed;
        Ok(bytes)
    }
}
