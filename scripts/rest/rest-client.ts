/** The product's REST contract as one principal sees it. Answers are returned whatever their status; only a broken connection throws. */
export interface Answer<T> {
  status: number;
  ok: boolean;
  etag: string | undefined;
  /** Seconds after which to come back, where the answer says so. */
  retryAfter: number | undefined;
  body: T;
}

export interface Problem {
  code?: string;
  title?: string;
  detail?: string;
  status?: number;
}

export interface RestClient {
  get<T>(path: string, headers?: Record<string, string>): Promise<Answer<T>>;
  post<T>(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer<T>>;
  put<T>(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer<T>>;
}

export function restClient(apiUrl: string, token: string): RestClient {
  const call = async <T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer<T>> => {
    const response = await fetch(`${apiUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const retryAfter = response.headers.get('retry-after');
    return {
      status: response.status,
      ok: response.ok,
      etag: response.headers.get('etag') ?? undefined,
      retryAfter: retryAfter === null ? undefined : Number(retryAfter),
      body: parse<T>(text),
    };
  };
  return {
    get: (path, headers) => call('GET', path, undefined, headers),
    post: (path, body, headers) => call('POST', path, body, headers),
    put: (path, body, headers) => call('PUT', path, body, headers),
  };
}

/** The body of an answer that must be good; anything else is an error that says what was answered. */
export function expectGood<T>(answer: Answer<T>, what: string): T {
  if (answer.ok) return answer.body;
  throw new Error(`${what} was answered with ${answer.status}: ${JSON.stringify(answer.body).slice(0, 2_000)}`);
}

function parse<T>(text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch {
    return text as T;
  }
}
