//! Where messages begin and end in what passes a connection: all but the first of a client begin with a letter that tells what
//! they are, and their length.

/// How far the last message has come.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    header: [u8; 5],
    /// Bytes of the header that are there.
    filled: usize,
    /// Bytes of the body that are still to come.
    missing: usize,
}

impl Frames {
    /// Of a client that is yet to send its first message, which has no letter.
    pub(crate) fn after_startup() -> Self {
        Self { filled: 1, ..Self::default() }
    }

    /// Whether the last message has ended.
    pub(crate) fn is_whole(&self) -> bool {
        self.filled == 0 && self.missing == 0
    }

    /// Sees more bytes pass, and tells the letters of the messages that begin.
    pub(crate) fn pass(&mut self, mut bytes: &[u8], mut begins: impl FnMut(u8)) {
        while !bytes.is_empty() {
            if self.missing > 0 {
                let passed = self.missing.min(bytes.len());
                self.missing -= passed;
                bytes = &bytes[passed..];
                continue;
            }
            self.header[self.filled] = bytes[0];
            self.filled += 1;
            bytes = &bytes[1..];
            if self.filled == self.header.len() {
                let [tag, length @ ..] = self.header;
                // The length counts itself.
                self.missing = (u32::from_be_bytes(length) as usize).saturating_sub(length.len());
                self.filled = 0;
                begins(tag);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart_however_they_come() {
        let startup = [0, 0, 0, 8, 0, 3, 0, 0];
        let messages = b"Q\0\0\0\x06a\0S\0\0\0\x04X\0\0\0\x08SSSS";
        let all: Vec<u8> = startup.iter().chain(messages).copied().collect();
        for size in 1..=all.len() {
            let mut frames = Frames::after_startup();
            let mut seen = Vec::new();
            for part in all.chunks(size) {
                frames.pass(part, |tag| seen.push(tag));
            }
            assert!(frames.is_whole());
            // Nothing stands in the place of the first one's letter.
            assert_eq!(seen, b"\0QSX", "{size}");
        }
        let mut frames = Frames::default();
        frames.pass(&messages[..6], |_| {});
        assert!(!frames.is_whole());
    }
}
