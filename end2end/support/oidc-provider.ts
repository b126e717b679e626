import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import Provider, { type ClientMetadata } from 'oidc-provider';

/** The one who has an account. */
export const account = {
  sub: 'ada',
  email: 'ada@example.com',
  email_verified: true,
  name: 'Ada Lovelace',
  preferred_username: 'ada',
  picture: 'http://127.0.0.1/ada.png',
};

/** A client of {@link OidcProvider.start} that has said nothing else. */
export const client = { client_id: 'supacloud', client_secret: 'a secret of the client' };

/** The words on the only button. */
export const button = `Sign in as ${account.name}`;

const SIGN_IN = '/sign-in/';

/** A real OpenID provider on loopback, with one account: signing in is to press the button, and consent is given. */
export class OidcProvider {
  /** The issuer, without a slash at the end. */
  readonly issuer: string;
  readonly #server: Server;

  private constructor(issuer: string, server: Server) {
    this.issuer = issuer;
    this.#server = server;
  }

  /** Starts one that knows a client with these addresses to come back to. */
  static async start(redirectUris: string[], options: ClientMetadata = client, port = 0): Promise<OidcProvider> {
    const server = createServer();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const provider = new Provider(issuer, {
      clients: [{ ...options, redirect_uris: redirectUris }],
      cookies: { keys: ['only for tests'] },
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username', 'picture'] },
      features: { devInteractions: { enabled: false } },
      interactions: { url: (_, interaction) => SIGN_IN + interaction.uid },
      pkce: { required: () => true },
      findAccount: (_, id) => (id === account.sub ? { accountId: id, claims: () => account } : undefined),
      async loadExistingGrant({ oidc }) {
        const grant = new oidc.provider.Grant({ clientId: oidc.client!.clientId, accountId: oidc.session!.accountId! });
        grant.addOIDCScope('openid email profile');
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
    await provider.interactionFinished(request, response, { login: { accountId: account.sub } });
    return;
  }
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end(`<!doctype html><title>Sign in</title><form method="post"><button>${button}</button></form>`);
}

// By itself: node support/oidc-provider.ts REDIRECT_URI [PORT]
if (process.argv[1] === import.meta.filename) {
  const [redirectUri = 'http://127.0.0.1:9/callback', port = '0'] = process.argv.slice(2);
  const provider = await OidcProvider.start([redirectUri], client, Number(port));
  console.log(provider.issuer);
}
