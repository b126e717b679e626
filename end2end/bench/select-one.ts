import { connect, type NetConnectOpts } from 'node:net';

/** Connects as soon as one can, and reads the row. Speaks just enough of the protocol: psql would cost 10 ms to start. */
export async function selectOne(to: NetConnectOpts, dead: () => boolean): Promise<void> {
  const startup = message('', Buffer.concat([Buffer.from([0, 3, 0, 0]), Buffer.from('user\0supabase_admin\0database\0postgres\0\0')]));
  const query = message('Q', Buffer.from('select 1\0'));
  for (;;) {
    if (dead()) throw new Error('the postmaster of the floor ended; run it by hand to see why');
    const done = await new Promise<boolean>((resolve) => {
      const socket = connect(to);
      let asked = false;
      let seen = Buffer.alloc(0);
      socket.on('connect', () => socket.write(startup));
      socket.on('error', () => resolve(false));
      socket.on('close', () => resolve(false));
      socket.on('data', (bytes) => {
        seen = Buffer.concat([seen, bytes]);
        if (seen[0] === 0x45 /* E: still starting */) return socket.destroy();
        // ReadyForQuery is always the last message: Z, length 5, status.
        if (seen.length < 6 || seen.at(-6) !== 0x5a || seen.at(-2) !== 5) return;
        if (asked) {
          resolve(true);
          return socket.destroy();
        }
        asked = true;
        seen = Buffer.alloc(0);
        socket.write(query);
      });
    });
    if (done) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function message(type: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
}
