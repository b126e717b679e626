--
-- PostgreSQL database dump
--

-- Written by hand, as `pg_dump --data-only --schema=auth` of a Supabase project has it; every table has rows. Nobody's.

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Data for Name: audit_log_entries; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.audit_log_entries (instance_id, id, payload, created_at, ip_address) FROM stdin;
00000000-0000-0000-0000-000000000000	ad000000-0000-4000-8000-000000000001	{"action":"login","actor_id":"0b2c7a52-35a3-4a52-9d6d-0a1f4f3a6c01","log_type":"account","traits":{"provider":"email"}}	2026-03-01 10:00:00.123456+00	
\.


--
-- Data for Name: custom_oauth_providers; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.custom_oauth_providers (id, provider_type, identifier, name, client_id, client_secret, acceptable_client_ids, scopes, pkce_enabled, attribute_mapping, authorization_params, enabled, email_optional, issuer, discovery_url, skip_nonce_check, cached_discovery, discovery_cached_at, authorization_url, token_url, userinfo_url, jwks_uri, created_at, updated_at, custom_claims_allowlist) FROM stdin;
c0000000-0000-4000-8000-000000000001	oidc	custom:corp	Corp	id	secret	{}	{openid,email}	t	{}	{}	t	f	https://id.corp.example	\N	f	\N	\N	\N	\N	\N	\N	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	{}
\.


--
-- Data for Name: flow_state; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.flow_state (id, user_id, auth_code, code_challenge_method, code_challenge, provider_type, provider_access_token, provider_refresh_token, created_at, updated_at, authentication_method, auth_code_issued_at, invite_token, referrer, oauth_client_state_id, linking_target_id, email_optional) FROM stdin;
f10e0000-0000-4000-8000-000000000001	0b2c7a52-35a3-4a52-9d6d-0a1f4f3a6c01	c0de	s256	Zm9v	google	\N	\N	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	oauth	\N	\N	\N	\N	\N	f
\.


--
-- Data for Name: users; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, invited_at, confirmation_token, confirmation_sent_at, recovery_token, recovery_sent_at, email_change_token_new, email_change, email_change_sent_at, last_sign_in_at, raw_app_meta_data, raw_user_meta_data, is_super_admin, created_at, updated_at, phone, phone_confirmed_at, phone_change, phone_change_token, phone_change_sent_at, email_change_token_current, email_change_confirm_status, banned_until, reauthentication_token, reauthentication_sent_at, is_sso_user, deleted_at, is_anonymous) FROM stdin;
00000000-0000-0000-0000-000000000000	0b2c7a52-35a3-4a52-9d6d-0a1f4f3a6c01	authenticated	authenticated	anna@example.com	$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW	2026-03-01 10:00:00.123456+00	\N		\N		\N			\N	2026-03-01 10:00:00.123456+00	{"provider": "email", "providers": ["email"]}	{"sub": "0b2c7a52-35a3-4a52-9d6d-0a1f4f3a6c01", "name": "Anna \\u00c4", "note": "tab\\tend"}	\N	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	\N	\N			\N		0	\N		\N	f	\N	f
00000000-0000-0000-0000-000000000000	5d3a8f0e-7c1b-4f4e-8a55-9a0d3f1b2c02	authenticated	authenticated	ben@example.com	$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0c2FsdA$Zm9yIGEgdGVzdCBvbmx5LCBub3QgYSByZWFsIGhhc2g	\N	\N	5f2d8c1b9e7a4d6f8b3c2a1e0d9f8e7c	2026-03-01 10:00:00.123456+00		\N	\N	\N	\N	\N	{"provider": "email", "providers": ["email"]}	{}	\N	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	4915112345678	2026-03-01 10:00:00.123456+00			\N		0	2030-01-01 00:00:00+00		\N	f	\N	f
00000000-0000-0000-0000-000000000000	9e1f6d44-2b8a-4c6f-b0e7-3c5a7d9e1f03	authenticated	authenticated	anna@example.com	$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=c2lnbmVyLWtleQ==$c2FsdA==$aGFzaA==	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	{"provider": "sso:50500000-0000-4000-8000-000000000001"}	{}	\N	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	\N	\N		\N	\N	\N	0	\N	\N	\N	t	2026-03-01 10:00:00.123456+00	f
00000000-0000-0000-0000-000000000000	c1e00000-0000-4000-8000-000000000004	authenticated	authenticated	Cleo@Example.com	$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==	2026-03-01 10:00:00.123456+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	{"provider": "email", "providers": ["email"]}	{}	\N	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	\N	\N		\N	\N	\N	0	\N	\N	\N	f	\N	f
00000000-0000-0000-0000-000000000000	d0a00000-0000-4000-8000-000000000005	authenticated	authenticated	dora@example.com	$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc	2026-03-01 10:00:00.123456+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	{"provider": "email", "providers": ["email"]}	{}	\N	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	\N	\N		\N	\N	\N	0	\N	\N	\N	f	\N	f
\.


