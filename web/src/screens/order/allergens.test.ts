import { describe, expect, it } from 'vitest'
import { conflicts } from './allergens'

const all = ['egg', 'milk', 'nuts', 'soya', 'wheat']

describe('conflicts', () => {
  it.each([
    ['nuts', ['nuts']],
    ['Nut', ['nuts']],
    ['NUTS!', ['nuts']],
    ['tree nuts', ['nuts']],
    ['hazelnuts', ['nuts']],
    ['walnut', ['nuts']],
    ['peanuts', ['nuts']],
    ['almonds', ['nuts']],
    ['eggs and milk', ['egg', 'milk']],
    ['lactose', ['milk']],
    ['dairy-free', ['milk']],
    ['no gluten', ['wheat']],
    ['soy', ['soya']],
    ['strawberries', []],
    ['', []],
    ['and', []],
  ])('warns somebody who avoids %j', (allergy, found) => {
    expect(conflicts(all, [allergy])).toEqual(found)
  })

  it('knows other words of the menu', () => {
    expect(conflicts(['hazelnut', 'gluten'], ['nuts', 'wheat'])).toEqual(['hazelnut', 'gluten'])
  })

  it('finds nothing where nobody avoids anything', () => {
    expect(conflicts(all, [])).toEqual([])
  })
})
