use super::*;

const GOOD: &str = r#"
x-supacloud:
  database: { service: db, volume: data }
  routes: [{ prefix: /, service: api, port: 3000 }]
services:
  api:
    image: "postgrest/postgrest:${POSTGREST_VERSION:-latest}"
    depends_on: { db: { condition: service_started } }
    environment:
      - PGRST_DB_URI=postgres://authenticator:${AUTHENTICATOR_PASSWORD}@db:5432/postgres
      - PGRST_DB_SCHEMAS=public
    command: serve --port 3000 'two words'
    secrets: [jwt]
    tmpfs: /tmp
    stop_grace_period: 1m30s
  db:
    image: postgres
    volumes: [ "data:/var/lib/x" ]
    shm_size: 64m
volumes: { data: {} }
secrets: { jwt: { environment: JWT_SECRET } }
"#;

fn variables() -> BTreeMap<String, Value> {
    let mut variables: BTreeMap<_, _> =
        ["JWT_SECRET", "AUTHENTICATOR_PASSWORD"].map(|name| (name.to_owned(), Value::Secret)).into();
    variables.insert("PROJECT_REF".into(), Value::Fact("abc".into()));
    variables
}

#[test]
fn a_stack_is_read_and_filled() {
    let services = Stack::parse("s", GOOD).unwrap().services(&variables()).unwrap();
    let names: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(names, ["db", "api"], "what is depended on comes first");
    let api = &services[1];
    assert_eq!(api.image, "postgrest/postgrest:latest");
    assert_eq!(api.command.as_deref().unwrap(), ["serve", "--port", "3000", "two words"]);
    assert_eq!(api.environment["PGRST_DB_SCHEMAS"], "public");
    assert!(!api.environment.contains_key("PGRST_DB_URI"));
    assert_eq!(api.secret_environment["PGRST_DB_URI"][1], Part::Secret("AUTHENTICATOR_PASSWORD".into()));
    assert_eq!(api.secret_files["jwt"], "JWT_SECRET");
    assert_eq!((api.stop_grace, services[0].shm_bytes), (90, Some(64 << 20)));
    assert!(api.has_secrets() && !services[0].has_secrets());
    assert!(api.awaits_database && !services[0].awaits_database);
}

#[test]
fn services_depend_on_the_database_also_through_others_but_not_by_its_network() {
    let middle = "services:\n  middle:\n    image: x\n    depends_on: [db]\n";
    let through = GOOD.replace("services:\n", middle).replace("depends_on: { db:", "depends_on: { middle:");
    let joined = GOOD.replace("depends_on: { db: { condition: service_started } }", "network_mode: service:db");
    for (text, awaits) in [(through, true), (joined, false)] {
        let services = Stack::parse("s", &text).unwrap().services(&variables()).unwrap();
        assert_eq!(services.iter().find(|service| service.name == "api").unwrap().awaits_database, awaits, "{text}");
    }
}

/// What is outside of the subset, or wrong, is named.
#[test]
fn errors_name_what_is_wrong() {
    let with = |from: &str, to: &str| {
        assert!(GOOD.contains(from), "{from}");
        GOOD.replace(from, to)
    };
    for (text, named) in [
        (with("    tmpfs: /tmp\n", "    ports: [\"3000:3000\"]\n"), "ports"),
        (with("    tmpfs: /tmp\n", "    privileged: true\n"), "privileged"),
        (with("    tmpfs: /tmp\n", "    build: .\n"), "build"),
        (with("    tmpfs: /tmp\n", "    network_mode: host\n"), "network_mode"),
        (with("volumes: { data: {} }", "volumes: { data: { driver: nfs } }"), "driver"),
        (with("volumes: { data: {} }", "volumes: { data: {} }\nnetworks: {}"), "networks"),
        (with("data:/var/lib/x", "/etc:/var/lib/x"), "/etc"),
        (with("data:/var/lib/x", "../x:/var/lib/x"), "../x"),
        (with("data:/var/lib/x", "other:/var/lib/x"), "data"),
        (with("[jwt]", "[nothing]"), "nothing"),
        (with("service: api", "service: gone"), "gone"),
        (with("image: postgres\n", "image: postgres\n    depends_on: [api]\n"), "circle"),
        (with("1m30s", "soon"), "soon"),
        (with("64m", "much"), "much"),
        (with("'two words'", "'two"), "quote"),
        (with("prefix: /", "prefix: rest"), "rest"),
        (with("PGRST_DB_SCHEMAS=public", "HOME"), "HOME"),
        ("services: [".to_owned(), "line"),
    ] {
        let error = Stack::parse("s", &text).unwrap_err().to_string();
        assert!(error.contains(named) && error.contains("\"s\""), "{named}: {error}");
    }
    let joins = |who: &str, whom: &str| with(who, &format!("{who}\n    network_mode: service:{whom}"));
    let (api, db) = ("    tmpfs: /tmp", "    shm_size: 64m");
    for (text, named) in [
        (joins(api, "gone"), "gone"),
        (joins(api, ""), "network_mode"),
        (joins(api, "api"), "api"),
        (joins(db, "api"), "database"),
        (joins(api, "db").replace("volumes: { data", "  x: { image: x, network_mode: \"service:api\" }\nvolumes: { data"), "api"),
    ] {
        let error = Stack::parse("s", &text).unwrap_err().to_string();
        assert!(error.contains(named) && error.contains("network_mode"), "{named}: {error}");
    }
    for (text, named) in [
        (with("${POSTGREST_VERSION:-latest}", "${TYPO}"), "TYPO"),
        (with("--port 3000", "--key ${JWT_SECRET}"), "JWT_SECRET"),
        (with("environment: JWT_SECRET", "environment: PROJECT_REF"), "PROJECT_REF"),
    ] {
        let error = Stack::parse("s", &text).unwrap().services(&variables()).unwrap_err().to_string();
        assert!(error.contains(named), "{named}: {error}");
    }
}

#[test]
fn a_service_comes_after_the_one_whose_network_it_joins() {
    let text = GOOD.replace("depends_on: { db: { condition: service_started } }", "network_mode: service:db");
    let services = Stack::parse("s", &text).unwrap().services(&variables()).unwrap();
    let networks: Vec<_> = services.iter().map(|service| (service.name.as_str(), service.network_of())).collect();
    assert_eq!(networks, [("db", "db"), ("api", "db")]);
}

#[test]
fn stacks_that_come_with_the_program_can_be_used_and_others_are_found_by_folder() {
    for (name, _) in project_template::STACKS {
        Stack::load(name, None).unwrap_or_else(|error| panic!("{error}"));
    }
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("own")).unwrap();
    fs::write(folder.path().join("own/compose.yaml"), GOOD).unwrap();
    assert_eq!(Stack::load("own", Some(folder.path())).unwrap().name(), "own");
    let error = Stack::load("none", Some(folder.path())).unwrap_err().to_string();
    assert!(error.contains("native") && error.contains("own"), "{error}");
    assert!(matches!(Stack::load("../own", Some(folder.path())), Err(StackError::Unknown { .. })));
}