--
-- Data for Name: identities; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at, id) FROM stdin;
0b2c7a52-35a3-4a52-9d6d-0a1f4f3a6c01	0b2c7a52-35a3-4a52-9d6d-0a1f4f3a6c01	{"sub": "0b2c7a52-35a3-4a52-9d6d-0a1f4f3a6c01", "email": "Anna@example.com", "email_verified": true}	email	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	1d000000-0000-4000-8000-000000000001
1234567	5d3a8f0e-7c1b-4f4e-8a55-9a0d3f1b2c02	{"sub": "1234567", "user_name": "ben"}	github	\N	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	1d000000-0000-4000-8000-000000000002
\.


--
-- Data for Name: instances; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.instances (id, uuid, raw_base_config, created_at, updated_at) FROM stdin;
1c000000-0000-4000-8000-000000000001	1c000000-0000-4000-8000-000000000002	{}	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00
\.


--
-- Data for Name: oauth_clients; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.oauth_clients (id, client_secret_hash, registration_type, redirect_uris, grant_types, client_name, client_uri, logo_uri, created_at, updated_at, deleted_at, client_type, token_endpoint_auth_method) FROM stdin;
c11e4700-0000-4000-8000-00000000c001	$2a$10$hash	dynamic	https://app.example/callback	authorization_code,refresh_token	App	\N	\N	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	\N	confidential	client_secret_basic
\.


--
-- Data for Name: sessions; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.sessions (id, user_id, created_at, updated_at, factor_id, aal, not_after, refreshed_at, user_agent, ip, tag, oauth_client_id, refresh_token_hmac_key, refresh_token_counter, scopes) FROM stdin;
a1d0c9b8-1111-4222-8333-444455556666	0b2c7a52-35a3-4a52-9d6d-0a1f4f3a6c01	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	f0e1d2c3-aaaa-4bbb-8ccc-ddddeeeeffff	aal2	\N	2026-03-01 11:00:00	Mozilla/5.0	2001:db8::1	\N	c11e4700-0000-4000-8000-00000000c001	a2V5	7	openid email
a1d0c9b8-1111-4222-8333-444455557777	0b2c7a52-35a3-4a52-9d6d-0a1f4f3a6c01	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	\N	aal1	\N	\N	python-httpx/0.28.1	203.0.113.7	\N	\N	\N	\N	\N
\.


--
-- Data for Name: mfa_amr_claims; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.mfa_amr_claims (session_id, created_at, updated_at, authentication_method, id) FROM stdin;
a1d0c9b8-1111-4222-8333-444455556666	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	password	a3000000-0000-4000-8000-000000000000
a1d0c9b8-1111-4222-8333-444455557777	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	password	a3000000-0000-4000-8000-000000000002
a1d0c9b8-1111-4222-8333-444455556666	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	totp	a3000000-0000-4000-8000-000000000001
\.


