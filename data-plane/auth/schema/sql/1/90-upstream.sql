-- What GoTrue itself keeps here: which of its migrations the database has had. With all of them, up to those of v2.196,
-- one that is put on this database finds nothing to do; and so does a dump's, whose rows are these as well.

-- Users from before identities: those with an address sign in by it.
insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
select id::text, id, jsonb_build_object('sub', id::text, 'email', email), 'email', last_sign_in_at, created_at, updated_at
from auth.users
where email <> '' and not is_sso_user
  and not exists (select from auth.schema_migrations where version = '20230131181311')
  and not exists (select from auth.identities where user_id = users.id);

-- `pg_dump --data-only` of a project brings its rows of this table; a second one of the same version would end the load.
create or replace function _auth.skip_known_version() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from auth.schema_migrations where version = new.version) then
    return null;
  end if;
  return new;
end
$$;
create or replace trigger skip_known_version before insert on auth.schema_migrations
  for each row execute function _auth.skip_known_version();
-- Also in a session whose session_replication_role is `replica`, which Supabase's dumps set.
alter table auth.schema_migrations enable always trigger skip_known_version;

insert into auth.schema_migrations (version) values
  -- Of the database's own set-up, before its first start.
  ('20171026211738'), ('20171026211808'), ('20171026211834'), ('20180103212743'), ('20180108183307'),
  ('20180119214651'), ('20180125194653'),
  -- migrations/*.up.sql of supabase/auth v2.196.
  ('00'), ('20210710035447'), ('20210722035447'), ('20210730183235'), ('20210909172000'), ('20210927181326'),
  ('20211122151130'), ('20211124214934'), ('20211202183645'), ('20220114185221'), ('20220114185340'),
  ('20220224000811'), ('20220323170000'), ('20220429102000'), ('20220531120530'), ('20220614074223'),
  ('20220811173540'), ('20221003041349'), ('20221003041400'), ('20221011041400'), ('20221020193600'),
  ('20221021073300'), ('20221021082433'), ('20221027105023'), ('20221114143122'), ('20221114143410'),
  ('20221125140132'), ('20221208132122'), ('20221215195500'), ('20221215195800'), ('20221215195900'),
  ('20230116124310'), ('20230116124412'), ('20230131181311'), ('20230322519590'), ('20230402418590'),
  ('20230411005111'), ('20230508135423'), ('20230523124323'), ('20230818113222'), ('20230914180801'),
  ('20231027141322'), ('20231114161723'), ('20231117164230'), ('20240115144230'), ('20240214120130'),
  ('20240306115329'), ('20240314092811'), ('20240427152123'), ('20240612123726'), ('20240729123726'),
  ('20240802193726'), ('20240806073726'), ('20241009103726'), ('20250717082212'), ('20250731150234'),
  ('20250804100000'), ('20250901200500'), ('20250903112500'), ('20250904133000'), ('20250925093508'),
  ('20251007112900'), ('20251104100000'), ('20251111201300'), ('20251201000000'), ('20260115000000'),
  ('20260121000000'), ('20260219120000'), ('20260302000000'), ('20260625000000');

insert into _auth.schema_migrations (version) values (1) on conflict do nothing;
