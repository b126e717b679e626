//! `application/x-www-form-urlencoded`, by the encoder of URLs.

use reqwest::Url;

/// Pairs as a form's body.
pub(super) fn encode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut url = empty();
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap_or_default().to_owned()
}

/// A form's body as pairs.
pub(super) fn decode(body: &str) -> Vec<(String, String)> {
    let mut url = empty();
    url.set_query(Some(body));
    url.query_pairs().into_owned().collect()
}

fn empty() -> Url {
    #[expect(clippy::unwrap_used, reason = "a literal")]
    Url::parse("form:").unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_comes_back_as_it_was() {
        let pairs = [("a b", "c&d=e"), ("ü", "+%")];
        let body = encode(pairs);
        assert_eq!(body, "a+b=c%26d%3De&%C3%BC=%2B%25");
        assert_eq!(decode(&body), pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
