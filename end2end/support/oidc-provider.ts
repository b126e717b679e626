import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import Provider, { type ClientMetadata } from 'oidc-provider';

/** Those who have an account. The provider vouches for the addresses of all but the last. */
export const accounts = [
  account('Ada Lovelace'),
  account('Grace Hopper'),
  account('Mary Somerville'),
  account('Emmy Noether'),
  account('Lise Meitner'),
  account('Sofia Kovalevskaya'),
  account('Hedy Lamarr', false),
] as const;

function account(name: string, email_verified = true) {
  const sub = name.split(' ')[0]!.toLowerCase();
  return { sub, email: `${sub}@example.com`, email_verified, name, preferred_username: sub, picture: `http://127.0.0.1/${sub}.png` };
}

/** A client as which a project may come; by PKCE only. */
export const client = { client_id: 'supacloud', client_secret: 'a secret of the client' };

/** One that knows no PKCE, and shows its secret as Keycloak's clients do. */
export const keycloakClient: ClientMetadata = {
  client_id: 'as-keycloak',
  client_secret: 'another secret',
  token_endpoint_auth_method: 'client_secret_post',
};

/** The words on the button by which somebody signs in. */
export function button(name: string): string {
  return `Sign in as ${name}`;
}

/** The words on the button by which nobody does. */
export const CANCEL = 'Cancel';

const SIGN_IN = '/sign-in/';

/** Where a realm of Keycloak's has its endpoints, beneath the issuer. */
const KEYCLOAK = '/protocol/openid-connect';

interface Options {
  port?: number;
  /** By TLS, with this certificate. */
  certificate?: { cert: string; key: string };
}

/**
 * A real OpenID provider on loopback, with endpoints where Keycloak has them: signing in is to press the button of an account, and
 * consent is given.
 */
export class OidcProvider {
  /** The issuer, without a slash at the end. */
  readonly issuer: string;
  readonly #server: Server;

  private constructor(issuer: string, server: Server) {
    this.issuer = issuer;
    this.#server = server;
  }

  /** Starts one whose clients have these addresses to come back to. */
  static async start(redirectUris: string[], { port = 0, certificate }: Options = {}): Promise<OidcProvider> {
    const server = certificate ? createTlsServer(certificate) : createServer();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const issuer = `${certificate ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const provider = new Provider(issuer, {
      clients: [client, keycloakClient].map((client) => ({ ...client, redirect_uris: redirectUris })),
      cookies: { keys: ['only for tests'] },
      jwks: { keys: [{ ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), use: 'sig' }] },
      ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 3600, IdToken: 3600, Interaction: 3600, Session: 3600 },
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username', 'picture'] },
      features: { devInteractions: { enabled: false }, claimsParameter: { enabled: true } },
      interactions: { url: (_, interaction) => SIGN_IN + interaction.uid },
      pkce: { required: (_, { clientId }) => clientId === client.client_id },
      routes: { authorization: `${KEYCLOAK}/auth`, token: `${KEYCLOAK}/token`, userinfo: `${KEYCLOAK}/userinfo` },
      findAccount: (_, id) => {
        const account = accounts.find(({ sub }) => sub === id);
        return account && { accountId: id, claims: () => account };
      },
      async loadExistingGrant({ oidc }) {
        const grant = new oidc.provider.Grant({ clientId: oidc.client!.clientId, accountId: oidc.session!.accountId! });
        grant.addOIDCScope('openid email profile');
        grant.addOIDCClaims(['email', 'email_verified', 'name']);
        await grant.save();
        return grant;
      },
    });
    const answer = provider.callback();
    server.on('request', (request, response) => {
      if (request.url?.startsWith(SIGN_IN)) void signIn(provider, request, response);
      else void answer(request, response);
    });
    return new OidcProvider(issuer, server);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

async function signIn(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'POST') {
    const query = new URL(request.url!, provider.issuer).searchParams;
    const outcome = query.has('cancel')
      ? { error: 'access_denied', error_description: 'The one who was asked has cancelled' }
      : { login: { accountId: query.get('as') ?? accounts[0].sub } };
    await provider.interactionFinished(request, response, outcome);
    return;
  }
  const form = (action: string, words: string) => `<form method="post" action="${action}"><button>${words}</button></form>`;
  response.setHeader('content-type', 'text/html; charset=utf-8');
  const forms = [...accounts.map(({ sub, name }) => form(`?as=${sub}`, button(name))), form('?cancel', CANCEL)];
  response.end(`<!doctype html><title>Sign in</title>${forms.join('')}`);
}

// By itself: node support/oidc-provider.ts REDIRECT_URI [PORT]
if (process.argv[1] === import.meta.filename) {
  const [redirectUri = 'http://127.0.0.1:9/callback', port = '0'] = process.argv.slice(2);
  const provider = await OidcProvider.start([redirectUri], { port: Number(port) });
  console.log(provider.issuer);
}
