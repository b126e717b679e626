use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use serde_json::{Value, json};

use super::Template;

fn data() -> Value {
    json!({
        "ConfirmationURL": "https://a.test/auth/v1/verify?token=ab&type=signup&redirect_to=https%3A%2F%2Fb.test%2F%3Fx%3D1",
        "SiteURL": "https://b.test",
        "RedirectTo": "https://b.test/welcome?a=1&b=2",
        "Token": "123456",
        "TokenHash": "pkce_0af",
        "Email": "jo+tag@b.test",
        "Data": {
            "name": "<b onmouseover=alert(1)>\"O'Neil\" & co",
            "Domain": "https://www.example.com",
            "link": "javascript:alert(1)",
            "plan": { "name": "pro", "seats": 5 },
            "tags": ["a", "b", "c"],
            "none": [],
            "color": "red; background: url(x)",
        },
    })
}

fn html(source: &str) -> String {
    match Template::parse(source).and_then(|template| template.html(&data())) {
        Ok(html) => html,
        Err(error) => format!("! {error}"),
    }
}

fn text(source: &str) -> String {
    match Template::parse(source).and_then(|template| template.text(&data())) {
        Ok(text) => text,
        Err(error) => format!("! {error}"),
    }
}

#[track_caller]
fn check(source: &str, expected: &str) {
    assert_eq!(text(source), expected, "{source}");
}

#[test]
fn writes_values() {
    check("{{ .Token }} {{.Token}} {{\n .Token }}", "123456 123456 123456");
    check("{{ .Data.plan.name }}, {{ .Data.plan.seats }}", "pro, 5");
    check("[{{ .Missing }}{{ .Data.a.b.c }}]", "[]");
    check("{{ .Data.tags }} {{ .Data.plan }}", "[a b c] map[name:pro seats:5]");
    check("{{ \"a\\\"\\u0041\" }} {{ `b\\` }} {{ 'a' }} {{ 0x10 }} {{ 1.5 }} {{ true }}", "a\"A b\\ 97 16 1.5 true");
    check("{{ $.Token }} {{ (index .Data.tags 1) }} {{ (.Data.plan).name }}", "123456 b pro");
    check("no template at all } {", "no template at all } {");
}

#[test]
fn decides() {
    check("{{ if .Token }}a{{ else }}b{{ end }}", "a");
    check("{{ if .Data.none }}a{{ else }}b{{ end }}", "b");
    check("{{ if not .Data.none }}a{{ end }}", "a");
    check("{{ if eq .Data.plan.name \"free\" }}a{{ else if eq .Data.plan.name \"pro\" }}b{{ else }}c{{ end }}", "b");
    check("{{ if eq .Data.plan.name \"free\" \"pro\" }}a{{ end }}", "a");
    check("{{ if eq .Data.missing \"x\" }}a{{ else }}b{{ end }}", "b");
    check("{{ if and .Token (gt .Data.plan.seats 4) (le .Data.plan.seats 5) }}a{{ end }}", "a");
    check("{{ if or .Missing (ne .Token \"1\") }}a{{ end }}", "a");
    check("{{ and .Missing (index .Data.tags 9) }}|{{ or .Missing \"b\" }}", "|b");
    check("{{ with .Data.plan }}{{ .name }} {{ $.Token }}{{ else }}none{{ end }}", "pro 123456");
    check("{{ with .Missing }}a{{ else with .Data.plan }}{{ .name }}{{ end }}", "pro");
}

#[test]
fn repeats() {
    check("{{ range .Data.tags }}{{ . }};{{ end }}", "a;b;c;");
    check("{{ range $i, $tag := .Data.tags }}{{ $i }}{{ $tag }} {{ end }}", "0a 1b 2c ");
    check("{{ range $key, $value := .Data.plan }}{{ $key }}={{ $value }} {{ end }}", "name=pro seats=5 ");
    check("{{ range .Data.none }}a{{ else }}none{{ end }}{{ range .Missing }}a{{ end }}", "none");
    check("{{ range .Data.tags }}{{ if eq . \"b\" }}{{ continue }}{{ end }}{{ . }}{{ end }}", "ac");
    check("{{ range .Data.tags }}{{ if eq . \"b\" }}{{ break }}{{ end }}{{ . }}{{ end }}", "a");
    check("{{ range 3 }}{{ . }}{{ end }}", "012");
}

