//! What PostgREST's page on tables and views says, and what follows from it.

use super::support::{Project, project};

const SQL: &str = "
create table employees (id serial primary key, name text unique, salary int);
insert into employees (name, salary) values ('Ann', 1), ('Bob', 2);
create table table_name (col1 text, col2 text);
";

/// A request that says of its answer: status, code, details and message.
async fn refused(p: &Project, request: &str) -> String {
    let answer = p.send(request).await;
    let body = answer.json();
    let text = |name: &str| body[name].as_str().unwrap_or("-").to_owned();
    format!("{} {} | {} | {}", answer.status, text("code"), text("message"), text("details"))
}

#[tokio::test]
async fn a_put_that_shows_nothing_tells_nothing_of_the_row() {
    let p = project(SQL).await;
    let put = |id: u32, prefer: &str| {
        format!("PUT /employees?id=eq.{id}\nPrefer: {prefer}\n\n{{\"id\":{id},\"name\":\"n{id}\",\"salary\":9}}")
    };
    for (request, expected) in [
        (put(1, "return=minimal"), "204\npreference-applied: return=minimal"),
        (put(7, "return=minimal"), "204\npreference-applied: return=minimal"),
        (
            put(8, "return=headers-only, missing=default, resolution=merge-duplicates, count=exact"),
            "204\npreference-applied: return=headers-only, count=exact",
        ),
        (put(9, "tx=commit"), "204"),
        (
            put(1, "return=representation"),
            "200\npreference-applied: return=representation\n[{\"id\":1,\"name\":\"n1\",\"salary\":9}]",
        ),
        (
            put(10, "return=representation"),
            "201\npreference-applied: return=representation\n[{\"id\":10,\"name\":\"n10\",\"salary\":9}]",
        ),
    ] {
        assert_eq!(p.show(&request).await, expected, "{request}");
    }
    assert_eq!(p.send("GET /employees?id=gt.6").await.json().as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn with_columns_the_body_is_read_by_the_database_alone() {
    let p = project(SQL).await;
    let post = |body: &str| format!("POST /table_name?columns=col1\n\n{body}");
    let no_json = "400 22P02 | invalid input syntax for type json |";
    let no_objects = "400 22023 | cannot call json_to_recordset on a scalar | -";
    for (request, expected) in [
        (post("{\"col1\":"), format!("{no_json} The input string ended unexpectedly.")),
        (post(""), format!("{no_json} The input string ended unexpectedly.")),
        (post("[{\"col1\":1}"), format!("{no_json} The input string ended unexpectedly.")),
        (post("{col1:1}"), format!("{no_json} Token \"col1\" is invalid.")),
        (post("5"), no_objects.to_owned()),
        (post("null"), no_objects.to_owned()),
        (post("\"x\""), no_objects.to_owned()),
        (post("[1]"), "400 22023 | argument of json_to_recordset must be an array of objects | -".to_owned()),
        ("PATCH /employees?id=eq.1&columns=name\n\n{\"name".to_owned(), format!("{no_json} Token \"\"name\" is invalid.")),
        (
            post("{\"col1\":1}").replace("col1\n", "nope\n"),
            "400 PGRST204 | Could not find the 'nope' column of 'table_name' in the schema cache | -".to_owned(),
        ),
    ] {
        assert_eq!(refused(&p, &request).await, expected, "{request}");
    }
    let shown = "&select=col1\nPrefer: return=representation\n\n";
    for (body, expected) in [
        (" \n[{\"col1\":1,\"x\":{}},{},{\"col2\":2}]", r#"201 [{"col1":"1"},{"col1":null},{"col1":null}]"#),
        ("{}", r#"201 [{"col1":null}]"#),
        ("[]", "201 []"),
    ] {
        let answer = p.body(&format!("POST /table_name?columns=col1{shown}{body}")).await;
        assert_eq!(answer.replace(", \n ", ","), expected, "{body}");
    }
}

#[tokio::test]
async fn a_csv_names_its_columns_in_the_first_line() {
    let p = project(SQL).await;
    let post = |body: &str| format!("POST /table_name\nContent-Type: text/csv\nPrefer: return=representation\n\n{body}");
    for body in ["", "col1,col2"] {
        assert_eq!(refused(&p, &post(body)).await, "400 PGRST102 | parse error (not enough input) at \"\" | -", "{body}");
    }
    assert_eq!(p.body(&post("col1,col2\n")).await, "201 []");
    // Lines may be short, if all name the same columns. Nothing of them is dropped.
    assert_eq!(p.body(&post("col1,col2\na\n")).await, r#"201 [{"col1":"a","col2":null}]"#);
    for uneven in ["a,b\nc\n", "a,b,c\n"] {
        let answer = refused(&p, &post(&format!("col1,col2\n{uneven}"))).await;
        assert_eq!(answer, "400 PGRST102 | All lines must have same number of fields | -", "{uneven}");
    }
}

#[tokio::test]
async fn nothing_is_below_a_table() {
    let p = project(SQL).await;
    for path in ["/employees/", "/employees/1", "//employees", "/rpc/f/"] {
        assert_eq!(
            refused(&p, &format!("GET {path}")).await,
            "404 PGRST125 | Invalid path specified in request URL | -",
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_first_of_several_parameters_of_one_name_counts() {
    let p = project(SQL).await;
    assert_eq!(p.body("GET /employees?select=name&id=eq.1&select=id").await, r#"200 [{"name":"Ann"}]"#);
    assert_eq!(p.body("GET /employees?select=name&id=eq.1&select=!").await, r#"200 [{"name":"Ann"}]"#);
    let post = "POST /employees?columns=name,salary&columns=name&on_conflict=name&on_conflict=id&select=salary\n\
                Prefer: return=representation, resolution=merge-duplicates\n\n{\"name\":\"Bob\",\"salary\":5}";
    assert_eq!(p.body(post).await, r#"200 [{"salary":5}]"#);
}
