//! The project SQL on real PostgreSQL: what Supabase's tools and migrations expect, and what a tenant must not be able
//! to do.

mod claims;
mod escalation;
mod event_triggers;
mod extensions;
mod migrations;
mod privileges;
mod roles;
mod support;

#[test]
fn hash_is_short_and_stable() {
    assert_eq!(project_template::hash(), project_template::hash());
    assert_eq!(project_template::hash().len(), 12);
}

#[test]
fn files_are_in_the_order_of_their_names() {
    assert!(project_template::files().is_sorted_by_key(|(name, _)| *name));
}