--
-- Data for Name: mfa_factors; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.mfa_factors (id, user_id, friendly_name, factor_type, status, created_at, updated_at, secret, phone, last_challenged_at, web_authn_credential, web_authn_aaguid, last_webauthn_challenge_data) FROM stdin;
f0e1d2c3-aaaa-4bbb-8ccc-ddddeeeeffff	0b2c7a52-35a3-4a52-9d6d-0a1f4f3a6c01	phone of Anna	totp	verified	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	JBSWY3DPEHPK3PXP	\N	2026-03-01 10:00:00.123456+00	\N	\N	\N
f0e1d2c3-aaaa-4bbb-8ccc-ddddeeee0002	5d3a8f0e-7c1b-4f4e-8a55-9a0d3f1b2c02		phone	unverified	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	\N	4915112345678	\N	\N	\N	\N
\.


--
-- Data for Name: mfa_challenges; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.mfa_challenges (id, factor_id, created_at, verified_at, ip_address, otp_code, web_authn_session_data) FROM stdin;
c4a00000-0000-4000-8000-000000000001	f0e1d2c3-aaaa-4bbb-8ccc-ddddeeeeffff	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	203.0.113.7	\N	\N
\.


--
-- Data for Name: oauth_authorizations; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.oauth_authorizations (id, authorization_id, client_id, user_id, redirect_uri, scope, state, resource, code_challenge, code_challenge_method, response_type, status, authorization_code, created_at, expires_at, approved_at, nonce) FROM stdin;
0a000000-0000-4000-8000-000000000001	auth-1	c11e4700-0000-4000-8000-00000000c001	0b2c7a52-35a3-4a52-9d6d-0a1f4f3a6c01	https://app.example/callback	openid	\N	\N	Zm9v	s256	code	approved	c0de-1	2026-03-01 10:00:00.123456+00	2026-03-01 10:03:00.123456+00	2026-03-01 10:01:00+00	\N
\.


--
-- Data for Name: oauth_client_states; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.oauth_client_states (id, provider_type, code_verifier, created_at) FROM stdin;
05000000-0000-4000-8000-000000000001	x	verifier	2026-03-01 10:00:00.123456+00
\.


--
-- Data for Name: oauth_consents; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.oauth_consents (id, user_id, client_id, scopes, granted_at, revoked_at) FROM stdin;
0c000000-0000-4000-8000-000000000001	0b2c7a52-35a3-4a52-9d6d-0a1f4f3a6c01	c11e4700-0000-4000-8000-00000000c001	openid	2026-03-01 10:00:00.123456+00	\N
\.


--
-- Data for Name: one_time_tokens; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.one_time_tokens (id, user_id, token_type, token_hash, relates_to, created_at, updated_at) FROM stdin;
07000000-0000-4000-8000-000000000001	5d3a8f0e-7c1b-4f4e-8a55-9a0d3f1b2c02	confirmation_token	5f2d8c1b9e7a4d6f8b3c2a1e0d9f8e7c	ben@example.com	2026-03-01 10:00:00	2026-03-01 10:00:00
\.


--
-- Data for Name: refresh_tokens; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.refresh_tokens (instance_id, id, token, user_id, revoked, created_at, updated_at, parent, session_id) FROM stdin;
00000000-0000-0000-0000-000000000000	41	kq3jv5w2x7yz	0b2c7a52-35a3-4a52-9d6d-0a1f4f3a6c01	t	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	\N	a1d0c9b8-1111-4222-8333-444455556666
00000000-0000-0000-0000-000000000000	42	mm8tq1r4s6ab	0b2c7a52-35a3-4a52-9d6d-0a1f4f3a6c01	f	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	kq3jv5w2x7yz	a1d0c9b8-1111-4222-8333-444455556666
00000000-0000-0000-0000-000000000000	43	pw7z2k4n9c5d	0b2c7a52-35a3-4a52-9d6d-0a1f4f3a6c01	f	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	\N	a1d0c9b8-1111-4222-8333-444455557777
\.