#[test]
fn has_variables() {
    check("{{ $name := .Data.plan.name }}{{ $name }}", "pro");
    check("{{ $n := 1 }}{{ range .Data.tags }}{{ $n = . }}{{ end }}{{ $n }}", "c");
    check("{{ $n := 1 }}{{ if true }}{{ $n := 2 }}{{ $n }}{{ end }}{{ $n }}", "21");
    check("{{ with $plan := .Data.plan }}{{ $plan.name }}{{ end }}", "pro");
    assert!(text("{{ if true }}{{ $a := 1 }}{{ end }}\n{{ $a }}").starts_with("! line 2: the variable $a"));
}

#[test]
fn calls_functions() {
    check("{{ len .Data.tags }} {{ len .Token }} {{ .Data.tags | len }}", "3 6 3");
    check("{{ index .Data \"plan\" \"name\" }} {{ index .Data.tags 0 }}", "pro a");
    check("{{ slice .Token 0 3 }}-{{ slice .Token 3 }}", "123-456");
    check("{{ printf \"%s has %d of %5.1f%%|%-4s|%04d\" .Token 5 12.25 \"a\" 42 }}", "123456 has 5 of  12.2%|a   |0042");
    check("{{ .Token | printf \"%q\" }} {{ print 1 2 \"a\" }} {{ println \"a\" }}", "\"123456\" 1 2a a\n");
    check("{{ .RedirectTo | urlquery }}", "https%3A%2F%2Fb.test%2Fwelcome%3Fa%3D1%26b%3D2");
    check("{{ \"<\" | html }}", "&lt;");
}

#[test]
fn trims_and_skips_comments() {
    check("a  {{- .Token -}}  b", "a123456b");
    check("a {{/* a }} comment */}} b{{- /* one */ -}} c", "a  bc");
    check("a\n{{- if .Token }}\nb\n{{- end }}", "a\nb");
    check("{{ -1 }}", "-1");
}

#[test]
fn names_the_line_of_what_is_wrong() {
    let cases = [
        ("a\n{{ .Token", "! line 2: an action isn't closed; write }} after it"),
        ("\n\n{{ if .Token }}", "! line 3: this block isn't closed; write {{ end }} after it"),
        ("{{ end }}", "! line 1: {{ end }} closes nothing; remove it"),
        ("\n{{ else }}", "! line 2: {{ else }} belongs to no if, with or range; remove it"),
        ("{{ if true }}{{ else }}{{ else }}{{ end }}", "! line 1: a second {{ else }}; remove one of the two"),
        ("{{ }}", "! line 1: an action is empty; write a value such as {{ .ConfirmationURL }}"),
        ("{{ .A .B }}", "! line 1: two values beside one another; write a function before them or a | between them"),
        ("{{ (.A }}", "! line 1: a ( isn't closed; write ) after it"),
        ("{{ .A ) }}", "! line 1: a ) without its (; remove it"),
        ("{{ \"a }}", "! line 1: a text isn't closed; write \" at its end"),
        ("{{ break }}", "! line 1: {{ break }} stands outside of a range; remove it"),
        ("{{ .Token.x }}", "! line 1: .x is asked of a text, which has no fields"),
        ("{{ range .Token }}{{ end }}", "! line 1: range goes over a list or a map, not over a text"),
        ("{{ index .Data.tags 9 }}", "! line 1: index 9 is out of a list of 3; ask for its len first"),
        ("{{ template \"x\" }}", "! line 1: template isn't supported; write its content where it is used"),
        ("{{ len 1 2 }}", "! line 1: len has one argument; put parentheses around a call"),
        ("{{ & }}", "! line 1: the character '&' has no meaning here; remove it or quote it"),
    ];
    for (source, expected) in cases {
        check(source, expected);
    }
    assert!(text("{{ Token }}").starts_with("! line 1: there is no function \"Token\"; a value starts with a dot (.Token)"));
}

#[test]
fn bounds_time_and_size() {
    let doubling = "{{ $x := \"aaaaaaaaaaaaaaaa\" }}".to_owned() + &"{{ $x = print $x $x }}".repeat(60);
    assert!(text(&doubling).contains("bytes; write less"), "{}", text(&doubling));
    assert!(text("{{ range 1000000000 }}{{ end }}").contains("steps; range over less"));
    let nested = "{{ range 1000 }}".repeat(4) + "a" + &"{{ end }}".repeat(4);
    assert!(text(&nested).starts_with("! line 1: filling "));
    assert!(text(&"{{ if true }}".repeat(5000)).contains("blocks nest deeper"));
    assert!(text(&format!("{{{{ {} 1 {} }}}}", "(".repeat(5000), ")".repeat(5000))).contains("parentheses nest deeper"));
    assert!(text(&("{{ if .A }}".to_owned() + &"{{ else if .A }}".repeat(5000) + "{{ end }}")).contains("blocks nest deeper"));
    assert!(text("{{ printf \"%999999999d\" 1 }}").contains("at most 1000"));
    assert!(text(&"a".repeat(super::MAX_SOURCE + 1)).contains("shorten it"));
}

