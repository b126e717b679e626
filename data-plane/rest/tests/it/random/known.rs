//! Requests that are in order, put together from what is known of the schema.

use proptest::{collection::vec, prelude::*, sample};

use super::requests::{Parts, one_of};

/// A resource, and what may be asked of it.
#[derive(Debug, Clone, Copy)]
struct Known {
    path: &'static str,
    selects: &'static [&'static str],
    conditions: &'static [&'static str],
    bodies: &'static [&'static str],
}

static KNOWN: [Known; 5] = [
    Known {
        path: "/authors",
        selects: &[
            "*",
            "id,name,shout",
            "*,books(title,reviews(stars))",
            "name,...books(title)",
            "a:data->a,b:data->>a::text",
            "score.sum(),active",
            "id.count()",
            "id,reviews!inner(stars)",
            "name,books(count())",
            "id::text,tags,born",
        ],
        conditions: &[
            "id=eq.1",
            "id=in.(1,2)",
            "name=like.*o*",
            "data->>a=eq.1",
            "tags=cs.{a}",
            "or=(id.eq.1,name.is.null)",
            "active=is.true",
            "and=(score.gt.1,not.or(id.eq.7,name.eq.x))",
            "name=fts.woolf",
            "limit=1",
            "offset=1",
            "born=not.is.null",
            "name=eq(any).{Woolf,x}",
        ],
        bodies: &[
            "{\"id\":3,\"name\":\"x\"}",
            "[{\"id\":4,\"name\":\"y\",\"data\":[1]},{\"id\":5,\"name\":\"z\",\"data\":null}]",
            "{\"score\":1.5}",
        ],
    },
    Known {
        path: "/books",
        selects: &[
            "*",
            "title,authors(name)",
            "id,...authors(author_name:name)",
            "title,reviews(stars,authors(name))",
            "meta->a",
            "year.max()",
            "words,span",
        ],
        conditions: &[
            "year=gt.1900",
            "title=ilike.*a*",
            "span=cs.[2,3)",
            "words=fts(simple).orlando",
            "author=eq.1",
            "meta->>a=eq.x",
            "safe=is.null",
            "or=(year.lt.1900,not.and(id.eq.1,title.match.^O))",
            "limit=2",
            "title=isdistinct.null",
        ],
        bodies: &["{\"title\":\"x\"}", "[{\"title\":\"y\",\"author\":1},{\"title\":\"z\",\"author\":null}]", "{\"year\":1999}"],
    },
    Known {
        path: "/notes",
        selects: &["*", "id,body", "body.count()", "owner"],
        conditions: &["id=eq.1", "body=like.*", "owner=not.is.null", "body=fts.x", "limit=1", "body=gt.a"],
        bodies: &["{\"id\":9,\"body\":\"x\"}", "{\"body\":\"x\"}"],
    },
    Known {
        path: "/partly",
        selects: &["id,open", "open", "id", "hidden", "*"],
        conditions: &["id=eq.1", "open=eq.open", "hidden=like.*", "limit=1", "columns=id,open"],
        bodies: &["{\"id\":9,\"open\":\"x\"}", "{\"id\":1,\"open\":\"\"}", "{\"id\":8,\"open\":null}"],
    },
    Known {
        path: "/rpc/books_of?n=1",
        selects: &["*", "title", "title,authors(name,notes(body))"],
        conditions: &["year=gt.1900", "limit=1", "title=eq.Flush"],
        bodies: &["{\"n\":1}"],
    },
];

/// What is answered with rows, or writes them.
pub(super) fn good() -> BoxedStrategy<Parts> {
    let preference = one_of(&[
        "return=representation",
        "return=representation, tx=commit",
        "count=exact",
        "count=planned",
        "count=estimated",
        "return=headers-only",
        "missing=default, return=representation",
        "timezone=05:30",
        "tx=commit",
    ]);
    let accept =
        one_of(&["application/json", "text/csv", "*/*", "application/vnd.pgrst.plan+json", "application/vnd.pgrst.plan"]);
    let header = prop_oneof![3 => (Just("prefer"), preference), 1 => (Just("accept"), accept), 1 => (Just("range"), one_of(&["0-1", "1-"]))];
    let method = sample::select(vec!["GET", "GET", "GET", "GET", "GET", "HEAD", "POST", "PATCH", "DELETE"]);
    let asked = sample::select(&KNOWN[..]).prop_flat_map(move |known| {
        (Just(known.path), one_of(known.selects), vec(one_of(known.conditions), 0..4), one_of(known.bodies))
    });
    let put = |(path, select, conditions, body): (&'static str, String, Vec<String>, String)| {
        let mut target = format!("{path}{}select={select}", if path.contains('?') { '&' } else { '?' });
        conditions.iter().for_each(|condition| target.push_str(&format!("&{condition}")));
        let escaped = target.replace('"', "%22").replace('>', "%3E").replace(' ', "%20");
        (escaped, ("application/json", body))
    };
    (method, asked.prop_map(put), vec(header, 0..3))
        .prop_map(|(method, (target, body), headers)| (method, target, headers, body))
        .boxed()
}