--
-- Data for Name: sso_providers; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.sso_providers (id, resource_id, created_at, updated_at, disabled) FROM stdin;
50500000-0000-4000-8000-000000000001	okta	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	\N
\.


--
-- Data for Name: saml_providers; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.saml_providers (id, sso_provider_id, entity_id, metadata_xml, metadata_url, attribute_mapping, created_at, updated_at, name_id_format) FROM stdin;
5a300000-0000-4000-8000-000000000001	50500000-0000-4000-8000-000000000001	https://idp.example/metadata	<EntityDescriptor/>	\N	{"keys": {"email": {"name": "mail"}}}	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	\N
\.


--
-- Data for Name: saml_relay_states; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.saml_relay_states (id, sso_provider_id, request_id, for_email, redirect_to, created_at, updated_at, flow_state_id) FROM stdin;
5a400000-0000-4000-8000-000000000001	50500000-0000-4000-8000-000000000001	id-1	\N	https://app.example	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	f10e0000-0000-4000-8000-000000000001
\.


--
-- Data for Name: schema_migrations; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.schema_migrations (version) FROM stdin;
20171026211738
20171026211808
20171026211834
20180103212743
20180108183307
20180119214651
20180125194653
00
20210710035447
20210722035447
20210730183235
20210909172000
20210927181326
20211122151130
20211124214934
20211202183645
20220114185221
20220114185340
20220224000811
20220323170000
20220429102000
20220531120530
20220614074223
20220811173540
20221003041349
20221003041400
20221011041400
20221020193600
20221021073300
20221021082433
20221027105023
20221114143122
20221114143410
20221125140132
20221208132122
20221215195500
20221215195800
20221215195900
20230116124310
20230116124412
20230131181311
20230322519590
20230402418590
20230411005111
20230508135423
20230523124323
20230818113222
20230914180801
20231027141322
20231114161723
20231117164230
20240115144230
20240214120130
20240306115329
20240314092811
20240427152123
20240612123726
20240729123726
20240802193726
20240806073726
20241009103726
20250717082212
20250731150234
20250804100000
20250901200500
20250903112500
20250904133000
20250925093508
20251007112900
20251104100000
20251111201300
20251201000000
20260115000000
20260121000000
20260219120000
20260302000000
20260625000000
\.


--
-- Data for Name: sso_domains; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.sso_domains (id, sso_provider_id, domain, created_at, updated_at) FROM stdin;
50d00000-0000-4000-8000-000000000001	50500000-0000-4000-8000-000000000001	example.com	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00
\.


--
-- Data for Name: webauthn_challenges; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.webauthn_challenges (id, user_id, challenge_type, session_data, created_at, expires_at) FROM stdin;
3ec00000-0000-4000-8000-000000000001	0b2c7a52-35a3-4a52-9d6d-0a1f4f3a6c01	registration	{"challenge": "Zm9v"}	2026-03-01 10:00:00.123456+00	2026-03-01 10:05:00+00
\.


--
-- Data for Name: webauthn_credentials; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY auth.webauthn_credentials (id, user_id, credential_id, public_key, attestation_type, aaguid, sign_count, transports, backup_eligible, backed_up, friendly_name, created_at, updated_at, last_used_at) FROM stdin;
3eb00000-0000-4000-8000-000000000001	0b2c7a52-35a3-4a52-9d6d-0a1f4f3a6c01	\\x0102ff	\\xa5010203	none	\N	3	["internal"]	t	t	laptop	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00
\.


--
-- Name: refresh_tokens_id_seq; Type: SEQUENCE SET; Schema: auth; Owner: supabase_auth_admin
--

SELECT pg_catalog.setval('auth.refresh_tokens_id_seq', 43, true);


--
-- PostgreSQL database dump complete
--

