//! How SQL clients connect.

use leptos::prelude::*;

use super::{Copied, CopyButton, RevealLink, Sheet, Value};
use crate::{
    key_line::DOTS,
    live::use_live,
    secret::{NO_CONNECTION, Secret, revealed_by_address},
    snippets::{percent_encode, postgres_uri, psql},
};

/// Connection strings and password. What is copied has the password in it, whether it is shown or not.
#[component]
pub(crate) fn DatabasePanel() -> impl IntoView {
    let detail = use_live().detail;
    let revealed = RwSignal::new(revealed_by_address(&Secret::Password));
    let text = move |secret: &Secret| {
        let password = revealed.read();
        let password = password.as_deref();
        if let Secret::Password = secret {
            return password.unwrap_or(DOTS).to_owned();
        }
        let shown = password.map_or_else(|| DOTS.to_owned(), percent_encode);
        let detail = detail.read();
        let Some(connection) = &detail.connection else { return NO_CONNECTION.to_owned() };
        let uri = postgres_uri(connection, &shown);
        if let Secret::Psql = secret { psql(&uri) } else { uri }
    };
    let line = move |secret: Secret, name: &'static str, label: &'static str| {
        let what = Copied::Secret(secret.clone());
        let is_password = matches!(secret, Secret::Password);
        // Made inside the value, where its errors are shown.
        let reveal = move || {
            is_password
                .then(|| view! { <RevealLink secret=Secret::Password label="database password" at="#database" revealed /> })
        };
        view! {
            <Value name text=Signal::derive(move || text(&secret))>
                {reveal()}
                <CopyButton what label />
            </Value>
        }
    };
    let version = move || detail.read().postgres_version.as_ref().map(|version| format!("PostgreSQL {version}"));
    view! {
        <Sheet id="database" title="Database" tools=move || view! { <span class="text-sm soft">{version()}</span> }>
            <div class="values">
                {line(Secret::Psql, "psql", "Copy psql command with password")}
                {line(Secret::Uri, "Connection string", "Copy connection string with password")}
                {line(Secret::Password, "Database password", "Copy database password")}
            </div>
        </Sheet>
    }
}