#[test]
fn keeps_links_working() {
    assert_eq!(
        html("<a href=\"{{ .ConfirmationURL }}\">{{ .ConfirmationURL }}</a>"),
        "<a href=\"https://a.test/auth/v1/verify?token=ab&amp;type=signup&amp;redirect_to=https%3A%2F%2Fb.test%2F%3Fx%3D1\">\
         https://a.test/auth/v1/verify?token=ab&amp;type=signup&amp;redirect_to=https%3A%2F%2Fb.test%2F%3Fx%3D1</a>"
    );
    let link = "<a href='{{ .SiteURL }}/auth?token_hash={{ .TokenHash }}&next={{ .RedirectTo }}'>";
    let filled = "<a href='https://b.test/auth?token_hash=pkce_0af&next=https%3a%2f%2fb.test%2fwelcome%3fa%3d1%26b%3d2'>";
    assert_eq!(html(link), filled);
    assert_eq!(html("<a href=\"/x?e={{ .Email | urlquery }}\">"), "<a href=\"/x?e=jo%2Btag%40b.test\">");
    assert_eq!(html("<a href=\"mailto:{{ .Email }}\">"), "<a href=\"mailto:jo&#43;tag@b.test\">");
    assert_eq!(html("<a href={{ .SiteURL }}/a>"), "<a href=https://b.test/a>");
}

#[test]
fn escapes_by_place() {
    let name = "&lt;b onmouseover=alert(1)&gt;&#34;O&#39;Neil&#34; &amp; co";
    assert_eq!(html("<p>{{ .Data.name }}</p>"), format!("<p>{name}</p>"));
    assert_eq!(html("<p>{{ .Data.name | html }}</p>"), format!("<p>{name}</p>"));
    assert_eq!(html("<p title=\"{{ .Data.name }}\">"), format!("<p title=\"{name}\">"));
    assert_eq!(html("<title>{{ .Data.name }}</title>{{ .Token }}"), format!("<title>{name}</title>123456"));
    assert!(html("<p title={{ .Data.name }}>").starts_with("<p title=&lt;b&#32;onmouseover&#61;alert(1)&gt;"));
    assert_eq!(html("<p title={{ .Missing }} id=a>"), "<p title=ZgotmplZ id=a>");
    assert_eq!(html("<a href=\"{{ .Data.link }}\">"), "<a href=\"#ZgotmplZ\">");
    assert_eq!(html("<img data-src=' {{ .Data.link }}'>"), "<img data-src=' #ZgotmplZ'>");
    assert_eq!(html("<p style=\"color: {{ .Data.color }}\">"), "<p style=\"color: ZgotmplZ\">");
    assert_eq!(html("<p style=\"color: {{ \"#ff0\" }}\">"), "<p style=\"color: #ff0\">");
    assert_eq!(
        html("<style>p { color: {{ .Data.color }} }</style>{{ .Email }}"),
        "<style>p { color: ZgotmplZ }</style>jo&#43;tag@b.test"
    );
    assert_eq!(html("<p style=\"background: url('{{ .Data.link }}')\">"), "<p style=\"background: url('#ZgotmplZ')\">");
    assert_eq!(html("<p onclick=\"f('{{ .Data.link }}')\">"), "<p onclick=\"f('javascript\\u003Aalert\\u00281\\u0029')\">");
    assert_eq!(
        html("<script>x = \"{{ .SiteURL }}\"</script>{{ .Email }}"),
        "<script>x = \"https\\u003A\\u002F\\u002Fb.test\"</script>jo&#43;tag@b.test"
    );
    assert_eq!(html("<{{ .Token }}>"), "<ZgotmplZ>");
    assert_eq!(html("<p {{ \"onclick\" }}=\"{{ .Data.link }}\">"), "<p ZgotmplZ=\"javascript:alert(1)\">");
    assert_eq!(html("<p {{ \"title\" }}=\"a\">"), "<p title=\"a\">");
    assert_eq!(html("<p o{{ \"nclick\" }}=\"\">"), "<p oZgotmplZ=\"\">");
    assert_eq!(html("<iframe srcdoc=\"{{ .Data.name }}\">").matches("&amp;lt;").count(), 1);
}

