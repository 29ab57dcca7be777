/** The few words that scripts say, in the person's language, written into each page by the server. */

type Words = Record<string, string>;

const words: Words = JSON.parse(document.getElementById("words")?.textContent ?? "{}") as Words;

/** The words for `key`, with `{name}` replaced from `values`. */
export function say(key: string, values: Record<string, string | number> = {}): string {
  const text = words[key];
  if (text === undefined) throw new Error(`no words for ${key}`);
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

const stamp = new Intl.DateTimeFormat(document.documentElement.lang, {
  month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false, timeZone: "Asia/Shanghai",
});

/** A moment in the words of the page's language, in Beijing time. */
export function moment(iso: string): string {
  return stamp.format(new Date(iso));
}
