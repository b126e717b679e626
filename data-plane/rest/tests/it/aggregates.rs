//! Aggregate functions, and the groups that the other columns imply.

use crate::support::{Project, project, project_with};

const SQL: &str = "
create table customers (id int primary key, name text, city text, joined date);
create table orders (id int primary key, customer_id int references customers, day date, amount numeric(6, 2), quantity int,
  meta jsonb);
create table items (id int primary key, order_id int references orders, price int);
create function orders_of(d date) returns setof orders language sql stable as $$ select * from orders where day = d $$;
create function pairs() returns table (x int, y text) language sql stable as $$ values (1, 'a'), (2, 'a'), (3, 'b') $$;
insert into customers values (1, 'Acme', 'Rome', '2020-01-01'), (2, 'Globex', 'Rome', '2021-02-02'),
  (3, 'Initech', 'Oslo', '2022-03-03'), (4, 'Idle', 'Oslo', null);
insert into orders values (1, 1, '2023-01-01', 10, 1, '{\"tip\": 1, \"n\": {\"a\": 2}}'), (2, 1, '2023-01-01', 20.5, 2, '{\"tip\": 2}'),
  (3, 2, '2023-01-02', 5, null, '{}'), (4, 3, '2023-01-02', 4.5, 4, '{\"tip\": 4}'), (5, null, '2023-01-02', 1, 1, null);
insert into items values (1, 1, 3), (2, 1, 4), (3, 2, 5), (4, 4, 6);
";

async fn enabled() -> Project {
    project_with(SQL, &[("db_aggregates_enabled", "true")]).await
}

async fn check(p: &Project, request: &str, expected: &str) {
    let answer = p.body(&request.replace('>', "%3E")).await;
    assert_eq!(answer.replace(", \n ", ","), expected, "{request}");
}

