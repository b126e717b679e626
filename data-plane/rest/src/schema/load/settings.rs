//! The settings of roles: those of the role that connects configure the service, the others apply to requests.

use futures::join;
use tokio_postgres::{Client, Error, Row, types::Type};

use crate::{
    options::Options,
    schema::{Config, DatabaseSettings, InDatabase, RoleSettings, SchemaCache, config::names_in_database, quoted_function_name},
};

pub(super) const SETTINGS: &str = "\
select r.rolname::text, u.setting, r.rolname = session_user
from pg_db_role_setting s join pg_roles r on r.oid = s.setrole, unnest(s.setconfig) as u(setting)
where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
order by s.setdatabase";

/// The settings of the role that connects, and those of the roles it becomes.
pub(super) fn settings_by_role(rows: &[Row]) -> Result<(DatabaseSettings, RoleSettings), Error> {
    let (mut own, mut found) = (DatabaseSettings::new(), RoleSettings::new());
    for row in rows {
        let role: String = row.try_get(0)?;
        let setting: &str = row.try_get(1)?;
        // Later rows are of this database and override the role's general ones.
        if let Some((name, value)) = setting.split_once('=') {
            if row.try_get(2)? {
                own.insert(name.to_ascii_lowercase(), value.to_owned());
            } else {
                let settings = found.entry(role).or_default();
                settings.retain(|(known, _)| known != name);
                settings.push((name.to_owned(), value.to_owned()));
            }
        }
    }
    Ok((own, found))
}

/// What the role's own settings and the function of `db-pre-config`, whose word counts more, make of the service.
pub(super) async fn configured(
    client: &Client,
    own: DatabaseSettings,
    before: Option<&SchemaCache>,
    options: &Options,
) -> Result<(Config, DatabaseSettings), Error> {
    let which = options.in_database_config;
    let settings = with_pre_config(client, own, &options.config, which).await?;
    let none = DatabaseSettings::new();
    Ok(options.config.with_settings(&settings, before.map_or(&none, |before| &before.settings), which))
}

/// What the database says, to whoever only wants to know that.
pub(crate) async fn database_settings(client: &Client, config: &Config) -> Result<DatabaseSettings, Error> {
    let (own, _) = settings_by_role(&client.query_typed(SETTINGS, &[]).await?)?;
    with_pre_config(client, own, config, InDatabase::All).await
}

async fn with_pre_config(
    client: &Client,
    mut settings: DatabaseSettings,
    config: &Config,
    which: InDatabase,
) -> Result<DatabaseSettings, Error> {
    if which != InDatabase::Nothing {
        let named = settings.get("pgrst.db_pre_config").map(|name| name.trim());
        let function = named.or(config.pre_config.as_deref()).filter(|name| !name.is_empty()).map(quoted_function_name);
        if let Some(function) = function {
            settings.extend(set_by(client, &function, which).await?);
        }
    }
    Ok(settings)
}

/// What a function sets, which is undone then. It runs as the role that connects, and finds names as that would by default.
async fn set_by(client: &Client, function: &str, which: InDatabase) -> Result<DatabaseSettings, Error> {
    // A session still has what was set for its role when it began.
    let forget = "select set_config('search_path', '\"$user\", public', true)
        union all select set_config(name, '', true) from unnest($1::text[]) name";
    let call = format!("select {function}()::text");
    let read = "select name, current_setting(name, true) from unnest($1::text[]) name where current_setting(name, true) <> ''";
    let names = names_in_database(which);
    let parameters: &[(&(dyn tokio_postgres::types::ToSql + Sync), Type)] = &[(&names, Type::TEXT_ARRAY)];
    let (begun, forgotten, called, rows, undone) = join!(
        client.batch_execute("BEGIN READ ONLY"),
        client.query_typed(forget, parameters),
        client.query_typed(&call, &[]),
        client.query_typed(read, parameters),
        client.batch_execute("ROLLBACK"),
    );
    begun?;
    forgotten?;
    called?;
    let found = rows?.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect();
    undone?;
    found
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
