//! Errors of PGRST100 as users of PostgREST posted them in public issues, and others of each parser.

use super::{filter, names, order, select};

/// Where the parameter fails, and the details.
fn said(key: &str, value: &str) -> (String, String) {
    let error = match key {
        "select" => select::parse(value).unwrap_err(),
        "order" => order::parse(value).unwrap_err(),
        "columns" => names::list("columns parameter", value).unwrap_err(),
        "and" | "or" => filter::parse_group(value, false, key == "or").unwrap_err(),
        "not.and" | "not.or" => filter::parse_group(value, true, key == "not.or").unwrap_err(),
        _ => match filter::parse_key(key) {
            Ok(_) => filter::parse_operation(value).unwrap_err(),
            Err(error) => error,
        },
    };
    (error.to_string(), error.details().to_owned())
}

#[track_caller]
fn check(what: &str, cases: &[(&str, &str, usize, &str)]) {
    for (key, value, column, details) in cases {
        let shown = if what == "tree path" { key } else { value };
        let message = format!("\"failed to parse {what} ({shown})\" (line 1, column {column})");
        assert_eq!(said(key, value), (message, (*details).to_owned()), "{key}={value}");
    }
}

#[test]
fn logic_trees_that_were_posted() {
    check(
        "logic tree",
        &[
            // PostgREST 2011
            (
                "or",
                "(contact.name.eq.Wally Walton,contact.name.eq.Wilma Wellers)",
                12,
                r#"unexpected "a" expecting "not" or operator (eq, gt, ...)"#,
            ),
            // PostgREST 3162
            (
                "or",
                "(lt_8.user_group.label.ilike(any).{*admin*},email.ilike(any).{*admin*},department.ilike(any).{*admin*})",
                9,
                r#"unexpected "u" expecting "not" or operator (eq, gt, ...)"#,
            ),
            // PostgREST 3725
            (
                "or",
                "(created_by.eq.1456f47e-62d5-4ecb-92aa-5922ee576086,quotationCustomers.quotation.associated_personnel_ids.cs.{1456f47e-62d5-4ecb-92aa-5922ee576086})",
                74,
                r#"unexpected "q" expecting "not" or operator (eq, gt, ...)"#,
            ),
            // PostgREST 3368
            ("or", "(range.adj.[3,10))", 19, r#"unexpected ")" expecting letter, digit, "-", "->>", "->" or delimiter (.)"#),
            ("or", "(range.adj.(3,10])", 19, r#"unexpected "]" expecting letter, digit, "-", "->>", "->" or delimiter (.)"#),
            // supabase-flutter 341
            (
                "or",
                "(goalType.eq.steppingStone,all(goalOpen.eq.true,goalType.neq.steppingStone))",
                33,
                r#"unexpected "(" expecting letter, digit, "-", "->>", "->" or delimiter (.)"#,
            ),
            // supabase-js 775
            (
                "or",
                r#"(data->one->value.cs.[{"label":"Red","value":"red"}])"#,
                47,
                r#"unexpected ":" expecting "->>", "->" or delimiter (.)"#,
            ),
            // gemini-cli 2461
            (
                "or",
                r#"(tags @> '[{"label": "test tag 1"}]'::jsonb)"#,
                9,
                r#"unexpected "@" expecting letter, digit, "-", "->>", "->" or delimiter (.)"#,
            ),
            // refine 6651
            ("or", "(id.in.1,2,4)", 10, r#"unexpected "1" expecting "(""#),
            // mission-control 3438
            ("and", "(or=(name.ilike.Scraper))", 7, r#"unexpected "=" expecting "(""#),
        ],
    );
}

#[test]
fn others_that_were_posted() {
    check(
        "filter",
        &[
            // postgrest-js 225, supabase-js 289 and 1326
            ("id", "not.in.", 8, r#"unexpected end of input expecting "(""#),
            ("id", "in.123,234", 4, r#"unexpected "1" expecting "(""#),
            ("id", "not.in.dd0292b4-1e2a-4544-bc7c-a668ce74008a", 8, r#"unexpected "d" expecting "(""#),
        ],
    );
    check(
        "order",
        &[
            // PostgREST 2721
            (
                "order",
                "random()",
                7,
                r#"unexpected '(' expecting letter, digit, "-", "->>", "->", delimiter (.), "," or end of input"#,
            ),
        ],
    );
    check(
        "tree path",
        &[
            // postgrest-js 262
            (":col.name", "eq.1", 1, r#"unexpected ":" expecting field name (* or [a..z0..9_$])"#),
        ],
    );
}

#[test]
fn logic_trees() {
    const MEMBER: &str = "expecting field name (* or [a..z0..9_$]), negation operator (not) or logic operator (and, or)";
    check(
        "logic tree",
        &[
            ("or", "", 3, r#"unexpected end of input expecting "(""#),
            ("not.and", "a", 8, r#"unexpected "a" expecting "(""#),
            ("or", "()", 4, &format!("unexpected \")\" {MEMBER}")),
            ("or", "(a.eq.1,)", 11, &format!("unexpected \")\" {MEMBER}")),
            ("or", "(a.eq.1", 10, r#"unexpected end of input expecting "," or ")""#),
            ("or", "(a.eq.1))", 11, "unexpected ')' expecting end of input"),
            ("or", "(a.eq.1,and(b.is.x))", 20, "unexpected \"x\" expecting isVal: (null, not_null, true, false, unknown)"),
            // What begins like `or` is not tried as anything else.
            ("or", "(only.is.nil)", 4, r#"unexpected "n" expecting "or""#),
            ("or", "(and.is.nil)", 7, r#"unexpected "." expecting "(""#),
        ],
    );
}

#[test]
fn filters() {
    const OPERATOR: &str = r#"expecting "not" or operator (eq, gt, ...)"#;
    const OPERATOR_ONLY: &str = "expecting operator (eq, gt, ...)";
    check(
        "filter",
        &[
            ("a", "", 1, &format!("unexpected end of input {OPERATOR}")),
            ("a", "5", 1, &format!("unexpected \"5\" {OPERATOR}")),
            ("a", "wrong.1", 1, &format!("unexpected \"w\" {OPERATOR}")),
            ("a", "nope.1", 1, &format!("unexpected \"p\" {OPERATOR}")),
            ("a", "notx", 4, "unexpected \"x\" expecting delimiter (.)"),
            ("a", "not.x", 5, &format!("unexpected \"x\" {OPERATOR_ONLY}")),
            ("a", "eq", 3, &format!("unexpected end of input {OPERATOR_ONLY}")),
            ("a", "gteq.1", 4, &format!("unexpected \"q\" {OPERATOR_ONLY}")),
            ("a", "neq(any).{1}", 4, &format!("unexpected \"(\" {OPERATOR_ONLY}")),
            ("a", "eq(some).{1}", 4, &format!("unexpected \"s\" {OPERATOR_ONLY}")),
            ("a", "fts().a", 5, &format!("unexpected \")\" {OPERATOR_ONLY}")),
            ("a", "is.maybe", 4, "unexpected \"m\" expecting isVal: (null, not_null, true, false, unknown)"),
            ("a", "is.not null", 7, "unexpected \" \" expecting isVal: (null, not_null, true, false, unknown)"),
            ("a", "is.nullx", 8, "unexpected 'x' expecting end of input"),
            ("a", "in.(1", 6, r#"unexpected end of input expecting "," or ")""#),
            ("a", "in.(1)x", 7, "unexpected 'x' expecting end of input"),
        ],
    );
}

#[test]
fn tree_paths() {
    check(
        "tree path",
        &[
            ("", "eq.1", 1, "unexpected end of input expecting field name (* or [a..z0..9_$])"),
            ("a.", "eq.1", 3, "unexpected end of input expecting field name (* or [a..z0..9_$])"),
            ("a@", "eq.1", 2, r#"unexpected '@' expecting letter, digit, "-", delimiter (.), "->>", "->" or end of input"#),
            // Only what would have begun another name is known after the second one.
            ("a.b@", "eq.1", 4, r#"unexpected '@' expecting delimiter (.), "->>", "->" or end of input"#),
            (
                "a->",
                "eq.1",
                4,
                r#"unexpected end of input expecting "-", digit or any non reserved character different from: .,>()"#,
            ),
        ],
    );
}

#[test]
fn select_parameters() {
    const ITEM: &str = r#"expecting "...", field name (* or [a..z0..9_$]), "*""#;
    const AFTER_FIELD: &str = r#"expecting letter, digit, "-", "->>", "->", "::", ".""#;
    check(
        "select parameter",
        &[
            ("select", "id,", 4, &format!("unexpected end of input {ITEM} or \"count()\"")),
            ("select", "id,name,@", 9, &format!("unexpected \"@\" {ITEM} or \"count()\"")),
            ("select", "id, @", 5, &format!("unexpected \"@\" {ITEM} or \"count()\"")),
            ("select", "@", 1, &format!("unexpected '@' {ITEM}, \"count()\" or end of input")),
            ("select", "a(", 3, &format!("unexpected end of input {ITEM}, \"count()\" or \")\"")),
            ("select", "a(id,)", 6, &format!("unexpected \")\" {ITEM} or \"count()\"")),
            ("select", "name[]", 5, &format!("unexpected '[' {AFTER_FIELD}, \")\", \",\" or end of input")),
            ("select", "id,a(name[])", 10, &format!("unexpected '[' {AFTER_FIELD}, \")\", \",\" or end of input")),
            ("select", "a)b", 2, &format!("unexpected ')' {AFTER_FIELD}, \",\" or end of input")),
            ("select", "id,a)b", 5, "unexpected ')' expecting \",\" or end of input"),
            ("select", "a!(id)", 2, &format!("unexpected '!' {AFTER_FIELD}, \")\", \",\" or end of input")),
            ("select", "*x", 2, r#"unexpected 'x' expecting ")", "," or end of input"#),
            ("select", "a.median()", 3, r#"unexpected "m" expecting "sum()", "avg()", "count()", "max()" or "min()""#),
            ("select", "a::", 4, "unexpected end of input expecting letter or digit"),
            ("select", "a::text;", 8, r#"unexpected ';' expecting letter, digit, ".", ")", "," or end of input"#),
            ("select", "...a", 5, r#"unexpected end of input expecting letter, digit, "-", "!" or "(""#),
        ],
    );
}

#[test]
fn other_lines() {
    let (message, details) = said("select", "id,\n@");
    assert_eq!(message, "\"failed to parse select parameter (id,\n@)\" (line 1, column 4)");
    assert!(details.starts_with("unexpected \"\\n\" expecting"), "{details}");
    let (message, _) = said("a", "in.(\n1");
    assert_eq!(message, "\"failed to parse filter (in.(\n1)\" (line 2, column 2)");
}