#[tokio::test]
async fn of_all_rows() {
    let p = enabled().await;
    for (select, expected) in [
        ("amount.sum()", r#"[{"sum":41.00}]"#),
        ("amount.avg(),amount.max(),amount.min()", r#"[{"avg":8.2000000000000000,"max":20.50,"min":1.00}]"#),
        // Nulls are not counted, rows are.
        ("quantity.count(),rows:count()", r#"[{"count":4,"rows":5}]"#),
        ("count()&id=gt.99", r#"[{"count":0}]"#),
        ("total:amount.sum(),amount.sum()&day=eq.2023-01-01", r#"[{"total":30.50,"sum":30.50}]"#),
        ("amount::int.sum()", r#"[{"sum":42}]"#),
        ("amount.sum()::text,n:count()::text", r#"[{"sum":"41.00","n":"5"}]"#),
        ("amount::int.sum()::text", r#"[{"sum":"42"}]"#),
        ("meta->>tip.max()", r#"[{"max":"4"}]"#),
        ("meta->>tip::int.sum(),n:meta->n->>a::int.max()::text", r#"[{"sum":7,"n":"2"}]"#),
    ] {
        check(&p, &format!("GET /orders?select={select}"), &format!("200 {expected}")).await;
    }
    check(&p, "GET /orders?select=count()\nAccept: application/vnd.pgrst.object+json", r#"200 {"count":5}"#).await;
    check(&p, "GET /orders?select=count(),amount.max()\nAccept: text/csv", "200 count,max\n5,20.50").await;
}

#[tokio::test]
async fn by_the_other_columns() {
    let p = enabled().await;
    for (query, expected) in [
        ("orders?select=day,amount.sum()&order=day", r#"[{"day":"2023-01-01","sum":30.50},{"day":"2023-01-02","sum":10.50}]"#),
        (
            "orders?select=amount.sum(),day&order=day.desc&quantity=not.is.null",
            r#"[{"sum":5.50,"day":"2023-01-02"},{"sum":30.50,"day":"2023-01-01"}]"#,
        ),
        ("orders?select=d:day,count()&order=day&offset=1", r#"[{"d":"2023-01-02","count":3}]"#),
        ("orders?select=big:amount::int,count()&id=in.(3,4)", r#"[{"big":5,"count":2}]"#),
        (
            "orders?select=tip:meta->>tip,count()&order=meta->>tip.nullslast",
            r#"[{"tip":"1","count":1},{"tip":"2","count":1},{"tip":"4","count":1},{"tip":null,"count":2}]"#,
        ),
        (
            "customers?select=*,count()&city=eq.Oslo&order=id",
            r#"[{"id":3,"name":"Initech","city":"Oslo","joined":"2022-03-03","count":1},{"id":4,"name":"Idle","city":"Oslo","joined":null,"count":1}]"#,
        ),
        // An embedded resource is compared as `jsonb`, and shown as such.
        ("orders?select=amount.sum(),customers(name)&customer_id=eq.1", r#"[{"sum":30.50,"customers":{"name": "Acme"}}]"#),
        ("orders?select=amount.sum(),customers(name)&customer_id=is.null", r#"[{"sum":1.00,"customers":null}]"#),
        ("customers?select=count(),orders(id)&id=in.(1,4)&orders.id=eq.99", r#"[{"count":2,"orders":[]}]"#),
        // An embedded resource that shows nothing makes no groups.
        ("customers?select=count(),orders()&orders=not.is.null", r#"[{"count":3}]"#),
        ("customers?select=count(),orders!inner()", r#"[{"count":3}]"#),
    ] {
        check(&p, &format!("GET /{query}"), &format!("200 {expected}")).await;
    }
    let ungrouped = p.send("GET /orders?select=amount.sum()&order=day").await;
    assert_eq!((ungrouped.status, ungrouped.json()["code"].as_str()), (400, Some("42803")));
}

#[tokio::test]
async fn in_embedded_resources() {
    let p = enabled().await;
    for (query, expected) in [
        (
            "customers?select=name,orders(amount.sum(),rows:count())&order=id",
            r#"[{"name":"Acme","orders":[{"sum": 30.50, "rows": 2}]},{"name":"Globex","orders":[{"sum": 5.00, "rows": 1}]},{"name":"Initech","orders":[{"sum": 4.50, "rows": 1}]},{"name":"Idle","orders":[{"sum": null, "rows": 0}]}]"#,
        ),
        (
            "customers?select=name,orders(quantity,count())&id=eq.1&orders.order=quantity.desc&orders.limit=1",
            r#"[{"name":"Acme","orders":[{"count": 1, "quantity": 2}]}]"#,
        ),
        (
            "customers?select=name,orders(id,items(price.sum()))&id=eq.1&orders.order=id",
            r#"[{"name":"Acme","orders":[{"id": 1, "items": [{"sum": 7}]}, {"id": 2, "items": [{"sum": 5}]}]}]"#,
        ),
        ("orders?select=id,customers(joined.max())&id=eq.1", r#"[{"id":1,"customers":{"max": "2020-01-01"}}]"#),
        (
            "customers?select=city,count(),orders(count())&id=in.(2,3)&order=city",
            r#"[{"city":"Oslo","count":1,"orders":[{"count": 1}]},{"city":"Rome","count":1,"orders":[{"count": 1}]}]"#,
        ),
    ] {
        check(&p, &format!("GET /{query}"), &format!("200 {expected}")).await;
    }
}

#[tokio::test]
async fn with_what_is_spread() {
    let p = enabled().await;
    for (query, expected) in [
        (
            "orders?select=amount.sum(),...customers(city)&order=customers(city).nullslast",
            r#"[{"sum":4.50,"city":"Oslo"},{"sum":35.50,"city":"Rome"},{"sum":1.00,"city":null}]"#,
        ),
        (
            "orders?select=day,...customers(joined.max(),first:joined.min())&order=day",
            r#"[{"day":"2023-01-01","max":"2020-01-01","first":"2020-01-01"},{"day":"2023-01-02","max":"2022-03-03","first":"2021-02-02"}]"#,
        ),
        (
            "orders?select=...customers!inner(town:city,rows:count())&order=customers(city)",
            r#"[{"town":"Oslo","rows":1},{"town":"Rome","rows":3}]"#,
        ),
        ("orders?select=...customers(id::text.max()::int,name.max())", r#"[{"max":3,"max":"Initech"}]"#),
        (
            "items?select=...orders(day,...customers(city,joined.max()),amount.sum())&order=orders(day)",
            r#"[{"day":"2023-01-01","sum":40.50,"city":"Rome","max":"2020-01-01"},{"day":"2023-01-02","sum":4.50,"city":"Oslo","max":"2022-03-03"}]"#,
        ),
        (
            "items?select=price.sum(),...orders(day,customers(city))&order=orders(day)",
            r#"[{"sum":12,"day":"2023-01-01","customers":{"city": "Rome"}},{"sum":6,"day":"2023-01-02","customers":{"city": "Oslo"}}]"#,
        ),
        // Inside an embedded resource it is that one's rows.
        (
            "customers?select=name,orders(customer:customer_id,...customers(joined.max()))&id=eq.1",
            r#"[{"name":"Acme","orders":[{"max": "2020-01-01", "customer": 1}]}]"#,
        ),
        ("customers?select=count(),...orders(days:day)&id=in.(2,3)", r#"[{"count":2,"days":["2023-01-02"]}]"#),
    ] {
        check(&p, &format!("GET /{query}"), &format!("200 {expected}")).await;
    }
    let arrays = p.send("GET /customers?select=name,...orders(amount.sum())").await;
    assert_eq!((arrays.status, arrays.json()["code"].as_str()), (400, Some("PGRST127")));
}

#[tokio::test]
async fn of_what_a_function_returns() {
    let p = enabled().await;
    check(&p, "GET /rpc/orders_of?d=2023-01-01&select=customer_id,amount.sum()", r#"200 [{"customer_id":1,"sum":30.50}]"#).await;
    check(
        &p,
        "POST /rpc/orders_of?select=amount.max(),...customers(city.max())\n\n{\"d\":\"2023-01-02\"}",
        r#"200 [{"max":5.00,"max":"Rome"}]"#,
    )
    .await;
    check(&p, "GET /rpc/pairs?select=y,x.sum()&order=y", r#"200 [{"y":"a","sum":3},{"y":"b","sum":3}]"#).await;
    for (request, range) in
        [("/rpc/orders_of?d=2023-01-02&select=count()", "0-0/1"), ("/rpc/pairs?select=y,count()&limit=1", "0-0/2")]
    {
        let counted = p.send(&format!("GET {request}\nPrefer: count=exact")).await;
        assert_eq!(counted.headers["content-range"], range, "{request}");
    }
}

#[tokio::test]
async fn of_what_was_written() {
    let p = enabled().await;
    for (request, expected) in [
        (
            "POST /orders?select=count(),amount.sum()\n\n[{\"id\":10,\"amount\":1},{\"id\":11,\"amount\":2}]",
            r#"201 [{"count":2,"sum":3.00}]"#,
        ),
        (
            "PATCH /orders?customer_id=eq.1&select=quantity,amount.sum(),...customers(city)\n\n{\"quantity\":9}",
            r#"200 [{"quantity":9,"sum":30.50,"city":"Rome"}]"#,
        ),
        (
            "DELETE /orders?id=in.(10,11)&select=*,count()&order=id",
            r#"200 [{"id":10,"customer_id":null,"day":null,"amount":1.00,"quantity":null,"meta":null,"count":1},{"id":11,"customer_id":null,"day":null,"amount":2.00,"quantity":null,"meta":null,"count":1}]"#,
        ),
    ] {
        let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
        check(&p, &format!("{head}\nPrefer: return=representation\n\n{body}"), expected).await;
    }
}

#[tokio::test]
async fn groups_are_counted() {
    let p = enabled().await;
    for (query, range) in [
        ("select=day,count()", "0-1/2"),
        ("select=day,count()&limit=1&order=day", "0-0/2"),
        ("select=day,count()&limit=1&offset=1&order=day", "1-1/2"),
        ("select=count()", "0-0/1"),
        ("select=count()&limit=0", "*/1"),
        ("select=count()&id=gt.99&limit=0", "*/1"),
        ("select=day,count()&id=gt.99", "*/0"),
        ("select=count(),...customers(city)&limit=1", "0-0/3"),
        ("select=count(),customers(city)&limit=1", "0-0/3"),
        ("select=count(),...customers!inner(city)&limit=1", "0-0/2"),
    ] {
        let counted = p.send(&format!("GET /orders?{query}\nPrefer: count=exact")).await;
        assert_eq!(counted.headers["content-range"], range, "{query}: {}", counted.body);
    }
    // The planner's estimate is of the groups as well.
    let planned = p.send("GET /orders?select=count()\nPrefer: count=planned").await;
    assert_eq!(planned.headers["content-range"], "0-0/1");
}

#[tokio::test]
async fn only_where_they_are_enabled() {
    let p = project(SQL).await;
    let refused = r#"400 {"code":"PGRST123","details":null,"hint":null,"message":"Use of aggregate functions is not allowed"}"#;
    for request in [
        "GET /orders?select=amount.sum()",
        "GET /orders?select=day,n:count()",
        "GET /customers?select=name,orders(amount.sum())",
        "GET /customers?select=name,orders(items(count()))",
        "GET /orders?select=day,...customers(joined.max())",
        "GET /rpc/pairs?select=count()",
        "DELETE /items?id=gt.0&select=count()\nPrefer: return=representation",
    ] {
        check(&p, request, refused).await;
    }
    // PostgreSQL's own notation stays what it was.
    check(&p, "GET /items?select=count", r#"200 [{"count":4}]"#).await;
}
