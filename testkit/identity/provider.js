// An identity provider on this machine, for tests: `node provider.js REDIRECT CLIENT_SECRET [id-token]`. It says which port it
// took. Anybody may sign in; the login is the account. With `id-token` what it knows of a person stands in the ID token,
// else only in the answer of its userinfo endpoint.
import http from 'node:http';
import Provider from 'oidc-provider';

// Its notices: nobody reads standard output once the port is known, and a write to a closed pipe would end this.
console.info = console.warn = console.error;

const [redirect, secret, where] = process.argv.slice(2);
const server = http.createServer();
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: [{ client_id: 'muster', client_secret: secret, redirect_uris: [redirect] }],
    claims: { email: ['email', 'email_verified'], profile: ['name'] },
    conformIdTokenClaims: where !== 'id-token',
    cookies: { keys: ['for tests only'] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, name: `The ${id}`, email: `${id}@Example.com`, email_verified: id !== 'unverified' }),
    }),
  });
  server.on('request', provider.callback());
  console.log(`PORT ${port}`);
});
// Whoever started it holds its standard input: it ends with them.
process.stdin.on('end', () => process.exit(0)).resume();
