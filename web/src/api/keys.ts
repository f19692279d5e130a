/** A new key for one request that changes something; sent again, it acts once. */
export function newKey(): string {
  // randomUUID is there on https and localhost only; a tablet in the kitchen may use neither.
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