#[test]
fn follows_the_place_through_blocks_and_comments() {
    assert_eq!(
        html("<a {{ if .Token }}href=\"{{ .Data.link }}\"{{ else }}title='{{ end }}>{{ .Data.link }}</a>"),
        "<a href=\"#ZgotmplZ\">javascript:alert(1)</a>"
    );
    assert_eq!(html("<!-- <a href=\" --><p>{{ .Data.link }}"), "<!-- <a href=\" --><p>javascript:alert(1)");
    assert_eq!(
        html("<!--[if mso]><a href=\"{{ .Data.link }}\"><![endif]--><p>{{ .Email }}"),
        "<!--[if mso]><a href=\"#ZgotmplZ\"><![endif]--><p>jo&#43;tag@b.test"
    );
    assert_eq!(html("<!DOCTYPE html><p>a < b {{ .Data.link }}"), "<!DOCTYPE html><p>a < b javascript:alert(1)");
    assert_eq!(html("<br/><a\n  href = '{{ .Data.link }}' >"), "<br/><a\n  href = '#ZgotmplZ' >");
}

/// Pieces of which templates are made, whole and broken.
fn piece() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "{{",
        "}}",
        "{{-",
        "-}}",
        "{{ .x }}",
        "{{ if .x }}",
        "{{ else }}",
        "{{ else if .x }}",
        "{{ end }}",
        "{{ range .x }}",
        "{{ range $i, $e := .x }}",
        "{{ with .x }}",
        "{{ $y := .x }}",
        "{{ $y = 1 }}",
        "{{ break }}",
        "{{ printf \"%v\" .x }}",
        "{{ index .x 0 }}",
        "{{ slice .x 0 1 }}",
        "{{/* a */}}",
        "(",
        ")",
        "|",
        "\"",
        "'",
        "`",
        "\\",
        "<",
        ">",
        "</",
        "<!--",
        "-->",
        "<a href=",
        "<a href=\"",
        " style='",
        "<script>",
        "</script>",
        "<style>",
        "=",
        " ",
        "\n",
        "a",
        "$",
        ".",
        ":=",
        ",",
        "é",
    ];
    prop_oneof![proptest::sample::select(PIECES).prop_map(ToOwned::to_owned), any::<char>().prop_map(String::from)]
}

proptest! {
    #[test]
    fn no_source_panics(pieces in proptest::collection::vec(piece(), 0..24), x in prop_oneof![
        Just(json!(null)), Just(json!(3)), Just(json!("é<")), Just(json!(["a", 1])), Just(json!({"x": {"x": 1}})),
    ]) {
        if let Ok(template) = Template::parse(&pieces.concat()) {
            let _ = template.html(&json!({ "x": x }));
            let _ = template.text(&json!({ "x": x }));
        }
    }

    #[test]
    fn no_value_leaves_its_place(x in "([<>\"'&=`/ \t\na-z:;(){}?#%+-]|javascript:|-->|</script>|\\PC){0,12}") {
        let source = "<p title=\"{{ .x }}\" id='{{ .x }}' class={{ .x }}>{{ .x }}</p><a href=\"{{ .x }}\">a</a>\
            <a href='/a?b={{ .x }}'>a</a><p style=\"color: {{ .x }}\" onclick=\"f('{{ .x }}')\"></p>\
            <!-- {{ .x }} --><title>{{ .x }}</title><script>f('{{ .x }}', {{ .x }})</script><style>p { color: {{ .x }} }</style>";
        let template = Template::parse(source).unwrap();
        let (filled, empty) = (template.html(&json!({ "x": x })).unwrap(), template.html(&json!({ "x": "" })).unwrap());
        let marks = |html: &str| html.chars().filter(|c| matches!(c, '<' | '>' | '"' | '\'' | '`' | '=' | '\n')).collect::<String>();
        // Within text and quotes some of them mean nothing; what means something is as often there as without the value.
        let meaningful = |html: &str| marks(html).replace(['`', '=', '\n'], "");
        assert_eq!(meaningful(&filled), meaningful(&empty), "{filled}");
        let class = filled.split(" class=").nth(1).unwrap().split('>').next().unwrap();
        assert!(!class.contains(|c: char| c.is_ascii_whitespace() || matches!(c, '`' | '=')), "{class}");
        let scheme = filled.split("<a href=\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(!scheme.to_lowercase().starts_with("javascript:"), "{scheme}");
    }
}
