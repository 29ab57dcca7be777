/** A colour of the page's theme, as its style sheet has it (light by day, dark in the command room). */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
