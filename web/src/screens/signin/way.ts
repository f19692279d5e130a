/** The pages that somebody can be on the way to when they are asked to sign in, with their searches. */
const ownAddress = /^\/(stations\/[a-z]+|dashboard|attention|counter|kitchen|standing|sheet|history|find(\/[0-9a-f-]+)?)(\?[^#]*)?$/;

/** More than any search of ours needs. */
const longest = 500;

/** Whether an address is one of these pages: nobody is led anywhere else after a sign-in. */
export function isOwnAddress(to: unknown): to is string {
  return typeof to === "string" && to.length <= longest && ownAddress.test(to);
}

/** The address of a page with its search, to come back to. */
export function addressOf({ pathname, search }: { readonly pathname: string; readonly search: string }): string {
  return isOwnAddress(pathname + search) ? pathname + search : pathname;
}
