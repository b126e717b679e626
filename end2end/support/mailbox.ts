import { expect } from '@playwright/test';
import { expectJson } from './api.ts';

/** A message that was kept instead of sent. */
export interface Message {
  id: string;
  kind: string;
  recipient: string;
  subject: string;
  body: string;
}

/** The messages that a project without a mail server has kept, by the project's own endpoint. */
export class Mailbox {
  readonly #url: string;
  readonly #headers: Record<string, string>;

  /** `secret`: the project's secret key. */
  constructor(projectUrl: string, secret: string) {
    this.#url = `${projectUrl}/auth/v1/admin/messages`;
    this.#headers = { apikey: secret };
  }

  /** The newest message to somebody, which must be of this kind. Sending is part of what sends, so there is none to wait for. */
  async last(recipient: string, kind: string): Promise<Message> {
    const { messages } = await this.#get<{ messages: Message[] }>(`?limit=1&recipient=${encodeURIComponent(recipient)}`);
    expect(messages[0], `a message to ${recipient}`).toMatchObject({ kind });
    return this.#get(`/${messages[0]!.id}`);
  }

  /** Where the link of the newest message leads. */
  async link(recipient: string, kind: string): Promise<string> {
    const { body } = await this.last(recipient, kind);
    const link = /href="([^"]+)"/.exec(body)?.[1];
    if (!link) throw new Error(`no link: ${body}`);
    return link.replaceAll('&amp;', '&').replaceAll('&#43;', '+');
  }

  /** The code of the newest message. */
  async code(recipient: string, kind: string): Promise<string> {
    const { body } = await this.last(recipient, kind);
    const code = /\b\d{6,10}\b/.exec(body.replaceAll(/<[^>]*>/g, " "))?.[0];
    if (!code) throw new Error(`no code: ${body}`);
    return code;
  }

  async #get<T>(path: string): Promise<T> {
    return expectJson(await fetch(`${this.#url}${path}`, { headers: this.#headers }), 200);
  }
}
