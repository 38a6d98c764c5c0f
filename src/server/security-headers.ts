/** Added to every answer that does not say otherwise itself. */
// biome-ignore format: a table
const SECURITY_HEADERS = {
  'Cache-Control':                'no-store',
  'Content-Security-Policy':      "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy':              'no-referrer',
  'X-Content-Type-Options':       'nosniff',
};

export function addSecurityHeaders(response: Response): Response {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
    if (!response.headers.has(name)) response.headers.set(name, value);
  }
  return response;
}
