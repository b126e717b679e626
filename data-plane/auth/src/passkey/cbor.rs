//! As much of CBOR as authenticators write: definite lengths, no tags. Nothing is allocated but what was read.

use super::Error;

const DEEPEST: u8 = 8;
const MALFORMED: Error = Error::Malformed("its attestation object and key are CBOR");

#[derive(Debug, PartialEq)]
pub(super) enum Value<'a> {
    Integer(i128),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(Vec<Value<'a>>),
    Map(Vec<(Value<'a>, Value<'a>)>),
    /// Booleans, null and floating point numbers, none of which is looked at.
    Simple,
}

impl<'a> Value<'a> {
    /// The first value, and what follows it.
    pub(super) fn read(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), Error> {
        let mut reader = Reader { rest: bytes };
        let value = reader.value(DEEPEST)?;
        Ok((value, reader.rest))
    }

    /// The value and nothing else.
    pub(super) fn read_all(bytes: &'a [u8]) -> Result<Self, Error> {
        match Self::read(bytes)? {
            (value, []) => Ok(value),
            _ => Err(MALFORMED),
        }
    }

    pub(super) fn text_key(&self, key: &str) -> Option<&Value<'a>> {
        self.find(|found| matches!(found, Value::Text(text) if *text == key))
    }

    pub(super) fn integer_key(&self, key: i128) -> Option<&Value<'a>> {
        self.find(|found| *found == Value::Integer(key))
    }

    pub(super) fn bytes(&self) -> Option<&'a [u8]> {
        if let Value::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    pub(super) fn integer(&self) -> Option<i128> {
        if let Value::Integer(number) = self { Some(*number) } else { None }
    }

    fn find(&self, is_it: impl Fn(&Value<'a>) -> bool) -> Option<&Value<'a>> {
        let Value::Map(entries) = self else { return None };
        entries.iter().find(|(key, _)| is_it(key)).map(|(_, value)| value)
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: u8) -> Result<Value<'a>, Error> {
        let head = self.take(1)?[0];
        let argument = self.argument(head & 0x1f)?;
        let deeper = || depth.checked_sub(1).ok_or(MALFORMED);
        match head >> 5 {
            0 => Ok(Value::Integer(i128::from(argument))),
            1 => Ok(Value::Integer(-1 - i128::from(argument))),
            2 => Ok(Value::Bytes(self.take_long(argument)?)),
            3 => std::str::from_utf8(self.take_long(argument)?).map(Value::Text).map_err(|_| MALFORMED),
            4 => {
                let depth = deeper()?;
                let mut values = Vec::new();
                for _ in 0..argument {
                    values.push(self.value(depth)?);
                }
                Ok(Value::Array(values))
            }
            5 => {
                let depth = deeper()?;
                let mut entries: Vec<(Value<'a>, Value<'a>)> = Vec::new();
                for _ in 0..argument {
                    let key = self.value(depth)?;
                    // A key that is there twice could be read in two ways. Authenticators' maps are small.
                    if entries.len() >= 64 || entries.iter().any(|(found, _)| *found == key) {
                        return Err(MALFORMED);
                    }
                    let value = self.value(depth)?;
                    entries.push((key, value));
                }
                Ok(Value::Map(entries))
            }
            7 => Ok(Value::Simple),
            _ => Err(MALFORMED),
        }
    }

    fn argument(&mut self, info: u8) -> Result<u64, Error> {
        let length = match info {
            0..=23 => return Ok(u64::from(info)),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return Err(MALFORMED),
        };
        Ok(self.take(length)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn take_long(&mut self, length: u64) -> Result<&'a [u8], Error> {
        self.take(usize::try_from(length).map_err(|_| MALFORMED)?)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(MALFORMED)?;
        self.rest = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_8949() {
        assert_eq!(Value::read_all(&[0x19, 0x03, 0xe8]).unwrap(), Value::Integer(1000));
        assert_eq!(Value::read_all(&[0x39, 0x03, 0xe7]).unwrap(), Value::Integer(-1000));
        assert_eq!(Value::read_all(&[0x44, 1, 2, 3, 4]).unwrap(), Value::Bytes(&[1, 2, 3, 4]));
        assert_eq!(Value::read_all(b"\x64IETF").unwrap(), Value::Text("IETF"));
        let map = Value::read_all(&[0xa2, 0x61, 0x61, 0x01, 0x61, 0x62, 0x82, 0x02, 0x03]).unwrap();
        assert_eq!(map.text_key("a"), Some(&Value::Integer(1)));
        assert_eq!(map.text_key("b"), Some(&Value::Array(vec![Value::Integer(2), Value::Integer(3)])));
        assert_eq!(Value::read(&[0x01, 0x02]).unwrap(), (Value::Integer(1), [0x02].as_slice()));
    }

    #[test]
    fn what_authenticators_do_not_write() {
        for bytes in [
            &[][..],
            &[0x5f],       // of indefinite length
            &[0xc0, 0x01], // a tag
            &[0x42, 0x01], // shorter than it says
            &[0x5b, 255, 255, 255, 255, 255, 255, 255, 255],
            &[0x9b, 255, 255, 255, 255, 255, 255, 255, 255],
            &[0xa2, 0x01, 0x01, 0x01, 0x02], // a key twice
            &[0x62, 0xff, 0xff],             // no UTF-8
            &[0x01, 0x01],                   // two values
            &[0x81; 64],                     // too deep
        ] {
            assert!(Value::read_all(bytes).is_err(), "{bytes:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = Value::read(&bytes);
        }
    }
}
