//! What the program inside of containers makes of the document that it is given. The whole of it is proven in a container by
//! the other tests; here are the documents that nobody should send.

#[path = "../../hand-over/main.rs"]
#[expect(dead_code, reason = "a program of its own, of which one function is looked at")]
mod program;

fn taken(document: &str) -> Result<Vec<(String, std::ffi::OsString)>, String> {
    program::take(&mut document.as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn variables_are_taken_byte_by_byte() {
    let variables = taken("env A 3\na\nb\nenv B 0\n\nenv C 4\n ä=\nend\nmore").unwrap();
    let expected = [("A", "a\nb"), ("B", ""), ("C", " ä=")];
    assert_eq!(variables, expected.map(|(name, value)| (name.to_owned(), value.into())));
    assert_eq!(taken("end\n").unwrap(), []);
}

#[test]
fn a_document_that_is_not_whole_starts_nothing() {
    for document in [
        "",
        "env A 1\na\n",
        "env A 9\na\nend\n",
        "env A\nend\n",
        "env A -1\nend\n",
        "env A 99999999999\nend\n",
        "env  1\na\nend\n",
        "file ../x 1\na\nend\n",
        "file .x 1\na\nend\n",
        "file /x 1\na\nend\n",
        "other A 1\na\nend\n",
        "\n",
    ] {
        taken(document).expect_err(document);
    }
}
