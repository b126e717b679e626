-- What only this Auth has: the mailbox, rate limits that outlive a restart, and indexes for a million users.

-- Every message that was sent, or would have been if there were a mail server.
create table if not exists _auth.messages (
  id uuid primary key default gen_random_uuid(),
  -- No foreign key: a message may be written before its user is, and for an address without one.
  user_id uuid,
  channel text not null check (channel in ('email', 'sms')),
  kind text not null,
  recipient text not null,
  subject text not null default '',
  body text not null,
  data jsonb not null default '{}',
  created_at timestamptz not null default now()
);
create index if not exists messages_created_at_idx on _auth.messages (created_at desc, id desc);
create index if not exists messages_recipient_idx on _auth.messages (recipient, created_at desc);
create index if not exists messages_user_id_idx on _auth.messages (user_id);

-- When the next one of a bucket would be due (theoretical arrival time). Not logged: written by every request that is
-- limited, kept by a clean stop, and lost only by a crash, after which everybody begins afresh. Room for updates in place,
-- and for the same reason no index on the time.
create unlogged table if not exists _auth.limits (
  bucket text primary key,
  theoretical_arrival timestamptz not null
) with (fillfactor = 70);

-- Pages of users by age, and search by the beginning of an address or a number, in any locale.
create index if not exists users_created_at_id_idx on auth.users (created_at, id);
create index if not exists users_email_prefix_idx on auth.users (lower(email) text_pattern_ops);
create index if not exists users_phone_prefix_idx on auth.users (phone text_pattern_ops);
-- Pages of the audit log.
create index if not exists audit_log_entries_created_at_id_idx on auth.audit_log_entries (created_at, id);

insert into _auth.schema_migrations (version) values (2) on conflict do nothing;
