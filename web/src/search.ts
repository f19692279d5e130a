/** The search of an address, as text: the router itself would read a phone number, or somebody called null, as JSON. */
export const searchAsText = {
  parseSearch: (search: string): Record<string, unknown> => Object.fromEntries(new URLSearchParams(search)),
  stringifySearch: (search: object): string => {
    const given = Object.entries(search as Readonly<Record<string, string | number | undefined>>).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
    return given.length === 0 ? "" : `?${new URLSearchParams(given).toString()}`;
  },
};
