/** The connection string of a project, as its page shows it, with the password put in. */
export async function connectionUri(url: string, ref: string, password: string): Promise<string> {
  const page = await fetch(`${url}/project/${ref}`, { headers: { accept: 'text/html' } });
  const html = await page.text();
  const [, user, rest] = /postgresql:\/\/(\w+):[^@"'<\s]*@([\w.:-]+\/\w+)/.exec(html) ?? [];
  if (!user || !rest) throw new Error(`the page of ${ref} (${page.status}) shows no connection string`);
  return `postgresql://${user}:${encodeURIComponent(password)}@${rest}`;
}
