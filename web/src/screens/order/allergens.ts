// Whether a cupcake contains what a customer must not eat. Allergies are free
// text, so this errs on the side of a warning: one too many costs a look, one
// too few can cost a life. It only warns, and never says that something is safe.

/** Other words for an allergen, or for food that contains it. */
const sameAs: Record<string, readonly string[]> = {
  almond: ['nut'],
  barley: ['gluten'],
  butter: ['milk'],
  casein: ['milk'],
  cashew: ['nut'],
  cream: ['milk'],
  dairy: ['milk'],
  flour: ['wheat', 'gluten'],
  gluten: ['wheat', 'barley', 'rye', 'spelt', 'oat'],
  hazelnut: ['nut'],
  lactose: ['milk'],
  macadamia: ['nut'],
  pecan: ['nut'],
  pistachio: ['nut'],
  rye: ['gluten'],
  soja: ['soya'],
  soy: ['soya'],
  soybean: ['soya'],
  spelt: ['wheat', 'gluten'],
  treenut: ['nut'],
  walnut: ['nut'],
  wheat: ['gluten'],
  whey: ['milk'],
}

/** The allergens that somebody with these allergies must know about, as the menu spells them. */
export function conflicts(allergens: readonly string[], allergies: readonly string[]): string[] {
  const named = new Set(allergies.flatMap(meanings))
  return allergens.filter((allergen) => {
    const inIt = meanings(allergen)
    return inIt.some((word) => named.has(word)) || [...named].some((word) => word.length > 3 && inIt.some((other) => other.endsWith(word) || word.endsWith(other)))
  })
}

/** The words of a text in the singular, each with its synonyms. */
function meanings(text: string): string[] {
  const words = text
    .toLowerCase()
    .normalize('NFKC')
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '' && !filler.has(word))
    .map((word) => (word.length > 3 && word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word))
  return words.flatMap((word) => [word, ...(Object.hasOwn(sameAs, word) ? (sameAs[word] ?? []) : [])])
}

const filler = new Set(['a', 'all', 'and', 'any', 'free', 'from', 'i', 'no', 'not', 'of', 'or', 'products', 'the', 'traces', 'very', 'without'])
