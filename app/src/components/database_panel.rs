//! How SQL clients connect.

use leptos::prelude::*;

use super::{
    RevealLink, Sheet, Value,
    api_panel::{CopySecret, revealed_by_address},
};
use crate::{
    live::use_live,
    secret_key::DOTS,
    server_fns::reveal_password,
    snippets::{percent_encode, postgres_uri, psql},
};

/// Connection strings and password. What is copied has the password in it, whether it is shown or not.
#[component]
pub(crate) fn DatabasePanel() -> impl IntoView {
    let live = use_live();
    let connection = Memo::new(move |_| live.overview.read().connection.clone());
    let version = Memo::new(move |_| live.overview.read().postgres_version.clone());
    let revealed = RwSignal::new(revealed_by_address("password"));
    let shown = Memo::new(move |_| revealed.read().as_deref().map_or_else(|| DOTS.to_owned(), percent_encode));
    let uri = move || {
        connection.get().map_or_else(
            || "Known once the database has started.".to_owned(),
            |connection| postgres_uri(&connection, &shown.get()),
        )
    };
    let command = move || {
        connection.get().map_or_else(
            || "Known once the database has started.".to_owned(),
            |connection| psql(&postgres_uri(&connection, &shown.get())),
        )
    };
    let project_ref = live.project_ref();
    let fetch = move || reveal_password(project_ref.clone());
    let fetch_uri = {
        let fetch = fetch.clone();
        move || {
            let connection = connection.get_untracked();
            let password = fetch();
            async move {
                password.await.map(|password| {
                    connection.map(|connection| postgres_uri(&connection, &percent_encode(&password))).unwrap_or_default()
                })
            }
        }
    };
    let fetch_command = {
        let fetch_uri = fetch_uri.clone();
        move || {
            let uri = fetch_uri();
            async move { uri.await.map(|uri| psql(&uri)) }
        }
    };
    let fetch_to_copy = fetch.clone();
    view! {
        <Sheet id="database" title="Database" tools=move || version.get().map(|version| view! { <span class="text-sm soft">{format!("PostgreSQL {version}")}</span> })>
            <div class="values">
                <Value name="psql" text=Signal::derive(command)>
                    <CopySecret label="Copy psql command with password" fetch=fetch_command />
                </Value>
                <Value name="Connection string" text=Signal::derive(uri)>
                    <CopySecret label="Copy connection string with password" fetch=fetch_uri />
                </Value>
                <Value name="Database password" text=Signal::derive(move || revealed.get().unwrap_or_else(|| DOTS.to_owned()))>
                    <RevealLink which="password" label="database password" revealed fetch />
                    <CopySecret label="Copy database password" fetch=fetch_to_copy />
                </Value>
            </div>
        </Sheet>
    }
}
