//! The settings of roles: those of the role that connects configure the service, the others apply to requests.

use tokio_postgres::{Client, Error, Row, types::Type};

use crate::schema::RoleSettings;

pub(super) const SETTINGS: &str = "\
select r.rolname::text, u.setting, r.rolname = session_user
from pg_db_role_setting s join pg_roles r on r.oid = s.setrole, unnest(s.setconfig) as u(setting)
where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
order by s.setdatabase";

/// The settings of the role that connects, and those of the roles it becomes.
pub(super) fn settings_by_role(rows: &[Row]) -> Result<(Vec<(String, String)>, RoleSettings), Error> {
    let (mut own, mut found) = (Vec::new(), RoleSettings::new());
    for row in rows {
        let role: String = row.try_get(0)?;
        let setting: &str = row.try_get(1)?;
        if let Some((name, value)) = setting.split_once('=') {
            let settings = if row.try_get(2)? { &mut own } else { found.entry(role).or_default() };
            // Later rows are of this database and override the role's general ones.
            settings.retain(|(known, _)| known != name);
            settings.push((name.to_owned(), value.to_owned()));
        }
    }
    Ok((own, found))
}

/// The settings of the role that connects.
pub(crate) async fn own_settings(client: &Client) -> Result<Vec<(String, String)>, Error> {
    Ok(settings_by_role(&client.query_typed(SETTINGS, &[]).await?)?.0)
}

/// Settings every role may change for itself; others are looked up.
const ALWAYS_SETTABLE: [&str; 6] = [
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "default_transaction_isolation",
    "work_mem",
    "timezone",
];

/// Keeps the settings that `authenticator` may apply: the others would fail every request of the role.
pub(super) async fn keep_settable(client: &Client, settings: &mut RoleSettings) -> Result<(), Error> {
    for values in settings.values_mut() {
        // The search path is the request's, and preloading happens at login only.
        values.retain(|(name, _)| {
            !matches!(name.to_ascii_lowercase().as_str(), "search_path" | "role" | "session_preload_libraries")
        });
    }
    let unknown: Vec<String> = settings
        .values()
        .flatten()
        .map(|(name, _)| name.to_ascii_lowercase())
        .filter(|name| !ALWAYS_SETTABLE.contains(&name.as_str()))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    // One with a dot that nobody has defined can be set by everybody; an extension's may be for a superuser alone.
    let sql = "select given.name from unnest($1::text[]) as given (name) left join pg_settings s on lower(s.name) = given.name
        where case when s.name is null then strpos(given.name, '.') > 0
              else s.context = 'user' or has_parameter_privilege(current_user, s.name, 'set') end";
    let rows = client.query_typed(sql, &[(&unknown, Type::TEXT_ARRAY)]).await?;
    let settable = rows.iter().map(|row| row.try_get::<_, String>(0)).collect::<Result<Vec<_>, _>>()?;
    for values in settings.values_mut() {
        values.retain(|(name, _)| {
            let name = name.to_ascii_lowercase();
            ALWAYS_SETTABLE.contains(&name.as_str()) || settable.contains(&name)
        });
    }
    Ok(())
}
