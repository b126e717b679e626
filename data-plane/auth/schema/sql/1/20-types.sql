-- Enumerations. A label that is missing is added behind the others.

do $$
declare
  type record;
  label text;
begin
  for type in
    select * from (values
      ('aal_level', array['aal1', 'aal2', 'aal3']),
      ('code_challenge_method', array['s256', 'plain']),
      ('factor_status', array['unverified', 'verified']),
      ('factor_type', array['totp', 'webauthn', 'phone']),
      ('oauth_authorization_status', array['pending', 'approved', 'denied', 'expired']),
      ('oauth_client_type', array['public', 'confidential']),
      ('oauth_registration_type', array['dynamic', 'manual']),
      ('oauth_response_type', array['code']),
      ('one_time_token_type', array[
        'confirmation_token', 'reauthentication_token', 'recovery_token', 'email_change_token_new',
        'email_change_token_current', 'phone_change_token'
      ])
    ) as type (name, labels)
  loop
    if to_regtype(format('auth.%I', type.name)) is null then
      execute format(
        'create type auth.%I as enum (%s)', type.name, (select string_agg(quote_literal(each), ', ') from unnest(type.labels) as each)
      );
    else
      foreach label in array type.labels loop
        execute format('alter type auth.%I add value if not exists %L', type.name, label);
      end loop;
    end if;
  end loop;
end
$$;
