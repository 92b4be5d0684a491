/** What a question is answered with within so many milliseconds; else the fallback, also where it fails. */
export function inTime<T>(asked: Promise<T>, limitMs: number, fallback: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<T>((resolve) => {
    timer = setTimeout(resolve, limitMs, fallback);
  });
  return Promise.race([asked.catch(() => fallback), tooLate]).finally(() => clearTimeout(timer));
}
