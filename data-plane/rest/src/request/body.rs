//! A request's body, held once for all who need it: it may have tens of megabytes.

use std::{string::FromUtf8Error, sync::Arc};

use bytes::Bytes;

use crate::error::RestError;

#[derive(Debug, Clone)]
pub(crate) enum Content {
    Text(Arc<String>),
    /// What is no UTF-8.
    Bytes(Bytes),
}

impl From<Bytes> for Content {
    /// Nothing is copied where nobody else has the bytes.
    fn from(bytes: Bytes) -> Self {
        match String::from_utf8(bytes.into()) {
            Ok(text) => Self::Text(Arc::new(text)),
            Err(error) => Self::Bytes(FromUtf8Error::into_bytes(error).into()),
        }
    }
}

impl Content {
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    /// As text; PostgreSQL's is UTF-8 without NUL.
    pub(crate) fn text(&self) -> Result<&Arc<String>, RestError> {
        let unusable = |message: &str| RestError::InvalidBody { message: message.to_owned() };
        let Self::Text(text) = self else { return Err(unusable("The body is not UTF-8")) };
        if text.contains('\0') { Err(unusable("The body contains a NUL character")) } else { Ok(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_not_copied() {
        let text = "x".repeat(1000);
        let at = text.as_ptr();
        let content = Content::from(Bytes::from(text));
        assert_eq!(content.text().unwrap().as_ptr(), at);
        assert!(Content::from(Bytes::from_static(b"\xff")).text().is_err());
        assert!(Content::from(Bytes::from_static(b"a\0")).text().is_err());
    }
}
