import type { CDPSession, Page } from '@playwright/test';

/** A credential as Chromium's virtual authenticators have it; bytes are base64. */
export interface Credential {
  credentialId: string;
  isResidentCredential: boolean;
  rpId?: string;
  /** PKCS #8 */
  privateKey: string;
  userHandle?: string;
  signCount: number;
}

/** Chromium's virtual authenticator, whose user is there, agrees, and is verified. */
export class Authenticator {
  readonly #cdp: CDPSession;
  readonly #authenticatorId: string;

  private constructor(cdp: CDPSession, authenticatorId: string) {
    this.#cdp = cdp;
    this.#authenticatorId = authenticatorId;
  }

  /** Adds one to the page: built into the machine, or a key in its socket, which is what supabase-js asks for as a second factor. */
  static async of(page: Page, transport: 'internal' | 'usb'): Promise<Authenticator> {
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('WebAuthn.enable');
    const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport,
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    return new Authenticator(cdp, authenticatorId);
  }

  /** What was made with it. */
  async credentials(): Promise<Credential[]> {
    const { credentials } = await this.#cdp.send('WebAuthn.getCredentials', { authenticatorId: this.#authenticatorId });
    return credentials;
  }

  /** Puts a credential in the place of all that are there. */
  async replaceAll(credential: Credential): Promise<void> {
    const authenticatorId = this.#authenticatorId;
    await this.#cdp.send('WebAuthn.clearCredentials', { authenticatorId });
    await this.#cdp.send('WebAuthn.addCredential', { authenticatorId, credential });
  }
}
