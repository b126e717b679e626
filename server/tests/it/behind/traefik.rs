//! Traefik can't run here. What can be told without it: that its files and the document that the server makes for it agree.

use std::fs;

use crate::support::proxy::deployed;

fn file(name: &str) -> String {
    fs::read_to_string(deployed(name)).unwrap()
}

#[test]
fn traefiks_files_name_what_there_is() {
    let (fixed, dynamic) = (file("traefik/traefik.yaml"), file("traefik/dynamic.yaml"));
    // What the server's document refers to by default, and what the comment says to add.
    for named in ["  websecure:\n", "/traefik/config\"", "/traefik/config?resolver=letsencrypt", "  letsencrypt:\n"] {
        assert!(fixed.contains(named), "{named:?} is not in traefik.yaml");
    }
    for named in ["- websecure\n", "service: supacloud\n", "- supacloud\n", "tls: {}\n", "Forwarded: \"\"\n"] {
        assert!(dynamic.contains(named), "{named:?} is not in dynamic.yaml");
    }
    // YAML has no tabs, and no empty maps that Traefik would refuse.
    for text in [&fixed, &dynamic] {
        assert!(!text.contains('\t'));
        assert_eq!(text.matches("{}").count(), text.matches("tls: {}").count());
    }
}
