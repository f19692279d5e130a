import type { Line, Menu } from "./api/schema.gen";

// Which ordered flavours meet an allergy of the customer. Allergies are free text,
// so this errs on the side of a warning: one too many costs a look, one too few can
// cost a life. It only warns, and never says that something is safe. The rule is
// kitchen/allergy.go's; kitchen/testdata/allergies.json holds both to each other.

/** Other words for an allergen, or for food that contains it. */
const sameAs: Readonly<Record<string, readonly string[]>> = {
  almond: ["nut"],
  barley: ["gluten"],
  butter: ["milk"],
  casein: ["milk"],
  cashew: ["nut"],
  celiac: ["gluten", "wheat", "barley", "rye", "spelt", "oat"],
  coeliac: ["gluten", "wheat", "barley", "rye", "spelt", "oat"],
  cream: ["milk"],
  dairy: ["milk"],
  flour: ["wheat", "gluten"],
  gluten: ["wheat", "barley", "rye", "spelt", "oat"],
  groundnut: ["nut"],
  hazelnut: ["nut"],
  lactose: ["milk"],
  macadamia: ["nut"],
  peanut: ["nut"],
  pecan: ["nut"],
  pistachio: ["nut"],
  rye: ["gluten"],
  soja: ["soya"],
  soy: ["soya"],
  soybean: ["soya"],
  spelt: ["wheat", "gluten"],
  treenut: ["nut"],
  walnut: ["nut"],
  wheat: ["gluten"],
  whey: ["milk"],
};

/** Words that name no food. */
const fillers = new Set(["a", "all", "and", "any", "free", "from", "i", "no", "not", "of", "or", "products", "the", "traces", "very", "without"]);

/** An ordered flavour that contains what the customer is allergic to. */
export interface AllergyConflict {
  /** The flavour's code. */
  readonly flavour: string;
  /** Those of its allergens that meet an allergy, as the menu spells them. */
  readonly allergens: readonly string[];
}

/** Which flavours of the lines meet one of the allergies, in the menu's order. */
export function allergyConflicts(menu: Pick<Menu, "flavours">, lines: readonly Pick<Line, "flavour">[], allergies: readonly string[]): readonly AllergyConflict[] {
  return menu.flavours
    .filter((flavour) => lines.some((line) => line.flavour === flavour.code))
    .map((flavour) => ({ flavour: flavour.code, allergens: allergensMet(flavour.allergens, allergies) }))
    .filter((conflict) => conflict.allergens.length > 0);
}

/** The allergens that somebody with these allergies must know about, as the menu spells them. */
export function allergensMet(allergens: readonly string[], allergies: readonly string[]): readonly string[] {
  const named = new Set(allergies.flatMap(wordsOf));
  return allergens.filter((allergen) => {
    const inIt = wordsOf(allergen);
    // "strawberry" is a berry; of shorter words too many end alike.
    return inIt.some((word) => named.has(word)) || [...named].some((word) => Array.from(word).length > 3 && inIt.some((other) => other.endsWith(word) || word.endsWith(other)));
  });
}

/** The words of a text in small letters, without accents, in the singular, and each with its synonyms. */
function wordsOf(text: string): string[] {
  const plain = Array.from(text.normalize("NFKD").replace(/\p{M}/gu, ""), (letter) => letter.toLowerCase()).join("");
  const words = plain
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "" && !fillers.has(word))
    .flatMap(singularsOf);
  return words.flatMap((word) => [word, ...(Object.hasOwn(sameAs, word) ? (sameAs[word] ?? []) : [])]);
}

/** The words whose plural a word may be: peaches are of "peach", but brioches of "brioche". A word in the singular is its own. */
function singularsOf(plural: string): string[] {
  if (Array.from(plural).length <= 3 || !plural.endsWith("s") || plural.endsWith("ss")) {
    return [plural];
  }
  const word = plural.slice(0, -1);
  if (word.endsWith("ie") && Array.from(word).length > 3) {
    return [word, `${word.slice(0, -2)}y`]; // not pies
  }
  return /(?:che|oe|she|sse|xe)$/u.test(word) ? [word, word.slice(0, -1)] : [word];
}
